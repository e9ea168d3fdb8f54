package admin

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"turnpike/internal/affinity"
	"turnpike/internal/tries"
)

// TestEveryRouteNeedsTheKey: without one, with a wrong one and with one that has a role
// without the permission nothing is told; with the right one each row answers.
func TestEveryRouteNeedsTheKey(t *testing.T) {
	w := newWorld(t)
	for _, op := range operations() {
		for _, method := range append([]string{op.method}, op.also...) {
			path := strings.ReplaceAll(op.path, "{id}", "nobody")
			ask := func(h http.Handler, header ...string) *httptest.ResponseRecorder {
				r := httptest.NewRequestWithContext(t.Context(), method, path, strings.NewReader("{}"))
				for i := 0; i+1 < len(header); i += 2 {
					r.Header.Set(header[i], header[i+1])
				}
				rec := httptest.NewRecorder()
				h.ServeHTTP(rec, r)
				return rec
			}
			w.now = w.now.Add(time.Hour) // wrong keys are forgotten
			for _, header := range [][]string{nil, {"Authorization", "Bearer wrong"}, {"Authorization", "Basic " + key}, {"X-Api-Key", ""}, {"Authorization", "Bearer "}} {
				if rec := ask(w.h, header...); rec.Code != 401 || rec.Header().Get("Content-Type") != "application/problem+json" || rec.Header().Get("WWW-Authenticate") == "" {
					t.Errorf("%s %s with %q: %d %s", method, path, header, rec.Code, rec.Body)
				}
			}
			for _, header := range [][]string{{"Authorization", "Bearer " + key}, {"X-Api-Key", key}} {
				if rec := ask(w.h, header...); rec.Code == 401 || rec.Code == 403 || rec.Code >= 500 {
					t.Errorf("%s %s with the key: %d %s", method, path, rec.Code, rec.Body)
				}
			}
			if op.may == "" {
				t.Errorf("%s %s declares no permission", method, path)
			}
			d := &door{Options: &w.opt, room: make(chan struct{}, 1), codes: &tries.Counter{Most: maxCodes, Forget: forgetCode, Now: w.opt.Now}}
			for _, c := range []struct {
				who  *Caller
				want bool
			}{{nil, false}, {&Caller{}, false}, {&Caller{Permissions: []Permission{"other"}}, false}, {&Caller{Permissions: []Permission{"other", op.may}}, true}, {&Caller{Owner: true}, true}} {
				r := httptest.NewRequestWithContext(withCaller(t.Context(), c.who), method, path, strings.NewReader("{}"))
				r.SetPathValue("id", "nobody")
				rec := httptest.NewRecorder()
				if d.serve(op).ServeHTTP(rec, r); (rec.Code != 403) != c.want {
					t.Errorf("%s %s as %+v: %d", method, path, c.who, rec.Code)
				}
			}
		}
	}
	if rec := httptest.NewRecorder(); true {
		Handler(Options{Guard: NewGuard()}).ServeHTTP(rec, httptest.NewRequestWithContext(t.Context(), "GET", "/admin/keys", nil))
		if rec.Code != 401 {
			t.Errorf("where there is no key at all: %d", rec.Code)
		}
	}
	if w.refused(404, "nothing at GET", "GET", "/admin/nowhere", ""); strings.Contains(w.log.String(), "could not do that") {
		t.Errorf("something failed: %s", w.log)
	}
}

// TestWrongKeysAreCounted: an address that tries keys is made to wait, whatever it sends
// then; others are not.
func TestWrongKeysAreCounted(t *testing.T) {
	w := newWorld(t)
	ask := func(from, bearer string) *httptest.ResponseRecorder {
		r := httptest.NewRequestWithContext(t.Context(), "GET", "/admin/affinity", nil)
		r.RemoteAddr = from
		r.Header.Set("Authorization", "Bearer "+bearer)
		rec := httptest.NewRecorder()
		w.h.ServeHTTP(rec, r)
		return rec
	}
	for i := range maxTries {
		if rec := ask("[2001:db8::1]:5", "wrong"); rec.Code != 401 {
			t.Fatalf("try %d: %d", i, rec.Code)
		}
	}
	if rec := ask("[2001:db8::2]:5", key); rec.Code != 429 || rec.Header().Get("Retry-After") != "16" {
		t.Errorf("its network with the right key: %d, %v", rec.Code, rec.Header())
	}
	if rec := ask("192.0.2.1:5", key); rec.Code != 200 {
		t.Errorf("another address: %d", rec.Code)
	}
	w.now = w.now.Add(forgetTry)
	if rec := ask("[2001:db8::1]:5", key); rec.Code != 200 {
		t.Errorf("later: %d", rec.Code)
	}
}

