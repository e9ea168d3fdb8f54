package conformance

import (
	"bytes"
	"fmt"
	"net/http"
	"reflect"
	"strings"
	"testing"

	"turnpike/internal/catalog"
	"turnpike/internal/llm"
	"turnpike/internal/policy"
	"turnpike/internal/route"
)

// chained has an alias for accounts that are asked in their order.
func chained(accounts ...string) func(*setup) {
	return func(s *setup) {
		a := policy.Alias{Match: "chain"}
		for _, to := range accounts {
			a.To = append(a.To, to+"/"+upstreamModel(to, ""))
		}
		s.routing = &route.Settings{Aliases: policy.Aliases{a}}
	}
}

// playFailing lets accounts fail, and the others answer.
func playFailing(accounts string, fails, otherwise play) play {
	return func(w http.ResponseWriter, s *sent) {
		if strings.Contains(" "+accounts+" ", " "+s.account+" ") {
			fails(w, s)
			return
		}
		otherwise(w, s)
	}
}

var overloaded = playJSON(529, `{"type":"error","error":{"type":"overloaded_error","message":"busy"}}`)

func chainBody(from, body string) string {
	head := `{"model":"chain",`
	if from == messagesAPI {
		head += `"max_tokens":20000,`
	}
	return head + strings.TrimPrefix(body, "{")
}

// TestChains goes from account to account, each spoken to in its own dialect.
func TestChains(t *testing.T) {
	ups := []string{openaiUp, compatUp, anthropicUp, invokeUp, converseUp, answersUp}
	for i, last := range ups {
		order := append(append([]string{}, ups[i+1:]...), ups[:i]...)[2:] // three before it, of every shape in turn
		for _, from := range []string{chatAPI, messagesAPI, answersAPI} {
			if from == answersAPI && last == openaiUp {
				continue // it is answersUp to them
			}
			t.Run(title("STR-03 the last of a chain answers", from, last), func(t *testing.T) {
				w := newWorld(t, chained(append(append([]string{}, order...), last)...))
				for _, stream := range []bool{false, true} {
					w.up.answers(playFailing(strings.Join(order, " "), playJSON(503, `{"message":"not ready"}`), playDefault))
					body := `{"messages":[{"role":"user","content":"q"}]}`
					if from == answersAPI {
						body = `{"input":"q"}`
					}
					if stream {
						body = streamed(body)
					}
					r := w.do(http.MethodPost, clientPaths[from], chainBody(from, body))
					answer := string(r.body)
					if stream && r.status == http.StatusOK {
						answer = encoded(hear(t, from, r))
					}
					if r.status != http.StatusOK || !strings.Contains(answer, `"ok"`) || r.header.Get("X-Turnpike-Provider") != last || r.header.Get("X-Turnpike-Attempts") != "4" {
						t.Errorf("answered %d %s %v", r.status, r.body, r.header)
					}
					if n := len(w.up.all()); n != 4 {
						t.Errorf("%d requests", n)
					}
					for _, a := range w.table.Accounts() {
						for _, m := range defaultModels {
							a.Place(m).Reset()
						}
						a.Place(upstreamModel(a.Provider.Name(), "")).Reset()
					}
				}
			})
		}
	}
}

