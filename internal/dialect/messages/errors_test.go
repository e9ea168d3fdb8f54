package messages

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"turnpike/internal/llm"
)

func TestDecodeError(t *testing.T) {
	anthropic := func(kind, message string) string {
		return `{"type":"error","error":{"type":"` + kind + `","message":"` + message + `"},"request_id":"req_1"}`
	}
	cases := []struct {
		id     string
		status int
		header map[string]string
		body   string
		kind   llm.ErrorKind
		words  string
	}{
		{"invalid", 400, nil, anthropic("invalid_request_error", "max_tokens: bad"), llm.ErrInvalid, "max_tokens: bad"},
		{"auth", 401, nil, anthropic("authentication_error", "invalid x-api-key"), llm.ErrAuth, "invalid x-api-key"},
		{"forbidden", 403, nil, anthropic("permission_error", "no"), llm.ErrForbidden, "no"},
		{"not found", 404, nil, anthropic("not_found_error", "model: x"), llm.ErrNotFound, "model: x"},
		{"too large", 413, nil, anthropic("request_too_large", "big"), llm.ErrTooLarge, "big"},
		{"rate", 429, nil, anthropic("rate_limit_error", "slow"), llm.ErrRate, "slow"},
		{"server", 500, nil, anthropic("api_error", "oops"), llm.ErrUpstream, "oops"},
		{"ERR-03 overloaded", 529, nil, anthropic("overloaded_error", "Overloaded"), llm.ErrOverloaded, "Overloaded"},
		{"ERR-07 the type decides", 500, nil, anthropic("invalid_request_error", "x"), llm.ErrInvalid, "x"},
		{"billing", 400, nil, anthropic("invalid_request_error", "Your credit balance is too low to access the API"), llm.ErrBilling, "credit balance"},
		{"ERR-04 overflow", 400, nil, anthropic("invalid_request_error", "prompt is too long: 210000 tokens > 200000 maximum"), llm.ErrContext, "prompt is too long"},
		{"ERR-04 overflow with the answer", 400, nil, anthropic("invalid_request_error", "input length and `max_tokens` exceed context limit: 1 + 2 > 3"), llm.ErrContext, "exceed context limit"},
		{"ERR-04 Bedrock's words", 400, map[string]string{"x-amzn-errortype": "ValidationException"}, `{"message":"Input is too long for requested model."}`, llm.ErrContext, "Input is too long"},
		{"ERR-01 throttled", 429, map[string]string{"x-amzn-errortype": "ThrottlingException:http://internal.amazon.com/"}, `{"message":"Too many tokens, please wait before trying again."}`, llm.ErrRate, "Too many tokens"},
		{"ERR-01 quota", 400, map[string]string{"x-amzn-errortype": "ServiceQuotaExceededException"}, `{"message":"quota"}`, llm.ErrRate, "quota"},
		{"ERR-01 not ready", 429, map[string]string{"x-amzn-errortype": "ModelNotReadyException"}, `{"message":"wait"}`, llm.ErrUnavail, "wait"},
		{"ERR-01 timeout", 408, map[string]string{"x-amzn-errortype": "ModelTimeoutException"}, `{"message":"slow"}`, llm.ErrTimeout, "slow"},
		{"AWS type in the body", 400, nil, `{"__type":"com.amazon.coral.service#AccessDeniedException","Message":"denied"}`, llm.ErrForbidden, "denied"},
		{"signature", 403, nil, `{"message":"Signature expired"}`, llm.ErrForbidden, "Signature expired"},
		{"a page", 502, nil, "<html><h1>Bad gateway</h1></html>", llm.ErrUpstream, "the upstream answered 502 with a page that is not JSON"},
		{"nothing", 503, nil, "", llm.ErrUnavail, "the upstream answered 503 without a message"},
		{"JSON that says nothing", 500, nil, "{}", llm.ErrUpstream, "the upstream answered 500 without a message"},
	}
	for _, c := range cases {
		t.Run(c.id, func(t *testing.T) {
			h := http.Header{}
			for k, v := range c.header {
				h.Set(k, v)
			}
			e := Dialect{}.DecodeError(c.status, h, []byte(c.body))
			if e.Kind != c.kind || !strings.Contains(e.Message, c.words) || strings.Contains(e.Message, "<") || !e.Upstream || e.UpstreamStatus != c.status {
				t.Errorf("got %+v", e)
			}
			if e.NoRetry != (c.kind == llm.ErrBilling) {
				t.Errorf("NoRetry %v", e.NoRetry)
			}
		})
	}
	t.Run("a long message is cut", func(t *testing.T) {
		e := Dialect{}.DecodeError(400, nil, []byte(anthropic("invalid_request_error", strings.Repeat("é", 10000))))
		if len(e.Message) > maxMessage+10 {
			t.Errorf("%d bytes", len(e.Message))
		}
	})
}

