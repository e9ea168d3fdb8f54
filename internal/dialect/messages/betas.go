package messages

import (
	"slices"
	"strings"
)

// betaTwins are flags that Bedrock knows under another name.
var betaTwins = map[string]string{
	"advanced-tool-use-2025-11-20": "tool-search-tool-2025-10-19",
}

// effortBeta allows effort on the models that had it first.
const effortBeta = "effort-2025-11-24"

// filterBetas keeps the beta flags that the model takes on Bedrock, where an
// unknown one fails the whole request.
func (e *encoder) filterBetas() {
	known := e.t.Caps.Betas
	for _, b := range e.req.Betas {
		twin := betaTwins[b]
		switch {
		case known == nil || slices.Contains(known, b):
		case twin != "" && slices.Contains(known, twin):
			b = twin
		default:
			e.lose("anthropic-beta: "+clip(b), "the model takes no such flag on Bedrock")
			continue
		}
		e.addBeta(b)
	}
}

func (e *encoder) addBeta(b string) {
	if !slices.Contains(e.betas, b) {
		e.betas = append(e.betas, b)
	}
}

// hasBeta tells whether a flag that begins so goes along with the request.
func (e *encoder) hasBeta(prefixes ...string) bool {
	list := e.betas
	if !e.t.Bedrock && e.t.Narrow == nil {
		list = e.req.Betas
	}
	for _, b := range list {
		for _, p := range prefixes {
			if strings.HasPrefix(b, p) {
				return true
			}
		}
	}
	return false
}
