package conformance

import (
	"bytes"
	"net/http"
	"strings"
	"testing"
)

// refused is an upstream's error and what the client must get of it, whether it
// asked for a stream or not.
type refused struct {
	name   string
	to     string // accounts that answer so
	from   string // the client's API
	status int    // of the upstream
	body   string
	header []string // of the upstream, in pairs
	want   int      // the client's status
	is     is       // of the client's body
	and    map[string]string
}

func (e refused) run(t *testing.T, w *world) {
	t.Helper()
	for to := range strings.FieldsSeq(e.to) {
		for how, body := range map[string]string{"": `{` + question + `}`, ", streamed": streamed(`{` + question + `}`)} {
			t.Run(title(e.name, e.from, to)+how, func(t *testing.T) {
				w.up.answers(playJSON(e.status, e.body, e.header...))
				r := w.ask(e.from, to, "", body)
				if r.status != e.want {
					t.Errorf("answered %d, want %d: %s", r.status, e.want, r.body)
				}
				check(t, "the client got", r.body, e.is)
				for name, value := range e.and {
					if got := r.header.Get(name); got != value {
						t.Errorf("%s is %q, want %q", name, got, value)
					}
				}
				if r.header.Get("X-Turnpike-Error-Source") != "upstream" {
					t.Errorf("the source is %q", r.header.Get("X-Turnpike-Error-Source"))
				}
			})
		}
	}
}

// Error envelopes.
func claudeSays(kind, message string) string {
	return encoded(object{"type": "error", "error": object{"type": kind, "message": message}, "request_id": "req_up"})
}

func openAISays(kind, code, message string) string {
	return encoded(object{"error": object{"message": message, "type": kind, "param": nil, "code": code}})
}

func awsSays(message string) string { return encoded(object{"message": message}) }

// awsError is the header in which Bedrock names an error.
func awsError(kind string, more ...string) []string {
	return append([]string{"X-Amzn-Errortype", kind}, more...)
}

const bedrocks = invokeUp + " " + converseUp

