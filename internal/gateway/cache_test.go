package gateway

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"turnpike/internal/keyring"
	"turnpike/internal/promptcache"
)

func TestMayHoldPoint(t *testing.T) {
	for _, c := range []struct {
		dialect, body string
		want          bool
	}{
		{"messages", `{"system":[{"cache_control":{"type":"ephemeral"}}]}`, true},
		{"messages", `{"system":[{"cache_control" : {"type":"ephemeral"}}]}`, true},
		{"messages", `{"system":"cachePoint"}`, false},
		{"converse", `{"system":[{"cachePoint":{"type":"default"}}]}`, true},
		{"converse", `{"system":"cache_control"}`, false},
	} {
		if got := mayHoldPoint([]byte(c.body), c.dialect); got != c.want {
			t.Errorf("%s: %s: %v", c.dialect, c.body, got)
		}
	}
}

// TestConversationsApart: what one client sent must not show in another's story.
func TestConversationsApart(t *testing.T) {
	name := func(key, session, body string) uint64 {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/v1/messages", nil)
		r.Header.Set("Session-Id", session)
		x := &exchange{who: &keyring.Principal{KeyID: key}, r: r}
		return x.conversation(promptcache.Read([]byte(body), "messages"))
	}
	const one, other = `{"messages":[{"role":"user","content":"1"}]}`, `{"messages":[{"role":"user","content":"2"}]}`
	if name("a", "s", one) == name("b", "s", one) || name("a", "", one) == name("b", "", one) {
		t.Error("two clients share a conversation")
	}
	if name("a", "s", one) != name("a", "s", other) || name("a", "", one) == name("a", "", other) || name("a", "s", one) == name("a", "t", one) {
		t.Error("conversations are told apart by the wrong thing")
	}
}

// BenchmarkNoPoint is what a request without cache points pays: the look for one.
func BenchmarkNoPoint(b *testing.B) {
	body := []byte(`{"messages":[` + strings.Repeat(`{"role":"user","content":[{"type":"text","text":"The quick brown fox, \"quoted\", jumps_over the lazy dog."}]},`, 800) + `{}]}`)
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		if mayHoldPoint(body, "messages") {
			b.Fatal("found")
		}
	}
}
