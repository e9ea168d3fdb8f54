package conformance

import (
	"net/http"
	"strings"
	"testing"

	"turnpike/internal/policy"
	"turnpike/internal/rules"
)

// lossesOf are all losses that a client is told: in the head, in the trailer, in
// the comment.
func lossesOf(t *testing.T, w *world, from, to, body string, header ...string) (trailer, text string) {
	t.Helper()
	res := w.open(t.Context(), http.MethodPost, clientPaths[from], clientBody(from, to, "", body), header...)
	defer res.Body.Close()
	var b strings.Builder
	buf := make([]byte, 4096)
	for {
		n, err := res.Body.Read(buf)
		b.Write(buf[:n])
		if err != nil {
			break
		}
	}
	return res.Trailer.Get("X-Turnpike-Loss") + res.Header.Get("X-Turnpike-Loss"), b.String()
}

// oddAnswer is an answer with something that chat cannot say.
func oddAnswer(stop string) string {
	return claudeEnd(`{"type":"text","text":"1","citations":[{"type":"char_location","cited_text":"c","document_index":0,"document_title":"t","start_char_index":0,"end_char_index":2}]}`, stop, "")
}

// TestLossesOfChangedStreams: a stream that is continued or filtered tells what it
// loses as any other does: before its end and in the trailer.
func TestLossesOfChangedStreams(t *testing.T) {
	book, err := rules.New([]rules.Rule{{Name: "house", StripTags: []string{"secret"}}})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name   string
		change func(*setup)
		header []string
	}{
		{"plain", func(*setup) {}, nil},
		{"continued", func(*setup) {}, []string{continues, "3"}},
		{"filtered", func(s *setup) { s.rules, s.policy = book, policy.Policy{Rules: []string{"house"}} }, nil},
		{"both", func(s *setup) { s.rules, s.policy = book, policy.Policy{Rules: []string{"house"}} }, []string{continues, "3"}},
	} {
		t.Run("the losses of a stream are told: "+c.name, func(t *testing.T) {
			w := newWorld(t, c.change)
			stop := `"end_turn"`
			if c.header != nil {
				stop = `"max_tokens"`
			}
			w.inTurn(playAnswer(oddAnswer(stop)), playAnswer(claudeEnd(`{"type":"text","text":"2"}`, `"end_turn"`, "")))
			told, text := lossesOf(t, w, chatAPI, anthropicUp, asked[chatAPI], c.header...)
			if !strings.Contains(told, "citations") || !strings.Contains(text, `"content":"1"`) {
				t.Errorf("told %q in\n%s", told, text)
			}
			i, end := strings.Index(text, ": x-turnpike-loss"), strings.Index(text, "data: [DONE]")
			if i < 0 || end < i || !strings.Contains(text[i:end], "citations") {
				t.Errorf("no comment says it before the end:\n%s", text)
			}
			if c.header != nil && !strings.Contains(text, `"content":"2"`) {
				t.Errorf("it was not continued:\n%s", text)
			}
		})
	}
}

// TestGuardrailTrace: what a guardrail says of an answer has no place in other APIs,
// and is named.
func TestGuardrailTrace(t *testing.T) {
	trace := `"trace":{"guardrail":{"modelOutput":["a"],"actionReason":"blocked"}},`
	converseAnswer := strings.Replace(converseEnd(`{"text":"no"}`, `"guardrail_intervened"`, ""), `"usage"`, trace+`"usage"`, 1)
	invokeAnswer := strings.Replace(claudeEnd(`{"type":"text","text":"no"}`, `"end_turn"`, ""), `"usage"`, `"amazon-bedrock-trace":{"guardrail":{"actionReason":"blocked"}},"amazon-bedrock-guardrailAction":"INTERVENED","usage"`, 1)
	for _, c := range []struct{ to, answer, loss string }{{converseUp, converseAnswer, "trace"}, {invokeUp, invokeAnswer, "amazon-bedrock-trace"}} {
		for _, stream := range []bool{false, true} {
			t.Run(title("STOP-05 a guardrail's trace is named", chatAPI, c.to), func(t *testing.T) {
				w := newWorld(t)
				play := playAnswer(c.answer)
				if c.to == converseUp && stream {
					quiet := decoded(c.answer)
					delete(quiet, "usage") // and with it the event that tells it
					play = playStream(append(converseFrames(quiet), message("metadata", `{"usage":{"inputTokens":10,"outputTokens":2,"totalTokens":12},"metrics":{"latencyMs":1},`+strings.TrimSuffix(trace, ",")+`}`)...))
				}
				w.up.answers(play)
				body := simply
				if stream {
					body = asked[chatAPI]
				}
				if told, text := lossesOf(t, w, chatAPI, c.to, body); !strings.Contains(told, c.loss) {
					t.Errorf("told %q in\n%s", told, text)
				}
			})
		}
	}
}
