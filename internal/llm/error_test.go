package llm_test

import (
	"net/http"
	"testing"
	"time"

	"turnpike/internal/llm"
)

func TestRetryAfter(t *testing.T) {
	now := func() time.Time { return time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC) }
	cases := []struct {
		name, header, value string
		want                time.Duration
	}{
		{"seconds", "Retry-After", "2", 2 * time.Second},
		{"milliseconds", "Retry-After-Ms", "1500", 1500 * time.Millisecond},
		{"a date", "Retry-After", "Sat, 21 Nov 2026 12:00:30 GMT", 30 * time.Second},
		{"a date gone by", "Retry-After", "Sat, 21 Nov 2026 11:00:30 GMT", 0},
		{"nonsense", "Retry-After", "soon", 0},
		{"negative", "Retry-After", "-5", 0},
		{"far too long", "Retry-After", "99999999", 24 * time.Hour},
		{"absurd milliseconds", "Retry-After-Ms", "1e300", 24 * time.Hour},
		{"not a number", "Retry-After-Ms", "NaN", 0},
		{"none", "X", "", 0},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			h := http.Header{}
			h.Set(c.header, c.value)
			if got := llm.RetryAfter(h, now); got != c.want {
				t.Errorf("got %v, want %v", got, c.want)
			}
		})
	}
	t.Run("the answer's own clock", func(t *testing.T) {
		h := http.Header{"Retry-After": {"Sat, 21 Nov 2026 10:00:30 GMT"}, "Date": {"Sat, 21 Nov 2026 10:00:00 GMT"}}
		if got := llm.RetryAfter(h, now); got != 30*time.Second {
			t.Errorf("got %v", got)
		}
	})
}
