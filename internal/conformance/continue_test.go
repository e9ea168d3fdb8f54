package conformance

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"turnpike/internal/policy"
	"turnpike/internal/rules"
	"turnpike/internal/store"
)

// Reasons to stop as each dialect says them.
var (
	cutOff = map[string]string{"chat": `"length"`, "messages": `"max_tokens"`, "converse": `"max_tokens"`}
	atEnd  = map[string]string{"chat": `"stop"`, "messages": `"end_turn"`, "converse": `"end_turn"`}
)

// saying is an answer of one text, which counts 10 tokens in and 2 out.
func saying(to, words string, reason map[string]string) string {
	said := encoded(words)
	switch d := dialectOf(to); d {
	case "chat":
		return chatEnd(`"content":`+said, reason[d])
	case "messages":
		return claudeEnd(`{"type":"text","text":`+said+`}`, reason[d], "")
	default:
		return converseEnd(`{"text":`+said+`}`, reason[d], "")
	}
}

// inTurn plays one answer after the other, the last one from then on.
func (w *world) inTurn(plays ...play) {
	w.up.answers(func(rw http.ResponseWriter, s *sent) {
		n := len(w.up.all()) - 1
		plays[min(n, len(plays)-1)](rw, s)
	})
}

const (
	continues = "X-Turnpike-Continue"
	simply    = `{"messages":[{"role":"user","content":"q"}]}`
)

// reasonOf and cutFor are where and how a client reads why an answer stopped.
var (
	reasonOf = map[string]string{chatAPI: "choices.0.finish_reason", messagesAPI: "stop_reason"}
	cutFor   = map[string]string{chatAPI: `"length"`, messagesAPI: `"max_tokens"`}
	endFor   = map[string]string{chatAPI: `"stop"`, messagesAPI: `"end_turn"`}
	inOf     = map[string]string{chatAPI: "usage.prompt_tokens", messagesAPI: "usage.input_tokens"}
	outOf    = map[string]string{chatAPI: "usage.completion_tokens", messagesAPI: "usage.output_tokens"}
)

// both runs a test for a whole answer and for a stream; the client's answer is put
// together for it.
func both(t *testing.T, name string, run func(t *testing.T, w *world, from, to string, get func(header ...string) (object, *reply))) {
	t.Helper()
	pairs(t, name, func(t *testing.T, from, to string) {
		t.Run("whole", func(t *testing.T) {
			w := newWorld(t)
			run(t, w, from, to, func(header ...string) (object, *reply) {
				r := w.ask(from, to, "", simply, header...)
				if r.status != http.StatusOK {
					t.Fatalf("answered %d: %s", r.status, r.body)
				}
				return decoded(string(r.body)), r
			})
		})
		t.Run("streamed", func(t *testing.T) {
			w := newWorld(t)
			run(t, w, from, to, func(header ...string) (object, *reply) {
				r := w.ask(from, to, "", asked[from], header...)
				return hear(t, from, r), r
			})
		})
	})
}

