package converse

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"turnpike/internal/llm"
)

func TestDecodeError(t *testing.T) {
	cases := []struct {
		name, typ, body string
		status          int
		kind            llm.ErrorKind
		answer          int
	}{
		{"ERR-01 throttling", "ThrottlingException", `{"message":"Too many tokens, please wait before trying again."}`, 429, llm.ErrRate, 429},
		{"ERR-01 quota", "ServiceQuotaExceededException:http://internal/", `{"message":"x"}`, 400, llm.ErrRate, 429},
		{"ERR-01 not ready", "ModelNotReadyException", `{"message":"x"}`, 429, llm.ErrUnavail, 503},
		{"ERR-01 timeout", "ModelTimeoutException", `{"message":"x"}`, 408, llm.ErrTimeout, 504},
		{"ERR-01 unavailable", "ServiceUnavailableException", `{"message":"x"}`, 503, llm.ErrUnavail, 503},
		{"validation", "ValidationException:http://internal.amazon.com/coral/com.amazon.bedrock/", `{"message":"The provided model identifier is invalid."}`, 400, llm.ErrInvalid, 400},
		{"without a header", "", `{"message":"The provided model identifier is invalid."}`, 400, llm.ErrInvalid, 400},
		{"type in the body", "", `{"__type":"com.amazon.coral.service#AccessDeniedException","Message":"no"}`, 403, llm.ErrForbidden, 403},
		{"expired credentials", "ExpiredTokenException:http://x", `{"message":"expired"}`, 403, llm.ErrAuth, 401},
		{"unknown credentials", "UnrecognizedClientException", `{"message":"invalid"}`, 403, llm.ErrAuth, 401},
		{"bad signature", "InvalidSignatureException", `{"message":"Signature expired"}`, 403, llm.ErrAuth, 401},
		{"not found", "ResourceNotFoundException", `{"message":"x"}`, 404, llm.ErrNotFound, 404},
		{"unknown operation", "", `{"Output":{"__type":"com.amazon.coral.service#UnknownOperationException"},"Version":"1.0"}`, 404, llm.ErrNotFound, 404},
		{"internal", "InternalServerException", `{"message":"x"}`, 500, llm.ErrUpstream, 500},
		{"model error", "ModelErrorException", `{"message":"x","originalStatusCode":500,"originalMessage":"y"}`, 424, llm.ErrUpstream, 502},
		{"too large", "", `{"message":"x"}`, 413, llm.ErrTooLarge, 413},
		{"ERR-04 prompt too long", "ValidationException", `{"message":"prompt is too long: 210000 tokens > 200000 maximum"}`, 400, llm.ErrContext, 400},
		{"ERR-04 input too long", "ValidationException", `{"message":"Input is too long for requested model."}`, 400, llm.ErrContext, 400},
		{"ERR-04 input and max_tokens", "ValidationException", "{\"message\":\"input length and `max_tokens` exceed context limit\"}", 400, llm.ErrContext, 400},
		{"ERR-05 context length", "ValidationException", `{"message":"This model's maximum context length is 8192 tokens."}`, 400, llm.ErrContext, 400},
		{"Nova's wording", "ValidationException", `{"message":"Input Tokens Exceeded: Number of input tokens exceeds maximum length."}`, 400, llm.ErrContext, 400},
		{"too many output tokens is another thing", "ValidationException", `{"message":"The maximum tokens you requested exceeds the model limit of 4096."}`, 400, llm.ErrInvalid, 400},
		{"another gateway's shape", "", `{"error":{"message":"slow down","code":"rate"}}`, 429, llm.ErrRate, 429},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			h := http.Header{}
			if c.typ != "" {
				h.Set("x-amzn-ErrorType", c.typ)
			}
			e := Dialect{}.DecodeError(c.status, h, []byte(c.body))
			if e.Kind != c.kind || e.HTTPStatus() != c.answer || !e.Upstream || e.UpstreamStatus != c.status || e.Message == "" {
				t.Errorf("got %+v, status %d", e, e.HTTPStatus())
			}
			if strings.ContainsAny(e.Type, ":#") {
				t.Errorf("type %q", e.Type)
			}
			if c.kind == llm.ErrContext && e.Code != "context_length_exceeded" {
				t.Errorf("code %q", e.Code)
			}
		})
	}
	t.Run("a page", func(t *testing.T) {
		e := Dialect{}.DecodeError(502, nil, []byte("<html><h1>Bad gateway</h1></html>"))
		if e.Kind != llm.ErrUpstream || e.Message != "the upstream answered 502 with a page that is not JSON" {
			t.Errorf("got %+v", e)
		}
	})
	t.Run("nothing, and JSON without words", func(t *testing.T) {
		for _, body := range []string{"", "{}", `{"message":""}`} {
			if e := (Dialect{}).DecodeError(503, nil, []byte(body)); e.Kind != llm.ErrUnavail || e.Message != "the upstream answered 503 without saying why" {
				t.Errorf("%q: %+v", body, e)
			}
		}
	})
	t.Run("a very long message is cut", func(t *testing.T) {
		e := Dialect{}.DecodeError(400, nil, []byte(`{"message":"`+strings.Repeat("é", maxMessage)+`"}`))
		if len(e.Message) > maxMessage+8 || !strings.HasPrefix(e.Message, "éé") {
			t.Errorf("%d bytes", len(e.Message))
		}
	})
}

func TestRetryAfterIsBounded(t *testing.T) {
	for value, want := range map[string]time.Duration{"2": 2 * time.Second, "99999999": maxRetryAfter} {
		if e := (Dialect{}).DecodeError(429, http.Header{"Retry-After": {value}}, nil); e.RetryAfter != want {
			t.Errorf("%s: %v, want %v", value, e.RetryAfter, want)
		}
	}
}

func FuzzDecodeError(f *testing.F) {
	f.Add(400, "ValidationException", []byte(`{"message":"x"}`))
	f.Add(502, "", []byte(`<html>`))
	f.Add(0, ":#", []byte(`{"Output":{"Output":{"__type":"x"}}}`))
	f.Fuzz(func(t *testing.T, status int, typ string, body []byte) {
		e := Dialect{}.DecodeError(status, http.Header{"X-Amzn-Errortype": {typ}}, body)
		if e.Message == "" || e.Kind == "" || len(e.Message) > maxMessage+100 {
			t.Fatalf("got %+v", e)
		}
	})
}
