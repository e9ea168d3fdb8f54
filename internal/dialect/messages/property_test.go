package messages

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"reflect"
	"testing"

	"turnpike/internal/llm"
)

// randomRequest makes conversations no client should send, and some do.
func randomRequest(r *rand.Rand) *llm.Request {
	ids := []string{"a", "a", "b", "", "x:1", "x 1"}
	id := func() string { return ids[r.IntN(len(ids))] }
	text := func() llm.Part {
		t := &llm.Text{Text: []string{"hello", "", " \n", "end ", "x"}[r.IntN(5)]}
		if r.IntN(3) == 0 {
			t.Cache = &llm.Cache{TTL: []string{"", "1h"}[r.IntN(2)]}
		}
		return t
	}
	part := func(role llm.Role) llm.Part {
		switch r.IntN(8) {
		case 0:
			return &llm.Media{Kind: []llm.MediaKind{llm.Image, llm.Document, llm.Audio}[r.IntN(3)], URL: "u"}
		case 1:
			return &llm.Native{Dialect: []string{name, "chat"}[r.IntN(2)], Type: "x", Raw: []byte(`{"type":"x"}`)}
		case 2, 3:
			if role == llm.Assistant {
				return &llm.ToolCall{ID: id(), Name: []string{"f", "g h"}[r.IntN(2)], Broken: []string{"", "{"}[r.IntN(2)]}
			}
			return &llm.ToolResult{CallID: id(), Parts: []llm.Part{text()}, Cache: &llm.Cache{}}
		case 4:
			if role == llm.Assistant {
				return &llm.Thinking{Text: "t", Signature: []string{"", "S", unsignedSeal()}[r.IntN(3)]}
			}
		}
		return text()
	}
	req := &llm.Request{Model: "m", Thinking: llm.Thought{
		Mode:   []llm.ThinkingMode{"", llm.ThinkingOff, llm.ThinkingBudget, llm.ThinkingAdaptive, llm.ThinkingEffort}[r.IntN(5)],
		Budget: r.Int64N(40000), Effort: []string{"", "none", "minimal", "high", "max"}[r.IntN(5)],
	}}
	for range r.IntN(8) {
		t := llm.Turn{Role: []llm.Role{llm.User, llm.Assistant, llm.System}[r.IntN(3)]}
		for range r.IntN(4) {
			if t.Role == llm.System {
				t.Parts = append(t.Parts, text())
			} else {
				t.Parts = append(t.Parts, part(t.Role))
			}
		}
		req.Turns = append(req.Turns, t)
	}
	for i := range r.IntN(3) {
		req.Tools = append(req.Tools, llm.Tool{Name: fmt.Sprintf("f %d", i%2), Schema: []byte(`{"anyOf":[{"properties":{"a":{}}}]}`), Cache: &llm.Cache{}})
	}
	req.Choice = llm.Choice{Mode: []llm.ChoiceMode{"", llm.ChoiceAuto, llm.ChoiceNone, llm.ChoiceAny, llm.ChoiceTool}[r.IntN(5)], Name: "f 0"}
	if r.IntN(2) == 0 {
		req.Parallel, req.MaxTokens = new(false), new(1+r.Int64N(20000))
		req.Temperature, req.TopP, req.TopK = new(r.Float64()*2), new(r.Float64()), new(int64(3))
	}
	req.System = []llm.Part{text(), text(), text()}
	return req
}

// TestEveryRequestIsAccepted encodes random conversations for random models: the
// body keeps the API's rules, encoding again gives the same bytes, and the
// request is untouched.
func TestEveryRequestIsAccepted(t *testing.T) {
	r := rand.New(rand.NewPCG(11, 7)) //nolint:gosec // repeatable on purpose
	sent := 0
	for i := range 5_000 {
		seed := r.Uint64()
		req := randomRequest(rand.New(rand.NewPCG(seed, 1)))   //nolint:gosec // repeatable on purpose
		again := randomRequest(rand.New(rand.NewPCG(seed, 1))) //nolint:gosec // repeatable on purpose
		target := &llm.Target{Model: "m", Bedrock: r.IntN(2) == 0, Stream: r.IntN(2) == 0, Caps: llm.Caps{
			Thinking: []llm.ThinkingKind{"", llm.ThinkNone, llm.ThinkBudget, llm.ThinkAdaptive, llm.ThinkBoth}[r.IntN(5)], MaxOutput: []int64{0, 1000, 1100, 4096, 64000}[r.IntN(5)],
			MidSystem: r.IntN(2) == 0, NoPrefill: r.IntN(2) == 0, Family: "claude", Sampling: []llm.SamplingRule{"", llm.SamplingOne, llm.SamplingNone}[r.IntN(3)],
			NoCache: r.IntN(4) == 0, NoTools: r.IntN(6) == 0, NoImages: r.IntN(4) == 0,
		}}
		body, losses, err := Dialect{}.EncodeRequest(req, target)
		if err != nil {
			continue // nothing was left to send
		}
		sent++
		if !reflect.DeepEqual(req, again) {
			t.Fatalf("%d: the request was changed", i)
		}
		twice, _, _ := Dialect{}.EncodeRequest(req, target)
		if string(twice) != string(body) {
			t.Fatalf("%d: not the same twice:\n%s\n%s", i, body, twice)
		}
		_, more := mustEncode(t, req, target)
		if t.Failed() || !reflect.DeepEqual(losses, more) {
			t.Fatalf("%d: %+v", i, target)
		}
		settled(t, body)
	}
	if sent < 3_000 {
		t.Errorf("only %d were sent", sent)
	}
}

// settled checks that what came out is in the API's shape for good: read as a
// client's request and written for a model that takes everything, it stays.
func settled(t *testing.T, body []byte) {
	t.Helper()
	req, err := Dialect{}.DecodeRequest(http.Header{}, body)
	if err != nil {
		t.Fatalf("%v: %s", err, body)
	}
	once, _, err := Dialect{}.EncodeRequest(req, anything())
	if err != nil {
		t.Fatalf("%v: %s", err, body)
	}
	if a, b := member(t, body, "messages"), member(t, once, "messages"); !reflect.DeepEqual(a, b) {
		t.Fatalf("messages changed:\n%s\n%s", js(a), js(b))
	}
}
