package admin

import (
	"crypto/sha256"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"turnpike/internal/affinity"
)

const key = "tp-admin-secret"

func ask(t *testing.T, h http.Handler, method, path, body string, header ...string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, path, strings.NewReader(body))
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func door(pins *affinity.Pins) http.Handler {
	return Handler(Options{Guard: NewGuard(sha256.Sum256([]byte(key))), Pins: pins, Known: func(p string) bool { return p == "a" || p == "b" }})
}

func TestUnpin(t *testing.T) {
	const bearer = "Bearer " + key
	for _, c := range []struct {
		name, body string
		status     int
		want       string
		left       string
	}{
		{"all of a provider", `{"provider":"a"}`, 200, `{"unpinned":2}`, `{"b":1}`},
		{"all of another", `{"provider":"b"}`, 200, `{"unpinned":1}`, `{"a":2}`},
		{"one conversation", `{"conversation":"c1"}`, 200, `{"unpinned":1}`, `{"a":1,"b":1}`},
		{"one that is not there", `{"conversation":"c9"}`, 200, `{"unpinned":0}`, `{"a":2,"b":1}`},
		{"nobody's name", `{"provider":"z"}`, 404, "no provider z", `{"a":2,"b":1}`},
		{"nothing said", `{}`, 400, "provider", `{"a":2,"b":1}`},
		{"an empty name", `{"provider":""}`, 400, "provider", `{"a":2,"b":1}`},
		{"two things said", `{"provider":"a","conversation":"c3"}`, 400, "provider", `{"a":2,"b":1}`},
		{"a wrong type", `{"provider":1}`, 400, "provider", `{"a":2,"b":1}`},
		{"no JSON", `provider=a`, 400, "provider", `{"a":2,"b":1}`},
		{"too much", `{"provider":"` + strings.Repeat("a", maxBody) + `"}`, 413, "too large", `{"a":2,"b":1}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			pins := affinity.New(100, time.Now, nil)
			for talk, at := range map[string]string{"c1": "a", "c2": "a", "c3": "b"} {
				pins.Set(talk, affinity.Pin{Provider: at, Model: "m"}, time.Hour)
			}
			h := door(pins)
			w := ask(t, h, http.MethodPost, "/admin/affinity/unpin", c.body, "Authorization", bearer)
			if w.Code != c.status || !strings.Contains(w.Body.String(), c.want) || !json.Valid(w.Body.Bytes()) {
				t.Errorf("%d %s", w.Code, w.Body)
			}
			if w = ask(t, h, http.MethodGet, "/admin/affinity", "", "X-Api-Key", key); w.Code != 200 || !strings.Contains(w.Body.String(), `"conversations":`+c.left) {
				t.Errorf("left %d %s", w.Code, w.Body)
			}
		})
	}
	if w := ask(t, door(nil), http.MethodPost, "/admin/affinity/unpin", `{"provider":"a"}`, "Authorization", bearer); w.Code != 200 || !strings.Contains(w.Body.String(), `"unpinned":0`) {
		t.Errorf("without affinity: %d %s", w.Code, w.Body)
	}
}

// TestNothingWithoutTheKey: not even what is there is told.
func TestNothingWithoutTheKey(t *testing.T) {
	pins := affinity.New(100, time.Now, nil)
	pins.Set("c", affinity.Pin{Provider: "a"}, time.Hour)
	for name, h := range map[string]http.Handler{"a key": door(pins), "no key at all": Handler(Options{Guard: NewGuard(), Pins: pins})} {
		for _, header := range [][]string{nil, {"Authorization", "Bearer wrong"}, {"Authorization", "Basic " + key}, {"X-Api-Key", ""}, {"Authorization", "Bearer "}} {
			for _, path := range []string{"/admin/affinity/unpin", "/admin/", "/admin/nowhere"} {
				w := ask(t, h, http.MethodPost, path, `{"provider":"a"}`, header...)
				if w.Code != http.StatusUnauthorized || w.Header().Get("Content-Type") != "application/problem+json" {
					t.Errorf("%s, %s with %q: %d %s", name, path, header, w.Code, w.Body)
				}
			}
		}
	}
	if pins.Counts()["a"] != 1 {
		t.Error("somebody without the key unpinned it")
	}
	if w := ask(t, door(pins), http.MethodGet, "/admin/nowhere", "", "X-Api-Key", key); w.Code != http.StatusNotFound {
		t.Errorf("nowhere: %d", w.Code)
	}
}

func TestLocal(t *testing.T) {
	for _, c := range []struct {
		from   string
		header string
		want   bool
	}{
		{"127.0.0.1:5", "", true},
		{"[::1]:5", "", true},
		{"10.0.0.1:5", "", false},
		{"", "", false},
		{"127.0.0.1", "", false},
		{"127.0.0.1:5", "X-Forwarded-For", false},
		{"127.0.0.1:5", "Forwarded", false},
		{"127.0.0.1:5", "X-Real-Ip", false},
		{"127.0.0.1:5", "Via", false},
	} {
		r := &http.Request{RemoteAddr: c.from, Header: http.Header{}}
		if c.header != "" {
			r.Header.Set(c.header, "x")
		}
		if got := Local(r); got != c.want {
			t.Errorf("%q %s: %v", c.from, c.header, got)
		}
	}
}
