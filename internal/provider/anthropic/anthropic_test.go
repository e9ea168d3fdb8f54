package anthropic

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
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

func newAccount(t *testing.T, opt provider.Options) *Account {
	t.Helper()
	opt.Name = "main"
	a, err := New(opt)
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
	for base, want := range map[string]string{
		"":                             "https://api.anthropic.com/v1/messages",
		"https://api.anthropic.com":    "https://api.anthropic.com/v1/messages",
		"https://api.anthropic.com/":   "https://api.anthropic.com/v1/messages",
		"https://api.anthropic.com/v1": "https://api.anthropic.com/v1/messages",
		"http://h:9/v1/":               "http://h:9/v1/messages",
		"http://h:9/anthropic":         "http://h:9/anthropic/v1/messages",
		"http://h:9/anthropic/v1/":     "http://h:9/anthropic/v1/messages",
		"http://h:9/rev1":              "http://h:9/rev1/v1/messages",
	} {
		r := request(t, newAccount(t, provider.Options{BaseURL: base}), &provider.Call{Body: body("{}")})
		if r.URL.String() != want || r.Method != http.MethodPost || r.Host != r.URL.Host {
			t.Errorf("base %q: %s %s, host %s, want %s", base, r.Method, r.URL, r.Host, want)
		}
	}
	if _, err := New(provider.Options{Name: "x", BaseURL: "nowhere"}); err == nil {
		t.Error("a base_url without a scheme was taken")
	}
}

func TestSurface(t *testing.T) {
	a := newAccount(t, provider.Options{})
	if got, err := a.Surface(t.Context(), "claude-x"); err != nil || got != (provider.Surface{Dialect: "messages"}) || a.Kind() != "anthropic" {
		t.Errorf("%s: %+v, %v", a.Kind(), got, err)
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
			provider.Options{APIKey: "sk-ours"},
			http.Header{},
			http.Header{"X-Api-Key": {"sk-ours"}, "Anthropic-Version": {"2023-06-01"}},
		},
		{
			"no key, no x-api-key",
			provider.Options{},
			nil,
			http.Header{"Anthropic-Version": {"2023-06-01"}},
		},
		{
			"HDR-01 the client's version and betas go on as they are",
			provider.Options{APIKey: "k"},
			http.Header{"Anthropic-Version": {"2099-01-01"}, "Anthropic-Beta": {"a-2026,b-2027", "c"}, "Anthropic-New-Thing": {"1"}},
			http.Header{"X-Api-Key": {"k"}, "Anthropic-Version": {"2099-01-01"}, "Anthropic-Beta": {"a-2026,b-2027", "c"}, "Anthropic-New-Thing": {"1"}},
		},
		{
			"the operator's headers win",
			provider.Options{APIKey: "k", Headers: map[string]string{
				"x-api-key": "sk-other", "anthropic-version": "2024-01-01", "anthropic-beta": "mine", "authorization": "Bearer proxy",
			}},
			http.Header{"Anthropic-Version": {"2099-01-01"}, "Anthropic-Beta": {"theirs"}},
			http.Header{"X-Api-Key": {"sk-other"}, "Anthropic-Version": {"2024-01-01"}, "Anthropic-Beta": {"mine"}, "Authorization": {"Bearer proxy"}},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.opt.UserAgent = "turnpike/1"
			r := request(t, newAccount(t, c.opt), &provider.Call{Header: c.passed, Body: body("{}")})
			c.want["Content-Type"], c.want["User-Agent"] = []string{"application/json"}, []string{"turnpike/1"}
			if !reflect.DeepEqual(r.Header, c.want) {
				t.Errorf("sent %v\nwant %v", r.Header, c.want)
			}
		})
	}
}

