package completions

import (
	"bytes"
	"strings"
	"testing"

	"turnpike/internal/llm"
	"turnpike/internal/llm/llmtest"
	"turnpike/internal/wire"
)

func TestDecodeRequest(t *testing.T) {
	for _, c := range []struct{ name, body, turns, losses string }{
		{"a text", `{"prompt":"hi"}`, "user: hi", ""},
		{"a list of one", `{"prompt":["hi"]}`, "user: hi", ""},
		{"several texts", `{"prompt":["a","b","c"]}`, "user: a / user: b / user: c", "prompt"},
	} {
		t.Run(c.name, func(t *testing.T) {
			req, err := Dialect{}.DecodeRequest(nil, []byte(c.body))
			if err != nil {
				t.Fatal(err)
			}
			var turns []string
			for _, turn := range req.Turns {
				turns = append(turns, string(turn.Role)+": "+llmtest.DumpParts(turn.Parts))
			}
			if got := strings.Join(turns, " / "); got != c.turns || llmtest.DumpLosses(req.Lost("")) != c.losses {
				t.Errorf("%s, losses %v", got, req.Losses)
			}
		})
	}
	req, err := Dialect{}.DecodeRequest(nil, []byte(`{"model":"m","prompt":"hi","stream":true,"stream_options":{"include_usage":true,"include_obfuscation":false},"max_tokens":9,
		"temperature":0.5,"top_p":0.1,"top_k":3,"stop":["a","b"],"user":"u","echo":true,"n":2,"best_of":1,"logprobs":3,"suffix":"s","seed":7,"presence_penalty":0,"logit_bias":{"1":2},"new":1}`))
	if err != nil {
		t.Fatal(err)
	}
	if req.Model != "m" || !req.Stream || !req.StreamUsage || *req.MaxTokens != 9 || *req.Temperature != 0.5 || *req.TopP != 0.1 || *req.TopK != 3 ||
		strings.Join(req.Stop, "") != "ab" || req.User != "u" || req.Echo != "hi" {
		t.Errorf("%+v", req)
	}
	var extras []string
	for _, x := range req.Extra {
		extras = append(extras, x.Dialect+" "+x.Name+" "+string(x.Raw))
	}
	if got := strings.Join(extras, ", "); got != `completions n 2, completions logprobs 3, completions suffix "s", chat seed 7, chat logit_bias {"1":2}, completions new 1` {
		t.Errorf("extras %s", got)
	}
}

func TestRefusedRequests(t *testing.T) {
	for _, c := range []struct{ name, body, param, words string }{
		{"token numbers", `{"prompt":[1,2]}`, "prompt", "send text"},
		{"lists of token numbers", `{"prompt":[[1,2],[3]]}`, "prompt", "send text"},
		{"no prompt", `{"model":"m"}`, "prompt", "give the text"},
		{"an empty prompt", `{"prompt":""}`, "prompt", "give the text"},
		{"another type", `{"prompt":{}}`, "prompt", "must be a text"},
		{"no tokens", `{"prompt":"a","max_tokens":0}`, "max_tokens", "at least 1"},
		{"no JSON", `{"prompt":`, "prompt", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := Dialect{}.DecodeRequest(nil, []byte(c.body))
			e, ok := err.(*llm.Error) //nolint:errorlint // as the gateway gets it
			if !ok || e.Kind != llm.ErrInvalid || e.Param != c.param || !strings.Contains(e.Message, c.words) {
				t.Errorf("%v", err)
			}
		})
	}
}

