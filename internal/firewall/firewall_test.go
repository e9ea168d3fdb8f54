package firewall

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"time"
)

type wall struct {
	*Firewall
	t   *testing.T
	now time.Time
}

func newWall(t *testing.T) *wall {
	t.Helper()
	w := &wall{t: t, now: time.Unix(1_800_000_000, 0).Truncate(5 * time.Minute)}
	w.Firewall = New(Options{
		Tiers:  []Tier{{"auth", 20, []string{"/auth/", "/admin/auth/"}}, {"inference", 300, []string{"/v1/"}}, {"all", 2000, nil}},
		Window: 5 * time.Minute, Now: func() time.Time { return w.now },
		Address: func(r *http.Request) netip.Addr { return netip.MustParseAddrPort(r.RemoteAddr).Addr() },
		Key:     func(r *http.Request) string { return r.Header.Get("X-Key") },
	})
	return w
}

func (w *wall) ask(from, key, path string) *Refusal {
	w.t.Helper()
	r := httptest.NewRequestWithContext(w.t.Context(), http.MethodPost, path, nil)
	r.RemoteAddr = from
	r.Header.Set("X-Key", key)
	return w.Check(r)
}

// let counts how many of n requests are let in.
func (w *wall) let(n int, from, key, path string) (in int) {
	w.t.Helper()
	for range n {
		if w.ask(from, key, path) == nil {
			in++
		}
	}
	return in
}

func TestTiers(t *testing.T) {
	w := newWall(t)
	const a, b = "192.0.2.1:1", "192.0.2.2:1"
	if n := w.let(30, a, "", "/auth/login"); n != 20 {
		t.Errorf("auth: %d", n)
	}
	if n := w.let(310, a, "", "/v1/messages"); n != 300 {
		t.Errorf("inference: %d", n)
	}
	if n := w.let(5, b, "", "/auth/login"); n != 5 {
		t.Errorf("another address: %d", n)
	}
	no := w.ask(a, "", "/v1/messages")
	if no == nil || no.Status != 429 || no.Wait <= 0 || no.Wait > 5*time.Minute {
		t.Fatalf("%+v", no)
	}
	w.now = w.now.Add(no.Wait)
	if n := w.let(400, a, "", "/v1/messages"); n > 300 {
		t.Errorf("at the edge of a window %d more", n)
	}
	w.now = w.now.Add(10 * time.Minute)
	if n := w.let(2100, b, "", "/health"); n != 2000 {
		t.Errorf("all: %d", n)
	}
}

// Many people behind one address count by their keys; an unknown key does not help.
func TestByKey(t *testing.T) {
	w := newWall(t)
	for i := range 10 {
		if n := w.let(300, "192.0.2.1:1", fmt.Sprint("key_", i), "/v1/messages"); n != 300 {
			t.Fatalf("key %d: %d", i, n)
		}
	}
	if n := w.let(301, "192.0.2.1:1", "", "/v1/messages"); n != 300 {
		t.Errorf("those without a key: %d", n)
	}
	if no := w.ask("198.51.100.1:1", "key_0", "/v1/messages"); no == nil || !strings.Contains(no.Say, "this key") {
		t.Errorf("a key from elsewhere: %+v", no)
	}
}

// A window slides: in no five minutes are there more than a tenth more than the bound.
func TestSlides(t *testing.T) {
	w := newWall(t)
	var let []time.Time
	for range 3000 {
		w.now = w.now.Add(500 * time.Millisecond)
		if w.ask("192.0.2.1:1", "", "/v1/x") == nil {
			let = append(let, w.now)
		}
	}
	for i := range let {
		n := 0
		for _, at := range let[i:] {
			if at.Sub(let[i]) < 5*time.Minute {
				n++
			}
		}
		if n > 330 {
			t.Fatalf("%d in five minutes", n)
		}
	}
	if len(let) < 1200 {
		t.Errorf("%d in 25 minutes are too few", len(let))
	}
}

func TestIPv6(t *testing.T) {
	w := newWall(t)
	in := 0
	for i := range 30 {
		in += w.let(1, fmt.Sprintf("[2001:db8:1:1::%x]:1", i+1), "", "/auth/x")
	}
	if in != 20 {
		t.Errorf("one network of IPv6 has %d", in)
	}
}

