package conformance

import (
	"fmt"
	"testing"

	"turnpike/internal/policy"
	"turnpike/internal/provider/copilot/copilottest"
	"turnpike/internal/provider/kiro/kirotest"
	"turnpike/internal/rules"
)

// unofficialUps are accounts at Kiro and Copilot, by each API that cannot be told from its
// vendor's.
var unofficialUps = []string{kiroUp, copilotClaude, copilotPlain, copilotOld}

// round is what a service says next.
type round struct {
	text string
	cut  bool
	call string // a tool that is called behind the text
}

// kiroSays are rounds as Kiro sends them: the text in two pieces, wherever that cuts it.
func kiroSays(rounds []round) (out []kirotest.Answer) {
	for _, r := range rounds {
		half := len(r.text) / 2
		frames := append(spokenText(r.text[:half]), spokenText(r.text[half:])...)
		if r.call != "" {
			frames = append(frames, "toolUseEvent", `{"toolUseId":"t1","name":"`+r.call+`","input":"{}","stop":true}`)
		}
		reason := map[bool]string{true: "MAX_TOKENS", false: "END_TURN"}[r.cut]
		out = append(out, scripted(append(frames, "metadataEvent", `{"tokenUsage":{"uncachedInputTokens":10,"outputTokens":2,"totalTokens":12},"stopReason":"`+reason+`"}`)...))
	}
	return out
}

// copilotSays are rounds in the API by which an account is asked.
func copilotSays(from, to string, rounds []round) (out []copilottest.Answer) {
	twin := map[string]string{"/v1/messages": anthropicUp, "/chat/completions": openaiUp}[copilotAt(from, to)]
	for _, r := range rounds {
		stop := atEnd
		if r.cut {
			stop = cutOff
		}
		whole := saying(twin, r.text, stop)
		if r.call != "" {
			whole = map[string]string{
				openaiUp:    chatEnd(`"content":`+encoded(r.text)+`,"tool_calls":[{"id":"c1","type":"function","function":{"name":"`+r.call+`","arguments":"{}"}}]`, `"tool_calls"`),
				anthropicUp: claudeEnd(`{"type":"text","text":`+encoded(r.text)+`},{"type":"tool_use","id":"toolu_1","name":"`+r.call+`","input":{}}`, `"tool_use"`, ""),
			}[twin]
		}
		out = append(out, copilottest.Answer{Body: whole, Raw: streamOf(twin, whole)})
	}
	return out
}

// unofficial is a gateway before the service of an account, which says rounds.
func unofficial(t *testing.T, from, to string, change func(*setup), rounds ...round) (w *world, requests func() int) {
	t.Helper()
	if to == kiroUp {
		h := newKiroHouse(t)
		h.Script(kiroSays(rounds)...)
		return h.gateway(change), func() int { return len(h.Requests()) }
	}
	h := newCopilotHouse(t)
	h.Script(copilotSays(from, to, rounds)...)
	return h.gateway(change), func() int { return len(h.Requests()) }
}

// TestUnofficialGoesOnByRules: answers of the unofficial services are continued and changed
// by rules where the operator asks for it, as any others, and not otherwise.
func TestUnofficialGoesOnByRules(t *testing.T) {
	book, err := rules.New([]rules.Rule{
		{Name: "identity", Replace: []rules.Replacement{{From: "I'm Kiro", To: "I'm Claude", Word: true}}},
		{Name: "clean", StripTags: []string{"invoke"}, DropUnknownTools: true},
	})
	if err != nil {
		t.Fatal(err)
	}
	on := func(s *setup) {
		s.rules, s.policy = book, policy.Policy{Rules: []string{"identity", "clean"}, Continue: new(3)}
	}
	off := func(s *setup) { s.rules = book }
	for _, c := range []struct {
		name   string
		change func(*setup)
		rounds []round
		want   string
		sent   int
		end    map[string]string
	}{
		{"goes on, and a phrase stands over the seam", on, []round{{text: "Hi, I'm Ki", cut: true}, {text: "ro. <invoke>x</invoke>And so on", cut: true}, {text: " to the end."}}, "Hi, I'm Claude. And so on to the end.", 3, endFor},
		{"a call that nobody offered", on, []round{{text: "hm", call: "fsWrite"}}, "hm", 1, endFor},
		{"nothing of it where it is off", off, []round{{text: "Hi, I'm Kiro. <invoke>x</invoke>", cut: true}}, "Hi, I'm Kiro. <invoke>x</invoke>", 1, cutFor},
	} {
		for _, to := range unofficialUps {
			for _, from := range kiroFronts {
				for _, stream := range []bool{false, true} {
					t.Run(fmt.Sprintf("%s, streamed: %v", title(c.name, from, to), stream), func(t *testing.T) {
						w, requests := unofficial(t, from, to, c.change, c.rounds...)
						model := map[string]string{kiroUp: claude45}[to]
						var got object
						if stream {
							got = hear(t, from, w.ask(from, to, model, asked[from]))
						} else {
							got = decoded(string(w.ask(from, to, model, simply).body))
						}
						check(t, "the client heard", []byte(encoded(got)), is{textOf[from]: encoded(c.want), reasonOf[from]: c.end[from], "": "!fsWrite"})
						if n := requests(); n != c.sent {
							t.Errorf("%d requests, want %d", n, c.sent)
						}
					})
				}
			}
		}
	}
}