func TestCallAndFrames(t *testing.T) {
	const stream = "event: message_start\ndata: {\"type\":\"message_start\"}\n\nevent: ping\ndata: {\"type\":\"ping\"}\n\n"
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if sent, _ := io.ReadAll(r.Body); r.RequestURI != "/v1/messages" || string(sent) != `{"stream":true}` {
			t.Errorf("%s got %s", r.RequestURI, sent)
		}
		_, _ = w.Write([]byte(stream))
	}))
	defer s.Close()
	a := newAccount(t, provider.Options{BaseURL: s.URL})
	call := &provider.Call{Stream: true, Body: body(`{"stream":true}`)}
	res, err := a.RoundTrip(request(t, a, call))
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	frames, raw := a.Frames(call, res.Body), ""
	for _, want := range []string{"message_start", "ping"} {
		f, err := frames.Next()
		if err != nil || string(f.Event) != want {
			t.Errorf("%q, %v, want %q", f.Event, err, want)
		}
		raw += string(f.Raw)
	}
	if _, err := frames.Next(); !errors.Is(err, io.EOF) || raw != stream {
		t.Errorf("end: %v after %q", err, raw)
	}
}

// list is a server with pages of models.
func list(t *testing.T, asked *[]string, page func(after string) (status int, body string)) *Account {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		*asked = append(*asked, r.RequestURI)
		if r.Header.Get("X-Api-Key") != "k" || r.Header.Get("Anthropic-Version") == "" {
			t.Errorf("asked with %v", r.Header)
		}
		q, err := url.ParseQuery(r.URL.RawQuery)
		if err != nil {
			t.Error(err)
		}
		status, answer := page(q.Get("after_id"))
		w.WriteHeader(status)
		_, _ = w.Write([]byte(answer))
	}))
	t.Cleanup(s.Close)
	return newAccount(t, provider.Options{BaseURL: s.URL + "/v1", APIKey: "k"})
}

func TestModels(t *testing.T) {
	var asked []string
	a := list(t, &asked, func(after string) (int, string) {
		switch after {
		case "":
			return 200, `{"data":[{"type":"model","id":"claude-a","display_name":"Claude A","created_at":"2026-01-02T03:04:05Z"}],"has_more":true,"first_id":"claude-a","last_id":"claude a&b"}`
		case "claude a&b":
			return 200, `{"data":[{"id":"claude-b","created_at":"soon"}],"has_more":false,"last_id":"claude-b"}`
		}
		return 404, "{}"
	})
	got, err := a.Models(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	want := []provider.Model{
		{ID: "claude-a", Name: "Claude A", Created: 1767323045, Owner: "anthropic"},
		{ID: "claude-b", Owner: "anthropic"},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("models %+v", got)
	}
	if want := []string{"/v1/models?limit=1000", "/v1/models?after_id=claude+a%26b&limit=1000"}; !reflect.DeepEqual(asked, want) {
		t.Errorf("asked %q", asked)
	}
}

func TestModelsNeverEnds(t *testing.T) {
	var asked []string
	a := list(t, &asked, func(string) (int, string) {
		return 200, fmt.Sprintf(`{"data":[{"id":"m%d"}],"has_more":true,"last_id":"m"}`, len(asked))
	})
	if got, err := a.Models(t.Context()); err != nil || len(got) != maxPages || len(asked) != maxPages {
		t.Errorf("%d models of %d pages, %v", len(got), len(asked), err)
	}
}

func TestModelsFails(t *testing.T) {
	for _, c := range []struct {
		name, body string
		status     int
	}{
		{"wrong key", `{"type":"error","error":{"type":"authentication_error","message":"invalid x-api-key"}}`, 401},
		{"overloaded", `{"type":"error"}`, 529},
		{"not a list", `{"data":{}}`, 200},
	} {
		t.Run(c.name, func(t *testing.T) {
			var asked []string
			a := list(t, &asked, func(string) (int, string) { return c.status, c.body })
			got, err := a.Models(t.Context())
			var status *provider.StatusError
			if err == nil || len(got) != 0 || errors.As(err, &status) != (c.status != 200) || status != nil && status.Status != c.status {
				t.Errorf("%v, %v", got, err)
			}
		})
	}
}
