package openai

import (
	"slices"
	"strconv"

	"turnpike/internal/llm"
	"turnpike/internal/wire"
)

// Adapter edits a body of OpenAI's own on its way to a model that is known to
// refuse it as it is. Servers that copy the API take what they take: nothing is
// edited for them.
type Adapter struct {
	Body   wire.Object
	Caps   *llm.Caps
	Edits  []wire.Edit
	Losses []llm.Loss
}

// Set edits a member; no value removes it.
func (a *Adapter) Set(name string, value []byte) {
	a.Edits = append(a.Edits, wire.Edit{Name: name, Value: value})
}

// Lose notes what was lost by it.
func (a *Adapter) Lose(path, reason string) { a.Losses = llm.AddLoss(a.Losses, path, reason) }

// Sampling leaves out temperature and top_p for models that take none while they
// reason. Those that can be told not to take them then (reasoning guide), so
// effort, the one the body asks for, decides there.
func (a *Adapter) Sampling(effort string) {
	if a.Caps.Sampling != llm.SamplingNone || a.Caps.Efforts == nil {
		return
	}
	if slices.Contains(a.Caps.Efforts, "none") && (effort == "" || effort == "none") {
		return
	}
	for _, name := range [...]string{"temperature", "top_p"} {
		if v := a.Body.Get(name); v != nil && !isOne(v) { // 1 is the default, which is taken
			a.Set(name, nil)
			a.Lose(name, "the model takes none")
		}
	}
}

// Limit lowers a member to what the model writes at most (PAR-04).
func (a *Adapter) Limit(name string) {
	limit := a.Caps.MaxOutput
	if n, err := strconv.ParseInt(string(a.Body.Get(name)), 10, 64); limit > 0 && err == nil && n > limit {
		a.Set(name, strconv.AppendInt(nil, limit, 10))
		a.Lose(name, "above what the model writes: lowered")
	}
}

// Effort is the value the model takes in the place of another (THK-15); drop tells
// that it takes none at all.
func (a *Adapter) Effort(want string) (now string, drop bool) {
	switch {
	case want == "":
	case a.Caps.Thinking == llm.ThinkNone:
		return "", true
	case a.Caps.Efforts != nil:
		if now, ok := NearestEffort(want, a.Caps.Efforts); ok {
			return now, false
		}
	}
	return want, false
}

func isOne(v []byte) bool {
	f, err := strconv.ParseFloat(string(v), 64)
	return err == nil && f == 1
}
