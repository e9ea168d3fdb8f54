package doctor

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"image/png"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"turnpike/internal/catalog"
	"turnpike/internal/dialect/chat"
	"turnpike/internal/dialect/messages"
	"turnpike/internal/llm"
	"turnpike/internal/provider"
	"turnpike/internal/provider/anthropic"
	"turnpike/internal/provider/openai"
	"turnpike/internal/provider/sandbox"
)

// strict refuses as Claude from 4.7 on does, in its words: the first complaint of
// a list of them.
func strict(body map[string]any, h http.Header) string {
	thinking, _ := body["thinking"].(map[string]any)
	config, _ := body["output_config"].(map[string]any)
	text, _ := json.Marshal(body)
	switch {
	case thinking["type"] == "enabled":
		return `"thinking.type.enabled" is not supported for this model. Use "thinking.type.adaptive" and "output_config.effort" to control thinking behavior.`
	case body["temperature"] != nil:
		return "`temperature` is deprecated for this model."
	case body["top_p"] != nil:
		return "`top_p` is deprecated for this model."
	case config["effort"] == "minimal" || config["effort"] == "none":
		return "output_config.effort: Input should be 'low', 'medium', 'high', 'xhigh' or 'max'"
	case strings.Contains(string(text), `"strict":true`):
		return "tools.0.custom.strict: Extra inputs are not permitted"
	case strings.Contains(string(text), `"role":"assistant"`):
		return "This model does not support assistant message prefill. The conversation must end with a user message."
	case strings.Contains(h.Get("Anthropic-Beta"), "bad-flag"):
		return "Unexpected value(s) `bad-flag-2025-01-01` for the `anthropic-beta` header."
	}
	return ""
}

func claude(t *testing.T, calls *atomic.Int64) provider.Provider {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		calls.Add(1)
		var body map[string]any
		if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
			t.Error(err)
		}
		w.Header().Set("Content-Type", "application/json")
		if no := strict(body, r.Header); no != "" {
			w.WriteHeader(400)
			_ = json.NewEncoder(w).Encode(map[string]any{"type": "error", "error": map[string]string{"type": "invalid_request_error", "message": no}})
			return
		}
		_, _ = io.WriteString(w, `{"id":"msg_1","type":"message","role":"assistant","model":"m","content":[{"type":"text","text":"hi"}],"stop_reason":"end_turn","usage":{"input_tokens":10,"output_tokens":2}}`)
	}))
	t.Cleanup(s.Close)
	p, err := anthropic.New(provider.Options{Name: "claude", BaseURL: s.URL, APIKey: "k"})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestExamineClaude(t *testing.T) {
	var calls atomic.Int64
	p := claude(t, &calls)
	surface, err := p.Surface(t.Context(), "claude-opus-4-7")
	if err != nil {
		t.Fatal(err)
	}
	// The table is of an older model, so that much of it is wrong.
	r, err := Examine(t.Context(), &Patient{
		Provider: p, Surface: surface, Back: messages.Dialect{}, Model: "claude-opus-4-7",
		Known: catalog.Lookup("claude-sonnet-4-5"), Flags: []string{"good-flag-2025-01-01", "bad-flag-2025-01-01"},
	})
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]Lesson{
		"thinking":   {Value: `"adaptive"`, Differs: true},
		"sampling":   {Value: `"none"`, Differs: true},
		"no_prefill": {Value: `true`, Differs: true},
		"strict":     {Value: `false`, Differs: true},
		"mid_system": {Value: `true`, Differs: true},
		"structured": {Value: `true`},
		"no_tools":   {Value: `false`},
		"no_stop":    {Value: `false`},
		"cache_1h":   {Value: `true`},
		"no_images":  {Value: `false`},
		"efforts":    {Value: `["low","medium","high","xhigh","max"]`, Differs: true},
	}
	for what, w := range want {
		i := slices.IndexFunc(r.Lessons, func(l Lesson) bool { return l.What == what })
		if i < 0 {
			t.Errorf("nothing of %s", what)
			continue
		}
		if l := r.Lessons[i]; l.Value != w.Value || l.Differs != w.Differs {
			t.Errorf("%s: %+v, want %+v", what, l, w)
		}
	}
	for _, l := range r.Lessons {
		var caps llm.Caps
		set, err := catalog.Setter(l.What, l.Value)
		if err != nil {
			t.Errorf("%s=%s cannot be kept: %v", l.What, l.Value, err)
			continue
		}
		set(&caps)
		if l.What == "betas" {
			t.Error("Anthropic's list of flags is open")
		}
	}
	bad := r.Findings[slices.IndexFunc(r.Findings, func(f Finding) bool { return f.Asked == "beta bad-flag-2025-01-01" })]
	if bad.Upstream != Refused || !strings.Contains(bad.Words, "bad-flag") {
		t.Errorf("%+v", bad)
	}
	if int64(r.Calls) != calls.Load() || r.Calls < 25 || r.Input == 0 || r.Output == 0 {
		t.Errorf("%d calls of %d, %d and %d tokens", r.Calls, calls.Load(), r.Input, r.Output)
	}
}