func TestContinuation(t *testing.T) {
	both(t, "a cut answer goes on, as one", func(t *testing.T, w *world, from, to string, get func(...string) (object, *reply)) {
		w.inTurn(playAnswer(saying(to, "The quick brown ", cutOff)), playAnswer(saying(to, "fox jumps over the ", cutOff)), playAnswer(saying(to, "lazy dog.", atEnd)))
		answer, r := get(continues, "5")
		check(t, "the client heard", []byte(encoded(answer)), is{
			textOf[from]: `"The quick brown fox jumps over the lazy dog."`, reasonOf[from]: endFor[from], inOf[from]: "30", outOf[from]: "6",
		})
		prefill := dialectOf(to) != "chat"
		if whole := r.header.Get("X-Turnpike-Loss"); prefill && strings.Contains(whole, "x-turnpike-continue") {
			t.Errorf("a begun answer loses %s", whole)
		}
		checkRounds(t, w.up.all(), prefill, []string{"", "The quick brown", "The quick brown fox jumps over the"})
		checkRows(t, w.attempts(), 3)
	})
	both(t, "still cut behind the last round", func(t *testing.T, w *world, from, to string, get func(...string) (object, *reply)) {
		w.inTurn(playAnswer(saying(to, "one ", cutOff)), playAnswer(saying(to, "two ", cutOff)))
		answer, _ := get(continues, "1")
		check(t, "the client heard", []byte(encoded(answer)), is{textOf[from]: `"one two "`, reasonOf[from]: cutFor[from], outOf[from]: "4"})
		checkRows(t, w.attempts(), 2)
	})
	both(t, "nobody asked for it", func(t *testing.T, w *world, from, to string, get func(...string) (object, *reply)) {
		w.inTurn(playAnswer(saying(to, "one", cutOff)))
		answer, _ := get()
		check(t, "the client heard", []byte(encoded(answer)), is{textOf[from]: `"one"`, reasonOf[from]: cutFor[from]})
		checkRows(t, w.attempts(), 1)
	})
	both(t, "what the model repeats is taken off", func(t *testing.T, w *world, from, to string, get func(...string) (object, *reply)) {
		w.inTurn(playAnswer(saying(to, "It was a dark and stormy night", cutOff)), playAnswer(saying(to, "dark and stormy night; the rain fell.", atEnd)))
		answer, _ := get(continues, "5")
		check(t, "the client heard", []byte(encoded(answer)), is{textOf[from]: `"It was a dark and stormy night; the rain fell."`, reasonOf[from]: endFor[from]})
	})
}

// checkRounds holds that every round asked with the client's own messages and what
// was said so far.
func checkRounds(t *testing.T, list []*sent, prefill bool, said []string) {
	t.Helper()
	if len(list) != len(said) {
		t.Fatalf("%d requests were sent, want %d", len(list), len(said))
	}
	for i, s := range list {
		var body struct {
			Messages []struct {
				Role    string
				Content json.RawMessage
			}
		}
		if err := json.Unmarshal(s.body, &body); err != nil {
			t.Fatal(err)
		}
		var roles []string
		for _, m := range body.Messages {
			roles = append(roles, m.Role)
		}
		want := []string{"user"}
		if i > 0 {
			want = append(want, "assistant")
			if text := string(body.Messages[1].Content); !strings.Contains(strings.ReplaceAll(text, ` "`, `"`), `"`+said[i]+`"`) {
				t.Errorf("round %d is told %s, want %q", i, text, said[i])
			}
		}
		if i > 0 && !prefill {
			want = append(want, "user")
		}
		if !slices.Equal(roles, want) {
			t.Errorf("round %d: %v, want %v", i, roles, want)
		}
	}
}

// checkRows holds that every round has a row of its own, each with its tokens.
func checkRows(t *testing.T, list []store.Attempt, n int) {
	t.Helper()
	if len(list) != n {
		t.Fatalf("%d attempts were recorded, want %d: %+v", len(list), n, list)
	}
	for i, a := range list {
		if a.RequestID != list[0].RequestID || a.Status != 200 || a.ErrorClass != "" || a.Usage != (store.Usage{Input: 10, Output: 2}) {
			t.Errorf("attempt %d: %+v", i, a)
		}
		if i > 0 && (a.At.Before(list[i-1].At) || a.ID == list[i-1].ID || a.Latency < 0 || a.Latency > time.Minute) {
			t.Errorf("attempt %d begins at %v and takes %v", i, a.At, a.Latency)
		}
	}
}

