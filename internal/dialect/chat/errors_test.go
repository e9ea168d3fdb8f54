package chat

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"turnpike/internal/dialect/openai"
	"turnpike/internal/llm"
)

func TestDecodeError(t *testing.T) {
	for _, c := range []struct {
		name, body, message string
		status              int
		kind                llm.ErrorKind
		httpStatus          int
	}{
		{"OpenAI's", `{"error":{"message":"no","type":"invalid_request_error","param":"x","code":"bad"}}`, "no", 400, llm.ErrInvalid, 400},
		{"ERR-04 ERR-05 by code", `{"error":{"message":"too much","code":"context_length_exceeded"}}`, "too much", 400, llm.ErrContext, 400},
		{"ERR-04 vLLM", `{"object":"error","message":"This model's maximum context length is 4096 tokens. However, you requested 5000","type":"BadRequestError","code":400}`, "This model's maximum context length is 4096 tokens. However, you requested 5000", 400, llm.ErrContext, 400},
		{"ERR-04 llama.cpp", `{"error":{"code":400,"message":"the request exceeds the available context size. try increasing it","type":"exceed_context_size_error"}}`, "the request exceeds the available context size. try increasing it", 400, llm.ErrContext, 400},
		{"ERR-04 Anthropic behind a proxy", `{"error":{"message":"prompt is too long: 200001 tokens > 200000 maximum"}}`, "prompt is too long: 200001 tokens > 200000 maximum", 400, llm.ErrContext, 400},
		{"ERR-04 and max_tokens", "{\"error\":{\"message\":\"input length and `max_tokens` exceed context limit: 1 + 2 > 2\"}}", "input length and `max_tokens` exceed context limit: 1 + 2 > 2", 400, llm.ErrContext, 400},
		{"ERR-04 Bedrock behind a proxy", `{"error":{"message":"Input is too long for requested model."}}`, "Input is too long for requested model.", 400, llm.ErrContext, 400},
		{"too many tokens a minute are not too many", `{"error":{"message":"Too many tokens, please wait"}}`, "Too many tokens, please wait", 429, llm.ErrRate, 429},
		{"ERR-01 too fast", `{"error":{"message":"slow","type":"requests","code":"rate_limit_exceeded"}}`, "slow", 429, llm.ErrRate, 429},
		{"ERR-13 money spent", `{"error":{"message":"quota","type":"insufficient_quota","code":"insufficient_quota"}}`, "quota", 429, llm.ErrBilling, 429},
		{"payment", `{"error":{"message":"Insufficient Balance","type":"unknown_error","code":"invalid_request_error"}}`, "Insufficient Balance", 402, llm.ErrBilling, 429},
		{"a wrong key", `{"error":{"message":"Incorrect API key","code":"invalid_api_key"}}`, "Incorrect API key", 401, llm.ErrAuth, 401},
		{"not allowed", `{"error":{"message":"no"}}`, "no", 403, llm.ErrForbidden, 403},
		{"no such model", `{"error":{"message":"no model","code":"model_not_found"}}`, "no model", 404, llm.ErrNotFound, 404},
		{"no such model, said with 400", `{"error":{"message":"no model","code":"model_not_found"}}`, "no model", 400, llm.ErrNotFound, 404},
		{"ERR-07 the status is kept", `{"error":{"message":"no"}}`, "no", 422, llm.ErrInvalid, 422},
		{"ERR-03 overloaded", `{"error":{"message":"The engine is currently overloaded"}}`, "The engine is currently overloaded", 503, llm.ErrOverloaded, 529},
		{"ERR-03 529", `{"error":{"message":"busy"}}`, "busy", 529, llm.ErrOverloaded, 529},
		{"not ready", `{"error":{"message":"loading"}}`, "loading", 503, llm.ErrUnavail, 503},
		{"broken", `{"error":{"message":"oops","type":"server_error"}}`, "oops", 500, llm.ErrUpstream, 502},
		{"too slow", `{"error":{"message":"late"}}`, "late", 504, llm.ErrTimeout, 504},
		{"an error as a text", `{"error":"no"}`, "no", 400, llm.ErrInvalid, 400},
		{"FastAPI", `{"detail":[{"loc":["body"],"msg":"field required","type":"missing"}]}`, "field required", 422, llm.ErrInvalid, 422},
		{"FastAPI, short", `{"detail":"Not Found"}`, "Not Found", 404, llm.ErrNotFound, 404},
		{"Google's list", `[{"error":{"code":400,"message":"bad","status":"INVALID_ARGUMENT"}}]`, "bad", 400, llm.ErrInvalid, 400},
		{"OpenRouter's inner error", `{"error":{"message":"Provider returned error","code":400,"metadata":{"raw":"{\"error\":{\"message\":\"no tools\"}}","provider_name":"X"}}}`, "Provider returned error: no tools", 400, llm.ErrInvalid, 400},
		{"OpenRouter's inner text", `{"error":{"message":"Provider returned error","code":400,"metadata":{"raw":"plain"}}}`, "Provider returned error: plain", 400, llm.ErrInvalid, 400},
		{"a page", `<html><body>nginx sk-secret</body></html>`, "the upstream answered 502 with a page that is not JSON", 502, llm.ErrUpstream, 502},
		{"half JSON", `{"error":{"mess`, "the upstream answered 500 with a page that is not JSON", 500, llm.ErrUpstream, 502},
		{"nothing", "\n", "the upstream answered 503 without a word", 503, llm.ErrUnavail, 503},
		{"JSON without words", `{}`, "the upstream answered 400 without a message", 400, llm.ErrInvalid, 400},
		{"null", `{"error":null}`, "the upstream answered 500 without a message", 500, llm.ErrUpstream, 502},
	} {
		t.Run(c.name, func(t *testing.T) {
			e := Dialect{}.DecodeError(c.status, http.Header{}, []byte(c.body))
			if e.Kind != c.kind || e.Message != c.message || e.HTTPStatus() != c.httpStatus || !e.Upstream || e.UpstreamStatus != c.status {
				t.Errorf("got %+v, want %s %d: %s", e, c.kind, c.httpStatus, c.message)
			}
			if e.NoRetry != (c.kind == llm.ErrBilling) {
				t.Errorf("no retry: %v", e.NoRetry)
			}
		})
	}
}

func TestDecodeErrorIsBounded(t *testing.T) {
	e := Dialect{}.DecodeError(400, nil, []byte(`{"error":{"message":"`+strings.Repeat("é", openai.MaxMessage)+`"}}`))
	if len(e.Message) > openai.MaxMessage+4 || !strings.HasSuffix(e.Message, "é…") {
		t.Errorf("%d bytes, ends in %q", len(e.Message), e.Message[len(e.Message)-8:])
	}
}

func TestAdvice(t *testing.T) {
	t.Run("ERR-01 what the headers say about trying again is heard", func(t *testing.T) {
		e := Dialect{}.DecodeError(429, http.Header{"Retry-After": {"7"}, "X-Should-Retry": {"false"}}, nil)
		if e.RetryAfter != 7*time.Second || !e.NoRetry {
			t.Errorf("%+v", e)
		}
	})
}

func TestEncodeError(t *testing.T) {
	t.Run("ERR-03 overloaded is 503 here", func(t *testing.T) {
		status, body := Dialect{}.EncodeError(&llm.Error{Kind: llm.ErrOverloaded, Message: "busy"}, "req_1")
		if want := `{"error":{"message":"busy","type":"server_error","param":null,"code":"overloaded"}}`; status != 503 || string(body) != want {
			t.Errorf("got %d %s", status, body)
		}
	})
}
