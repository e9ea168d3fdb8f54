package converse

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"turnpike/internal/llm"
	"turnpike/internal/llm/llmtest"
)

// written encodes an answer for a client and parses it.
func written(t testing.TB, req *llm.Request, res *llm.Response) map[string]any {
	t.Helper()
	body := Dialect{}.EncodeResponse(req, res)
	var v map[string]any
	if err := json.Unmarshal(body, &v); err != nil {
		t.Fatalf("%v: %s", err, body)
	}
	return v
}

func TestEncodeResponseBlocks(t *testing.T) {
	long := strings.Repeat("x", 70)
	req := &llm.Request{Tools: []llm.Tool{{Name: "a.b"}}}
	cases := []struct {
		name string
		part llm.Part
		want string // empty: nothing but a loss
		loss string
	}{
		{"text", text("größe 🐦"), `{"text":"größe 🐦"}`, ""},
		{"cited text", &llm.Text{Text: "a", Citations: llmtest.Cites("converse", `[{"title":"t"}]`)}, `{"citationsContent":{"content":[{"text":"a"}],"citations":[{"title":"t"}]}}`, ""},
		{"citations of others", &llm.Text{Text: "a", Citations: llmtest.Cites("messages", `[{}]`)}, `{"text":"a"}`, "content"},
		{"THK-02 signed reasoning", &llm.Thinking{Text: "t", Signature: "s"}, `{"reasoningContent":{"reasoningText":{"text":"t","signature":"s"}}}`, ""},
		{"THK-03 a signature without a text", &llm.Thinking{Signature: "s"}, `{"reasoningContent":{"reasoningText":{"text":"","signature":"s"}}}`, ""},
		{"THK-06 redacted reasoning of Claude", &llm.Thinking{Redacted: "EmwK+A"}, `{"reasoningContent":{"redactedContent":"RW13SytB"}}`, ""},
		{"THK-06 redacted reasoning that is Bedrock's already", &llm.Thinking{Redacted: "RW13SytB"}, `{"reasoningContent":{"redactedContent":"RW13SytB"}}`, ""},
		{"THK-18 reasoning nobody signed", &llm.Thinking{Text: "t"}, `{"reasoningContent":{"reasoningText":{"text":"t","signature":"` + unsignedSeal() + `"}}}`, ""},
		{"a call", call("i", "f", `{"a":1}`), `{"toolUse":{"toolUseId":"i","name":"f","input":{"a":1}}}`, ""},
		{"a call without arguments", &llm.ToolCall{ID: "i", Name: "f"}, `{"toolUse":{"toolUseId":"i","name":"f","input":{}}}`, ""},
		{"TOOL-10 the client's own name", call("i", llm.ShortName("a.b", llm.NameLimit64), `{}`), `{"toolUse":{"toolUseId":"i","name":"a.b","input":{}}}`, ""},
		{"TOOL-18 broken arguments", &llm.ToolCall{ID: "i", Name: "f", Broken: `{"a":`}, `{"toolUse":{"toolUseId":"i","name":"f","input":{"_raw_arguments":"{\"a\":"}}}`, ""},
		{"free text", &llm.ToolCall{ID: "i", Name: "f", Broken: "a\nb", Custom: true}, `{"toolUse":{"toolUseId":"i","name":"f","input":{"input":"a\nb"}}}`, ""},
		{"TOOL-20 an id that Bedrock refuses", call(long, "f", `{}`), `{"toolUse":{"toolUseId":"` + llm.ShortID(long, llm.IDLimit64) + `","name":"f","input":{}}}`, ""},
		{"a refusal", &llm.Refusal{Text: "no"}, `{"text":"no"}`, ""},
		{"a picture", &llm.Media{Kind: llm.Image, MIME: "image/png", Data: "iVBO"}, `{"image":{"format":"png","source":{"bytes":"iVBO"}}}`, ""},
		{"a sound", &llm.Media{Kind: llm.Audio, Data: "A"}, "", "content"},
		{"what only Converse has", &llm.Native{Dialect: "converse", Type: "x", Raw: []byte(`{"x":1}`)}, `{"x":1}`, ""},
		{"MSG-17 what only others have", &llm.Native{Dialect: "messages", Type: "server_tool_use", Raw: []byte(`{}`)}, "", "content"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			res := &llm.Response{Parts: []llm.Part{c.part}, Stop: llm.StopEnd}
			v := written(t, req, res)
			llmtest.Want(t, v, "output.message.content.0", c.want)
			llmtest.Want(t, v, "output.message.role", `"assistant"`)
			if c.loss == "" {
				llmtest.NoLoss(t, res.Losses)
			} else {
				llmtest.WantLoss(t, res.Losses, c.loss)
			}
		})
	}
}