func TestErrors(t *testing.T) {
	type h = map[string]string
	claudeIs := func(kind, words string) is {
		return is{"type": `"error"`, "error.type": `"` + kind + `"`, "error.message": "~" + words}
	}
	openAIIs := func(kind, code, words string) is {
		return is{"error.type": kind, "error.code": code, "error.message": "~" + words}
	}
	w := newWorld(t)
	for _, e := range []refused{
		{"ERR-01 throttled", bedrocks, messagesAPI, 429, awsSays("slow down"), awsError("ThrottlingException", "Retry-After", "7"), 429, claudeIs("rate_limit_error", "slow down"), h{"Retry-After": "7"}},
		{"ERR-01 throttled", bedrocks, chatAPI, 429, awsSays("slow down"), awsError("ThrottlingException"), 429, openAIIs(`"requests"`, "~", "slow down"), h{"Retry-After": "1"}},
		{"ERR-01 quota used up", bedrocks, messagesAPI, 400, awsSays("quota"), awsError("ServiceQuotaExceededException"), 429, claudeIs("rate_limit_error", "quota"), nil},
		{"ERR-01 quota used up", bedrocks, chatAPI, 400, awsSays("quota"), awsError("ServiceQuotaExceededException"), 429, openAIIs(`"requests"`, "~", "quota"), nil},
		{"ERR-01 model not ready", bedrocks, messagesAPI, 429, awsSays("warming up"), awsError("ModelNotReadyException"), 503, claudeIs("api_error", "warming up"), nil},
		{"ERR-01 model not ready", bedrocks, chatAPI, 429, awsSays("warming up"), awsError("ModelNotReadyException"), 503, openAIIs(`"server_error"`, "~", "warming up"), nil},
		{"ERR-01 model too slow", bedrocks, messagesAPI, 408, awsSays("too slow"), awsError("ModelTimeoutException"), 504, claudeIs("timeout_error", "too slow"), nil},
		{"ERR-01 model too slow", bedrocks, chatAPI, 408, awsSays("too slow"), awsError("ModelTimeoutException"), 504, openAIIs(`"server_error"`, "~", "too slow"), nil},
		{"ERR-01 unavailable", bedrocks, messagesAPI, 503, awsSays("away"), awsError("ServiceUnavailableException"), 503, claudeIs("api_error", "away"), nil},
		{
			"ERR-02 thinking that the model refuses is a prompt 400", bedrocks, messagesAPI, 400, awsSays(`"thinking.type.enabled" is not supported for this model.`), awsError("ValidationException"), 400,
			claudeIs("invalid_request_error", "thinking.type.enabled"), nil,
		},
		{"ERR-03 overloaded is 529 to Claude's clients", anthropicUp, messagesAPI, 529, claudeSays("overloaded_error", "Overloaded"), nil, 529, claudeIs("overloaded_error", "Overloaded"), nil},
		{"ERR-03 overloaded is 503 to OpenAI's clients", anthropicUp, chatAPI, 529, claudeSays("overloaded_error", "Overloaded"), nil, 503, openAIIs(`"server_error"`, `"overloaded"`, "Overloaded"), nil},
		{
			"ERR-04 a full context in the words that clients know", openaiUp, messagesAPI, 400, openAISays("invalid_request_error", "context_length_exceeded", "This model's maximum context length is 128000 tokens."), nil, 400,
			claudeIs("invalid_request_error", "prompt is too long"), nil,
		},
		{
			"ERR-04 a full context in the words that clients know", compatUp, messagesAPI, 400, `{"object":"error","message":"This model's maximum context length is 4096 tokens. However, you requested 5000 tokens","type":"BadRequestError","code":400}`, nil, 400,
			claudeIs("invalid_request_error", "prompt is too long"), nil,
		},
		{
			"ERR-04 a full context in the words that clients know", bedrocks, messagesAPI, 400, awsSays("Input is too long for requested model."), awsError("ValidationException"), 400,
			claudeIs("invalid_request_error", "prompt is too long"), nil,
		},
		{
			"ERR-04 a full context in the words that clients know", answersUp, messagesAPI, 400, openAISays("invalid_request_error", "context_length_exceeded", "Your input exceeds the context window of this model. Please adjust your input and try again."), nil, 400,
			claudeIs("invalid_request_error", "prompt is too long"), nil,
		},
		{
			"ERR-04 a full context in the words that clients know", geminiUp, messagesAPI, 400, `{"error":{"code":400,"message":"The input token count (1200001) exceeds the maximum number of tokens allowed (1048576).","status":"INVALID_ARGUMENT"}}`, nil, 400,
			claudeIs("invalid_request_error", "prompt is too long"), nil,
		},
		{
			"ERR-04 words that clients know stay as they are", anthropicUp, messagesAPI, 400, claudeSays("invalid_request_error", "prompt is too long: 210000 tokens > 200000 maximum"), nil, 400,
			claudeIs("invalid_request_error", "prompt is too long: 210000 tokens"), nil,
		},
		{
			"ERR-04 words that clients know stay as they are", bedrocks, messagesAPI, 400, awsSays("input length and `max_tokens` exceed context limit: 190000 + 20000 > 200000"), awsError("ValidationException"), 400,
			is{"error.message": "\"input length and `max_tokens` exceed context limit: 190000 + 20000 > 200000\""},
			nil,
		},
		{
			"ERR-05 a full context has OpenAI's code", anthropicUp, chatAPI, 400, claudeSays("invalid_request_error", "prompt is too long: 210000 tokens > 200000 maximum"), nil, 400,
			openAIIs(`"invalid_request_error"`, `"context_length_exceeded"`, "too long"), nil,
		},
		{
			"ERR-05 a full context has OpenAI's code", bedrocks, chatAPI, 400, awsSays("Input is too long for requested model."), awsError("ValidationException"), 400,
			openAIIs(`"invalid_request_error"`, `"context_length_exceeded"`, "too long"), nil,
		},
		{
			"ERR-06 an error of Bedrock comes in Claude's envelope, with the request's id", bedrocks, messagesAPI, 400, awsSays("bad field"), awsError("ValidationException"), 400,
			is{"type": `"error"`, "error.type": `"invalid_request_error"`, "error.message": "~bad field", "request_id": "~req_"},
			nil,
		},
		{"ERR-07 an invalid request says so", openaiUp, messagesAPI, 400, openAISays("invalid_request_error", "", "bad field"), nil, 400, claudeIs("invalid_request_error", "bad field"), nil},
		{"ERR-07 a general type does not hide the status", compatUp, messagesAPI, 400, openAISays("api_error", "", "bad field"), nil, 400, claudeIs("invalid_request_error", "bad field"), nil},
		{"ERR-07 a general type does not hide the status", anthropicUp, chatAPI, 400, claudeSays("api_error", "bad field"), nil, 400, openAIIs(`"invalid_request_error"`, "null", "bad field"), nil},
		{"ERR-07 no such model", openaiUp, messagesAPI, 404, openAISays("invalid_request_error", "model_not_found", "no such model"), nil, 404, claudeIs("not_found_error", "no such model"), nil},
		{"ERR-07 no such model", anthropicUp, chatAPI, 404, claudeSays("not_found_error", "model: nope"), nil, 404, openAIIs(`"invalid_request_error"`, `"model_not_found"`, "nope"), nil},
		{"ERR-07 not allowed", bedrocks, messagesAPI, 403, awsSays("no access"), awsError("AccessDeniedException"), 403, claudeIs("permission_error", "no access"), nil},
		{"ERR-07 not allowed", bedrocks, chatAPI, 403, awsSays("no access"), awsError("AccessDeniedException"), 403, openAIIs(`"permission_error"`, "~", "no access"), nil},
		{"ERR-07 the upstream's own fault", openaiUp, messagesAPI, 500, openAISays("server_error", "", "broke"), nil, 502, claudeIs("api_error", "broke"), h{"X-Turnpike-Upstream-Status": "500"}},
		{
			"ERR-13 money that is spent is not asked for again", openaiUp, messagesAPI, 429, openAISays("insufficient_quota", "insufficient_quota", "check your plan"), nil, 429,
			claudeIs("billing_error", "check your plan"),
			h{"X-Should-Retry": "false", "Retry-After": ""},
		},
		{
			"ERR-13 money that is spent is not asked for again", anthropicUp, chatAPI, 400, claudeSays("invalid_request_error", "Your credit balance is too low to access the Anthropic API."), nil, 429,
			openAIIs(`"insufficient_quota"`, `"insufficient_quota"`, "credit balance"),
			h{"X-Should-Retry": "false", "Retry-After": ""},
		},
	} {
		e.run(t, w)
	}
}

