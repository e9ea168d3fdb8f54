package responses

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"turnpike/internal/llm"
	"turnpike/internal/llm/llmtest"
)

// randomRequest makes a conversation in any order, also those that no client
// should send: calls without results, results without calls, reasoning that leads
// nowhere, roles that hold what they should not.
func randomRequest(r *rand.Rand) *llm.Request {
	pick := func(s ...string) string { return s[r.IntN(len(s))] }
	cache := func() *llm.Cache {
		if r.IntN(8) == 0 {
			return &llm.Cache{}
		}
		return nil
	}
	text := func() *llm.Text {
		return &llm.Text{Text: pick("", "a", "two\nlines", "ä \u2028", `"q"\`), Cache: cache()}
	}
	part := func() llm.Part {
		id := pick("a", "b", "c", "d.e", strings.Repeat("l", 80), "")
		switch r.IntN(12) {
		case 0:
			return &llm.Thinking{Text: "t", Signature: pick("", "S", sealed("t", "gAAA"), llm.Seal(unsigned, &llm.Thinking{}), llm.Seal("gemini", &llm.Thinking{Signature: "x"}))}
		case 1, 2:
			return &llm.ToolCall{ID: id, Name: pick("f", "g.h", "patch", "ns__f", longName), Input: []byte(`{"input":"x"}`), Seal: pick("", "", "TS")}
		case 3:
			return &llm.ToolCall{ID: id, Name: "free", Custom: true, Broken: pick("", "text")}
		case 4, 5:
			return &llm.ToolResult{CallID: id, Error: r.IntN(3) == 0, Parts: []llm.Part{text(), &llm.Media{Kind: llm.Image, URL: "https://x"}}[:r.IntN(3)]}
		case 6:
			return &llm.Media{Kind: []llm.MediaKind{llm.Image, llm.Document, llm.Audio, llm.Video}[r.IntN(4)], Data: "QUI=", Name: pick("", "n"), Cache: cache()}
		case 7:
			kind := pick("web_search_call", "input_x")
			return &llm.Native{Dialect: pick(Name, "messages"), Type: kind, Raw: []byte(`{"type":"` + kind + `"}`)}
		case 8:
			return &llm.Refusal{Text: "no"}
		}
		return text()
	}
	parts := func() []llm.Part {
		out := make([]llm.Part, r.IntN(4))
		for i := range out {
			out[i] = part()
		}
		return out
	}
	req := &llm.Request{
		System: parts(), MaxTokens: []*int64{nil, new(int64(1)), new(int64(900))}[r.IntN(3)],
		Thinking: llm.Thought{Mode: []llm.ThinkingMode{"", llm.ThinkingOff, llm.ThinkingBudget, llm.ThinkingAdaptive, llm.ThinkingEffort}[r.IntN(5)], Effort: pick("", "low", "max", "none"), Display: pick("", "omitted", "summarized")},
		Choice:   llm.Choice{Mode: llm.ChoiceMode(pick("", "auto", "none", "any", "tool")), Name: "patch"}, Parallel: []*bool{nil, new(true)}[r.IntN(2)],
	}
	for range 1 + r.IntN(6) {
		req.Turns = append(req.Turns, llm.Turn{Role: []llm.Role{llm.User, llm.Assistant, llm.System}[r.IntN(3)], Parts: parts()})
	}
	for _, t := range []llm.Tool{
		{Name: "f", Schema: []byte(`{}`)},
		{Name: "patch", Home: &llm.Home{Dialect: Name, Name: "patch", Custom: true, Raw: []byte(`{"type":"custom","name":"patch"}`)}},
		{Name: "ns__f", Home: &llm.Home{Dialect: Name, Name: "f", Group: "ns", Raw: []byte(`{"type":"namespace","name":"ns","tools":[{"type":"function","name":"f"}]}`)}},
		{Name: "w", Native: &llm.Native{Dialect: "messages", Type: "w", Raw: []byte(`{}`)}},
	} {
		if r.IntN(2) == 0 {
			req.Tools = append(req.Tools, t)
		}
	}
	return req
}

// TestAnyConversation: whatever the conversation, what is sent obeys OpenAI's
// rules, the same each time, and reads as it was meant where nothing is lost.
func TestAnyConversation(t *testing.T) {
	targets := []llm.Target{
		{},
		{Stream: true, Caps: llm.Caps{Thinking: llm.ThinkEffort, Efforts: []string{"low", "high"}, MaxOutput: 100, Sampling: llm.SamplingNone}},
		{Compat: true},
		{Caps: llm.Caps{NoSystem: true, NoImages: true, NoDocuments: true, NoTools: true, Thinking: llm.ThinkNone}},
	}
	whole := 0
	for seed := range uint64(1500) {
		req := randomRequest(rand.New(rand.NewPCG(seed, 2)))
		for i, target := range targets {
			target.Model = "m"
			body, losses, err := Dialect{}.EncodeRequest(req, &target)
			if err != nil {
				continue
			}
			if !json.Valid(body) {
				t.Fatalf("seed %d: %s", seed, body)
			}
			if i != 2 { // a compatible server takes open reasoning
				obeysOrder(t, body)
			}
			if again, _, _ := (Dialect{}).EncodeRequest(req, &target); string(again) != string(body) {
				t.Errorf("seed %d: first\n%s\nthen\n%s", seed, body, again)
			}
			back, err := Dialect{}.DecodeRequest(nil, body)
			if err != nil {
				t.Fatalf("seed %d: %v in %s", seed, err, body)
			}
			inside := func(l llm.Loss) bool { return strings.HasPrefix(l.Path, "messages") }
			if i != 3 && !slices.ContainsFunc(losses, inside) && !odd(req) { // the last target takes no system prompt
				whole++
				sameTurns(t, req, back)
			}
			if t.Failed() {
				t.Fatalf("seed %d, target %d", seed, i)
			}
		}
	}
	if whole < 100 {
		t.Errorf("only %d conversations went without a loss", whole)
	}
}

// odd tells whether a request holds what reads otherwise on the way back: names
// that are changed, items in a turn whose role they cannot have, a system turn at
// the start.
func odd(req *llm.Request) bool {
	if turns := llm.Merged(req.Turns); len(turns) > 0 && turns[0].Role == llm.System { // a system prompt
		return true
	}
	return slices.ContainsFunc(req.Turns, func(t llm.Turn) bool {
		return slices.ContainsFunc(t.Parts, func(p llm.Part) bool {
			switch p := p.(type) {
			case *llm.ToolCall:
				return slices.Contains([]string{"g.h", longName, "free"}, p.Name)
			case *llm.Refusal:
				return t.Role != llm.Assistant
			case *llm.Media: // its type is guessed
				return true
			case *llm.Native:
				return t.Role == llm.User && !isContent(p.Type)
			}
			return false
		})
	})
}

func sameTurns(t *testing.T, want, got *llm.Request) {
	t.Helper()
	flat := func(r *llm.Request) string {
		var b strings.Builder
		var turns []llm.Turn
		for _, t := range r.Turns {
			t.Parts = nonEmpty(slices.Clone(t.Parts))
			for _, p := range t.Parts {
				if res, ok := p.(*llm.ToolResult); ok {
					res.Parts = nonEmpty(res.Parts)
				}
			}
			turns = append(turns, t)
		}
		for _, t := range llm.Merged(turns) {
			// Results come first in their turn.
			slices.SortStableFunc(t.Parts, func(a, b llm.Part) int { return rank(a) - rank(b) })
			fmt.Fprintf(&b, "\n%s: %s", t.Role, llmtest.DumpParts(t.Parts))
		}
		return strings.NewReplacer(" auto)", ")", " [cache]", "", " sig:"+llm.Seal(unsigned, &llm.Thinking{}), "").Replace(b.String())
	}
	if a, b := flat(want), flat(got); a != b {
		t.Errorf("asks\n%s\nwant\n%s", b, a)
	}
}

func rank(p llm.Part) int {
	if _, ok := p.(*llm.ToolResult); ok {
		return 0
	}
	return 1
}