func TestEncodeResponseIDs(t *testing.T) {
	v := written(t, &llm.Request{}, &llm.Response{Parts: []llm.Part{call("i", "f", `{}`), call("i", "f", `{}`), call("", "f", `{}`)}})
	seen := map[string]bool{}
	for _, b := range asList(llmtest.At(v, "output.message.content")) {
		id := str(b, "toolUse.toolUseId")
		if seen[id] || !plainID(id) {
			t.Errorf("id %q", id)
		}
		seen[id] = true
	}
}

func TestEncodeResponseStops(t *testing.T) {
	cases := []struct {
		name   string
		stop   llm.Stop
		native string
		part   llm.Part
		want   string
	}{
		{"the end", llm.StopEnd, "stop", text("a"), "end_turn"},
		{"the limit", llm.StopLength, "length", text("a"), "max_tokens"},
		{"STOP-03 the context", llm.StopContext, "", text("a"), "model_context_window_exceeded"},
		{"a call", llm.StopTool, "tool_calls", call("i", "f", "{}"), "tool_use"},
		{"a sequence", llm.StopSequence, "", text("a"), "stop_sequence"},
		{"STOP-01 STOP-05 a filter", llm.StopFilter, "refusal", text("a"), "content_filtered"},
		{"STOP-05 a guardrail", llm.StopFilter, "guardrail_intervened", text("a"), "guardrail_intervened"},
		{"STOP-04 a pause", llm.StopPause, "pause_turn", text("a"), "pause_turn"},
		{"STOP-06 an unknown reason", llm.StopOther, "moon", text("a"), "end_turn"},
		{"a reason of Converse's own", llm.StopOther, "malformed_tool_use", text("a"), "malformed_tool_use"},
		{"STOP-06 no reason", "", "", text("a"), "end_turn"},
		{"STOP-02 a refusal", llm.StopEnd, "stop", &llm.Refusal{Text: "no"}, "content_filtered"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			res := &llm.Response{Parts: []llm.Part{c.part}, Stop: c.stop, NativeStop: c.native}
			if got := str(written(t, &llm.Request{}, res), "stopReason"); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
			events := heard(t, encodeStream(&llm.Request{}, res))
			if got := str(events.one(t, "messageStop"), "stopReason"); got != c.want {
				t.Errorf("stream: got %q, want %q", got, c.want)
			}
		})
	}
	t.Run("STOP-10 the sequence and Anthropic's details", func(t *testing.T) {
		v := written(t, &llm.Request{}, &llm.Response{Stop: llm.StopSequence, StopSequence: "END", StopDetails: []byte(`{"type":"refusal"}`)})
		llmtest.Want(t, v, "additionalModelResponseFields", `{"stop_sequence":"END","delta":{"stop_sequence":"END"},"stop_details":{"type":"refusal"}}`)
	})
}

func TestEncodeResponseUsage(t *testing.T) {
	u := llm.Usage{Known: true, Input: 1, Output: 2, CacheRead: 10, CacheWrite5m: 100, CacheWrite1h: 1000, Reasoning: 1}
	v := written(t, &llm.Request{}, &llm.Response{Usage: u, Tier: "flex"})
	llmtest.Want(t, v, "usage", `{"inputTokens":1,"outputTokens":2,"totalTokens":1113,"cacheReadInputTokens":10,"cacheWriteInputTokens":1100,"cacheDetails":[{"ttl":"1h","inputTokens":1000},{"ttl":"5m","inputTokens":100}]}`)
	llmtest.Want(t, v, "serviceTier", `{"type":"flex"}`)
	llmtest.Want(t, v, "metrics", `{"latencyMs":0}`)
	v = written(t, &llm.Request{}, &llm.Response{Usage: llm.Usage{Known: true, CacheWrite5m: 7}, Tier: "standard", Extra: []llm.Extra{
		{Dialect: "converse", Name: "metrics", Raw: []byte(`{"latencyMs":5}`)}, {Dialect: "messages", Name: "container", Raw: []byte(`{}`)},
	}})
	llmtest.Want(t, v, "usage", `{"inputTokens":0,"outputTokens":0,"totalTokens":7,"cacheReadInputTokens":0,"cacheWriteInputTokens":7}`)
	llmtest.Want(t, v, "serviceTier", "")
	llmtest.Want(t, v, "container", "")
	llmtest.Want(t, v, "metrics", `{"latencyMs":5}`)
}