func TestContinuationStops(t *testing.T) {
	calling := map[string]string{
		"chat":     chatEnd(`"content":"I read","tool_calls":[{"id":"c1","type":"function","function":{"name":"read","arguments":"{\"p\":"}}]`, `"length"`),
		"messages": claudeEnd(`{"type":"text","text":"I read"},{"type":"tool_use","id":"toolu_1","name":"read","input":{"p":1}}`, `"max_tokens"`, ""),
		"converse": converseEnd(`{"text":"I read"},{"toolUse":{"toolUseId":"t1","name":"read","input":{"p":1}}}`, `"max_tokens"`, ""),
	}
	both(t, "a tool call is not gone on with", func(t *testing.T, w *world, from, to string, get func(...string) (object, *reply)) {
		w.inTurn(playAnswer(calling[dialectOf(to)]))
		answer, _ := get(continues, "5")
		check(t, "the client heard", []byte(encoded(answer)), is{textOf[from]: `"I read"`, reasonOf[from]: cutFor[from]})
		checkRows(t, w.attempts(), 1)
	})
	both(t, "a round that fails leaves the answer cut", func(t *testing.T, w *world, from, to string, get func(...string) (object, *reply)) {
		w.inTurn(playAnswer(saying(to, "one ", cutOff)), playJSON(503, `{"message":"too busy"}`))
		answer, _ := get(continues, "5")
		check(t, "the client heard", []byte(encoded(answer)), is{textOf[from]: `"one "`, reasonOf[from]: cutFor[from], outOf[from]: "2"})
		list := w.attempts()
		if len(list) != 2 || list[0].ErrorClass != "" || list[1].ErrorClass == "" || list[1].Status != 503 || list[1].Usage != (store.Usage{}) {
			t.Errorf("recorded %+v", list)
		}
	})
	for name, body := range map[string]string{
		"the client's own limit":        `{"max_tokens":2,"messages":[{"role":"user","content":"q"}]}`,
		"structured output":             `{"response_format":{"type":"json_object"},"messages":[{"role":"user","content":"q"}]}`,
		"several answers":               `{"n":2,"messages":[{"role":"user","content":"q"}]}`,
		"a call that the client wanted": `{"tools":[{"type":"function","function":{"name":"f"}}],"tool_choice":"required","messages":[{"role":"user","content":"q"}]}`,
	} {
		for to := range strings.FieldsSeq(allUps) {
			t.Run(title(name, chatAPI, to), func(t *testing.T) {
				w := newWorld(t)
				w.inTurn(playAnswer(saying(to, "one", cutOff)))
				r := w.ask(chatAPI, to, "", body, continues, "5")
				check(t, "the client heard", r.body, is{textOf[chatAPI]: `"one"`, reasonOf[chatAPI]: `"length"`})
				checkRows(t, w.attempts(), 1)
			})
		}
	}
	t.Run("several answers keep the express lane", func(t *testing.T) {
		w := newWorld(t)
		w.ask(chatAPI, openaiUp, "", `{"n":2,"messages":[{"role":"user","content":"q"}]}`, continues, "5")
		check(t, "the upstream heard", w.up.only(t).body, is{"n": "2"})
	})
	t.Run("strict clients get no words put in", func(t *testing.T) {
		w := newWorld(t)
		w.inTurn(playAnswer(saying(openaiUp, "one", cutOff)))
		w.ask(chatAPI, openaiUp, "", simply, continues, "5", "X-Turnpike-Strict", "true")
		checkRows(t, w.attempts(), 1)
	})
	t.Run("every round has its cache points", func(t *testing.T) {
		w := newWorld(t)
		w.inTurn(playAnswer(saying(anthropicUp, "one ", cutOff)), playAnswer(saying(anthropicUp, "two", atEnd)))
		long := `{"messages":[{"role":"user","content":"` + strings.Repeat("word ", 3000) + `"}]}`
		w.ask(chatAPI, anthropicUp, "", long, continues, "5", "X-Turnpike-Cache", "5m")
		for i, s := range w.up.all() {
			if !strings.Contains(string(s.body), "cache_control") {
				t.Errorf("round %d has none", i)
			}
		}
		checkRows(t, w.attempts(), 2)
	})
	t.Run("a turn that is added is reported", func(t *testing.T) {
		w := newWorld(t)
		w.inTurn(playAnswer(saying(openaiUp, "one ", cutOff)), playAnswer(saying(openaiUp, "two", atEnd)))
		r := w.ask(chatAPI, openaiUp, "", simply, continues, "5")
		checkLoss(t, r.losses(), "x-turnpike-continue")
		if rows := w.attempts(); rows[1].Losses != 1 || !strings.Contains(rows[1].LossReport, "a user's turn was added") {
			t.Errorf("recorded %+v", rows[1])
		}
	})
}

