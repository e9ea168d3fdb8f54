package openai

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"

	"turnpike/internal/provider"
)

var _ provider.Provider = (*Account)(nil)

// body is a call's body that is never used again.
type body string

func (b body) Bytes() []byte            { return []byte(b) }
func (b body) NewReader() io.ReadCloser { return io.NopCloser(strings.NewReader(string(b))) }

func newAccount(t *testing.T, opt provider.Options, compat bool, api string) *Account {
	t.Helper()
	opt.Name = "main"
	a, err := New(opt, compat, provider.Choice{Pinned: api})
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func request(t *testing.T, a *Account, c *provider.Call) *http.Request {
	t.Helper()
	r, err := a.NewRequest(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestAddresses(t *testing.T) {
	for _, c := range []struct {
		base   string
		compat bool
		want   string
	}{
		{"", false, "https://api.openai.com/v1/chat/completions"},
		{"https://api.openai.com/v1", false, "https://api.openai.com/v1/chat/completions"},
		{"https://api.openai.com/v1/", false, "https://api.openai.com/v1/chat/completions"},
		{"http://127.0.0.1:11434/v1", true, "http://127.0.0.1:11434/v1/chat/completions"},
		{"http://h/openai/deployments/d/", true, "http://h/openai/deployments/d/chat/completions"},
		{"http://h", true, "http://h/chat/completions"}, // some servers have no /v1: what is set is what is called
	} {
		a := newAccount(t, provider.Options{BaseURL: c.base}, c.compat, "")
		r := request(t, a, &provider.Call{Body: body("{}")})
		if r.URL.String() != c.want || r.Method != http.MethodPost || r.Host != r.URL.Host {
			t.Errorf("base %q: %s %s, host %s, want %s", c.base, r.Method, r.URL, r.Host, c.want)
		}
	}
	if _, err := New(provider.Options{Name: "local"}, true, provider.Choice{}); err == nil || !strings.Contains(err.Error(), "provider local: base_url") {
		t.Errorf("a compatible server without an address: %v", err)
	}
}

func TestSurface(t *testing.T) {
	chat, answers := provider.Surface{Dialect: "chat"}, provider.Surface{Dialect: "responses"}
	compatChat, compatAnswers := provider.Surface{Dialect: "chat", Compat: true}, provider.Surface{Dialect: "responses", Compat: true}
	for _, c := range []struct {
		compat bool
		api    string
		kind   string
		client string // what the client speaks
		want   provider.Surface
	}{
		{false, "", "openai", "chat", chat},
		{false, "", "openai", "messages", chat},
		{false, "", "openai", "responses", answers}, // OpenAI speaks it too: the body may pass as it is
		{false, "chat", "openai", "responses", chat},
		{false, "responses", "openai", "chat", answers},
		{false, "responses", "openai", "responses", answers},
		{true, "", "openai-compat", "chat", compatChat},
		{true, "", "openai-compat", "responses", compatChat}, // few compatible servers speak it
		{true, "chat", "openai-compat", "responses", compatChat},
		{true, "responses", "openai-compat", "messages", compatAnswers},
		{true, "responses", "openai-compat", "responses", compatAnswers},
	} {
		a := newAccount(t, provider.Options{BaseURL: "http://h/v1"}, c.compat, c.api)
		got, err := a.SurfaceFor(t.Context(), "any", c.client)
		if got != c.want || err != nil || a.Kind() != c.kind {
			t.Errorf("compat %v, api %q, client %s: %s, %+v, %v", c.compat, c.api, c.client, a.Kind(), got, err)
		}
		if got, err := a.Surface(t.Context(), "any"); got.Dialect == "responses" != (c.api == "responses") || got.Compat != c.compat || err != nil {
			t.Errorf("compat %v, api %q: %+v, %v", c.compat, c.api, got, err)
		}
	}
	if _, err := New(provider.Options{Name: "main"}, false, provider.Choice{Pinned: "messages"}); err == nil || !strings.Contains(err.Error(), `provider main: api "messages"`) {
		t.Errorf("an API that OpenAI has not: %v", err)
	}
}

// TestSurfacePerModel: the operator's rules come first, then what serves a model at
// all, then what the client speaks.
func TestSurfacePerModel(t *testing.T) {
	only := func(model string) string {
		return map[string]string{"gpt-5-pro": "responses", "o1-pro": "responses"}[model]
	}
	rules := []provider.APIRule{{Match: "o1*", API: "chat"}, {Match: "gpt-4*", API: "responses"}}
	for _, c := range []struct {
		compat        bool
		model, client string
		want          string
	}{
		{false, "gpt-5-pro", "chat", "responses"},
		{false, "gpt-5-pro", "messages", "responses"},
		{false, "gpt-4o", "chat", "responses"},
		{false, "o1-pro", "responses", "chat"}, // said by the operator
		{false, "gpt-5", "chat", "chat"},
		{false, "gpt-5", "responses", "responses"},
		{true, "gpt-5-pro", "chat", "chat"}, // another's server of that name
		{true, "gpt-4o", "chat", "responses"},
	} {
		a, err := New(provider.Options{BaseURL: "http://h/v1"}, c.compat, provider.Choice{Rules: rules, Only: only})
		if err != nil {
			t.Fatal(err)
		}
		if got, err := a.SurfaceFor(t.Context(), c.model, c.client); got.Dialect != c.want || err != nil {
			t.Errorf("%+v: %+v, %v", c, got, err)
		}
	}
}

func TestAddressOfSurface(t *testing.T) {
	a := newAccount(t, provider.Options{BaseURL: "http://h/v1/"}, false, "")
	for dialect, want := range map[string]string{"chat": "http://h/v1/chat/completions", "responses": "http://h/v1/responses"} {
		r := request(t, a, &provider.Call{Surface: provider.Surface{Dialect: dialect}, Body: body("{}")})
		if r.URL.String() != want || r.Method != http.MethodPost {
			t.Errorf("%s goes to %s %s", dialect, r.Method, r.URL)
		}
	}
}

func TestHeaders(t *testing.T) {
	for _, c := range []struct {
		name   string
		opt    provider.Options
		passed http.Header
		want   http.Header
	}{
		{
			"the account's key, never the client's",
			provider.Options{APIKey: "sk-ours", UserAgent: "turnpike/1"},
			http.Header{},
			http.Header{"Authorization": {"Bearer sk-ours"}, "User-Agent": {"turnpike/1"}},
		},
		{
			"no key, no Authorization",
			provider.Options{},
			http.Header{},
			http.Header{"User-Agent": {""}},
		},
		{
			"what the call says goes on",
			provider.Options{APIKey: "k"},
			http.Header{"X-Trace": {"a", "b"}},
			http.Header{"Authorization": {"Bearer k"}, "X-Trace": {"a", "b"}, "User-Agent": {""}},
		},
		{
			"the operator's headers win",
			provider.Options{APIKey: "k", Headers: map[string]string{"authorization": "Basic b3Vycw==", "x-trace": "c", "user-agent": "mine"}},
			http.Header{"X-Trace": {"a"}},
			http.Header{"Authorization": {"Basic b3Vycw=="}, "X-Trace": {"c"}, "User-Agent": {"mine"}},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.opt.BaseURL = "http://h/v1"
			r := request(t, newAccount(t, c.opt, true, ""), &provider.Call{Header: c.passed, Body: body("{}")})
			c.want["Content-Type"] = []string{"application/json"}
			if !reflect.DeepEqual(r.Header, c.want) {
				t.Errorf("sent %v\nwant %v", r.Header, c.want)
			}
		})
	}
}

func TestCallAndFrames(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		sent, _ := io.ReadAll(r.Body)
		w.Header().Set("Content-Type", "text/event-stream")
		_, _ = w.Write([]byte("data: " + string(sent) + "\n\ndata: [DONE]\n\n"))
	}))
	defer s.Close()
	a := newAccount(t, provider.Options{BaseURL: s.URL + "/v1"}, true, "")
	call := &provider.Call{Stream: true, Body: body(`{"stream":true}`)}
	res, err := a.RoundTrip(request(t, a, call))
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	frames := a.Frames(call, res.Body)
	for _, want := range []string{`{"stream":true}`, "[DONE]"} {
		if f, err := frames.Next(); err != nil || string(f.Data) != want {
			t.Errorf("%q, %v, want %q", f.Data, err, want)
		}
	}
	if _, err := frames.Next(); !errors.Is(err, io.EOF) {
		t.Errorf("end: %v", err)
	}
}

