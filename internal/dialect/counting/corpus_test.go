package counting_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"os"
	"slices"
	"strings"
	"testing"

	"turnpike/internal/dialect/chat"
	"turnpike/internal/dialect/counting"
	"turnpike/internal/dialect/messages"
	"turnpike/internal/llm"
	"turnpike/internal/llm/llmtest"
	"turnpike/internal/wire"
)

type object = map[string]any

// exchange is one recorded exchange with an upstream.
type exchange struct{ *llmtest.Exchange }

// frames are the JSON objects of an answer, one if it was whole.
func (x *exchange) frames(t *testing.T) []object {
	t.Helper()
	var texts [][]byte
	switch {
	case len(x.Response.Base64) > 0:
		texts = payloads(t, wire.NewEventStream(bytes.NewReader(x.Response.Base64), 0))
	case strings.HasPrefix(strings.TrimSpace(x.Response.Text), "{"), strings.HasPrefix(strings.TrimSpace(x.Response.Text), "["):
		texts = [][]byte{[]byte(x.Response.Text)}
	default:
		texts = payloads(t, wire.NewSSE(strings.NewReader(x.Response.Text), 0))
	}
	var out []object
	for _, text := range texts {
		var list []object
		var one object
		if json.Unmarshal(text, &list) == nil {
			out = append(out, list...)
			continue
		}
		if json.Unmarshal(text, &one) != nil {
			continue
		}
		if b, ok := one["bytes"].(string); ok { // a chunk of InvokeModel's stream
			inner, _ := base64.StdEncoding.DecodeString(b)
			_ = json.Unmarshal(inner, &one)
		}
		out = append(out, one)
	}
	return out
}

func payloads(t *testing.T, r wire.FrameReader) (out [][]byte) {
	t.Helper()
	for {
		f, err := r.Next()
		if errors.Is(err, io.EOF) {
			return out
		}
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, bytes.Clone(f.Data))
	}
}

// truth is the size of the prompt as the upstream told it, 0 if it did not.
func (x *exchange) truth(t *testing.T) int64 {
	var n float64
	num := func(o object, names ...string) (sum float64) {
		for _, name := range names {
			v, _ := o[name].(float64)
			sum += v
		}
		return sum
	}
	for _, f := range x.frames(t) {
		if m, ok := f["message"].(object); ok {
			f = m
		}
		usage, _ := f["usage"].(object)
		google, _ := f["usageMetadata"].(object)
		n = max(n, num(usage, "input_tokens", "cache_read_input_tokens", "cache_creation_input_tokens"),
			num(usage, "inputTokens", "cacheReadInputTokens", "cacheWriteInputTokens"), num(usage, "prompt_tokens"), num(google, "promptTokenCount"))
	}
	return int64(n)
}

// beyond are features with which the prompt holds more than the request: what a
// provider's own tools put into it while it answered.
var beyond = []string{"server-tools", "mcp", "legacy-prompt", "container", "stateful", "compaction", "error"}

func (x *exchange) request(t *testing.T) *llm.Request {
	t.Helper()
	var req *llm.Request
	var err error
	switch x.Folder {
	case "openai-chat", "openai-compatible-chat":
		req, err = chat.Dialect{}.DecodeRequest(nil, x.Request.Body)
	case "bedrock-converse", "bedrock-converse-stream":
		req = fromConverse(t, x.Request.Body)
	case "gemini":
		req = fromGemini(t, x.Request.Body)
	default:
		req, err = messages.Dialect{}.DecodeRequest(nil, x.Request.Body)
	}
	if err != nil {
		return nil // other models behind InvokeModel
	}
	req.Model = x.Model
	return req
}

// TestEstimateOnCorpus holds the calibration: nearly always at least the truth,
// and usually not much more.
func TestEstimateOnCorpus(t *testing.T) {
	type figure struct {
		file  string
		ratio float64
	}
	all := map[string][]figure{}
	for _, r := range llmtest.Corpus(t, "anthropic", "vertex-anthropic", "bedrock-invoke", "bedrock-invoke-stream", "bedrock-converse",
		"bedrock-converse-stream", "openai-chat", "openai-compatible-chat", "gemini") {
		x := exchange{r}
		if x.Response.Status != 200 || slices.ContainsFunc(x.Features, func(f string) bool { return slices.Contains(beyond, f) }) {
			continue
		}
		truth := x.truth(t)
		req := x.request(t)
		if truth == 0 || req == nil {
			continue
		}
		n := counting.Estimate(req)
		f := figure{x.Name, float64(n) / float64(truth)}
		for _, group := range []string{strings.TrimSuffix(x.Folder, "-stream"), "all"} {
			all[group] = append(all[group], f)
		}
		if os.Getenv("TURNPIKE_FIGURES") != "" {
			t.Logf("FIG %.2f est %d truth %d %s %s %v", f.ratio, n, truth, x.Model, x.Name, x.Features)
		}
	}
	for group, list := range all {
		slices.SortFunc(list, func(a, b figure) int { return int(1e6 * (a.ratio - b.ratio)) })
		low := slices.IndexFunc(list, func(f figure) bool { return f.ratio >= 1 })
		if low < 0 {
			low = len(list)
		}
		at := func(percent int) float64 { return list[(len(list)-1)*percent/100].ratio }
		t.Logf("%-24s %3d requests, %2d below the truth; ratio lowest %.2f, 5%% %.2f, median %.2f, 95%% %.2f, highest %.2f",
			group, len(list), low, list[0].ratio, at(5), at(50), at(95), at(100))
		if group != "all" {
			continue
		}
		if len(list) < 120 {
			t.Errorf("only %d requests", len(list))
		}
		if low*100 > 5*len(list) {
			t.Errorf("CNT-04: %d of %d estimates are below the truth, among them %v", low, len(list), list[:low])
		}
		if m := at(50); m > 1.35 {
			t.Errorf("the median estimate is %.2f of the truth", m)
		}
	}
}
