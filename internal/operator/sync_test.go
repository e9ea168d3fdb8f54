package operator

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"turnpike/internal/egress"
)

// TestListsComeFromTheirServer: a list's own server may be in a private network; where it
// sends on to may not be, and is never where clouds keep credentials.
func TestListsComeFromTheirServer(t *testing.T) {
	asked := 0
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked++ }))
	defer other.Close()
	var to string
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/list" {
			_, _ = w.Write([]byte("{}"))
			return
		}
		http.Redirect(w, r, to, http.StatusFound)
	}))
	defer s.Close()
	for _, to = range []string{"/list", s.URL + "/list"} {
		if body, _, err := fetchList(t.Context(), s.URL, "", "test"); err != nil || string(body) != "{}" {
			t.Errorf("to %s: %s, %v", to, body, err)
		}
	}
	_, port, _ := strings.Cut(strings.TrimPrefix(s.URL, "http://"), ":")
	for _, to = range []string{
		other.URL, "http://localhost:" + port + "/list", "http://169.254.169.254/latest/meta-data/", "http://[::ffff:a9fe:a9fe]/", "http://100.64.0.1/", "https://10.0.0.1/",
	} {
		if body, _, err := fetchList(t.Context(), s.URL, "", "test"); !errors.Is(err, egress.ErrRefused) || body != nil {
			t.Errorf("to %s: %s, %v", to, body, err)
		}
	}
	if _, _, err := fetchList(t.Context(), "http://169.254.169.254/prices", "", "test"); !errors.Is(err, egress.ErrRefused) {
		t.Errorf("the credentials of a cloud: %v", err)
	}
	if asked != 0 {
		t.Errorf("another server was asked %d times", asked)
	}
}
