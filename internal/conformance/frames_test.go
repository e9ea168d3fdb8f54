package conformance

import (
	"bytes"
	"net/http"
	"strings"
	"testing"
)

func chatChunk(delta, finish string) string {
	return `{"id":"c","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":` + delta + `,"finish_reason":` + finish + `}]}`
}

const (
	chatUsage  = `{"id":"c","object":"chat.completion.chunk","created":1,"model":"m","choices":[],"usage":{"prompt_tokens":10,"completion_tokens":2,"total_tokens":12}}`
	chatDone   = "[DONE]"
	claudeHead = `{"type":"message_start","message":{"id":"msg_1","type":"message","role":"assistant","model":"m","content":[],"stop_reason":null,"stop_sequence":null,"usage":{"input_tokens":10,"cache_read_input_tokens":3,"cache_creation_input_tokens":4,"output_tokens":1}}}`
	claudeTail = `{"type":"message_delta","delta":{"stop_reason":"end_turn","stop_sequence":null},"usage":{"output_tokens":2}}`
	claudeStop = `{"type":"message_stop"}`
)

// TestStreamShapes sends streams as servers are known to send them, and holds
// that the client's stream obeys its grammar and says the same.
func TestStreamShapes(t *testing.T) {
	w := newWorld(t)
	run := func(name, from, to string, stream []byte, want is) {
		t.Helper()
		for up := range strings.FieldsSeq(to) {
			t.Run(title(name, from, up), func(t *testing.T) {
				body := stream
				if up == invokeUp {
					body = reframed(t, stream)
				}
				w.up.answers(playStream(body))
				check(t, "the client heard", []byte(encoded(hear(t, from, w.ask(from, up, "", asked[from])))), want)
			})
		}
	}
	run("STR-01 a call that comes with its arguments", messagesAPI, chatUps, sse(chatChunk(`{"role":"assistant","content":"let me look"}`, "null"),
		chatChunk(`{"tool_calls":[{"index":0,"id":"call_1","type":"function","function":{"name":"read","arguments":"{\"p\":"}}]}`, "null"),
		chatChunk(`{"tool_calls":[{"index":0,"function":{"arguments":"1}"}}]}`, "null"), chatChunk(`{}`, `"tool_calls"`), chatUsage, chatDone),
		is{"content": `[{"type":"text","text":"let me look"},{"type":"tool_use","id":"call_1","name":"read","input":{"p":1}}]`, "stop_reason": `"tool_use"`})
	run("STR-01 a call whose block opens with its input", chatAPI, claudeUps, sse(claudeHead,
		`{"type":"content_block_start","index":0,"content_block":{"type":"tool_use","id":"toolu_1","name":"read","input":{"p":1}}}`, `{"type":"content_block_stop","index":0}`,
		`{"type":"message_delta","delta":{"stop_reason":"tool_use","stop_sequence":null},"usage":{"output_tokens":2}}`, claudeStop),
		is{"choices.0.message.tool_calls.0.function": `{"name":"read","arguments":"{\"p\":1}"}`})
	run("STR-02 a role in every chunk", messagesAPI, chatUps, sse(chatChunk(`{"role":"assistant","content":""}`, "null"), chatChunk(`{"role":"assistant","content":"a"}`, "null"),
		chatChunk(`{"role":"assistant","content":"b"}`, "null"), chatChunk(`{"role":"assistant"}`, `"stop"`), chatUsage, chatDone), is{"content": `[{"type":"text","text":"ab"}]`})
	run("STR-02 a second start", chatAPI, claudeUps, sse(claudeHead, claudeHead, `{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}`,
		`{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"a"}}`, `{"type":"content_block_stop","index":0}`, claudeTail, claudeStop), is{"choices.0.message.content": `"a"`})
	run("STR-02 a second start", messagesAPI, converseUp, bytes.Join([][]byte{message("messageStart", `{"role":"assistant"}`), converseFrames(decoded(stories["converse"]))}, nil),
		is{"content.0.text": `"` + story + `"`})
	run("STR-15 text, reasoning, a call and text again", messagesAPI, chatUps, sse(chatChunk(`{"role":"assistant","content":"a"}`, "null"), chatChunk(`{"reasoning_content":"b"}`, "null"),
		chatChunk(`{"tool_calls":[{"index":0,"id":"call_1","type":"function","function":{"name":"read","arguments":"{}"}}]}`, "null"), chatChunk(`{"content":"c"}`, "null"),
		chatChunk(`{"reasoning_content":"d"}`, "null"), chatChunk(`{}`, `"tool_calls"`), chatUsage, chatDone),
		is{"content.#": "5", "content.0.text": `"a"`, "content.1.thinking": `"b"`, "content.2.id": `"call_1"`, "content.3.text": `"c"`, "content.4.thinking": `"d"`})
	run("STR-15 blocks that are not closed before the next opens", messagesAPI, converseUp, bytes.Join([][]byte{
		message("messageStart", `{"role":"assistant"}`),
		message("contentBlockDelta", `{"contentBlockIndex":0,"delta":{"text":"a"}}`), message("contentBlockStart", `{"contentBlockIndex":2,"start":{"toolUse":{"toolUseId":"t1","name":"read"}}}`),
		message("contentBlockDelta", `{"contentBlockIndex":2,"delta":{"toolUse":{"input":"{}"}}}`), message("contentBlockStop", `{"contentBlockIndex":2}`),
		message("messageStop", `{"stopReason":"tool_use"}`), message("metadata", `{"usage":{"inputTokens":10,"outputTokens":2,"totalTokens":12}}`),
	}, nil),
		is{"content": `[{"type":"text","text":"a"},{"type":"tool_use","id":"t1","name":"read","input":{}}]`})
	run("STR-17 arguments of two calls that alternate", messagesAPI, chatUps, sse(chatChunk(`{"role":"assistant","content":null}`, "null"),
		chatChunk(`{"tool_calls":[{"index":0,"id":"call_1","type":"function","function":{"name":"read","arguments":""}}]}`, "null"),
		chatChunk(`{"tool_calls":[{"index":1,"id":"call_2","type":"function","function":{"name":"list","arguments":""}}]}`, "null"),
		chatChunk(`{"tool_calls":[{"index":0,"function":{"arguments":"{\"p\""}},{"index":1,"function":{"arguments":"{\"q\""}}]}`, "null"),
		chatChunk(`{"tool_calls":[{"index":1,"function":{"arguments":":2}"}}]}`, "null"), chatChunk(`{"tool_calls":[{"index":0,"function":{"arguments":":1}"}}]}`, "null"),
		chatChunk(`{}`, `"tool_calls"`), chatUsage, chatDone),
		is{"content": `[{"type":"tool_use","id":"call_1","name":"read","input":{"p":1}},{"type":"tool_use","id":"call_2","name":"list","input":{"q":2}}]`})
	serverTool := sse(claudeHead, `{"type":"content_block_start","index":0,"content_block":{"type":"server_tool_use","id":"srvtoolu_1","name":"web_search","input":{}}}`,
		`{"type":"content_block_delta","index":0,"delta":{"type":"input_json_delta","partial_json":"{\"query\":\"x\"}"}}`, `{"type":"content_block_stop","index":0}`,
		`{"type":"content_block_start","index":1,"content_block":{"type":"web_search_tool_result","tool_use_id":"srvtoolu_1","content":[{"type":"web_search_result","url":"u","title":"t","encrypted_content":"E=="}]}}`, `{"type":"content_block_stop","index":1}`,
		`{"type":"content_block_start","index":2,"content_block":{"type":"text","text":"","citations":[]}}`,
		`{"type":"content_block_delta","index":2,"delta":{"type":"citations_delta","citation":{"type":"web_search_result_location","url":"u","title":"t","encrypted_index":"I=="}}}`,
		`{"type":"content_block_delta","index":2,"delta":{"type":"text_delta","text":"found"}}`, `{"type":"content_block_stop","index":2}`, claudeTail, claudeStop)
	run("STR-16 a server tool and citations are carried through", messagesAPI, claudeUps, serverTool,
		is{
			"content.0": `{"type":"server_tool_use","id":"srvtoolu_1","name":"web_search","input":{"query":"x"}}`, "content.1.content.0.encrypted_content": `"E=="`,
			"content.2.text": `"found"`, "content.2.citations.0.encrypted_index": `"I=="`,
		})
	run("STR-16 a server tool does not break another API's stream", chatAPI, claudeUps, serverTool, is{"choices.0.message.content": `"found"`, "choices.0.message.tool_calls": absent, "choices.0.finish_reason": `"stop"`})
}