// TestContinuedStreams is about what comes between the rounds, and breaks in them.
func TestContinuedStreams(t *testing.T) {
	pairs(t, "a round that breaks off in the middle is an error", func(t *testing.T, from, to string) {
		w := newWorld(t)
		begun, _ := cutStream(to)
		w.inTurn(playAnswer(saying(to, "one ", cutOff)), playStream(begun))
		wantFault(t, from, w.ask(from, to, "", asked[from], continues, "5"))
		if list := w.attempts(); len(list) != 2 || list[0].ErrorClass != "" || list[1].ErrorClass == "" {
			t.Errorf("recorded %+v", list)
		}
	})
	pairs(t, "signs of life between the rounds", func(t *testing.T, from, to string) {
		w := newWorld(t, func(s *setup) { s.heartbeat = 10 * time.Millisecond })
		goOn := make(chan struct{})
		w.inTurn(playAnswer(saying(to, "one ", cutOff)), func(rw http.ResponseWriter, s *sent) {
			select {
			case <-goOn:
			case <-s.gone:
			}
			playAnswer(saying(to, "two", atEnd))(rw, s)
		})
		res := w.open(t.Context(), http.MethodPost, clientPaths[from], clientBody(from, to, "", asked[from]), continues, "5")
		defer res.Body.Close()
		got := waitFor(t, res.Body, `on"`)
		got = append(got, waitFor(t, res.Body, signOfLife[from])...)
		close(goOn)
		rest, err := io.ReadAll(res.Body)
		if err != nil {
			t.Fatal(err)
		}
		answer := hear(t, from, &reply{res.StatusCode, res.Header, append(got, rest...)})
		check(t, "the client heard", []byte(encoded(answer)), is{textOf[from]: `"one two"`, reasonOf[from]: endFor[from]})
	})
	pairs(t, "no further round for a client that has left", func(t *testing.T, from, to string) {
		w := newWorld(t)
		ctx, leave := context.WithCancel(t.Context())
		asking := make(chan struct{}, 9)
		w.up.answers(func(rw http.ResponseWriter, s *sent) {
			asking <- struct{}{}
			select {
			case <-w.gone:
			case <-s.gone:
			}
			playAnswer(saying(to, "one ", cutOff))(rw, s)
		})
		go func() {
			<-asking
			leave()
		}()
		res, err := w.send(ctx, http.MethodPost, clientPaths[from], clientBody(from, to, "", asked[from]), continues, "5")
		if err == nil {
			_ = res.Body.Close()
			t.Fatal("the client did not leave")
		}
		checkRows(t, w.attempts(), 1)
		if n := len(w.up.all()); n != 1 {
			t.Errorf("%d requests were sent", n)
		}
	})
	t.Run("thinking of later rounds stays whole", func(t *testing.T) {
		for to := range strings.FieldsSeq(claudeUps) {
			w := newWorld(t)
			thinks := func(n int, words, reason string) play {
				return playAnswer(claudeEnd(fmt.Sprintf(`{"type":"thinking","thinking":"t%d","signature":"c2ln%d"},{"type":"text","text":%s}`, n, n, encoded(words)), reason, ""))
			}
			w.inTurn(thinks(1, "one ", `"max_tokens"`), thinks(2, "two", `"end_turn"`))
			body := `{"max_tokens":4000,"thinking":{"type":"enabled","budget_tokens":1024},"stream":true,"messages":[{"role":"user","content":"q"}]}`
			answer := hear(t, messagesAPI, w.ask(messagesAPI, to, "", body, continues, "5"))
			check(t, "the client heard", []byte(encoded(answer)), is{
				"content.#": "4", "content.0.thinking": `"t1"`, "content.0.signature": `"c2ln1"`, "content.1.text": `"one "`,
				"content.2.thinking": `"t2"`, "content.2.signature": `"c2ln2"`, "content.3.text": `"two"`,
			})
			w.inTurn(thinks(1, "one ", `"max_tokens"`), thinks(2, "two", `"end_turn"`))
			answer = hear(t, chatAPI, w.ask(chatAPI, to, "", `{"reasoning_effort":"low",`+asked[chatAPI][1:], continues, "5"))
			check(t, "the client heard", []byte(encoded(answer)), is{textOf[chatAPI]: `"one two"`})
		}
	})
}

