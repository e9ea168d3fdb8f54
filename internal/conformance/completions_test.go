package conformance

import (
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
)

// completionsAPI is OpenAI's older API. It has no tools and no turns, so it stands
// apart from the speakers.
const (
	completionsAPI  = "completions"
	completionsPath = "/v1/completions"
)

// wordsOf are the texts of a stream of the API, what it says of usage and of an
// error, and whether it has its end.
func wordsOf(t *testing.T, stream []byte) (said string, usage, failed object, done bool) {
	t.Helper()
	for event := range strings.SplitSeq(string(stream), "\n\n") {
		data, ok := strings.CutPrefix(event, "data: ")
		if !ok {
			continue
		}
		if data == "[DONE]" {
			done = true
			continue
		}
		chunk := decoded(data)
		for _, c := range items(chunk["choices"]) {
			said += text(c, "text")
		}
		if u, ok := chunk["usage"].(object); ok {
			usage = u
		}
		if e, ok := chunk["error"].(object); ok {
			failed = e
		}
	}
	return said, usage, failed, done
}

// Servers that copy OpenAI's API have this one, too: there the body passes as it is.
const (
	completionsAnswer = `{"id":"cmpl-1","object":"text_completion","created":1700000000,"model":"m","choices":[{"index":0,"text":"ok","logprobs":null,"finish_reason":"stop"}],"usage":{"prompt_tokens":10,"completion_tokens":2,"total_tokens":12}}`
	completionsBegun  = `data: {"id":"cmpl-1","object":"text_completion","created":1700000000,"model":"m","choices":[{"index":0,"text":"ok","logprobs":null,"finish_reason":null}]}` + "\n\n"
	completionsEnd    = `data: {"id":"cmpl-1","object":"text_completion","created":1700000000,"model":"m","choices":[{"index":0,"text":"","logprobs":null,"finish_reason":"stop"}]}` + "\n\n" +
		`data: {"id":"cmpl-1","object":"text_completion","created":1700000000,"model":"m","choices":[],"usage":{"prompt_tokens":10,"completion_tokens":2,"total_tokens":12}}` + "\n\ndata: [DONE]\n\n"
)

// answering is an upstream that answers, whole or as a stream that may break off.
func answering(to string, whole bool) play {
	switch {
	case to != compatUp && whole:
		return playDefault
	case to != compatUp:
		begun, _ := cutStream(to)
		return playStream(begun)
	}
	return func(w http.ResponseWriter, s *sent) {
		switch {
		case !s.streams():
			playJSON(200, completionsAnswer)(w, s)
		case whole:
			playStream([]byte(completionsBegun+completionsEnd))(w, s)
		default:
			playStream([]byte(completionsBegun))(w, s)
		}
	}
}

// TestCompletionsOfEveryUpstream: a client of the older API gets the answer of every
// upstream, whole and streamed, with its usage; the end of a stream only where the
// answer came to its end; and an error as OpenAI's with the time to wait.
func TestCompletionsOfEveryUpstream(t *testing.T) {
	w := newWorld(t)
	ask := func(to, members string) *reply {
		return w.do(http.MethodPost, completionsPath, clientBody(completionsAPI, to, "", `{"prompt":"go on: MARK","max_tokens":50,"stop":["END"]`+members+`}`))
	}
	for _, to := range slices.Sorted(maps.Keys(twoTurns)) {
		t.Run(title("whole", completionsAPI, to), func(t *testing.T) {
			w.up.answers(answering(to, true))
			r := ask(to, "")
			if r.status != 200 {
				t.Fatalf("answered %d: %s", r.status, r.body)
			}
			check(t, "the client got", r.body, is{"object": `"text_completion"`, "choices.0.text": `"ok"`, "choices.0.finish_reason": `"stop"`, "usage.prompt_tokens": "10", "usage.completion_tokens": "2"})
			check(t, "the upstream got", w.up.only(t).body, is{"": "~go on: MARK"})
			if stops := to == answersUp; stops != strings.Contains(r.losses(), "stop") {
				t.Errorf("losses %q", r.losses())
			}
		})
		t.Run(title("streamed", completionsAPI, to), func(t *testing.T) {
			w.up.answers(answering(to, true))
			r := ask(to, `,"stream":true,"stream_options":{"include_usage":true}`)
			said, usage, failed, done := wordsOf(t, r.body)
			if said != "ok" || usage["completion_tokens"] != float64(2) || failed != nil || !done {
				t.Errorf("%q %v %v %v: %s", said, usage, failed, done, r.body)
			}
		})
		t.Run(title("broken off", completionsAPI, to), func(t *testing.T) {
			if stories[dialectOf(to)] == "" {
				return // its streams are cut elsewhere
			}
			w.up.answers(answering(to, false))
			if said, _, failed, done := wordsOf(t, ask(to, `,"stream":true`).body); failed == nil || done {
				t.Errorf("%q %v %v", said, failed, done)
			}
		})
		t.Run(title("refused", completionsAPI, to), func(t *testing.T) {
			w.up.answers(playJSON(429, openAISays("rate_limit_error", "rate_limit_exceeded", "slow down"), "Retry-After", "7"))
			r := ask(to, "")
			if r.status != 429 || r.header.Get("Retry-After") != "7" {
				t.Errorf("%d %v %s", r.status, r.header, r.body)
			}
			check(t, "the client got", r.body, is{"error.message": "~slow down"})
		})
	}
}
