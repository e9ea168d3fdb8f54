package sandbox

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"turnpike/internal/provider"
)

func TestSurfaces(t *testing.T) {
	chatSurface := provider.Surface{Dialect: "chat"}
	messagesSurface := provider.Surface{Dialect: "messages"}
	converseSurface := provider.Surface{Dialect: "converse", Reframed: true}
	tests := []struct {
		model, dialect string
		want           provider.Surface
	}{
		{"sandbox", "chat", chatSurface},
		{"sandbox", "messages", messagesSurface},
		{"sandbox", "responses", chatSurface},
		{"sandbox", "", chatSurface},
		{"sandbox-converse", "chat", converseSurface},
		{"sandbox-converse", "messages", converseSurface},
		{"sandbox-slow-converse-n3", "messages", converseSurface},
	}
	a := New(provider.Options{})
	for _, test := range tests {
		got, err := a.SurfaceFor(t.Context(), test.model, test.dialect)
		if err != nil || got != test.want {
			t.Errorf("%s for %q: %+v, %v", test.model, test.dialect, got, err)
		}
	}
	for model, want := range map[string]provider.Surface{"sandbox": chatSurface, "sandbox-converse": converseSurface} {
		if got, err := a.Surface(t.Context(), model); err != nil || got != want {
			t.Errorf("%s: %+v, %v", model, got, err)
		}
	}
}

func TestAccount(t *testing.T) {
	a := New(provider.Options{})
	if a.Name() != "sandbox" || a.Kind() != "sandbox" {
		t.Errorf("name %q, kind %q", a.Name(), a.Kind())
	}
	opt := provider.Options{
		Name: "mine", BaseURL: "not an address", Transport: http.NewFileTransport(nil), UserAgent: "test/1",
		Headers: map[string]string{"X-Own": "2"}, Timeouts: provider.Timeouts{Idle: time.Second},
	}
	a = New(opt)
	if a.Name() != "mine" || a.Timeouts() != opt.Timeouts {
		t.Errorf("name %q, timeouts %+v", a.Name(), a.Timeouts())
	}
	r, err := a.NewRequest(t.Context(), call(dialectChat, "sandbox", false, "{}"))
	if err != nil {
		t.Fatal(err)
	}
	if got := r.URL.String(); got != "http://sandbox.invalid/v1/chat/completions" {
		t.Errorf("address %s", got)
	}
	for k, want := range map[string]string{"X-Test": "1", "X-Own": "2", "User-Agent": "test/1", "Content-Type": "application/json"} {
		if got := r.Header.Get(k); got != want {
			t.Errorf("%s: %q, want %q", k, got, want)
		}
	}
	if _, err := a.NewRequest(t.Context(), call("gemini", "sandbox", false, "{}")); err == nil || !strings.Contains(err.Error(), `"gemini"`) {
		t.Errorf("a dialect that is not spoken: %v", err)
	}
}

func TestPaths(t *testing.T) {
	tests := []struct {
		dialect, model string
		stream         bool
		want           string
	}{
		{dialectChat, "m", true, "/v1/chat/completions"},
		{dialectMessages, "m", false, "/v1/messages"},
		{dialectConverse, "a/b:1", false, "/model/a/b:1/converse"},
		{dialectConverse, "a/converse", true, "/model/a/converse/converse-stream"},
	}
	a := New(provider.Options{})
	for _, test := range tests {
		r, err := a.NewRequest(t.Context(), call(test.dialect, test.model, test.stream, "{}"))
		if err != nil || r.URL.Path != test.want {
			t.Errorf("%+v: %v, %v", test, r, err)
		}
		if _, q, f := route(r); f != nil || test.dialect == dialectConverse && (q.model != test.model || q.stream != test.stream) {
			t.Errorf("%+v is taken for %+v, %v", test, q, f)
		}
	}
}

func TestModels(t *testing.T) {
	a := NewPaced(provider.Options{}, noWait)
	list, err := a.Models(t.Context())
	if err != nil || len(list) != 5 {
		t.Fatalf("%v, %v", list, err)
	}
	for _, m := range list {
		if m.Name == "" || m.Created == 0 || m.Owner == "" {
			t.Errorf("%+v is not complete", m)
		}
		s, err := a.Surface(t.Context(), m.ID)
		if err != nil {
			t.Fatal(err)
		}
		got, err := hear(t, a, call(s.Dialect, m.ID, true, ask{model: m.ID, stream: true, turns: said1("Hi"), tools: weather}.shape(t, s.Dialect)))
		if err != nil || !got.Done {
			t.Errorf("%s: %+v, %v", m.ID, got, err)
		}
		if (m.ID == "sandbox-thinking") != (got.Think != "") || (m.ID == "sandbox-tools") != (len(got.Calls) == 1) {
			t.Errorf("%s: %+v", m.ID, got)
		}
	}
}

// A request body is read to its end and closed, whatever becomes of the
// request: its memory is used again.
func TestRequestBodyIsClosed(t *testing.T) {
	a := NewPaced(provider.Options{}, noWait)
	for _, test := range []struct{ path, body string }{
		{pathChat, ask{model: "m", turns: said1("Hi")}.shape(t, dialectChat)},
		{pathChat, ask{model: "m", stream: true, turns: said1("Hi")}.shape(t, dialectChat)},
		{pathChat, "no JSON"},
		{"/nowhere", "{}"},
	} {
		b := &closable{Reader: strings.NewReader(test.body)}
		r, err := http.NewRequest(http.MethodPost, address+test.path, b)
		if err != nil {
			t.Fatal(err)
		}
		res, err := a.RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		if !b.closed {
			t.Errorf("%s with %s: not closed", test.path, test.body)
		}
		res.Body.Close()
	}
	a.server.running.Wait()
}

type closable struct {
	io.Reader
	closed bool
}

func (c *closable) Close() error {
	c.closed = true
	return nil
}