func TestBounded(t *testing.T) {
	w := newWall(t)
	for i := range 30_000 {
		w.ask(fmt.Sprintf("10.%d.%d.1:1", i/256, i%256), "", "/v1/x")
		w.ask(fmt.Sprintf("11.%d.%d.1:1", i/256, i%256), "", "/v1/x")
	}
	if n := len(w.by); n > maxCounted+3 {
		t.Errorf("%d are remembered", n)
	}
	w.now = w.now.Add(15 * time.Minute)
	w.ask("192.0.2.1:1", "", "/v1/x")
	if n := len(w.by); n != 2 {
		t.Errorf("%d are remembered after all have gone", n)
	}
}

// attacks are addresses that tools try, on paths of operators.
var attacks = []string{
	"/admin/keys?q=%27%20OR%201=1--", "/admin/keys?q=1%20UNION%20SELECT%20hash%20FROM%20keys", "/admin/keys?q=x%27;drop%20table%20keys", "/admin/..%2f..%2fetc/passwd",
	"/admin/keys?q=%3Cscript%3Ealert(1)%3C/script%3E", "/admin/keys?q=%253Cscript%253E", "/docs/..%5c..%5cwin.ini", "/admin/keys?q=${jndi:ldap://x}", "/admin/keys/%00",
	"/ui/?x=javascript:alert(1)", "/admin/x?q=pg_sleep(10)", "/admin/users?q=%22%3E%3Cimg%20src=x%20onerror=alert(1)%3E",
}

// innocent are what operators write, names with apostrophes and operators among it.
var innocent = []string{
	"/admin/keys?q=O%27Brien", "/admin/keys?q=select+committee", "/admin/keys?q=union+of+teams", "/admin/audit?kind=keys.&from=2027-01-01T00:00:00Z", "/admin/prices?model=claude-*",
	"/admin/usage?by=key,model&zone=Europe%2FBerlin", "/admin/keys?q=drop+shipping", "/admin/keys?cursor=YWJjAGRlZg", "/ui/keys", "/docs/openapi.json", "/admin/keys?q=a..b", "/admin/models?q=on-demand",
}

func TestShapes(t *testing.T) {
	look := func(text string) string {
		t.Helper()
		u, err := url.ParseRequestURI(text)
		if err != nil {
			t.Fatal(text, err)
		}
		return Attack(u)
	}
	for _, a := range attacks {
		if look(a) == "" {
			t.Errorf("%s is let in", a)
		}
		prompt := "/v1/messages?x=" + url.QueryEscape(a)
		if why := look(prompt); why != "" {
			t.Errorf("%s on a path of models: %s", prompt, why)
		}
	}
	for _, a := range innocent {
		if why := look(a); why != "" {
			t.Errorf("%s is taken for %s", a, why)
		}
	}
	w := newWall(t)
	if no := w.ask("192.0.2.1:1", "key", attacks[0]); no == nil || no.Status != 403 {
		t.Errorf("%+v", no)
	}
}

// Bodies are never read: prompts that quote SQL, markup and paths pass as they are.
func TestPromptsPass(t *testing.T) {
	w := newWall(t)
	for _, prompt := range []string{
		"' OR 1=1 -- explain this", "<script>alert(1)</script>", "cat ../../etc/passwd", "UNION SELECT * FROM users", "${jndi:ldap://x}", "; DROP TABLE students", "{{ template }}",
	} {
		for _, path := range []string{"/v1/chat/completions", "/v1/messages", "/v1/responses", "/v1beta/models/gemini:generateContent", "/model/m/converse", "/openai/deployments/m/chat/completions"} {
			body := strings.NewReader(prompt)
			r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, path+"?q="+url.QueryEscape(prompt), body)
			if no := w.Check(r); no != nil {
				t.Errorf("%s with %q: %+v", path, prompt, no)
			}
			if body.Len() != len(prompt) {
				t.Errorf("the body of %s was read", path)
			}
		}
	}
}

func FuzzAttack(f *testing.F) {
	for _, a := range append(attacks, innocent...) {
		f.Add(a)
	}
	f.Fuzz(func(t *testing.T, text string) {
		u, err := url.Parse("/v1/messages?x=" + text)
		if err == nil && strings.HasPrefix(u.Path, "/v1/") && Attack(u) != "" {
			t.Fatalf("a path of models is looked at: %q", text)
		}
		if u, err = url.Parse(text); err == nil {
			Attack(u)
		}
	})
}
