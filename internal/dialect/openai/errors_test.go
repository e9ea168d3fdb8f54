package openai

import (
	"errors"
	"net/http"
	"testing"
	"time"

	"turnpike/internal/llm"
	"turnpike/internal/wire"
)

func TestAdvise(t *testing.T) {
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
		{"far away", map[string]string{"Retry-After": "999999"}, 24 * time.Hour},
		{"for ever", map[string]string{"Retry-After": "99999999"}, 24 * time.Hour},
		{"nonsense", map[string]string{"Retry-After": "soon"}, 0},
		{"negative", map[string]string{"Retry-After": "-5"}, 0},
		{"not told", nil, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := http.Header{}
			for k, v := range c.header {
				h.Set(k, v)
			}
			e := &llm.Error{}
			if Advise(e, h); e.RetryAfter != c.want || e.NoRetry {
				t.Errorf("got %v, no retry %v, want %v", e.RetryAfter, e.NoRetry, c.want)
			}
		})
	}
	e := &llm.Error{}
	if Advise(e, http.Header{"X-Should-Retry": {"false"}}); !e.NoRetry {
		t.Error("x-should-retry: false was not heard")
	}
	e = &llm.Error{NoRetry: true}
	if Advise(e, http.Header{"X-Should-Retry": {"true"}}); !e.NoRetry {
		t.Error("x-should-retry: true made good what was classed as hopeless")
	}
}

func TestMessagesOfErrorsWithoutOne(t *testing.T) {
	for got, want := range map[string]string{
		Unreadable(502, []byte("<html>")): "the upstream answered 502 with a page that is not JSON",
		Unreadable(503, []byte(" \n")):    "the upstream answered 503 without a word",
		Wordless(400):                     "the upstream answered 400 without a message",
		Wordless(0):                       "the upstream reported an error without a message",
	} {
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestMalformed(t *testing.T) {
	r := wire.NewReader([]byte(`{"a":[1,"x"]}`))
	for range r.Fields() {
		for range r.Elements() {
			r.Int()
		}
	}
	if e := llm.Malformed(r.Err()); e.Kind != llm.ErrInvalid || e.Param != "a[1]" {
		t.Errorf("%+v", e)
	}
	if e := llm.Malformed(errors.New("cut off")); e.Kind != llm.ErrInvalid || e.Param != "" || e.Message != "cut off" {
		t.Errorf("%+v", e)
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
		{"an upstream's own code", llm.Error{Kind: llm.ErrRate, Type: "tokens", Code: "own"}, 429, `"type":"tokens","param":null,"code":"own"`},
		{"ours", llm.Error{Kind: llm.ErrInternal}, 500, `"type":"server_error","param":null,"code":"internal_error"`},
		{"upstream", llm.Error{Kind: llm.ErrUpstream}, 502, `"type":"server_error","param":null,"code":"upstream_error"`},
		{"not ready", llm.Error{Kind: llm.ErrUnavail}, 503, `"type":"server_error","param":null,"code":"unavailable"`},
		{"too slow", llm.Error{Kind: llm.ErrTimeout}, 504, `"type":"server_error","param":null,"code":"timeout"`},
		{"ERR-03 overloaded is 503 here", llm.Error{Kind: llm.ErrOverloaded}, 503, `"type":"server_error","param":null,"code":"overloaded"`},
		{"no kind", llm.Error{}, 500, `"type":"server_error","param":null,"code":null`},
		{"a kind that is not known here", llm.Error{Kind: "new"}, 500, `"type":"server_error","param":null,"code":null`},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.err.Message = "say \"it\""
			status, body := EncodeError(&c.err)
			if want := `{"error":{"message":"say \"it\"",` + c.want + `}}`; status != c.status || string(body) != want {
				t.Errorf("got %d %s\nwant %d %s", status, body, c.status, want)
			}
		})
	}
	e := &llm.Error{Kind: llm.ErrInvalid, Message: "no"}
	if got, want := string(AppendError([]byte("data: "), e)), `data: {"error":{"message":"no","type":"invalid_request_error","param":null,"code":null}}`; got != want {
		t.Errorf("got %s", got)
	}
}

func TestKindOfOneThing(t *testing.T) {
	for code, want := range map[string]llm.ErrorKind{
		"context_length_exceeded": llm.ErrContext, "insufficient_quota": llm.ErrBilling, "billing_not_active": llm.ErrBilling,
		"billing_hard_limit_reached": llm.ErrBilling, "model_not_found": llm.ErrNotFound, "DeploymentNotFound": llm.ErrNotFound,
		"rate_limit_exceeded": llm.ErrRate, "odd": "", "": "",
	} {
		if got := KindOfCode(code); got != want {
			t.Errorf("code %q: got %q, want %q", code, got, want)
		}
	}
	for kind, want := range map[string]llm.ErrorKind{
		"invalid_request_error": llm.ErrInvalid, "authentication_error": llm.ErrAuth, "permission_error": llm.ErrForbidden,
		"rate_limit_error": llm.ErrRate, "requests": llm.ErrRate, "tokens": llm.ErrRate, "overloaded_error": llm.ErrOverloaded, "odd": "", "": "",
	} {
		if got := KindOfType(kind); got != want {
			t.Errorf("type %q: got %q, want %q", kind, got, want)
		}
	}
	for _, c := range []struct {
		status int
		low    string
		want   llm.ErrorKind
	}{
		{503, "the engine is overloaded", llm.ErrOverloaded},
		{400, "the argument list is overloaded", llm.ErrInvalid},
		{503, "loading", llm.ErrUnavail},
		{200, "overloaded", ""},
		{0, "overloaded", ""},
	} {
		if got := KindOfStatus(c.status, c.low); got != c.want {
			t.Errorf("%d %s: got %q, want %q", c.status, c.low, got, c.want)
		}
	}
}

func TestOverflows(t *testing.T) {
	for low, want := range map[string]bool{
		"this model's maximum context length is 4096 tokens":   true,
		"prompt is too long: 200001 tokens > 200000 maximum":   true,
		"your input exceeds the context window of this model.": true,
		"input is too long for requested model.":               true,
		"the prompt is odd":                                    false,
		"":                                                     false,
	} {
		if Overflows(low) != want {
			t.Errorf("%q: want %v", low, want)
		}
	}
	for status, want := range map[int]bool{0: true, 400: true, 413: true, 500: true, 401: false, 403: false, 404: false, 429: false} {
		if MayOverflow(status) != want {
			t.Errorf("%d: want %v", status, want)
		}
	}
}
