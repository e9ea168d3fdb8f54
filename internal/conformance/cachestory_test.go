package conformance

import (
	"fmt"
	"strings"
	"testing"
)

// cacheAnswer is an answer that read and wrote so much.
func cacheAnswer(account string, read, wrote int) string {
	if account == converseUp {
		return strings.Replace(converseEnd(`{"text":"x"}`, `"end_turn"`, ""), `"inputTokens":10`, fmt.Sprintf(`"inputTokens":10,"cacheReadInputTokens":%d,"cacheWriteInputTokens":%d`, read, wrote), 1)
	}
	return strings.Replace(claudeEnd(`{"type":"text","text":"x"}`, `"end_turn"`, ""), `"input_tokens":10`, fmt.Sprintf(`"input_tokens":10,"cache_read_input_tokens":%d,"cache_creation_input_tokens":%d`, read, wrote), 1)
}

// TestCacheStory asks twice in one conversation, and the second time something has
// changed.
func TestCacheStory(t *testing.T) {
	system := func(s string) string {
		return `"system":[{"type":"text","text":"` + s + long + `",` + mark + `}],`
	}
	first := `{` + system("a") + question + `}`
	next := `"messages":[{"role":"user","content":"q"},{"role":"assistant","content":"a"},{"role":"user","content":"b"}]}`
	for _, c := range []struct {
		name, to, second, model string
		read, wrote             int
		header                  string // of the second answer, whole
		head                    string // of the second answer, streamed
	}{
		{"a hit", anthropicUp, `{` + system("a") + next, "", 2000, 90, "hit; read=2000; written=90", "expected-hit"},
		{"a hit", invokeUp, `{` + system("a") + next, "", 2000, 90, "hit; read=2000; written=90", "expected-hit"},
		{"a hit", converseUp, `{` + system("a") + next, "", 2000, 90, "hit; read=2000; written=90", "expected-hit"},
		{"another system prompt", anthropicUp, `{` + system("b") + next, "", 0, 2090, "miss; written=2090; first-change=system; by=client", "expected-miss; first-change=system; by=client"},
		{"another system prompt", converseUp, `{` + system("b") + next, "", 0, 2090, "miss; written=2090; first-change=system; by=client", "expected-miss; first-change=system; by=client"},
		{"another model", anthropicUp, `{` + system("a") + next, claude46, 0, 2090, "miss; written=2090; switched=model", "expected-miss; switched=model"},
		{"the upstream lost it", anthropicUp, `{` + system("a") + next, "", 0, 2090, "miss; written=2090; by=upstream", "expected-hit"},
	} {
		for _, how := range []string{"whole", "streamed"} {
			t.Run(title(c.name+", "+how, messagesAPI, c.to), func(t *testing.T) {
				w := newWorld(t)
				say := func(body, model string, read, wrote int) string {
					w.up.answers(playAnswer(cacheAnswer(c.to, read, wrote)))
					if how == "streamed" {
						body = streamed(body)
					}
					r := w.ask(messagesAPI, c.to, model, body)
					if r.status != 200 {
						t.Fatalf("answered %d: %s", r.status, r.body)
					}
					w.gw.Wait(patience) // the account of a request is closed after its answer
					return r.header.Get("X-Turnpike-Cache")
				}
				want := []string{"first; written=2000", c.header}
				shown := want
				if how == "streamed" {
					shown = []string{"first", c.head}
				}
				if got := say(first, "", 0, 2000); got != shown[0] {
					t.Errorf("first: %q, want %q", got, shown[0])
				}
				if got := say(c.second, c.model, c.read, c.wrote); got != shown[1] {
					t.Errorf("second: %q, want %q", got, shown[1])
				}
				for i, a := range w.attempts() {
					if a.CacheStory != want[i] {
						t.Errorf("recorded %q, want %q", a.CacheStory, want[i])
					}
				}
				if !strings.Contains(w.log.String(), `"cache":"`+c.header+`"`) {
					t.Errorf("the log does not tell: %s", w.log.String())
				}
			})
		}
	}
}

// TestGatewayChangesPrefix: thinking has to go where a call came without Claude's
// own thinking, and that is not the client's doing.
func TestGatewayChangesPrefix(t *testing.T) {
	w := newWorld(t)
	say := func(turns string) string {
		w.up.answers(playAnswer(cacheAnswer(anthropicUp, 0, 2000)))
		return w.ask(chatAPI, anthropicUp, "", `{"reasoning_effort":"low","messages":[{"role":"system","content":"`+long+`"},{"role":"user","content":"q"}`+turns+`],`+chatTools+`}`,
			"X-Turnpike-Cache", "5m").header.Get("X-Turnpike-Cache")
	}
	if got := say(""); got != "first; written=2000" {
		t.Errorf("first: %q", got)
	}
	w.gw.Wait(patience)
	got := say(`,{"role":"assistant","tool_calls":[{"id":"c1","type":"function","function":{"name":"read","arguments":"{}"}}]},{"role":"tool","tool_call_id":"c1","content":"A"}`)
	if got != "miss; written=2000; first-change=settings; by=gateway" {
		t.Errorf("second: %q", got)
	}
}

// TestNoCacheStory: traffic without cache points has none.
func TestNoCacheStory(t *testing.T) {
	w := newWorld(t)
	for _, to := range []string{openaiUp, compatUp, anthropicUp, invokeUp, converseUp} {
		w.up.answers(playDefault)
		if r := w.ask(messagesAPI, to, "", `{`+question+`}`); r.header.Get("X-Turnpike-Cache") != "" {
			t.Errorf("%s: %q", to, r.header.Get("X-Turnpike-Cache"))
		}
	}
	for _, a := range w.attempts() {
		if a.CacheStory != "" {
			t.Errorf("recorded %q", a.CacheStory)
		}
	}
}

// TestCacheOfOpenAI: it caches by itself, and the policy asks for the story.
func TestCacheOfOpenAI(t *testing.T) {
	w := newWorld(t)
	w.up.answers(playAnswer(cachedStories["chat"]))
	r := w.ask(chatAPI, openaiUp, "", `{`+question+`}`, "X-Turnpike-Cache", "5m")
	if got := r.header.Get("X-Turnpike-Cache"); got != "hit; read=100" {
		t.Errorf("got %q", got)
	}
}

func TestExplainCachePoints(t *testing.T) {
	w := newWorld(t)
	w.up.answers(playDefault)
	r := w.ask(messagesAPI, anthropicUp, "", `{"system":[{"type":"text","text":"`+long+`",`+markHour+`}],`+question+`}`, "X-Turnpike-Cache", "5m", "X-Turnpike-Explain", "true")
	check(t, "the explanation", r.body, is{
		"cache_points": `[{"path":"system[0].cache_control","ttl":"1h","by":"client"},{"path":"messages[0].content","ttl":"1h","by":"gateway"}]`,
		"upstream.body.messages.0.content.0.cache_control.ttl": `"1h"`,
	})
	if len(w.up.all()) != 0 {
		t.Error("something was sent")
	}
	r = w.ask(messagesAPI, anthropicUp, "", `{`+question+`}`, "X-Turnpike-Explain", "true")
	check(t, "the explanation", r.body, is{"cache_points": `[]`})
}
