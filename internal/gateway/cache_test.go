package gateway

import (
	"strings"
	"testing"
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
