package signon

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha1" //nolint:gosec // as apps have it
	"encoding/base32"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"turnpike/internal/identity"
	"turnpike/internal/origin"
	"turnpike/internal/store"
	"turnpike/internal/vault"
)

const good = "correct horse battery"

// world is a gateway's door on an address of its own.
type world struct {
	t        testing.TB
	accounts *identity.Accounts
	server   *httptest.Server
	door     *Door

	mu  sync.Mutex
	now time.Time
	log bytes.Buffer
}

func (w *world) clock() time.Time { w.mu.Lock(); defer w.mu.Unlock(); return w.now }

func (w *world) set(now time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now = now.Truncate(time.Second)
}

func (w *world) later(d time.Duration) { w.mu.Lock(); defer w.mu.Unlock(); w.now = w.now.Add(d) }

// newWorld makes one; set changes how it is configured, once its address is known.
func newWorld(t testing.TB, set func(w *world, o *Options)) *world {
	t.Helper()
	dir := t.TempDir()
	db, err := store.Open(t.Context(), filepath.Join(dir, store.FileName))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	safe, err := vault.Open(filepath.Join(dir, vault.FileName))
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, now: time.Now().Truncate(time.Second)} // providers have a clock of their own
	log := slog.New(slog.NewTextHandler(&w.log, nil))
	w.accounts = identity.New(identity.Options{Store: db, Sealer: safe, Now: w.clock, Log: log, Access: 30 * time.Minute, Idle: 24 * time.Hour, Absolute: 7 * 24 * time.Hour})
	w.server = httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) { w.door.ServeHTTP(rw, r) }))
	t.Cleanup(w.server.Close)
	o := Options{Accounts: w.accounts, Local: true, Public: w.server.URL, Now: w.clock, Log: log}
	if set != nil {
		set(w, &o)
	}
	o.Origins = origin.New(o.Public, []string{"https://console.example"})
	w.door = New(o)
	return w
}

func (w *world) account(login, role string) store.Account {
	w.t.Helper()
	a, err := w.accounts.Create(context.Background(), "the test", store.Account{Login: login, Role: role}, good, nil)
	if err != nil {
		w.t.Fatal(err)
	}
	return a
}

// browser is one with cookies of its own.
type browser struct {
	w      *world
	client *http.Client
}

func (w *world) browser() *browser {
	jar, err := cookiejar.New(nil)
	if err != nil {
		w.t.Fatal(err)
	}
	return &browser{w, &http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
}

// answer is what came back.
type answer struct {
	code   int
	header http.Header
	body   string
}

// read reads the answer.
func read[T any](t testing.TB, a answer) (out T) {
	t.Helper()
	if err := json.Unmarshal([]byte(a.body), &out); err != nil {
		t.Fatalf("%v in %d %s", err, a.code, a.body)
	}
	return out
}

// send makes a request as the gateway's own page does; headers stand in the place of those.
func (b *browser) send(method, path, body string, header ...string) answer {
	b.w.t.Helper()
	if !strings.HasPrefix(path, "http") {
		path = b.w.server.URL + path
	}
	r, err := http.NewRequestWithContext(b.w.t.Context(), method, path, strings.NewReader(body))
	if err != nil {
		b.w.t.Fatal(err)
	}
	if method != http.MethodGet {
		r.Header.Set("Origin", b.w.server.URL)
		r.Header.Set("Sec-Fetch-Site", "same-origin")
		r.Header.Set(origin.Header, "turnpike")
		r.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i+1 < len(header); i += 2 {
		if r.Header.Del(header[i]); header[i+1] != "" {
			r.Header.Set(header[i], header[i+1])
		}
	}
	res, err := b.client.Do(r)
	if err != nil {
		b.w.t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		b.w.t.Fatal(err)
	}
	return answer{res.StatusCode, res.Header, string(text)}
}

// refused makes a request that must be refused with this word.
func (b *browser) refused(status int, word, method, path, body string, header ...string) {
	b.w.t.Helper()
	a := b.send(method, path, body, header...)
	if p := read[Problem](b.w.t, a); a.code != status || p.Code != word || a.header.Get("Content-Type") != "application/problem+json" {
		b.w.t.Errorf("%s %s %s: %d %s, want %d %s", method, path, body, a.code, a.body, status, word)
	}
}

func (b *browser) login(login string) SignedIn {
	b.w.t.Helper()
	a := b.send("POST", "/auth/login", `{"login":"`+login+`","password":"`+good+`"}`)
	if a.code != 200 {
		b.w.t.Fatalf("%d %s", a.code, a.body)
	}
	return read[SignedIn](b.w.t, a)
}

// cookie is a cookie that the browser would send there, empty for none.
func (b *browser) cookie(name, path string) string {
	u, err := url.Parse(b.w.server.URL + path)
	if err != nil {
		b.w.t.Fatal(err)
	}
	for _, c := range b.client.Jar.Cookies(u) {
		if c.Name == name {
			return c.Value
		}
	}
	return ""
}

// code is the code of a second factor, as an app makes it (RFC 6238).
func code(t testing.TB, secret string, at time.Time) string {
	t.Helper()
	key, err := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(secret)
	if err != nil {
		t.Fatal(err)
	}
	m := hmac.New(sha1.New, key)
	_ = binary.Write(m, binary.BigEndian, at.Unix()/30)
	sum := m.Sum(nil)
	from := sum[19] & 15
	return fmt.Sprintf("%06d", binary.BigEndian.Uint32(sum[from:])&0x7fffffff%1_000_000)
}
