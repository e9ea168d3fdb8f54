package chat

import (
	"net/http"
	"strings"
	"testing"
	"time"

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
	e := Dialect{}.DecodeError(400, nil, []byte(`{"error":{"message":"`+strings.Repeat("é", maxMessage)+`"}}`))
	if len(e.Message) > maxMessage+4 || !strings.HasSuffix(e.Message, "é…") {
		t.Errorf("%d bytes, ends in %q", len(e.Message), e.Message[len(e.Message)-8:])
	}
}

func TestRetryAfter(t *testing.T) {
	const date = "Sat, 21 Nov 2026 10:00:00 GMT"
	for _, c := range []struct {
		name   string
		header map[string]string
		want   time.Duration
	}{
		{"ERR-01 seconds", map[string]string{"Retry-After": "7"}, 7 * time.Second},
		{"a fraction", map[string]string{"Retry-After": "0.5"}, 500 * time.Millisecond},
		{"milliseconds first", map[string]string{"Retry-After": "7", "Retry-After-Ms": "250"}, 250 * time.Millisecond},
		{"a date by the upstream's clock", map[string]string{"Retry-After": "Sat, 21 Nov 2026 10:00:30 GMT", "Date": date}, 30 * time.Second},
		{"a date that has passed", map[string]string{"Retry-After": "Sat, 21 Nov 2026 09:00:30 GMT", "Date": date}, 0},
		{"a date long gone, no clock", map[string]string{"Retry-After": "Sat, 21 Nov 2009 09:00:30 GMT"}, 0},
		{"far away", map[string]string{"Retry-After": "999999"}, maxRetryAfter},
		{"nonsense", map[string]string{"Retry-After": "soon"}, 0},
		{"negative", map[string]string{"Retry-After": "-5"}, 0},
		{"not told", nil, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := http.Header{}
			for k, v := range c.header {
				h.Set(k, v)
			}
			if got := (Dialect{}).DecodeError(429, h, nil).RetryAfter; got != c.want {
				t.Errorf("got %v, want %v", got, c.want)
			}
		})
	}
	if e := (Dialect{}).DecodeError(429, http.Header{"X-Should-Retry": {"false"}}, nil); !e.NoRetry {
		t.Error("x-should-retry: false was not heard")
	}
}

func TestEncodeError(t *testing.T) {
	for _, c := range []struct {
		name   string
		err    llm.Error
		status int
		want   string // type, param, code
	}{
		{"invalid", llm.Error{Kind: llm.ErrInvalid, Param: "x"}, 400, `"type":"invalid_request_error","param":"x","code":null`},
		{"invalid with a code and a status", llm.Error{Kind: llm.ErrInvalid, Code: "odd", Status: 422}, 422, `"type":"invalid_request_error","param":null,"code":"odd"`},
		{"ERR-05 context", llm.Error{Kind: llm.ErrContext, Code: "whatever"}, 400, `"type":"invalid_request_error","param":null,"code":"context_length_exceeded"`},
		{"no key", llm.Error{Kind: llm.ErrAuth}, 401, `"type":"invalid_request_error","param":null,"code":"invalid_api_key"`},
		{"ERR-13 money", llm.Error{Kind: llm.ErrBilling}, 429, `"type":"insufficient_quota","param":null,"code":"insufficient_quota"`},
		{"not allowed", llm.Error{Kind: llm.ErrForbidden}, 403, `"type":"permission_error","param":null,"code":"permission_denied"`},
		{"no model", llm.Error{Kind: llm.ErrNotFound, Param: "model"}, 404, `"type":"invalid_request_error","param":"model","code":"model_not_found"`},
		{"conflict", llm.Error{Kind: llm.ErrConflict}, 409, `"type":"invalid_request_error","param":null,"code":"conflict"`},
		{"too large", llm.Error{Kind: llm.ErrTooLarge}, 413, `"type":"invalid_request_error","param":null,"code":"request_too_large"`},
		{"ERR-01 too fast", llm.Error{Kind: llm.ErrRate}, 429, `"type":"requests","param":null,"code":"rate_limit_exceeded"`},
		{"too many tokens", llm.Error{Kind: llm.ErrRate, Type: "tokens"}, 429, `"type":"tokens","param":null,"code":"rate_limit_exceeded"`},
		{"ours", llm.Error{Kind: llm.ErrInternal}, 500, `"type":"server_error","param":null,"code":"internal_error"`},
		{"upstream", llm.Error{Kind: llm.ErrUpstream}, 502, `"type":"server_error","param":null,"code":"upstream_error"`},
		{"not ready", llm.Error{Kind: llm.ErrUnavail}, 503, `"type":"server_error","param":null,"code":"unavailable"`},
		{"too slow", llm.Error{Kind: llm.ErrTimeout}, 504, `"type":"server_error","param":null,"code":"timeout"`},
		{"ERR-03 overloaded is 503 here", llm.Error{Kind: llm.ErrOverloaded}, 503, `"type":"server_error","param":null,"code":"overloaded"`},
		{"no kind", llm.Error{}, 500, `"type":"server_error","param":null,"code":null`},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.err.Message = "say \"it\""
			status, body := Dialect{}.EncodeError(&c.err, "req_1")
			if want := `{"error":{"message":"say \"it\"",` + c.want + `}}`; status != c.status || string(body) != want {
				t.Errorf("got %d %s\nwant %d %s", status, body, c.status, want)
			}
		})
	}
}
