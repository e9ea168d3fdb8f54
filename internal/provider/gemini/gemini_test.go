package gemini

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
	"testing/iotest"

	"turnpike/internal/provider"
	"turnpike/internal/wire"
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

func TestAddresses(t *testing.T) {
	const base = "https://generativelanguage.googleapis.com/v1beta"
	for _, c := range []struct {
		base, model string
		stream      bool
		want        string
	}{
		{"", "gemini-2.5-pro", false, base + "/models/gemini-2.5-pro:generateContent"},
		{"", "models/gemini-2.5-pro", true, base + "/models/gemini-2.5-pro:streamGenerateContent?alt=sse"},
		{"", "tunedModels/mine-1", false, base + "/tunedModels/mine-1:generateContent"},
		{"http://h:9/v1/", "m", true, "http://h:9/v1/models/m:streamGenerateContent?alt=sse"},
	} {
		a := newAccount(t, provider.Options{BaseURL: c.base, APIKey: "k-ours"})
		r, err := a.NewRequest(t.Context(), &provider.Call{Model: c.model, Stream: c.stream, Body: body("{}")})
		if err != nil || r.URL.String() != c.want || r.Method != http.MethodPost || r.Header.Get("X-Goog-Api-Key") != "k-ours" {
			t.Errorf("%+v: %v, %v", c, r.URL, err)
		}
	}
	for _, model := range []string{"", ".", "..", "../secret", "a/b", "m:other", "m?x", "m%2f", "m#", "mödel", "models/", "tunedModels/../x"} {
		_, err := newAccount(t, provider.Options{}).NewRequest(t.Context(), &provider.Call{Model: model, Body: body("{}")})
		if !errors.Is(err, ErrModel) {
			t.Errorf("%q was taken: %v", model, err)
		}
	}
	if _, err := New(provider.Options{BaseURL: "nowhere"}); err == nil {
		t.Error("a base_url without a scheme was taken")
	}
}

func TestSurfaceAndHeaders(t *testing.T) {
	a := newAccount(t, provider.Options{APIKey: "k", Headers: map[string]string{"X-Goog-Api-Key": "theirs"}})
	if s, err := a.Surface(t.Context(), "m"); err != nil || s != (provider.Surface{Dialect: "gemini"}) || a.Kind() != "gemini" {
		t.Errorf("%+v %v", s, err)
	}
	r, err := a.NewRequest(t.Context(), &provider.Call{Model: "m", Body: body("{}")})
	if err != nil || r.Header.Get("X-Goog-Api-Key") != "theirs" || strings.Contains(r.URL.String(), "key") {
		t.Errorf("%v %v", r.Header, err)
	}
	none := newAccount(t, provider.Options{})
	if r, err := none.NewRequest(t.Context(), &provider.Call{Model: "m", Body: body("{}")}); err != nil || r.Header["X-Goog-Api-Key"] != nil {
		t.Errorf("%v %v", r.Header, err)
	}
}

func TestModels(t *testing.T) {
	pages := map[string]string{
		"": `{"models":[{"name":"models/gemini-a","displayName":"A","inputTokenLimit":1048576,"outputTokenLimit":65536,"supportedGenerationMethods":["generateContent","countTokens"]},
			{"name":"models/embedding","supportedGenerationMethods":["embedContent"]}],"nextPageToken":"p 2"}`,
		"p 2": `{"models":[{"name":"models/gemini-b"}]}`,
	}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/v1beta/models" || r.Header.Get("X-Goog-Api-Key") != "k" {
			t.Errorf("%s %v", r.URL, r.Header)
		}
		_, _ = io.WriteString(w, pages[r.URL.Query().Get("pageToken")])
	}))
	defer srv.Close()
	a := newAccount(t, provider.Options{BaseURL: srv.URL + "/v1beta", APIKey: "k"})
	got, err := a.Models(t.Context())
	want := []provider.Model{{ID: "gemini-a", Name: "A", Owner: "google", Context: 1048576, Output: 65536}, {ID: "gemini-b", Owner: "google"}}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%+v %v", got, err)
	}
}