func TestOutputRules(t *testing.T) {
	book, err := rules.New([]rules.Rule{
		{Name: "identity", Replace: []rules.Replacement{{From: "I'm Kiro", To: "I'm Claude", Word: true}}},
		{Name: "clean", StripTags: []string{"invoke"}, DropUnknownTools: true},
	})
	if err != nil {
		t.Fatal(err)
	}
	const heardText = "Hi, I'm Kiro. <invoke name=\"x\">secret</invoke>`I'm Kiro` fs.readFile(\"a\")\n\n\n\nwebSearch"
	const wanted = "Hi, I'm Claude. `I'm Kiro` fs.readFile(\"a\")\n\n\n\nwebSearch"
	for _, stream := range []bool{false, true} {
		pairs(t, fmt.Sprintf("KIRO-02 only what the rules name changes, streamed: %v", stream), func(t *testing.T, from, to string) {
			get := func(w *world) object {
				if stream {
					return hear(t, from, w.ask(from, to, "", asked[from]))
				}
				return decoded(string(w.ask(from, to, "", simply).body))
			}
			w := newWorld(t, func(s *setup) {
				s.rules, s.policy = book, policy.Policy{Rules: []string{"identity", "clean", "nobody wrote this"}}
			})
			w.inTurn(playAnswer(saying(to, heardText, atEnd)))
			check(t, "the client heard", []byte(encoded(get(w))), is{textOf[from]: encoded(wanted)})
			w.attempts()
			if log := w.log.String(); !strings.Contains(log, `"rules":"identity=1 clean=1"`) || !strings.Contains(log, `"rule":"nobody wrote this"`) {
				t.Errorf("log: %s", log)
			}
			off := newWorld(t, func(s *setup) { s.rules = book })
			off.inTurn(playAnswer(saying(to, heardText, atEnd)))
			check(t, "without a policy the client heard", []byte(encoded(get(off))), is{textOf[from]: encoded(heardText)})
		})
	}
	pairs(t, "calls nobody offered are dropped", func(t *testing.T, from, to string) {
		w := newWorld(t, func(s *setup) { s.rules, s.policy = book, policy.Policy{Rules: []string{"clean"}} })
		w.inTurn(playAnswer(map[string]string{
			"chat":     chatEnd(`"content":"hm","tool_calls":[{"id":"c1","type":"function","function":{"name":"fsWrite","arguments":"{}"}}]`, `"tool_calls"`),
			"messages": claudeEnd(`{"type":"text","text":"hm"},{"type":"tool_use","id":"toolu_1","name":"fsWrite","input":{}}`, `"tool_use"`, ""),
			"converse": converseEnd(`{"text":"hm"},{"toolUse":{"toolUseId":"t1","name":"fsWrite","input":{}}}`, `"tool_use"`, ""),
		}[dialectOf(to)]))
		r := w.ask(from, to, "", simply)
		check(t, "the client heard", r.body, is{textOf[from]: `"hm"`, reasonOf[from]: endFor[from], "": "!fsWrite"})
		checkLoss(t, r.losses(), "fsWrite")
		answer := hear(t, from, w.ask(from, to, "", asked[from]))
		check(t, "the client heard", []byte(encoded(answer)), is{textOf[from]: `"hm"`, reasonOf[from]: endFor[from], "": "!fsWrite"})
		if rows := w.attempts(); len(rows) != 2 || !strings.Contains(rows[1].LossReport, "fsWrite") {
			t.Errorf("recorded %+v", rows)
		}
	})
	pairs(t, "a phrase over the seam of two rounds", func(t *testing.T, from, to string) {
		w := newWorld(t, func(s *setup) { s.rules, s.policy = book, policy.Policy{Rules: []string{"identity"}} })
		w.inTurn(playAnswer(saying(to, "Hi, I'm Ki", cutOff)), playAnswer(saying(to, "ro.", atEnd)))
		answer := hear(t, from, w.ask(from, to, "", asked[from], continues, "1"))
		check(t, "the client heard", []byte(encoded(answer)), is{textOf[from]: `"Hi, I'm Claude."`})
		if got := string(w.up.all()[1].body); !strings.Contains(got, "I'm Ki") {
			t.Errorf("the round is told %s", got)
		}
	})
}
