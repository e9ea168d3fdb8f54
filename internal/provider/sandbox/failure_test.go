package sandbox

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"turnpike/internal/provider"
)

// failed is an error answer as a client of any dialect understands it.
type failed struct {
	status              int
	kind, code, message string
	param               string
	retryAfter          string
}

func hearFailure(t *testing.T, dialect string, res *http.Response) failed {
	t.Helper()
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	if got := res.Header.Get("Content-Length"); got != strconv.Itoa(len(b)) || res.Header.Get("Content-Type") != "application/json" {
		t.Errorf("headers %v for %d bytes", res.Header, len(b))
	}
	var e struct {
		Type, Message string
		Error         struct {
			Type, Message string
			Param, Code   *string
		}
		RequestID string `json:"request_id"`
	}
	decode(t, b, &e)
	f := failed{status: res.StatusCode, retryAfter: res.Header.Get("Retry-After")}
	switch dialect {
	case dialectChat:
		f.kind, f.message = e.Error.Type, e.Error.Message
		if e.Error.Code != nil {
			f.code = *e.Error.Code
		}
		if e.Error.Param != nil {
			f.param = *e.Error.Param
		}
		var members struct{ Error map[string]any }
		decode(t, b, &members)
		if len(members.Error) != 4 {
			t.Errorf("an error of chat has four members: %s", b)
		}
	case dialectMessages:
		f.kind, f.message = e.Error.Type, e.Error.Message
		if e.Type != "error" || e.RequestID != res.Header.Get("Request-Id") {
			t.Errorf("not an error of Messages: %s", b)
		}
	case dialectConverse:
		f.kind, f.message = res.Header.Get("X-Amzn-Errortype"), e.Message
	}
	return f
}

func TestErrorsOnRequest(t *testing.T) {
	tests := []struct {
		status                    int
		chat, code, messages, aws string
	}{
		{400, "invalid_request_error", "", "invalid_request_error", "ValidationException"},
		{401, "invalid_request_error", "invalid_api_key", "authentication_error", "UnrecognizedClientException"},
		{402, "invalid_request_error", "", "billing_error", "ValidationException"},
		{403, "invalid_request_error", "", "permission_error", "AccessDeniedException"},
		{404, "invalid_request_error", "model_not_found", "not_found_error", "ResourceNotFoundException"},
		{408, "invalid_request_error", "", "invalid_request_error", "ModelTimeoutException"},
		{413, "invalid_request_error", "", "request_too_large", "ValidationException"},
		{424, "invalid_request_error", "", "invalid_request_error", "ModelErrorException"},
		{429, "requests", "rate_limit_exceeded", "rate_limit_error", "ThrottlingException"},
		{500, "server_error", "", "api_error", "InternalServerException"},
		{502, "server_error", "", "api_error", "InternalServerException"},
		{503, "server_error", "", "overloaded_error", "ServiceUnavailableException"},
		{504, "server_error", "", "timeout_error", "InternalServerException"},
		{529, "server_error", "", "overloaded_error", "ServiceUnavailableException"},
	}
	a := NewPaced(provider.Options{}, noWait)
	for _, test := range tests {
		kinds := map[string]string{dialectChat: test.chat, dialectMessages: test.messages, dialectConverse: test.aws}
		for _, dialect := range dialects {
			for _, stream := range []bool{false, true} {
				text := fmt.Sprintf("[[sandbox error=%d]]", test.status)
				res := send(t, a, call(dialect, "m", stream, ask{model: "m", stream: stream, turns: said1(text)}.shape(t, dialect)))
				got := hearFailure(t, dialect, res)
				want := failed{status: test.status, kind: kinds[dialect], message: got.message}
				if dialect == dialectChat {
					want.code = test.code
				}
				if test.status == 429 {
					want.retryAfter = "1"
				}
				if got != want || !strings.Contains(got.message, strconv.Itoa(test.status)) {
					t.Errorf("%s, stream %v: got %+v, want %+v", dialect, stream, got, want)
				}
			}
		}
	}
}