func TestEncodeError(t *testing.T) {
	cases := []struct {
		name, message string
		e             llm.Error
		status        int
		typ, stream   string
	}{
		{"invalid", "no", llm.Error{Kind: llm.ErrInvalid}, 400, "ValidationException", "validationException"},
		{"a status of the gateway's own", "no", llm.Error{Kind: llm.ErrInvalid, Status: 405}, 405, "ValidationException", "validationException"},
		{"a status of the upstream's", "no", llm.Error{Kind: llm.ErrUpstream, Status: 502, Upstream: true}, 500, "InternalServerException", "modelStreamErrorException"},
		{"the key", "no", llm.Error{Kind: llm.ErrAuth}, 403, "UnrecognizedClientException", "validationException"},
		{"the money", "no", llm.Error{Kind: llm.ErrBilling}, 400, "ServiceQuotaExceededException", "validationException"},
		{"forbidden", "no", llm.Error{Kind: llm.ErrForbidden}, 403, "AccessDeniedException", "validationException"},
		{"not found", "no", llm.Error{Kind: llm.ErrNotFound}, 404, "ResourceNotFoundException", "validationException"},
		{"conflict", "no", llm.Error{Kind: llm.ErrConflict}, 409, "ConflictException", "validationException"},
		{"too large", "no", llm.Error{Kind: llm.ErrTooLarge}, 413, "RequestEntityTooLargeException", "validationException"},
		{"ERR-01 too fast", "no", llm.Error{Kind: llm.ErrRate}, 429, "ThrottlingException", "throttlingException"},
		{"ours", "no", llm.Error{Kind: llm.ErrInternal}, 500, "InternalServerException", "internalServerException"},
		{"unavailable", "no", llm.Error{Kind: llm.ErrUnavail}, 503, "ServiceUnavailableException", "serviceUnavailableException"},
		{"ERR-03 overloaded", "no", llm.Error{Kind: llm.ErrOverloaded}, 503, "ServiceUnavailableException", "serviceUnavailableException"},
		{"ERR-01 timeout", "no", llm.Error{Kind: llm.ErrTimeout}, 408, "ModelTimeoutException", "modelStreamErrorException"},
		{"unheard of", "no", llm.Error{Kind: "moon"}, 500, "InternalServerException", "internalServerException"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			c.e.Message = c.message
			status, body := Dialect{}.EncodeError(&c.e, "r1")
			if status != c.status || string(body) != `{"message":"no"}` || llm.ExceptionOf(c.e.Kind).Type != c.typ {
				t.Errorf("%d %s %s", status, llm.ExceptionOf(c.e.Kind).Type, body)
			}
			h := heard(t, Dialect{}.NewStreamEncoder(&llm.Request{}).Append(nil, &llm.Event{Kind: llm.EventFault, Err: &c.e}))
			if len(h) != 1 || h[0].event != c.stream || !h[0].exception || str(h[0].payload, "message") != "no" {
				t.Errorf("in a stream: %+v", h)
			}
			// What we write is understood as what it was, where the types allow.
			back := Dialect{}.DecodeError(status, map[string][]string{"X-Amzn-Errortype": {c.typ}}, body)
			if back.Message != "no" || back.Kind == "" {
				t.Errorf("read back: %+v", back)
			}
		})
	}
}

func TestEncodeContextError(t *testing.T) {
	for _, said := range []string{"maximum context length is 5", "", "prompt is too long: 6 > 5", "Input is too long for requested model.", "input length and `max_tokens` exceed context limit: 1 + 2 > 2"} {
		t.Run("ERR-04 "+said, func(t *testing.T) {
			_, body := Dialect{}.EncodeError(&llm.Error{Kind: llm.ErrContext, Message: said}, "")
			var v map[string]any
			if err := json.Unmarshal(body, &v); err != nil {
				t.Fatal(err)
			}
			got := str(v, "message")
			known := false
			for _, words := range []string{"Input is too long for requested model", "input length and `max_tokens` exceed context limit", "prompt is too long"} {
				known = known || strings.Contains(got, words)
			}
			if !known || !strings.Contains(got, said) || strings.HasSuffix(got, ": ") {
				t.Errorf("got %q", got)
			}
			if e := (Dialect{}).DecodeError(400, nil, body); e.Kind != llm.ErrContext {
				t.Errorf("%q is read back as %s", got, e.Kind)
			}
		})
	}
}

// TestRoundTripParts holds that what is written is read as it was.
func TestRoundTripParts(t *testing.T) {
	res := &llm.Response{
		Parts: []llm.Part{&llm.Thinking{Text: "t", Signature: "s"}, text("a"), call("i", "f", `{"a":1}`)}, Stop: llm.StopTool, NativeStop: "tool_use",
		Usage: llm.Usage{Known: true, Input: 3, Output: 4, CacheRead: 5, CacheWrite5m: 6, CacheWrite1h: 7, Tier: llm.TierPriority}, Tier: "priority",
	}
	got := decode(t, string(Dialect{}.EncodeResponse(&llm.Request{}, res)))
	got.Extra = nil
	if !reflect.DeepEqual(got, res) {
		t.Errorf("got  %s\nwant %s", mustJSON(got), mustJSON(res))
	}
}