// TestSignedThinkingMovesOn takes thinking that one account signed to the next.
func TestSignedThinkingMovesOn(t *testing.T) {
	const thought = `{"messages":[{"role":"user","content":"q"},{"role":"assistant","content":[{"type":"thinking","thinking":"let me see","signature":"SIG=="},{"type":"text","text":"done"}]},{"role":"user","content":"more"}],"thinking":{"type":"enabled","budget_tokens":2000}}`
	ask := func(w *world, header ...string) *reply {
		return w.do(http.MethodPost, clientPaths[messagesAPI], chainBody(messagesAPI, thought), header...)
	}
	t.Run("THK-07 to who cannot verify it it goes without the proof, which is named", func(t *testing.T) {
		w := newWorld(t, chained(anthropicUp, compatUp))
		w.up.answers(playFailing(anthropicUp, overloaded, playDefault))
		r := ask(w)
		all := w.up.all()
		if r.status != http.StatusOK || len(all) != 2 {
			t.Fatalf("answered %d %s after %d", r.status, r.body, len(all))
		}
		check(t, "the first got", all[0].body, is{"messages.1.content.0.signature": `"SIG=="`})
		check(t, "the second got", all[1].body, is{"messages.1": `{"role":"assistant","content":"done"}`})
		checkLoss(t, r.losses(), "thinking")
		rows := w.attempts()
		if len(rows) != 2 || strings.Contains(rows[0].LossReport, "thinking") || !strings.Contains(rows[1].LossReport, "thinking") {
			t.Errorf("rows %+v", rows)
		}
	})
	t.Run("THK-07 who wants no loss is not sent there", func(t *testing.T) {
		w := newWorld(t, chained(anthropicUp, compatUp))
		w.up.answers(playFailing(anthropicUp, overloaded, playDefault))
		if r := ask(w, "X-Turnpike-Strict", "true"); r.status != 529 || len(w.up.all()) != 1 {
			t.Errorf("answered %d %s after %d", r.status, r.body, len(w.up.all()))
		}
	})
	for _, next := range []string{invokeUp, converseUp} {
		t.Run(title("THK-07 Claude's proof is good wherever Claude is", messagesAPI, next), func(t *testing.T) {
			w := newWorld(t, chained(anthropicUp, next))
			w.up.answers(playFailing(anthropicUp, overloaded, playDefault))
			r := ask(w)
			if all := w.up.all(); r.status != http.StatusOK || len(all) != 2 || !bytes.Contains(all[1].body, []byte("SIG==")) || strings.Contains(r.losses(), "thinking") {
				t.Errorf("answered %d %s, losses %q, after %d", r.status, r.body, r.losses(), len(all))
			}
		})
		t.Run(title("THK-07 where it is refused all the same it is left out", messagesAPI, next), func(t *testing.T) {
			w := newWorld(t, chained(anthropicUp, next))
			w.up.answers(playFailing(anthropicUp, overloaded, func(rw http.ResponseWriter, s *sent) {
				if bytes.Contains(s.body, []byte("SIG==")) {
					playJSON(400, `{"message":"messages.1.content.0: Invalid `+"`signature` in `thinking`"+` block"}`, "X-Amzn-Errortype", "ValidationException")(rw, s)
					return
				}
				playDefault(rw, s)
			}))
			r := ask(w)
			if all := w.up.all(); r.status != http.StatusOK || len(all) != 3 || r.header.Get("X-Turnpike-Attempts") != "3" {
				t.Errorf("answered %d %s after %d", r.status, r.body, len(all))
			}
			checkLoss(t, r.losses(), "thinking")
			if rows := w.attempts(); len(rows) != 3 || rows[0].ErrorClass != "overloaded" || rows[1].ErrorClass != "invalid" || rows[2].ErrorClass != "" {
				t.Errorf("rows %+v", rows)
			}
		})
	}
}

// TestSealedReasoningMovesOn takes reasoning that one organization's account sealed to
// another's, which refuses it in OpenAI's words (openai/codex#13724).
func TestSealedReasoningMovesOn(t *testing.T) {
	const thought = `{"store":false,"input":[{"role":"user","content":"q"},{"type":"reasoning","id":"rs_1","summary":[],"encrypted_content":"gAAAsealed"},{"type":"message","id":"msg_1","role":"assistant","content":[{"type":"output_text","text":"done"}]},{"role":"user","content":"more"}]}`
	const words = "The encrypted content gAAA...0= could not be verified. Reason: Encrypted content organization_id did not match the target organization."
	for _, strict := range []bool{false, true} {
		t.Run(fmt.Sprintf("THK-07 it goes without it, strict: %t", strict), func(t *testing.T) {
			w := newWorld(t, chained(answersUp, openaiUp))
			w.up.answers(playFailing(answersUp, overloaded, func(rw http.ResponseWriter, s *sent) {
				if bytes.Contains(s.body, []byte("gAAAsealed")) {
					playJSON(400, `{"error":{"message":"`+words+`","type":"invalid_request_error","param":null,"code":"invalid_encrypted_content"}}`)(rw, s)
					return
				}
				playDefault(rw, s)
			}))
			r := w.do(http.MethodPost, clientPaths[answersAPI], chainBody(answersAPI, thought), "X-Turnpike-Strict", fmt.Sprint(strict))
			all := w.up.all()
			if strict {
				if r.status != 400 || len(all) != 2 || !bytes.Contains(r.body, []byte("invalid_encrypted_content")) {
					t.Errorf("answered %d %s after %d", r.status, r.body, len(all))
				}
				return
			}
			if r.status != http.StatusOK || len(all) != 3 {
				t.Fatalf("answered %d %s after %d", r.status, r.body, len(all))
			}
			check(t, "the first got", all[0].body, is{"input.1.encrypted_content": `"gAAAsealed"`})
			check(t, "the second got in the end", all[2].body, is{"input.#": "3", "input.1": `{"type":"message","role":"assistant","content":[{"type":"output_text","text":"done"}]}`})
			checkLoss(t, r.losses(), "reasoning")
		})
	}
}