// reframed puts a stream of Messages events into InvokeModel's chunks.
func reframed(t *testing.T, stream []byte) []byte {
	t.Helper()
	list, err := events(stream)
	if err != nil {
		t.Fatal(err)
	}
	var out []byte
	for _, e := range list {
		out = append(out, chunk(e.data)...)
	}
	return out
}

func TestUsageChunk(t *testing.T) {
	const plain = `{"messages":[{"role":"user","content":"q"}],"stream":true}`
	for to := range strings.FieldsSeq(allUps) {
		t.Run(title("STR-14 usage is counted though the client does not ask", chatAPI, to), func(t *testing.T) {
			w := newWorld(t)
			w.up.answers(playAnswer(stories[dialectOf(to)]))
			r := w.ask(chatAPI, to, "", plain)
			hear(t, chatAPI, r)
			if bytes.Contains(r.body, []byte(`"choices":[]`)) || bytes.Contains(r.body, []byte(`"usage":{`)) {
				t.Errorf("the client gets a usage chunk that it did not ask for:\n%s", r.body)
			}
			if dialectOf(to) == "chat" {
				check(t, "the upstream got", w.up.only(t).body, is{"stream_options.include_usage": "true"})
			}
			if u := w.attempt().Usage; u.Input != 10 || u.Output != 2 || u.Estimated {
				t.Errorf("recorded %+v", u)
			}
		})
		t.Run(title("STR-14 usage for who asks", chatAPI, to), func(t *testing.T) {
			w := newWorld(t)
			w.up.answers(playAnswer(stories[dialectOf(to)]))
			answer := hear(t, chatAPI, w.ask(chatAPI, to, "", asked[chatAPI]))
			check(t, "the client heard", []byte(encoded(answer)), is{"usage.prompt_tokens": "10", "usage.completion_tokens": "2"})
		})
	}
	w := newWorld(t)
	for to := range strings.FieldsSeq(chatUps) {
		t.Run(title("STR-14 usage is always asked for", messagesAPI, to), func(t *testing.T) {
			w.up.answers(playAnswer(stories["chat"]))
			answer := hear(t, messagesAPI, w.ask(messagesAPI, to, "", asked[messagesAPI]))
			check(t, "the upstream got", w.up.only(t).body, is{"stream_options": `{"include_usage":true}`})
			check(t, "the client heard", []byte(encoded(answer)), is{"usage.input_tokens": "10", "usage.output_tokens": "2"})
		})
	}
}

