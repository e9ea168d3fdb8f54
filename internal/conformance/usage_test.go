package conformance

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"turnpike/internal/store"
)

// cachedStories are answers with every figure: 10 fresh tokens, 100 read from the
// cache, 50 written (20 for five minutes, 30 for an hour), 7 of output.
var cachedStories = map[string]string{
	"chat": strings.Replace(chatEnd(`"content":"x"`, `"stop"`), `{"prompt_tokens":10,"completion_tokens":2,"total_tokens":12}`,
		`{"prompt_tokens":110,"completion_tokens":7,"total_tokens":117,"prompt_tokens_details":{"cached_tokens":100},"completion_tokens_details":{"reasoning_tokens":3}}`, 1),
	"messages": strings.Replace(claudeEnd(`{"type":"text","text":"x"}`, `"end_turn"`, ""), `{"input_tokens":10,"output_tokens":2}`,
		`{"input_tokens":10,"cache_read_input_tokens":100,"cache_creation_input_tokens":50,"cache_creation":{"ephemeral_5m_input_tokens":20,"ephemeral_1h_input_tokens":30},"output_tokens":7}`, 1),
	"converse": strings.Replace(converseEnd(`{"text":"x"}`, `"end_turn"`, ""), `{"inputTokens":10,"outputTokens":2,"totalTokens":12}`,
		`{"inputTokens":10,"cacheReadInputTokens":100,"cacheWriteInputTokens":50,"cacheDetails":[{"inputTokens":20,"ttl":"5m"},{"inputTokens":30,"ttl":"1h"}],"outputTokens":7,"totalTokens":167}`, 1),
}

func TestUsageShown(t *testing.T) {
	openAI := is{"usage.prompt_tokens": "160", "usage.completion_tokens": "7", "usage.total_tokens": "167", "usage.prompt_tokens_details.cached_tokens": "100"}
	claude := is{
		"usage.input_tokens": "10", "usage.cache_read_input_tokens": "100", "usage.cache_creation_input_tokens": "50", "usage.output_tokens": "7",
		"usage.cache_creation": `{"ephemeral_5m_input_tokens":20,"ephemeral_1h_input_tokens":30}`,
	}
	tells(t, []told{
		{"USE-01 USE-03 the prompt counts the cache", claudeUps, chatAPI, "", cachedStories["messages"], openAI, ""},
		{"USE-01 USE-03 USE-20 the prompt counts the cache", converseUp, chatAPI, "", cachedStories["converse"], openAI, ""},
		{
			"USE-02 the input does not", chatUps, messagesAPI, "", cachedStories["chat"],
			is{"usage.input_tokens": "10", "usage.cache_read_input_tokens": "100", "usage.cache_creation_input_tokens": "0", "usage.output_tokens": "7"},
			"",
		},
		{"USE-20 USE-07 the input does not", converseUp, messagesAPI, "", cachedStories["converse"], claude, ""},
		{"USE-06 the lifetimes are told", claudeUps, messagesAPI, "", cachedStories["messages"], claude, ""},
		{
			"USE-13 reasoning that a server leaves out of the completion", chatUps, messagesAPI, "",
			strings.Replace(chatEnd(`"content":"x"`, `"stop"`), `{"prompt_tokens":10,"completion_tokens":2,"total_tokens":12}`, `{"prompt_tokens":10,"completion_tokens":2,"total_tokens":20,"completion_tokens_details":{"reasoning_tokens":8}}`, 1),
			is{"usage.input_tokens": "10", "usage.output_tokens": "10"},
			"",
		},
	})
}