// TestOtherSites: a page of another origin gets nothing, and no browser frames, sniffs or
// keeps an answer.
func TestOtherSites(t *testing.T) {
	w := newWorld(t)
	for _, header := range [][]string{
		{"Sec-Fetch-Site", "cross-site"},
		{"Sec-Fetch-Site", "same-site"},
		{"Origin", "https://evil.example"},
		{"Origin", "null"},
	} {
		w.refused(403, "another origin", "POST", "/admin/keys", `{"name":"x"}`, header...)
	}
	if n := do[KeyList](w, 200, "GET", "/admin/keys", "", "Sec-Fetch-Site", "same-origin").Total; n != 1 {
		t.Errorf("%d keys", n)
	}
	rec := w.send("GET", "/admin/keys", "")
	for name, want := range map[string]string{
		"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY", "Referrer-Policy": "no-referrer",
		"Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'", "Access-Control-Allow-Origin": "",
		"Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
	} {
		if got := rec.Header().Get(name); got != want {
			t.Errorf("%s: %q", name, got)
		}
	}
}

func TestUnpin(t *testing.T) {
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
		{"a wrong type", `{"provider":1}`, 422, "provider must be a text", `{"a":2,"b":1}`},
		{"a slip", `{"provder":"a"}`, 422, "provder is not known; did you mean provider?", `{"a":2,"b":1}`},
		{"no JSON", `provider=a`, 400, "no JSON", `{"a":2,"b":1}`},
		{"too much", `{"provider":"` + strings.Repeat("a", maxBody) + `"}`, 413, "too large", `{"a":2,"b":1}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			for talk, at := range map[string]string{"c1": "a", "c2": "a", "c3": "b"} {
				w.table.Pins().Set(talk, affinity.Pin{Provider: at, Model: "m"}, time.Hour)
			}
			if rec := w.send("POST", "/admin/affinity/unpin", c.body); rec.Code != c.status || !strings.Contains(rec.Body.String(), c.want) {
				t.Errorf("%d %s", rec.Code, rec.Body)
			}
			if rec := w.send("GET", "/admin/affinity", ""); !strings.Contains(rec.Body.String(), `"conversations":`+c.left) {
				t.Errorf("left %s", rec.Body)
			}
		})
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

// TestSlowBodies: a client that never sends the rest holds a place for a while only, and
// its connection is not the worse for one that came in time.
func TestSlowBodies(t *testing.T) {
	w := newWorld(t)
	op := row("POST /admin/slow", KeysRead, "", func(*call, *nothing, *KeyEdit) (nothing, error) { return nothing{}, nil }).long(50 * time.Millisecond)
	d := &door{Options: &w.opt, room: make(chan struct{}, 1), codes: &tries.Counter{Most: maxCodes, Forget: forgetCode, Now: w.opt.Now}}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		d.serve(op).ServeHTTP(w, r.WithContext(withCaller(r.Context(), &Caller{Owner: true})))
	}))
	defer s.Close()
	post := func(body io.Reader) int {
		t.Helper()
		res, err := s.Client().Post(s.URL, "application/json", body)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		_, _ = io.Copy(io.Discard, res.Body)
		return res.StatusCode
	}
	if got := post(strings.NewReader(`{"name":"x"}`)); got != 200 {
		t.Errorf("in time: %d", got)
	}
	half, end := io.Pipe()
	defer end.Close()
	go func() { _, _ = end.Write([]byte(`{"name":`)) }()
	if got := post(half); got != 408 {
		t.Errorf("never: %d", got)
	}
	if len(d.room) != 0 {
		t.Error("its place is not free")
	}
}