func TestCacheFieldsInStreams(t *testing.T) {
	w := newWorld(t)
	for to := range strings.FieldsSeq(chatUps + " " + invokeUp + " " + converseUp) {
		t.Run(title("STR-20 the start and the end tell of the cache", messagesAPI, to), func(t *testing.T) {
			w.up.answers(playStream(streamOf(to, cachedStories[dialectOf(to)])))
			r := w.ask(messagesAPI, to, "", asked[messagesAPI])
			hear(t, messagesAPI, r)
			list, err := events(r.body)
			if err != nil {
				t.Fatal(err)
			}
			seen := 0
			for _, e := range list {
				switch e.name {
				case "message_start":
					seen++
					check(t, "message_start", []byte(e.data), is{"message.usage.cache_read_input_tokens": "~", "message.usage.cache_creation_input_tokens": "~"})
				case "message_delta":
					seen++
					check(t, "message_delta", []byte(e.data), is{"usage.cache_read_input_tokens": "100", "usage.cache_creation_input_tokens": "~"})
				}
			}
			if seen != 2 {
				t.Errorf("%d of both events", seen)
			}
		})
	}
}

// TestErrorFirst has upstreams that answer 200 and begin with an error.
func TestErrorFirst(t *testing.T) {
	chatError := sse(`{"error":{"message":"slow down","type":"requests","code":"rate_limit_exceeded"}}`)
	claudeError := `{"type":"error","error":{"type":"rate_limit_error","message":"slow down"}}`
	streams := map[string][]byte{
		openaiUp: chatError, compatUp: chatError, anthropicUp: sse(claudeError),
		invokeUp: exception("throttlingException", "slow down"), converseUp: exception("throttlingException", "slow down"),
	}
	w := newWorld(t)
	pairs(t, "STR-03 STR-19 an error in the first frame is an HTTP error", func(t *testing.T, from, to string) {
		w.up.answers(playStream(streams[to]))
		r := w.ask(from, to, "", asked[from])
		if r.status != http.StatusTooManyRequests || !bytes.Contains(r.body, []byte("slow down")) {
			t.Errorf("answered %d %s", r.status, r.body)
		}
		if ct := r.header.Get("Content-Type"); ct != "application/json" {
			t.Errorf("content type %q", ct)
		}
	})
	pairs(t, "STR-03 an error behind the start is one, too", func(t *testing.T, from, to string) {
		heads := map[string][]byte{
			openaiUp: sse(chatChunk(`{"role":"assistant","content":""}`, "null")), compatUp: sse(chatChunk(`{"role":"assistant","content":""}`, "null")),
			anthropicUp: sse(claudeHead), invokeUp: chunk(claudeHead), converseUp: message("messageStart", `{"role":"assistant"}`),
		}
		w.up.answers(playStream(bytes.Join([][]byte{heads[to], streams[to]}, nil)))
		if r := w.ask(from, to, "", asked[from]); r.status != http.StatusTooManyRequests || !bytes.Contains(r.body, []byte("slow down")) {
			t.Errorf("answered %d %s", r.status, r.body)
		}
	})
	for _, from := range []string{chatAPI, messagesAPI} {
		for _, to := range []string{invokeUp, converseUp} {
			t.Run(title("STR-08 ERR-02 a stream that Bedrock refuses at once", from, to), func(t *testing.T) {
				w.up.answers(playJSON(400, `{"message":"\"thinking.type.enabled\" is not supported for this model."}`, "X-Amzn-Errortype", "ValidationException"))
				r := w.ask(from, to, "", asked[from])
				if r.status != http.StatusBadRequest || !bytes.Contains(r.body, []byte("thinking.type.enabled")) || !bytes.Contains(r.body, []byte("invalid_request_error")) {
					t.Errorf("answered %d %s", r.status, r.body)
				}
			})
			t.Run(title("STR-08 an exception is the whole stream", from, to), func(t *testing.T) {
				w.up.answers(playStream(exception("validationException", "no such model")))
				if r := w.ask(from, to, "", asked[from]); r.status != http.StatusBadRequest || !bytes.Contains(r.body, []byte("no such model")) {
					t.Errorf("answered %d %s", r.status, r.body)
				}
			})
		}
	}
}