// TestUsageRecorded compares what is recorded with what the client is shown: both
// must be what the upstream said.
func TestUsageRecorded(t *testing.T) {
	want := map[string]store.Usage{
		"chat":     {Input: 10, Output: 7, CacheRead: 100, Reasoning: 3},
		"messages": {Input: 10, Output: 7, CacheRead: 100, CacheWrite5m: 20, CacheWrite1h: 30},
		"converse": {Input: 10, Output: 7, CacheRead: 100, CacheWrite5m: 20, CacheWrite1h: 30},
	}
	for _, how := range []string{"whole", "streamed"} {
		pairs(t, "USE-09 USE-06 USE-07 the record is what the client is shown, "+how, func(t *testing.T, from, to string) {
			w := newWorld(t)
			w.up.answers(playAnswer(cachedStories[dialectOf(to)]))
			var answer object
			if how == "streamed" {
				answer = hear(t, from, w.ask(from, to, "", asked[from]))
			} else {
				answer = decoded(string(w.ask(from, to, "", `{"messages":[{"role":"user","content":"q"}]}`).body))
			}
			u := w.attempt().Usage
			if u != want[dialectOf(to)] {
				t.Errorf("recorded %+v, want %+v", u, want[dialectOf(to)])
			}
			shown := func(path string) int64 {
				v, _ := at(answer, path)
				n, _ := v.(float64)
				return int64(n)
			}
			prompt, output := shown("usage.prompt_tokens"), shown("usage.completion_tokens")
			if from == messagesAPI {
				prompt = shown("usage.input_tokens") + shown("usage.cache_read_input_tokens") + shown("usage.cache_creation_input_tokens")
				output = shown("usage.output_tokens")
			}
			if prompt != u.Input+u.CacheRead+u.CacheWrite5m+u.CacheWrite1h || output != u.Output {
				t.Errorf("the client is shown %d and %d, recorded is %+v", prompt, output, u)
			}
		})
	}
}

// usageOf plays a stream and returns what was recorded of it.
func usageOf(t *testing.T, from, to string, stream []byte) store.Usage {
	t.Helper()
	w := newWorld(t)
	w.up.answers(playStream(stream))
	w.ask(from, to, "", asked[from])
	return w.attempt().Usage
}

func TestUsageInStreams(t *testing.T) {
	const (
		text   = `{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}`
		delta  = `{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"x"}}`
		closed = `{"type":"content_block_stop","index":0}`
	)
	for _, from := range []string{chatAPI, messagesAPI} {
		for _, to := range []string{anthropicUp, invokeUp} {
			t.Run(title("USE-04 figures of a stream are totals, the last one counts", from, to), func(t *testing.T) {
				u := usageOf(t, from, to, framed(to, claudeHead, text, delta, closed,
					`{"type":"message_delta","delta":{},"usage":{"output_tokens":5}}`,
					`{"type":"message_delta","delta":{"stop_reason":"end_turn","stop_sequence":null},"usage":{"output_tokens":9}}`, claudeStop))
				if want := (store.Usage{Input: 10, Output: 9, CacheRead: 3, CacheWrite5m: 4}); u != want {
					t.Errorf("recorded %+v, want %+v", u, want)
				}
			})
			t.Run(title("USE-05 the input told at the end counts", from, to), func(t *testing.T) {
				u := usageOf(t, from, to, framed(to, claudeHead, text, delta, closed,
					`{"type":"message_delta","delta":{"stop_reason":"end_turn","stop_sequence":null},"usage":{"input_tokens":5500,"cache_read_input_tokens":7,"cache_creation_input_tokens":0,"output_tokens":9}}`, claudeStop))
				if want := (store.Usage{Input: 5500, Output: 9, CacheRead: 7}); u != want {
					t.Errorf("recorded %+v, want %+v", u, want)
				}
			})
			t.Run(title("USE-08 a stream that breaks keeps what was told", from, to), func(t *testing.T) {
				u := usageOf(t, from, to, framed(to, claudeHead, text, delta))
				if u.Input != 10 || u.CacheRead != 3 || u.CacheWrite5m != 4 || u.Output < 1 {
					t.Errorf("recorded %+v", u)
				}
			})
		}
	}
}

// TestCompaction: what summing up an earlier conversation used is charged, and
// told apart from the answer's own figures (Anthropic API reference, usage.iterations).
func TestCompaction(t *testing.T) {
	answer := strings.Replace(claudeEnd(`{"type":"text","text":"x"}`, `"end_turn"`, ""), `{"input_tokens":10,"output_tokens":2}`,
		`{"input_tokens":10,"output_tokens":2,"iterations":[{"type":"compaction","input_tokens":5000,"output_tokens":300},{"type":"message","input_tokens":10,"output_tokens":2}]}`, 1)
	for _, to := range []string{anthropicUp, invokeUp} {
		for how, body := range map[string]string{"": `{"messages":[{"role":"user","content":"q"}]}`, ", streamed": asked[messagesAPI]} {
			t.Run(title("USE-18 a compaction is counted beside the answer", messagesAPI, to)+how, func(t *testing.T) {
				w := newWorld(t)
				w.up.answers(playAnswer(answer))
				w.ask(messagesAPI, to, "", body)
				if u := w.attempt().Usage; u.Input != 5010 || u.Output != 302 || u.Estimated {
					t.Errorf("recorded %+v", u)
				}
			})
		}
	}
}

