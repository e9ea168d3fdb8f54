package gateway

import "testing"

func TestCacheWish(t *testing.T) {
	yes, no := true, false
	for _, c := range []struct {
		what  string
		wish  cacheWish
		under string
		want  string
	}{
		{"nothing is asked", cacheWish{}, "1h", "1h"},
		{"on", cacheWish{auto: &yes}, "", "5m"},
		{"on, over an hour", cacheWish{auto: &yes}, "1h", "1h"},
		{"on means always", cacheWish{auto: &yes}, "auto", "5m"},
		{"on, for an hour", cacheWish{auto: &yes, ttl: "1h"}, "off", "1h"},
		{"off", cacheWish{auto: &no}, "1h", "off"},
		{"off, whatever the lifetime", cacheWish{auto: &no, ttl: "1h"}, "5m", "off"},
		{"a lifetime switches nothing on", cacheWish{ttl: "1h"}, "", "off"},
		{"a lifetime, where it is on", cacheWish{ttl: "1h"}, "auto", "1h"},
		{"a shorter one", cacheWish{ttl: "5m"}, "1h", "5m"},
	} {
		t.Run(c.what, func(t *testing.T) {
			if got := c.wish.over(c.under); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}