func TestModelsEnd(t *testing.T) {
	n := 0
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		n++
		_, _ = io.WriteString(w, `{"models":[],"nextPageToken":"again"}`)
	}))
	defer srv.Close()
	if _, err := newAccount(t, provider.Options{BaseURL: srv.URL}).Models(t.Context()); err != nil || n != maxPages {
		t.Errorf("%d pages, %v", n, err)
	}
}

// read collects what a stream's frames hold.
func read(f wire.FrameReader) (data []string, raw string, err error) {
	for {
		frame, err := f.Next()
		if err != nil {
			return data, raw, err
		}
		data = append(data, string(frame.Data))
		raw += string(frame.Raw)
	}
}

func TestFrames(t *testing.T) {
	elements := []string{`{"a":"]},[{\"\\"}`, `{"b":{"c":[1,{}]}}`}
	pretty := strings.ReplaceAll(elements[1], ":", ":\r\n ")
	for name, c := range map[string]struct {
		in   string
		want []string
		end  error
	}{
		"events":           {"data: " + elements[0] + "\r\n\r\ndata: " + elements[1] + "\r\n\r\n", elements, io.EOF},
		"a list":           {"[" + elements[0] + "\n,\r\n" + elements[1] + "\n]", elements, io.EOF},
		"a pretty list":    {" \n[ " + elements[0] + ",\n" + pretty + "]", []string{elements[0], strings.ReplaceAll(pretty, "\r\n", "  ")}, io.EOF},
		"an empty list":    {"[]", nil, io.EOF},
		"nothing":          {"", nil, io.EOF},
		"a cut list":       {"[" + elements[0] + ",", elements[:1], io.ErrUnexpectedEOF},
		"a cut element":    {"[" + elements[0][:9], nil, io.ErrUnexpectedEOF},
		"no list of these": {"[5]", nil, errList},
	} {
		t.Run(name, func(t *testing.T) {
			a := newAccount(t, provider.Options{})
			for how, r := range map[string]io.Reader{"at once": strings.NewReader(c.in), "byte by byte": iotest.OneByteReader(strings.NewReader(c.in))} {
				f := a.Frames(nil, r)
				data, raw, err := read(f)
				if !reflect.DeepEqual(data, c.want) || !errors.Is(err, c.end) {
					t.Errorf("%s: %q, %v", how, data, err)
				}
				// The raw bytes are events of their own, whatever the framing was.
				again, _, _ := read(wire.NewSSE(strings.NewReader(raw), 0))
				if !reflect.DeepEqual(again, c.want) {
					t.Errorf("%s: raw %q", how, raw)
				}
			}
		})
	}
	t.Run("an element without end is refused", func(t *testing.T) {
		f := newFrames(io.MultiReader(strings.NewReader(`[{"a":"`), endless{}))
		if _, err := f.Next(); !errors.Is(err, wire.ErrFrameTooLarge) {
			t.Error(err)
		}
	})
	t.Run("more is told from what is here", func(t *testing.T) {
		f := newFrames(strings.NewReader("[" + elements[0] + "," + elements[1] + "]"))
		if f.More() {
			t.Error("nothing was read yet")
		}
		if _, err := f.Next(); err != nil || !f.More() {
			t.Errorf("another element is here: %v", err)
		}
	})
}

// endless is text that never ends.
type endless struct{}

func (endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 'x'
	}
	return len(p), nil
}

func FuzzFrames(f *testing.F) {
	f.Add([]byte(`[{"a":"\"}"},{"b":[{}]}]`))
	f.Add([]byte("data: {}\n\n"))
	f.Add([]byte(` [ , {`))
	f.Fuzz(func(t *testing.T, data []byte) {
		frames := newFrames(strings.NewReader(string(data)))
		for range len(data) + 2 {
			frame, err := frames.Next()
			if err != nil {
				return
			}
			if len(frame.Raw) == 0 {
				t.Fatal("a frame without bytes")
			}
		}
		t.Fatal("more frames than bytes")
	})
}
