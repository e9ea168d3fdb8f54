package responses

import (
	"encoding/json"
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

func TestRetryAfter(t *testing.T) {
	for _, c := range []struct {
		name string
		h    http.Header
		want time.Duration
	}{
		{"seconds", http.Header{"Retry-After": {"1.5"}}, 1500 * time.Millisecond},
		{"milliseconds win", http.Header{"Retry-After-Ms": {"250"}, "Retry-After": {"9"}}, 250 * time.Millisecond},
		{"a date by the answer's own clock", http.Header{"Retry-After": {"Sat, 21 Nov 2026 10:00:30 GMT"}, "Date": {"Sat, 21 Nov 2026 10:00:00 GMT"}}, 30 * time.Second},
		{"a date long ago", http.Header{"Retry-After": {"Sat, 21 Nov 2020 10:00:30 GMT"}}, 0},
		{"nonsense", http.Header{"Retry-After": {"soon"}}, 0},
		{"for ever", http.Header{"Retry-After": {"9999999"}}, maxRetryAfter},
		{"nothing", http.Header{}, 0},
	} {
		if got := (Dialect{}).DecodeError(429, c.h, []byte(`{"error":{"message":"m"}}`)).RetryAfter; got != c.want {
			t.Errorf("%s: %v", c.name, got)
		}
	}
	if !(Dialect{}).DecodeError(429, http.Header{"X-Should-Retry": {"false"}}, nil).NoRetry {
		t.Error("X-Should-Retry: false")
	}
}

func TestEncodeError(t *testing.T) {
	for _, c := range []struct {
		e    llm.Error
		want string
	}{
		{llm.Error{Kind: llm.ErrInvalid, Param: "p"}, "400 invalid_request_error p null"},
		{llm.Error{Kind: llm.ErrContext}, "400 invalid_request_error null context_length_exceeded"},
		{llm.Error{Kind: llm.ErrAuth}, "401 invalid_request_error null invalid_api_key"},
		{llm.Error{Kind: llm.ErrBilling}, "429 insufficient_quota null insufficient_quota"},
		{llm.Error{Kind: llm.ErrForbidden}, "403 permission_error null permission_denied"},
		{llm.Error{Kind: llm.ErrNotFound}, "404 invalid_request_error null model_not_found"},
		{llm.Error{Kind: llm.ErrConflict}, "409 invalid_request_error null conflict"},
		{llm.Error{Kind: llm.ErrTooLarge}, "413 invalid_request_error null request_too_large"},
		{llm.Error{Kind: llm.ErrRate}, "429 requests null rate_limit_exceeded"},
		{llm.Error{Kind: llm.ErrRate, Type: "tokens", Code: "own"}, "429 tokens null own"},
		{llm.Error{Kind: llm.ErrInternal}, "500 server_error null internal_error"},
		{llm.Error{Kind: llm.ErrUpstream}, "502 server_error null upstream_error"},
		{llm.Error{Kind: llm.ErrUnavail}, "503 server_error null unavailable"},
		{llm.Error{Kind: llm.ErrTimeout}, "504 server_error null timeout"},
		{llm.Error{Kind: llm.ErrOverloaded}, "503 server_error null overloaded"}, // ERR-03
		{llm.Error{Kind: "new"}, "500 server_error null null"},
	} {
		c.e.Message = "m"
		status, body := Dialect{}.EncodeError(&c.e, "req_1")
		var got struct {
			Error map[string]*string
		}
		if err := json.Unmarshal(body, &got); err != nil {
			t.Fatalf("%v: %s", err, body)
		}
		show := func(name string) string {
			v, ok := got.Error[name]
			switch {
			case !ok:
				return "absent"
			case v == nil:
				return "null"
			}
			return *v
		}
		if s := strings.Join([]string{http.StatusText(status), show("type"), show("param"), show("code")}, " "); s != http.StatusText(atoi(c.want[:3]))+c.want[3:] || show("message") != "m" {
			t.Errorf("%s: %d %s", c.e.Kind, status, body)
		}
	}
}

func atoi(s string) int {
	n := 0
	for _, c := range s {
		n = n*10 + int(c-'0')
	}
	return n
}
