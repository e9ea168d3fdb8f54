package origin

import (
	"net/http/httptest"
	"testing"
)

// TestFits: the public origin is the gateway's own where it is said, else the host asked;
// on the machine itself its address is too.
func TestFits(t *testing.T) {
	for _, c := range []struct {
		public, host, origin string
		want                 bool
	}{
		{"", "gw.example.org", "https://gw.example.org", true},
		{"", "gw.example.org", "http://gw.example.org", true},
		{"", "gw.example.org", "https://gw.example.org.evil.example", false},
		{"", "gw.example.org", "https://gw.example.org:8443", false},
		{"", "gw.example.org", "null", false},
		{"", "gw.example.org", "", false},
		{"https://gw.example.org", "10.0.0.1:8080", "https://gw.example.org", true},
		{"https://gw.example.org", "10.0.0.1:8080", "http://10.0.0.1:8080", false},
		{"https://gw.example.org", "evil.example", "https://evil.example", false},
		{"https://gw.example.org", "127.0.0.1:8080", "http://127.0.0.1:8080", true},
		{"https://gw.example.org", "127.0.0.1:8080", "http://127.0.0.1:9090", false},
		{"https://gw.example.org", "127.0.0.1:8080", "https://127.0.0.1:8080", false},
		{"https://gw.example.org", "127.0.0.1:8080", "https://evil.example", false},
		{"https://gw.example.org", "gw.example.org", "https://console.example", true},
		{"https://gw.example.org", "gw.example.org", "https://console.example/", false},
	} {
		r := httptest.NewRequestWithContext(t.Context(), "POST", "http://"+c.host+"/", nil)
		if got := New(c.public, []string{"https://console.example"}).Fits(r, c.origin); got != c.want {
			t.Errorf("%+v: %v", c, got)
		}
	}
}

func TestOf(t *testing.T) {
	for address, want := range map[string]string{
		"https://a.example/x?y#z": "https://a.example", "http://a.example:80/": "http://a.example:80", "ftp://a.example": "", "a.example": "", "https:///x": "", "": "", "javascript:1": "",
	} {
		if got := Of(address); got != want {
			t.Errorf("%q is of %q", address, got)
		}
	}
}
