package responses

import (
	"net/http"
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
		{"ERR-04 by words", `{"error":{"message":"Your input exceeds the context window of this model."}}`, "Your input exceeds the context window of this model.", 400, llm.ErrContext, 400},
		{"too many tokens a minute are not too many", `{"error":{"message":"Too many tokens, please wait"}}`, "Too many tokens, please wait", 429, llm.ErrRate, 429},
		{"ERR-01 too fast", `{"error":{"message":"slow","type":"requests","code":"rate_limit_exceeded"}}`, "slow", 429, llm.ErrRate, 429},
		{"ERR-13 money spent", `{"error":{"message":"quota","type":"insufficient_quota"}}`, "quota", 429, llm.ErrBilling, 429},
		{"a wrong key", `{"error":{"message":"Incorrect API key","code":"invalid_api_key"}}`, "Incorrect API key", 401, llm.ErrAuth, 401},
		{"no such model, said with 400", `{"error":{"message":"no model","code":"model_not_found"}}`, "no model", 400, llm.ErrNotFound, 400},
		{"no such model", `{"error":{"message":"no model","code":"model_not_found"}}`, "no model", 404, llm.ErrNotFound, 404},
		{"ERR-07 the status is kept", `{"error":{"message":"no"}}`, "no", 422, llm.ErrInvalid, 422},
		{"ERR-03 overloaded", `{"error":{"message":"The engine is currently overloaded"}}`, "The engine is currently overloaded", 503, llm.ErrOverloaded, 529},
		{"overloaded by code", `{"error":{"message":"x","code":"server_is_overloaded"}}`, "x", 500, llm.ErrOverloaded, 529},
		{"broken", `{"error":{"message":"oops","type":"server_error"}}`, "oops", 500, llm.ErrUpstream, 502},
		{"an error as a text", `{"error":"no"}`, "no", 400, llm.ErrInvalid, 400},
		{"FastAPI", `{"detail":"no"}`, "no", 400, llm.ErrInvalid, 400},
		{"the code is the status", `{"error":{"message":"no","code":400}}`, "no", 400, llm.ErrInvalid, 400},
		{"a page", `<html>busy</html>`, "the upstream answered 502 with a page that is not JSON", 502, llm.ErrUpstream, 502},
		{"nothing", ``, "the upstream answered 503 without a word", 503, llm.ErrUnavail, 503},
		{"no message", `{"error":{}}`, "the upstream answered 500 without a message", 500, llm.ErrUpstream, 502},
	} {
		t.Run(c.name, func(t *testing.T) {
			e := Dialect{}.DecodeError(c.status, http.Header{}, []byte(c.body))
			if e.Kind != c.kind || e.Message != c.message || e.HTTPStatus() != c.httpStatus || !e.Upstream || e.UpstreamStatus != c.status {
				t.Errorf("%+v", e)
			}
		})
	}
}

func TestErrorCodesInStreams(t *testing.T) {
	for code, kind := range map[string]llm.ErrorKind{
		"server_error": llm.ErrUpstream, "rate_limit_exceeded": llm.ErrRate, "invalid_prompt": llm.ErrInvalid, "image_too_large": llm.ErrInvalid,
		"empty_image_file": llm.ErrInvalid, "slow_down": llm.ErrOverloaded, "overloaded": llm.ErrOverloaded, "429": llm.ErrRate,
	} {
		f, _ := readError([]byte(`{"type":"error","code":"` + code + `","message":"m"}`))
		if e := f.toError(0); e.Kind != kind {
			t.Errorf("%s: %s", code, e.Kind)
		}
	}
	for typ, kind := range map[string]llm.ErrorKind{
		"invalid_request_error": llm.ErrInvalid, "authentication_error": llm.ErrAuth, "permission_error": llm.ErrForbidden, "tokens": llm.ErrRate, "overloaded_error": llm.ErrOverloaded,
	} {
		f, _ := readError([]byte(`{"error":{"type":"` + typ + `","message":"m"}}`))
		if e := f.toError(0); e.Kind != kind {
			t.Errorf("%s: %s", typ, e.Kind)
		}
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