// TestDamage breaks AWS event streams in the middle of an answer.
func TestDamage(t *testing.T) {
	w := newWorld(t)
	for _, from := range []string{chatAPI, messagesAPI} {
		for _, to := range []string{invokeUp, converseUp} {
			begun, rest := cutStream(to)
			for name, tail := range map[string][]byte{
				"STR-19 an exception":            exception("modelStreamErrorException", "the model broke"),
				"STR-19 a wrong checksum":        flipped(rest),
				"STR-19 a message cut short":     rest[:20],
				"STR-19 a message of 4 GiB":      append([]byte{0xff, 0xff, 0xff, 0xff}, rest[4:]...),
				"STR-19 an exception, untyped":   exception("", "the model broke"),
				"STR-19 a throttling in between": exception("throttlingException", "slow down"),
			} {
				t.Run(title(name+" is an error in the stream", from, to), func(t *testing.T) {
					w.up.answers(playStream(bytes.Join([][]byte{begun, tail}, nil)))
					fault := wantFault(t, from, w.ask(from, to, "", asked[from]))
					if strings.Contains(string(tail), "the model broke") && !strings.Contains(text(fault, "message"), "the model broke") {
						t.Errorf("the words are lost: %v", fault)
					}
				})
			}
		}
	}
}

func flipped(b []byte) []byte {
	out := bytes.Clone(b)
	out[len(out)/2] ^= 1
	return out
}