func TestExamineTheSandbox(t *testing.T) {
	p := sandbox.New(provider.Options{Name: "sandbox"})
	surface, err := p.Surface(t.Context(), "sandbox")
	if err != nil {
		t.Fatal(err)
	}
	back := map[string]llm.Back{"chat": chat.Dialect{}, "messages": messages.Dialect{}}[surface.Dialect]
	r, err := Examine(t.Context(), &Patient{Provider: p, Surface: surface, Back: back, Model: "sandbox"})
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range r.Findings {
		if f.Upstream == Refused {
			t.Errorf("the sandbox refuses %s: %s", f.Asked, f.Words)
		}
	}
	if r.Calls == 0 || len(r.Lessons) == 0 {
		t.Errorf("%+v", r)
	}
}

func TestNothingIsLearnedOfTheSilent(t *testing.T) {
	for _, status := range []int{401, 404, 429, 500} {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) }))
		p, err := openai.New(provider.Options{Name: "o", BaseURL: s.URL, APIKey: "k"}, false, provider.Choice{Pinned: "chat"})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := Examine(t.Context(), &Patient{Provider: p, Surface: provider.Surface{Dialect: "chat"}, Back: chat.Dialect{}, Model: "m"}); err == nil {
			t.Errorf("%d: something was found", status)
		}
		s.Close()
	}
}

func TestUnclearAnswersTeachNothing(t *testing.T) {
	first := true
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		if first {
			first = false
			_, _ = io.WriteString(w, `{"id":"c","object":"chat.completion","model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"hi"},"finish_reason":"stop"}]}`)
			return
		}
		w.WriteHeader(429)
		_, _ = io.WriteString(w, `{"error":{"message":"too fast"}}`)
	}))
	defer s.Close()
	p, err := openai.New(provider.Options{Name: "o", BaseURL: s.URL, APIKey: "k"}, false, provider.Choice{Pinned: "chat"})
	if err != nil {
		t.Fatal(err)
	}
	r, err := Examine(t.Context(), &Patient{Provider: p, Surface: provider.Surface{Dialect: "chat"}, Back: chat.Dialect{}, Model: "m"})
	if err != nil || len(r.Lessons) != 0 {
		t.Errorf("%+v, %v", r, err)
	}
}

func TestTimeRunsOut(t *testing.T) {
	var calls atomic.Int64
	p := claude(t, &calls)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Examine(ctx, &Patient{Provider: p, Surface: provider.Surface{Dialect: "messages"}, Back: messages.Dialect{}, Model: "m"}); err == nil || calls.Load() != 0 {
		t.Errorf("%v after %d calls", err, calls.Load())
	}
}

func TestTheSmallestMedia(t *testing.T) {
	b, err := base64.StdEncoding.DecodeString(pixel)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := png.Decode(strings.NewReader(string(b))); err != nil {
		t.Error(err)
	}
	if b, err = base64.StdEncoding.DecodeString(page); err != nil || !strings.HasPrefix(string(b), "%PDF-") {
		t.Errorf("%v %.20q", err, b)
	}
}