func TestRetryAfter(t *testing.T) {
	cases := []struct {
		id     string
		header map[string]string
		want   time.Duration
	}{
		{"none", nil, 0},
		{"seconds", map[string]string{"Retry-After": "7"}, 7 * time.Second},
		{"milliseconds first", map[string]string{"Retry-After": "7", "Retry-After-Ms": "250"}, 250 * time.Millisecond},
		{"a date", map[string]string{"Retry-After": "Fri, 21 Nov 2025 10:00:30 GMT", "Date": "Fri, 21 Nov 2025 10:00:00 GMT"}, 30 * time.Second},
		{"a date gone by", map[string]string{"Retry-After": "Fri, 21 Nov 2025 10:00:00 GMT", "Date": "Fri, 21 Nov 2025 10:01:00 GMT"}, 0},
		{"nonsense", map[string]string{"Retry-After": "soon"}, 0},
		{"negative", map[string]string{"Retry-After": "-1"}, 0},
		{"absurd", map[string]string{"Retry-After": "1e300"}, 24 * time.Hour},
		{"not a number", map[string]string{"Retry-After": "NaN", "Retry-After-Ms": "NaN"}, 0},
	}
	for _, c := range cases {
		t.Run(c.id, func(t *testing.T) {
			h := http.Header{}
			for k, v := range c.header {
				h.Set(k, v)
			}
			if e := (Dialect{}).DecodeError(429, h, nil); e.RetryAfter != c.want {
				t.Errorf("got %v", e.RetryAfter)
			}
		})
	}
	t.Run("x-should-retry", func(t *testing.T) {
		if e := (Dialect{}).DecodeError(429, http.Header{"X-Should-Retry": {"false"}}, nil); !e.NoRetry {
			t.Error("may retry")
		}
	})
}

func TestEncodeError(t *testing.T) {
	cases := []struct {
		id     string
		err    *llm.Error
		status int
		kind   string
		text   string
	}{
		{"invalid", &llm.Error{Kind: llm.ErrInvalid, Message: "m"}, 400, "invalid_request_error", "m"},
		{"ERR-04 overflow", &llm.Error{Kind: llm.ErrContext, Message: "This model's maximum context length is 10"}, 400, "invalid_request_error", "prompt is too long: This model's maximum context length is 10"},
		{"ERR-04 already in its words", &llm.Error{Kind: llm.ErrContext, Message: "prompt is too long: 5 > 4"}, 400, "invalid_request_error", "prompt is too long: 5 > 4"},
		{"auth", &llm.Error{Kind: llm.ErrAuth, Message: "m"}, 401, "authentication_error", "m"},
		{"ERR-13 billing", &llm.Error{Kind: llm.ErrBilling, Message: "m"}, 429, "billing_error", "m"},
		{"forbidden", &llm.Error{Kind: llm.ErrForbidden, Message: "m"}, 403, "permission_error", "m"},
		{"not found", &llm.Error{Kind: llm.ErrNotFound, Message: "m"}, 404, "not_found_error", "m"},
		{"conflict", &llm.Error{Kind: llm.ErrConflict, Message: "m"}, 409, "conflict_error", "m"},
		{"too large", &llm.Error{Kind: llm.ErrTooLarge, Message: "m"}, 413, "request_too_large", "m"},
		{"rate", &llm.Error{Kind: llm.ErrRate, Message: "m"}, 429, "rate_limit_error", "m"},
		{"internal", &llm.Error{Kind: llm.ErrInternal, Message: "m"}, 500, "api_error", "m"},
		{"upstream", &llm.Error{Kind: llm.ErrUpstream, Message: "m"}, 502, "api_error", "m"},
		{"unavailable", &llm.Error{Kind: llm.ErrUnavail, Message: "m"}, 503, "api_error", "m"},
		{"timeout", &llm.Error{Kind: llm.ErrTimeout, Message: "m"}, 504, "timeout_error", "m"},
		{"ERR-03 overloaded", &llm.Error{Kind: llm.ErrOverloaded, Message: "m"}, 529, "overloaded_error", "m"},
		{"unknown", &llm.Error{Kind: "new", Message: "m"}, 500, "api_error", "m"},
	}
	for _, c := range cases {
		t.Run(c.id, func(t *testing.T) {
			status, body := Dialect{}.EncodeError(c.err, "req_9")
			var got map[string]any
			if err := json.Unmarshal(body, &got); err != nil {
				t.Fatal(err)
			}
			inner, _ := got["error"].(map[string]any)
			if status != c.status || got["type"] != "error" || got["request_id"] != "req_9" || inner["type"] != c.kind || inner["message"] != c.text {
				t.Errorf("%d %s", status, body)
			}
		})
	}
}