// TestKeptAnswersMoveOn goes on from a kept answer at accounts that fail.
func TestKeptAnswersMoveOn(t *testing.T) {
	stored := strings.NewReplacer(`"store":false`, `"store":true`, `,"encrypted_content":"gAAAAAproof"`, "").Replace(defaultAnswers["responses"])
	begin := func(t *testing.T, accounts ...string) *world {
		w := keepingWorld(t, chained(accounts...))
		w.up.answers(playAnswer(stored))
		w.goOn(answersUp, `{"input":"first question"}`, false)
		return w
	}
	resume := func(w *world, id string) *reply {
		return w.do(http.MethodPost, clientPaths[answersAPI], chainBody(answersAPI, `{"input":"second question","previous_response_id":"`+id+`"}`))
	}
	otherwise := func(w http.ResponseWriter, s *sent) {
		if s.account == answersUp {
			playAnswer(stored)(w, s)
			return
		}
		playDefault(w, s)
	}
	const busy = `{"error":{"message":"busy","type":"server_error"}}`
	t.Run("RSP-04 from who keeps it to who does not it is made whole", func(t *testing.T) {
		w := begin(t, answersUp, anthropicUp, compatUp)
		w.up.answers(playFailing(answersUp+" "+anthropicUp, playJSON(503, busy), otherwise))
		r := resume(w, "resp_1")
		all := w.up.all()
		if r.status != http.StatusOK || len(all) != 3 {
			t.Fatalf("answered %d %s after %d", r.status, r.body, len(all))
		}
		check(t, "the first got", all[0].body, is{"previous_response_id": `"resp_1"`, "input": `"second question"`})
		for _, s := range all[1:] {
			if !bytes.Contains(s.body, []byte("first question")) || !bytes.Contains(s.body, []byte("second question")) || bytes.Contains(s.body, []byte("previous_response_id")) {
				t.Errorf("%s got %s", s.account, s.body)
			}
		}
		check(t, "the client got", r.body, is{"previous_response_id": `"resp_1"`})
	})
	t.Run("RSP-04 from who does not keep it to who does", func(t *testing.T) {
		w := begin(t, anthropicUp, answersUp)
		w.up.answers(playFailing(anthropicUp, playJSON(503, busy), otherwise))
		r := resume(w, "resp_1")
		all := w.up.all()
		if r.status != http.StatusOK || len(all) != 2 || bytes.Count(all[1].body, []byte("first question")) != 1 || bytes.Count(all[1].body, []byte("second question")) != 1 {
			t.Errorf("answered %d %s after %d", r.status, r.body, len(all))
		}
	})
	t.Run("RSP-04 what only an upstream may know goes nowhere else", func(t *testing.T) {
		w := begin(t, answersUp, anthropicUp)
		w.up.answers(playFailing(answersUp, playJSON(503, busy), otherwise))
		if r := resume(w, "resp_of_another_time"); r.status != 503 || len(w.up.all()) != 1 {
			t.Errorf("answered %d %s after %d", r.status, r.body, len(w.up.all()))
		}
	})
}

// A request is decoded once for all targets, so no encoder may change it.
func TestEncodersLeaveRequestsAlone(t *testing.T) {
	for _, from := range spoken {
		body := fill(fullRequests[from.Name()], &marks{})
		decode := func() *llm.Request {
			req, err := from.DecodeRequest(http.Header{}, body)
			if err != nil {
				t.Fatalf("%s: %v", from.Name(), err)
			}
			return req
		}
		req, want := decode(), decode()
		for _, to := range spoken {
			for _, model := range []string{claude45, claude47, "gpt-5", "gpt-4o", nova, "gemini-2.5-pro", "house-model"} {
				for _, compat := range []bool{false, true} {
					_, _, _ = to.EncodeRequest(req, &llm.Target{Provider: "p", Model: model, Compat: compat, Caps: catalog.Lookup(model)}) // refusing is fine
					if !reflect.DeepEqual(req, want) {
						t.Fatalf("%s changes the request of %s for %s", to.Name(), from.Name(), model)
					}
				}
			}
		}
	}
}