func TestUsageUnknown(t *testing.T) {
	zero := map[string]string{
		"chat":     strings.Replace(chatEnd(`"content":"hello there"`, `"stop"`), `{"prompt_tokens":10,"completion_tokens":2,"total_tokens":12}`, `{"prompt_tokens":0,"completion_tokens":0,"total_tokens":0}`, 1),
		"messages": strings.Replace(claudeEnd(`{"type":"text","text":"hello there"}`, `"end_turn"`, ""), `{"input_tokens":10,"output_tokens":2}`, `{"input_tokens":0,"output_tokens":0}`, 1),
		"converse": strings.Replace(converseEnd(`{"text":"hello there"}`, `"end_turn"`, ""), `{"inputTokens":10,"outputTokens":2,"totalTokens":12}`, `{"inputTokens":0,"outputTokens":0,"totalTokens":0}`, 1),
	}
	silent := map[string]string{
		"chat":     strings.Replace(chatEnd(`"content":"hello there"`, `"stop"`), `,"usage":{"prompt_tokens":10,"completion_tokens":2,"total_tokens":12}`, ``, 1),
		"messages": strings.Replace(claudeEnd(`{"type":"text","text":"hello there"}`, `"end_turn"`, ""), `,"usage":{"input_tokens":10,"output_tokens":2}`, ``, 1),
		"converse": strings.Replace(converseEnd(`{"text":"hello there"}`, `"end_turn"`, ""), `,"usage":{"inputTokens":10,"outputTokens":2,"totalTokens":12}`, ``, 1),
	}
	for _, how := range []string{"whole", "streamed"} {
		body := map[string]string{"whole": `{"messages":[{"role":"user","content":"q"}]}`, "streamed": `{"messages":[{"role":"user","content":"q"}],"stream":true}`}[how]
		pairs(t, "USE-10 a measured zero is one, "+how, func(t *testing.T, from, to string) {
			w := newWorld(t)
			w.up.answers(playAnswer(zero[dialectOf(to)]))
			w.ask(from, to, "", body)
			if u := w.attempt().Usage; u != (store.Usage{}) {
				t.Errorf("recorded %+v", u)
			}
		})
		pairs(t, "USE-10 what was not told is estimated and marked, "+how, func(t *testing.T, from, to string) {
			w := newWorld(t)
			w.up.answers(playAnswer(silent[dialectOf(to)]))
			w.ask(from, to, "", body)
			if u := w.attempt().Usage; !u.Estimated || u.Input == 0 || u.Output == 0 {
				t.Errorf("recorded %+v", u)
			}
		})
	}
}

// TestClientLeavesForGood has upstreams that never end, or answer only after the
// client has left.
func TestClientLeavesForGood(t *testing.T) {
	pairs(t, "USE-11 an answer without an end is estimated and marked", func(t *testing.T, from, to string) {
		t.Parallel() // each waits for its own end of patience
		w := newWorld(t, func(s *setup) { s.drain = 20 * time.Millisecond })
		begun, _ := cutStream(to)
		w.up.answers(func(rw http.ResponseWriter, s *sent) {
			streamHead(rw, s)
			flush(rw, begun)
			<-s.gone
		})
		ctx, leave := context.WithCancel(t.Context())
		res := w.open(ctx, http.MethodPost, clientPaths[from], clientBody(from, to, "", asked[from]))
		waitFor(t, res.Body, "größe")
		leave()
		_ = res.Body.Close()
		if u := w.attempt().Usage; u.Input == 0 || u.Output == 0 || !u.Estimated {
			t.Errorf("recorded %+v", u)
		}
	})
	pairs(t, "USE-12 a whole answer is counted though nobody waits for it", func(t *testing.T, from, to string) {
		w := newWorld(t)
		asking := make(chan struct{})
		ctx, leave := context.WithCancel(t.Context())
		w.up.answers(func(rw http.ResponseWriter, s *sent) {
			close(asking)
			<-w.gone
			playJSON(200, cachedStories[dialectOf(to)])(rw, s)
		})
		go func() {
			<-asking
			leave()
		}()
		res, err := w.send(ctx, http.MethodPost, clientPaths[from], clientBody(from, to, "", `{"messages":[{"role":"user","content":"q"}]}`))
		if err == nil {
			_ = res.Body.Close()
			t.Fatal("the client did not leave")
		}
		if u := w.attempt().Usage; u.Input != 10 || u.Output != 7 || u.CacheRead != 100 || u.Estimated {
			t.Errorf("recorded %+v", u)
		}
	})
}