// TestOwnErrors holds that clients of the upstream's own API get its very words.
func TestOwnErrors(t *testing.T) {
	w := newWorld(t)
	for _, c := range []struct {
		from, to string
		status   int
		body     string
	}{
		{messagesAPI, anthropicUp, 400, `{ "type":"error", "error":{"type":"invalid_request_error","message":"messages.1.content.0: Invalid ` + "`signature`" + ` in ` + "`thinking`" + ` block"},"request_id":"req_011","extra":1.0}`},
		{messagesAPI, anthropicUp, 429, `{"type":"error","error":{"type":"rate_limit_error","message":"Number of requests has exceeded"},"request_id":"req_012"}`},
		{messagesAPI, anthropicUp, 413, `{"error":{"type":"request_too_large","message":"Request exceeds the maximum size"},"type":"error"}`},
		{chatAPI, openaiUp, 400, `{ "error": {"message":"Unsupported parameter: 'max_tokens'","type":"invalid_request_error","param":"max_tokens","code":"unsupported_parameter"} }`},
		{chatAPI, compatUp, 422, `{"detail":[{"loc":["body","messages"],"msg":"field required","type":"value_error.missing"}]}`},
		{chatAPI, openaiUp, 500, `{"error":{"message":"The server had an error","type":"server_error","param":null,"code":null}}`},
	} {
		t.Run(title("ERR-12 body and status are not touched", c.from, c.to), func(t *testing.T) {
			for _, body := range []string{`{` + question + `}`, streamed(`{` + question + `}`)} {
				w.up.answers(playJSON(c.status, c.body, "Retry-After", "9", "X-Should-Retry", "true"))
				r := w.ask(c.from, c.to, "", body)
				if r.status != c.status || string(r.body) != c.body {
					t.Errorf("answered %d %s", r.status, r.body)
				}
				if r.header.Get("Retry-After") != "9" || r.header.Get("X-Should-Retry") != "true" {
					t.Errorf("headers %v", r.header)
				}
			}
		})
	}
	for to := range strings.FieldsSeq(bedrocks) {
		t.Run(title("ERR-12 Claude's words reach Claude Code through Bedrock", messagesAPI, to), func(t *testing.T) {
			const words = "messages.1.content.0: Invalid `signature` in `thinking` block"
			w.up.answers(playJSON(400, awsSays(words), "X-Amzn-Errortype", "ValidationException"))
			r := w.ask(messagesAPI, to, "", `{`+question+`}`)
			check(t, "the client got", r.body, is{"error.message": encoded(words), "error.type": `"invalid_request_error"`})
			if r.status != http.StatusBadRequest {
				t.Errorf("answered %d", r.status)
			}
		})
	}
	for _, from := range []string{chatAPI, messagesAPI} {
		t.Run(title("ERR-11 an error before the stream is an HTTP error", from, "a broken body"), func(t *testing.T) {
			r := w.do(http.MethodPost, clientPaths[from], `{"model":"openai/gpt-4o","stream":true,"messages":[`)
			if r.status != http.StatusBadRequest || r.header.Get("X-Turnpike-Error-Source") != "gateway" || bytes.Contains(r.body, []byte("data:")) {
				t.Errorf("answered %d %s", r.status, r.body)
			}
		})
	}
}