func TestInvalidRequests(t *testing.T) {
	user := `"messages":[{"role":"user","content":"Hi"}]`
	tests := []struct{ dialect, name, body, want, param string }{
		{dialectChat, "no JSON", `hello`, "not JSON", ""},
		{dialectChat, "nothing", ``, "ends too early", ""},
		{dialectChat, "a list", `[]`, "must be an object", ""},
		{dialectChat, "half", `{"model":"m","messages":[{"role":"user"`, "ends too early", ""},
		{dialectChat, "more behind", `{"model":"m",` + user + `} x`, "more text", ""},
		{dialectChat, "no messages", `{"model":"m"}`, "messages is missing", "messages"},
		{dialectChat, "null messages", `{"model":"m","messages":null}`, "messages is missing", "messages"},
		{dialectChat, "empty messages", `{"model":"m","messages":[]}`, "messages is missing", "messages"},
		{dialectChat, "messages of another type", `{"model":"m","messages":"Hi"}`, "must be a list", "messages"},
		{dialectChat, "no model", `{` + user + `}`, "model", "model"},
		{dialectChat, "no role", `{"model":"m","messages":[{"content":"Hi"}]}`, `role ""`, ""},
		{dialectChat, "unknown role", `{"model":"m","messages":[{"role":"bot","content":"Hi"}]}`, `role "bot"`, ""},
		{dialectChat, "content of another type", `{"model":"m","messages":[{"role":"user","content":1}]}`, "messages[0].content", "messages[0].content"},
		{dialectChat, "stream of another type", `{"model":"m","stream":"yes",` + user + `}`, "stream", "stream"},
		{dialectMessages, "no JSON", `hello`, "not JSON", ""},
		{dialectMessages, "no messages", `{"model":"m","max_tokens":1}`, "messages: ", ""},
		{dialectMessages, "empty messages", `{"model":"m","max_tokens":1,"messages":[]}`, "messages: ", ""},
		{dialectMessages, "no model", `{"max_tokens":1,` + user + `}`, "model: ", ""},
		{dialectMessages, "no max_tokens", `{"model":"m",` + user + `}`, "max_tokens: Field required", ""},
		{dialectMessages, "zero max_tokens", `{"model":"m","max_tokens":0,` + user + `}`, "max_tokens", ""},
		{dialectMessages, "unknown role", `{"model":"m","max_tokens":1,"messages":[{"role":"tool","content":"Hi"}]}`, `role "tool"`, ""},
		{dialectConverse, "no JSON", `hello`, "not JSON", ""},
		{dialectConverse, "no messages", `{}`, "must start with a user message", ""},
		{dialectConverse, "empty messages", `{"messages":[]}`, "must start with a user message", ""},
		{dialectConverse, "unknown role", `{"messages":[{"role":"system","content":[{"text":"Hi"}]}]}`, `role "system"`, ""},
		{dialectConverse, "content of another type", `{"messages":[{"role":"user","content":"Hi"}]}`, "messages[0].content", ""},
	}
	for _, dialect := range dialects {
		for _, stream := range []bool{false, true} {
			tests = append(tests, struct{ dialect, name, body, want, param string }{
				dialect, "bad directive, stream " + strconv.FormatBool(stream),
				ask{model: "m", stream: stream, turns: said1("[[sandbox nn=1]]")}.shape(t, dialect),
				`sandbox: unknown directive "nn"`, "messages",
			})
		}
	}
	a := NewPaced(provider.Options{}, noWait)
	kinds := map[string]string{dialectChat: "invalid_request_error", dialectMessages: "invalid_request_error", dialectConverse: "ValidationException"}
	for _, test := range tests {
		t.Run(test.dialect+"/"+test.name, func(t *testing.T) {
			got := hearFailure(t, test.dialect, send(t, a, call(test.dialect, "m", strings.Contains(test.name, "true"), test.body)))
			if got.status != http.StatusBadRequest || got.kind != kinds[test.dialect] || !strings.Contains(got.message, test.want) {
				t.Errorf("got %+v", got)
			}
			if test.dialect == dialectChat && test.param != "" && got.param != test.param {
				t.Errorf("param %q, want %q", got.param, test.param)
			}
		})
	}
}

