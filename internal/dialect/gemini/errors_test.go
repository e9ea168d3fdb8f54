package gemini

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"turnpike/internal/llm"
	"turnpike/internal/llm/llmtest"
)

func TestDecodeError(t *testing.T) {
	body := func(code, status, message, details string) string {
		return `{"error":{"code":` + code + `,"message":"` + message + `","status":"` + status + `"` + details + `}}`
	}
	tests := []struct {
		name   string
		status int
		body   string
		kind   llm.ErrorKind
		retry  time.Duration
		header http.Header
	}{
		{"wrong argument", 400, body("400", "INVALID_ARGUMENT", "bad", ""), llm.ErrInvalid, 0, nil},
		{"a wrong key is said with 400", 400, body("400", "INVALID_ARGUMENT", "API key not valid. Please pass a valid API key.", `,"details":[{"reason":"API_KEY_INVALID"}]`), llm.ErrAuth, 0, nil},
		{"ERR context", 400, body("400", "INVALID_ARGUMENT", "The input token count (1200000) exceeds the maximum number of tokens allowed (1048576).", ""), llm.ErrContext, 0, nil},
		{"forbidden", 403, body("403", "PERMISSION_DENIED", "no", ""), llm.ErrForbidden, 0, nil},
		{"no such model", 404, body("404", "NOT_FOUND", "no", ""), llm.ErrNotFound, 0, nil},
		{"quota, with RetryInfo", 429, body("429", "RESOURCE_EXHAUSTED", "check your plan and billing details", `,"details":[{"@type":"x"},{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"48.9s"}]`), llm.ErrRate, 48900 * time.Millisecond, nil},
		{"quota, with a header", 429, body("429", "RESOURCE_EXHAUSTED", "x", ""), llm.ErrRate, 7 * time.Second, http.Header{"Retry-After": {"7"}}},
		{"overloaded", 503, body("503", "UNAVAILABLE", "The model is overloaded. Please try again later.", ""), llm.ErrOverloaded, 0, nil},
		{"not ready", 503, body("503", "UNAVAILABLE", "later", ""), llm.ErrUnavail, 0, nil},
		{"internal", 500, body("500", "INTERNAL", "boom", ""), llm.ErrUpstream, 0, nil},
		{"too slow", 504, body("504", "DEADLINE_EXCEEDED", "slow", ""), llm.ErrTimeout, 0, nil},
		{"in a list, as streams have it", 429, "[" + body("429", "RESOURCE_EXHAUSTED", "x", "") + "]", llm.ErrRate, 0, nil},
		{"a bare message", 401, `{"message":"who?"}`, llm.ErrAuth, 0, nil},
		{"an error that is a text", 418, `{"error":"short and stout"}`, llm.ErrInvalid, 0, nil},
		{"a page", 502, `<html><body>secret address</body></html>`, llm.ErrUpstream, 0, nil},
		{"nothing", 429, ``, llm.ErrRate, 0, nil},
		{"absurd", 400, `{"error":{"code":1e99,"message":5,"status":[],"details":{"x":1}}}`, llm.ErrInvalid, 0, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			e := Dialect{}.DecodeError(tt.status, tt.header, []byte(tt.body))
			if e.Kind != tt.kind || e.RetryAfter != tt.retry || !e.Upstream || e.UpstreamStatus != tt.status || e.Message == "" || strings.Contains(e.Message, "<html") {
				t.Errorf("%+v", e)
			}
		})
	}
}

func TestEncodeError(t *testing.T) {
	for kind, want := range map[llm.ErrorKind]string{
		llm.ErrInvalid: `400 INVALID_ARGUMENT`, llm.ErrContext: `400 INVALID_ARGUMENT`, llm.ErrAuth: `401 UNAUTHENTICATED`, llm.ErrBilling: `429 RESOURCE_EXHAUSTED`, llm.ErrForbidden: `403 PERMISSION_DENIED`,
		llm.ErrNotFound: `404 NOT_FOUND`, llm.ErrConflict: `409 ABORTED`, llm.ErrTooLarge: `413 INVALID_ARGUMENT`, llm.ErrRate: `429 RESOURCE_EXHAUSTED`, llm.ErrInternal: `500 INTERNAL`,
		llm.ErrUpstream: `502 INTERNAL`, llm.ErrUnavail: `503 UNAVAILABLE`, llm.ErrTimeout: `504 DEADLINE_EXCEEDED`, llm.ErrOverloaded: `503 UNAVAILABLE`, "unheard of": `500 INTERNAL`,
	} {
		e := &llm.Error{Kind: kind, Message: "m", RetryAfter: 1500 * time.Millisecond}
		status, body := Dialect{}.EncodeError(e, "req-1")
		var v map[string]any
		if err := json.Unmarshal(body, &v); err != nil {
			t.Fatal(err)
		}
		if got := js(status) + " " + strings.Trim(js(llmtest.At(v, "error.status")), `"`); got != want || js(llmtest.At(v, "error.code")) != js(status) {
			t.Errorf("%s: %s, want %s: %s", kind, got, want, body)
		}
		want1 := `[{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"1.5s"},{"@type":"type.googleapis.com/google.rpc.RequestInfo","requestId":"req-1"}]`
		if js(llmtest.At(v, "error.details")) != want1 {
			t.Errorf("%s", js(llmtest.At(v, "error.details")))
		}
		back := Dialect{}.DecodeError(status, http.Header{}, body)
		if back.RetryAfter != e.RetryAfter || kind == llm.ErrContext && back.Kind != kind {
			t.Errorf("read again: %+v", back)
		}
	}
}

func TestPass(t *testing.T) {
	for body, want := range map[string]bool{
		`{"contents":[{"parts":[{"text":"a","thoughtSignature":"CiQBvj72"}]}]}`:                true,
		`{"contents":[{"parts":[{"text":"a","thoughtSignature":"` + sealedPrefix + `abc"}]}]}`: false,
	} {
		edits, losses, ok := Dialect{}.Pass(object(t, body), nil, &llm.Target{Model: "other"})
		if ok != want || len(edits)+len(losses) > 0 {
			t.Errorf("%s: %v %v %v", body, edits, losses, ok)
		}
	}
	if !(Dialect{}).AsksUsage(object(t, `{}`)) {
		t.Error("every answer tells its usage")
	}
}