func TestEncodeRequest(t *testing.T) {
	body := `{"prompt":"hi","echo":true,"max_tokens":9,"temperature":0.5,"top_p":0.1,"top_k":3,"stop":["a"],"user":"u","suffix":"s","seed":7}`
	req, err := Dialect{}.DecodeRequest(nil, []byte(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Extra = append(req.Extra, llm.Extra{Dialect: "messages", Name: "container"}, llm.Extra{Dialect: "chat", Name: "metadata", Bookkeeping: true})
	out, losses, err := Dialect{}.EncodeRequest(req, &llm.Target{Model: "m", Stream: true})
	const want = `{"model":"m","prompt":"hi","echo":true,"stream":true,"stream_options":{"include_usage":true},"max_tokens":9,"temperature":0.5,"top_p":0.1,"top_k":3,"stop":["a"],"user":"u","suffix":"s","seed":7}`
	if err != nil || string(out) != want || llmtest.DumpLosses(losses) != "container" {
		t.Errorf("%s, %v, %v", out, losses, err)
	}
}

func TestPass(t *testing.T) {
	for _, c := range []struct {
		name, body string
		stream     bool
		want       string
	}{
		{"the model", `{ "model":"x", "prompt":[1,2] }`, false, `{ "model":"m", "prompt":[1,2] }`},
		{"the same model", `{"model":"m","n":1.0}`, false, `{"model":"m","n":1.0}`},
		{"usage", `{"model":"m","stream":true}`, true, `{"model":"m","stream":true,"stream_options":{"include_usage":true}}`},
		{"usage not wished", `{"model":"m","stream_options":{"include_usage":false,"x":1}}`, true, `{"model":"m","stream_options":{"include_usage":true,"x":1}}`},
		{"usage wished", `{"model":"m","stream_options":{"include_usage":true}}`, true, `{"model":"m","stream_options":{"include_usage":true}}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			o, err := wire.ParseObject([]byte(c.body))
			if err != nil {
				t.Fatal(err)
			}
			edits, losses, ok := Dialect{}.Pass(o, nil, &llm.Target{Model: "m", Stream: c.stream})
			if got := string(o.Apply(edits...)); got != c.want || !ok || losses != nil {
				t.Errorf("%s, %v, %v", got, losses, ok)
			}
		})
	}
}

// answer is what a model said, and what the client gets of it.
type answer struct {
	name  string
	req   llm.Request
	parts []llm.Part
	stop  llm.Stop
	text  string
	why   string
	lost  string
}

var answers = []answer{
	{"a text", llm.Request{}, []llm.Part{&llm.Text{Text: "hi"}}, llm.StopEnd, "hi", "stop", ""},
	{"the prompt before it", llm.Request{Echo: "So: "}, []llm.Part{&llm.Text{Text: "hi"}}, llm.StopEnd, "So: hi", "stop", ""},
	{"cut", llm.Request{}, []llm.Part{&llm.Text{Text: "hi"}}, llm.StopLength, "hi", "length", ""},
	{"filtered", llm.Request{}, []llm.Part{&llm.Refusal{Text: "no"}}, llm.StopFilter, "no", "content_filter", ""},
	{"reasoning", llm.Request{}, []llm.Part{&llm.Thinking{Text: "hm"}, &llm.Text{Text: "hi"}}, llm.StopEnd, "hi", "stop", "content: thinking"},
	{"a call", llm.Request{}, []llm.Part{&llm.ToolCall{ID: "a", Name: "f"}, &llm.Text{Text: "hi"}}, llm.StopTool, "hi", "stop", "content"},
	{"nothing", llm.Request{}, nil, llm.StopEnd, "", "stop", ""},
}

func TestAnswers(t *testing.T) {
	for _, c := range answers {
		t.Run(c.name, func(t *testing.T) {
			c.req.Model, c.req.StreamUsage = "alias", true
			res := &llm.Response{ID: "x", Model: "m", Created: 5, Parts: c.parts, Stop: c.stop, Usage: llm.Usage{Known: true, Input: 3, CacheRead: 2, Output: 4}}
			body := Dialect{}.EncodeResponse(&c.req, res)
			if llmtest.DumpLosses(res.Losses) != c.lost {
				t.Errorf("losses %v", res.Losses)
			}
			if !strings.HasPrefix(string(body), `{"id":"x","object":"text_completion","created":5,"model":"alias","choices":[{"text":`) {
				t.Errorf("body %s", body)
			}
			whole, err := Dialect{}.DecodeResponse(body)
			if err != nil {
				t.Fatal(err)
			}
			c.same(t, "whole", whole)
			enc := Dialect{}.NewStreamEncoder(&c.req)
			var stream []byte
			_ = res.Replay(func(e *llm.Event) error { stream = enc.Append(stream, e); return nil })
			if !bytes.HasSuffix(stream, []byte("data: [DONE]\n\n")) {
				t.Errorf("stream %s", stream)
			}
			for seed := range uint64(20) {
				streamed, fault := llmtest.Decode(t, Dialect{}.NewStreamDecoder(), wire.NewSSE(llmtest.Chopped(stream, seed, 60), 0))
				if fault != nil {
					t.Fatal(fault)
				}
				c.same(t, "streamed", streamed)
			}
		})
	}
}

func (c *answer) same(t *testing.T, how string, got *llm.Response) {
	t.Helper()
	text := ""
	for _, p := range got.Parts {
		if p, ok := p.(*llm.Text); ok {
			text += p.Text
		}
	}
	if text != c.text || got.NativeStop != c.why || got.ID != "x" || got.Created != 5 || got.Usage != (llm.Usage{Known: true, Input: 3, CacheRead: 2, Output: 4}) {
		t.Errorf("%s: %q, %+v", how, text, got)
	}
}

// TestUsageForThoseWhoAsk: a stream tells its usage in a chunk of its own, to
// clients that want it.
func TestUsageForThoseWhoAsk(t *testing.T) {
	res := &llm.Response{ID: "x", Parts: []llm.Part{&llm.Text{Text: "hi"}}, Usage: llm.Usage{Known: true, Input: 3, Output: 4}}
	for _, asks := range []bool{false, true} {
		enc := Dialect{}.NewStreamEncoder(&llm.Request{StreamUsage: asks})
		var stream []byte
		_ = res.Replay(func(e *llm.Event) error { stream = enc.Append(stream, e); return nil })
		if got := bytes.Contains(stream, []byte(`"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":4,"total_tokens":7}`)); got != asks {
			t.Errorf("asks %v: %s", asks, stream)
		}
	}
}

func TestFaults(t *testing.T) {
	enc := Dialect{}.NewStreamEncoder(&llm.Request{})
	out := enc.Append(nil, &llm.Event{Kind: llm.EventFault, Err: &llm.Error{Kind: llm.ErrUpstream, Message: "broke off"}})
	out = enc.Append(out, &llm.Event{Kind: llm.EventFinish})
	if string(out) != `data: {"error":{"message":"broke off","type":"server_error","param":null,"code":"upstream_error"}}`+"\n\n" {
		t.Errorf("%s", out)
	}
	for _, c := range []struct{ name, stream, message string }{
		{"an error", "data: {\"error\":{\"message\":\"oh\",\"type\":\"server_error\"}}\n\n", "oh"},
		{"no JSON", "data: oh\n\n", "the upstream answered 0 with a page that is not JSON"},
		{"broken off", "data: {\"id\":\"x\",\"choices\":[{\"text\":\"a\",\"index\":0}]}\n\n", "the upstream's answer broke off"},
		{"empty", "data: [DONE]\n\n", "the upstream's answer is empty"},
	} {
		if _, fault := llmtest.Decode(t, Dialect{}.NewStreamDecoder(), wire.NewSSE(strings.NewReader(c.stream), 0)); fault == nil || fault.Message != c.message {
			t.Errorf("%s: %v", c.name, fault)
		}
	}
}

func TestDecodeError(t *testing.T) {
	for _, c := range []struct {
		status int
		body   string
		kind   llm.ErrorKind
		words  string
	}{
		{400, `{"error":{"message":"m","code":"integer_below_min_value","param":"max_tokens","type":"invalid_request_error"}}`, llm.ErrInvalid, "m"},
		{400, `{"error":{"message":"This model's maximum context length is 4097 tokens","code":null}}`, llm.ErrContext, "maximum"},
		{401, `{"error":{"message":"bad key","code":"invalid_api_key"}}`, llm.ErrAuth, "bad key"},
		{429, `{"error":{"message":"quota","code":"insufficient_quota"}}`, llm.ErrBilling, "quota"},
		{503, `<html>`, llm.ErrUnavail, "not JSON"},
		{500, ``, llm.ErrUpstream, "without a word"},
		{404, `{}`, llm.ErrNotFound, "without a message"},
	} {
		e := Dialect{}.DecodeError(c.status, nil, []byte(c.body))
		if e.Kind != c.kind || !strings.Contains(e.Message, c.words) || e.UpstreamStatus != c.status {
			t.Errorf("%d %s: %+v", c.status, c.body, e)
		}
	}
}