func TestBadModelName(t *testing.T) {
	a := NewPaced(provider.Options{}, noWait)
	for _, dialect := range dialects {
		model := "sandbox-n0"
		got := hearFailure(t, dialect, send(t, a, call(dialect, model, false, ask{model: model, turns: said1("Hi")}.shape(t, dialect))))
		if got.status != http.StatusBadRequest || !strings.Contains(got.message, model) {
			t.Errorf("%s: %+v", dialect, got)
		}
	}
}

func TestUnknownPlaces(t *testing.T) {
	tests := []struct {
		method, path string
		status       int
		dialect      string
	}{
		{http.MethodPost, "/", 404, dialectChat},
		{http.MethodPost, "/v1/embeddings", 404, dialectChat},
		{http.MethodPost, "/v1/messages/", 404, dialectChat},
		{http.MethodPost, "/model/m/invoke", 404, dialectChat},
		{http.MethodGet, pathChat, 405, dialectChat},
		{http.MethodGet, pathMessages, 405, dialectMessages},
		{http.MethodDelete, "/model/m/converse", 405, dialectConverse},
	}
	a := NewPaced(provider.Options{}, noWait)
	for _, test := range tests {
		r, err := http.NewRequest(test.method, address+test.path, nil)
		if err != nil {
			t.Fatal(err)
		}
		res, err := a.RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		if got := hearFailure(t, test.dialect, res); got.status != test.status || !strings.Contains(got.message, test.path) {
			t.Errorf("%s %s: %+v", test.method, test.path, got)
		}
	}
}

func TestRequestTooLarge(t *testing.T) {
	a := NewPaced(provider.Options{}, noWait)
	r, err := http.NewRequest(http.MethodPost, address+pathMessages, io.LimitReader(endless{}, maxBody+1))
	if err != nil {
		t.Fatal(err)
	}
	res, err := a.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	if got := hearFailure(t, dialectMessages, res); got.status != http.StatusRequestEntityTooLarge || got.kind != "request_too_large" {
		t.Errorf("%+v", got)
	}
}

type endless struct{}

func (endless) Read(p []byte) (int, error) { return len(p), nil }

// FuzzRequest: whatever a request holds, it is refused or answered with JSON.
func FuzzRequest(f *testing.F) {
	for _, dialect := range dialects {
		for _, s := range scenarios() {
			b, err := json.Marshal(map[string]func() object{
				dialectChat: s.ask.chat, dialectMessages: s.ask.messages, dialectConverse: s.ask.converse,
			}[dialect]())
			if err != nil {
				f.Fatal(err)
			}
			f.Add(dialect, b)
		}
		f.Add(dialect, []byte(`{"messages":[{"role":"user","content":[{"toolResult":{"content":[{"json":{"a":[1]}}]}},{"type":"tool_result","content":[{"type":"image"}]}]}]}`))
		f.Add(dialect, []byte(`{"model":"m","max_tokens":1,"messages":[{"role":"user","content":[{"type":"file","file":{}},null]}],"tools":[{"type":"custom","custom":{"name":"x"}},{"type":"function","function":{"name":"y","parameters":null}}]}`))
	}
	ds := map[string]dialect{dialectChat: chat{}, dialectMessages: messages{}, dialectConverse: converse{}}
	f.Fuzz(func(t *testing.T, name string, body []byte) {
		d := ds[name]
		if d == nil {
			return
		}
		q := question{model: "m"}
		if err := d.read(body, &q); err != nil {
			if fail := asFailure(err); fail.status != http.StatusBadRequest || fail.msg == "" {
				t.Fatalf("%+v", fail)
			}
			return
		}
		a, fail := plan(&q, "id")
		if fail != nil {
			return
		}
		a.n = min(a.n, 100)
		if whole := d.whole(a); !json.Valid(whole) {
			t.Fatalf("not JSON: %s", whole)
		}
		if a.input < 1 || a.output < 1 || a.reasoning > a.output {
			t.Fatalf("%d tokens in, %d out, %d of them reasoning", a.input, a.output, a.reasoning)
		}
	})
}
