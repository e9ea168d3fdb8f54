package gemini

import (
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"

	"turnpike/internal/llm"
)

// randomRequest makes conversations no client should send, and some do.
func randomRequest(r *rand.Rand) *llm.Request {
	pick := func(list ...string) string { return list[r.IntN(len(list))] }
	text := func() llm.Part {
		t := &llm.Text{Text: pick("hello", "", " \n", "end ", `{"output":"x"}`, `{"a":1}`)}
		if r.IntN(3) == 0 {
			t.Cache = &llm.Cache{}
		}
		return t
	}
	part := func(role llm.Role) llm.Part {
		switch r.IntN(9) {
		case 0:
			return &llm.Media{Kind: []llm.MediaKind{llm.Image, llm.Document, llm.Audio}[r.IntN(3)], URL: pick("", "u"), Data: pick("", "AA==")}
		case 1:
			return &llm.Native{Dialect: "messages", Type: "x", Raw: []byte(`{"type":"x"}`)}
		case 2:
			return signaturePart("S")
		case 3:
			return &llm.Thinking{Text: pick("", "t"), Signature: pick("", "S", ownSeal("S"), llm.Seal("claude", &llm.Thinking{}))}
		case 4, 5:
			if role == llm.Assistant {
				return &llm.ToolCall{ID: pick("a", "b", "", "x:1"), Name: pick("f", "g h", "1"), Broken: pick("", "{"), Seal: pick("", "S")}
			}
			return &llm.ToolResult{CallID: pick("a", "b", "", "x:1"), Parts: []llm.Part{text(), &llm.Media{Kind: llm.Image, Data: "AA=="}}, Error: r.IntN(2) == 0}
		}
		return text()
	}
	req := &llm.Request{Model: "m", System: []llm.Part{text(), text()}, Thinking: llm.Thought{
		Mode:   []llm.ThinkingMode{"", llm.ThinkingOff, llm.ThinkingBudget, llm.ThinkingAdaptive, llm.ThinkingEffort}[r.IntN(5)],
		Budget: r.Int64N(40000), Effort: pick("", "none", "minimal", "high", "max", "what"),
	}}
	for range r.IntN(8) {
		t := llm.Turn{Role: []llm.Role{llm.User, llm.Assistant, llm.System}[r.IntN(3)]}
		for range r.IntN(4) {
			t.Parts = append(t.Parts, part(t.Role))
		}
		req.Turns = append(req.Turns, t)
	}
	for range r.IntN(3) {
		req.Tools = append(req.Tools, llm.Tool{Name: pick("f", "g h", "1"), Schema: []byte(pick("", `{"anyOf":[{"properties":{"a":{}}},{"type":"null"}]}`, `{"type":"object"}`)), Cache: &llm.Cache{}})
	}
	req.Choice = llm.Choice{Mode: []llm.ChoiceMode{"", llm.ChoiceAuto, llm.ChoiceNone, llm.ChoiceAny, llm.ChoiceTool}[r.IntN(5)], Name: "g h"}
	if r.IntN(2) == 0 {
		req.Parallel, req.MaxTokens = new(false), new(1+r.Int64N(20000))
		req.Temperature, req.TopP, req.TopK = new(r.Float64()*3), new(r.Float64()), new(int64(3))
		req.Format = &llm.Format{}
	}
	return req
}

// TestEveryRequestIsAccepted encodes random conversations for random models: the
// body keeps the API's rules, encoding again gives the same bytes, and the
// request is untouched.
func TestEveryRequestIsAccepted(t *testing.T) {
	r := rand.New(rand.NewPCG(11, 7))
	sent := 0
	for i := range 4000 {
		seed := r.Uint64()
		req := randomRequest(rand.New(rand.NewPCG(seed, 1)))
		again := randomRequest(rand.New(rand.NewPCG(seed, 1)))
		caps := llm.Caps{
			Thinking: []llm.ThinkingKind{"", llm.ThinkNone, llm.ThinkBudget, llm.ThinkEffort}[r.IntN(4)], MaxOutput: []int64{0, 1000, 65536}[r.IntN(3)],
			NoPrefill: r.IntN(2) == 0, NoTools: r.IntN(6) == 0, NoImages: r.IntN(4) == 0, NoSystem: r.IntN(6) == 0, NoStop: r.IntN(4) == 0,
			Efforts: [][]string{nil, {"low", "high"}, {"none", "low"}}[r.IntN(3)], Sampling: []llm.SamplingRule{"", llm.SamplingNone}[r.IntN(2)],
		}
		target := &llm.Target{Model: "m", Caps: caps}
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
		if _, more := encode(t, req, caps); !reflect.DeepEqual(losses, more) {
			t.Fatalf("%d: %v, then %v", i, losses, more)
		}
		settled(t, body, llm.Caps{Thinking: caps.Thinking})
	}
	if sent < 2500 {
		t.Errorf("only %d were sent", sent)
	}
}

// settled checks that what came out is in the API's shape for good: read as a
// client's request and written again, the conversation stays.
func settled(t *testing.T, body []byte, caps llm.Caps) {
	t.Helper()
	req := decode(t, string(body))
	v, _ := encode(t, req, caps)
	once := decode(t, js(v))
	if a, b := bare(req), bare(once); a != b {
		t.Fatalf("the conversation changed:\n%s\n%s\n%s", a, b, body)
	}
}

// bare is a conversation without the prefix of names, which is put on every time.
func bare(req *llm.Request) string { return strings.ReplaceAll(js(req.Turns), namePrefix, "") }