func TestModels(t *testing.T) {
	status, answer := 200, `{"object":"list","data":[
		{"id":"gpt-x","object":"model","created":1700000000,"owned_by":"openai"},
		{"id":"local"}],"extra":1}`
	var asked, authorization string
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked, authorization = r.Method+" "+r.RequestURI, r.Header.Get("Authorization")
		w.WriteHeader(status)
		_, _ = w.Write([]byte(answer))
	}))
	defer s.Close()
	a := newAccount(t, provider.Options{BaseURL: s.URL + "/v1/", APIKey: "k"}, true, "")
	got, err := a.Models(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	want := []provider.Model{{ID: "gpt-x", Created: 1700000000, Owner: "openai"}, {ID: "local"}}
	if !reflect.DeepEqual(got, want) || asked != "GET /v1/models" || authorization != "Bearer k" {
		t.Errorf("%s as %s: %+v", asked, authorization, got)
	}

	status, answer = 401, `{"error":{"message":"Incorrect API key provided: k"}}`
	var refused *provider.StatusError
	if got, err := a.Models(t.Context()); !errors.As(err, &refused) || refused.Status != 401 || len(got) != 0 {
		t.Errorf("%v, %v", got, err)
	}
	status, answer = 200, "<html>a proxy's page</html>"
	if _, err := a.Models(t.Context()); err == nil || !strings.Contains(err.Error(), "base_url") {
		t.Errorf("a page: %v", err)
	}
	s.Close()
	if _, err := a.Models(t.Context()); err == nil {
		t.Error("a server that is away gave a list")
	}
}
