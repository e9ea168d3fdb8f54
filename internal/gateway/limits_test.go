package gateway

import (
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"turnpike/internal/keyring"
	"turnpike/internal/limit"
	"turnpike/internal/llm"
	"turnpike/internal/store"
	"turnpike/internal/tenancy"
	"turnpike/internal/wire"
)

var noon = time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC)

// limited is a gateway whose key has limits, at a clock that stands still.
type limited struct {
	*testGateway
	ms atomic.Int64
}

func (g *limited) now() time.Time { return noon.Add(time.Duration(g.ms.Load()) * time.Millisecond) }

func ruleOf(rpm, tpm, concurrent int64) (r limit.Rule) {
	for _, f := range []struct {
		v  int64
		to **int64
	}{{rpm, &r.RPM}, {tpm, &r.TPM}, {concurrent, &r.Concurrent}} {
		if f.v != limit.None {
			*f.to = new(f.v)
		}
	}
	return r
}

func keyScope(r limit.Rule) *tenancy.Scope {
	return &tenancy.Scope{Kind: tenancy.Key, ID: "key_1", Name: "laptop", Limits: r}
}

func newLimited(t *testing.T, answer func(*http.Request) (*http.Response, error), chain ...*tenancy.Scope) *limited {
	t.Helper()
	g := &limited{}
	o := &operator{embedForm: "openai", toyProvider: &toyProvider{dialect: "toy", answer: answer}}
	g.testGateway = newTestGateway(t, o.toyProvider)
	g.opt.Table.Accounts()[0].Provider = o
	g.limitBy(limit.New(g.now, nil), chain...)
	for path, f := range map[string]Front{
		"/messages": {Dialect: toy{"messages"}}, "/chat": {Dialect: toy{"chat"}}, "/responses": {Dialect: toy{"responses"}}, "/gemini": {Dialect: toy{"gemini"}},
		"/embed": {Dialect: toy{"chat"}, Ask: Told(Embed)}, "/count": {Dialect: toy{"toy"}, Ask: Counts("input_tokens")},
		"/compact": {Dialect: toy{"toy"}, Ask: Told(Compact)},
		"/show":    {Dialect: toy{"toy"}, Ask: Told(Show)}, "/inputs": {Dialect: toy{"toy"}, Ask: Told(Inputs)},
		"/forget": {Dialect: toy{"toy"}, Ask: Told(Forget)}, "/cancel": {Dialect: toy{"toy"}, Ask: Told(Cancel)},
	} {
		g.mux.HandleFunc("POST "+path, func(w http.ResponseWriter, r *http.Request) { g.serve(&f, w, r) })
	}
	return g
}

func (g *limited) limitBy(l *limit.Limiter, chain ...*tenancy.Scope) {
	g.opt.Limits, g.opt.Now = l, g.now
	g.opt.Keys = keyring.New(time.Now, keyring.Entry{Hash: keyring.Hash(testKey), Principal: keyring.Principal{KeyID: "key_1", Chain: chain}})
}

// left is how much a key of these scopes has left.
func (g *limited) left(scopes ...*tenancy.Scope) [3]int64 {
	x := &exchange{gw: g.Gateway, who: &keyring.Principal{Chain: scopes}, model: "m"}
	t := &limit.Ticket{}
	x.claims(t)
	g.opt.Limits.Admit(context.Background(), t, 0)
	defer t.Void()
	c := &t.Claims[0]
	return [3]int64{c.Left(limit.RPM) + 1, c.Left(limit.TPM), c.Left(limit.Concurrent) + 1}
}

func says(*http.Request) (*http.Response, error) {
	return reply(200, "application/json", `{"said":"x","in":30,"out":12}`)
}

func TestOurRefusals(t *testing.T) {
	t.Run("ERR-08 a limit of ours says whose it is, and when to come again", func(t *testing.T) {
		g := newLimited(t, says, keyScope(ruleOf(2, limit.None, limit.None)))
		for range 2 {
			if w := g.post("/toy", `{"model":"m"}`); w.Code != 200 {
				t.Fatalf("%d %s", w.Code, w.Body)
			}
		}
		w := g.post("/toy", `{"model":"m"}`)
		h := w.Header()
		if w.Code != 429 || h.Get("X-Turnpike-Error-Source") != "gateway" || h.Get("Retry-After") != "30" || h.Get("Retry-After-Ms") != "30000" || h.Get("X-Should-Retry") != "" {
			t.Errorf("%d %v", w.Code, h)
		}
		if h.Get("Ratelimit") != `"rpm";r=0;t=30` || h.Get("Ratelimit-Policy") != `"rpm";q=2;w=60` {
			t.Errorf("Retry-After and RateLimit name different instants: %v", h)
		}
		if body := w.Body.String(); !strings.Contains(body, "key laptop") || !strings.Contains(body, "2 requests in a minute (rpm)") || !strings.Contains(body, "Please try again in 30s") {
			t.Errorf("%s", body)
		}
		if n := len(g.attempts()); n != 2 || len(g.up.sent) != 2 {
			t.Errorf("%d rows, %d sent: what was refused is no attempt", n, len(g.up.sent))
		}
	})
	t.Run("ERR-08 the code is not an upstream's", func(t *testing.T) {
		for kind, r := range []limit.Rule{ruleOf(0, limit.None, limit.None), ruleOf(limit.None, 0, limit.None)} {
			g := newLimited(t, says, keyScope(r))
			x := &exchange{gw: g.Gateway, who: g.who(), model: "m", r: httptest.NewRequest(http.MethodPost, "/toy", nil)}
			e, ok := x.limit().(*llm.Error) //nolint:errorlint // it is not wrapped
			if !ok || e.Code != "gateway_rate_limit_exceeded" || e.Kind != llm.ErrRate || e.Upstream || (e.Type == "tokens") != (kind == 1) {
				t.Errorf("%+v", e)
			}
		}
	})
	t.Run("ERR-13 a limit of 0 is not asked again", func(t *testing.T) {
		for _, r := range []limit.Rule{ruleOf(0, 5, 5), ruleOf(5, 0, 5), ruleOf(5, 5, 0)} {
			g := newLimited(t, says, keyScope(r))
			w := g.post("/toy", `{"model":"m"}`)
			if h := w.Header(); w.Code != 429 || h.Get("X-Should-Retry") != "false" || h.Get("Retry-After") != "" || h.Get("Retry-After-Ms") != "" {
				t.Errorf("%d %v %s", w.Code, h, w.Body)
			}
			if strings.Contains(w.Header().Get("Ratelimit"), "t=") || !strings.Contains(w.Body.String(), "is 0") {
				t.Errorf("%v %s", w.Header(), w.Body)
			}
		}
	})
	t.Run("ERR-08 an upstream's limits never pass as ours", func(t *testing.T) {
		for _, status := range []int{200, 429} {
			g := newLimited(t, func(*http.Request) (*http.Response, error) {
				res, err := reply(status, "application/json", `{"error":"x"}`)
				for _, n := range []string{"Anthropic-Ratelimit-Requests-Limit", "X-Ratelimit-Limit-Requests", "X-Ratelimit-Remaining-Tokens", "Ratelimit", "Ratelimit-Policy", "Ratelimit-Limit"} {
					res.Header.Set(n, "77")
				}
				return res, err
			})
			h := g.post("/toy", `{"model":"m"}`).Header()
			for name := range h {
				if strings.Contains(strings.ToLower(name), "ratelimit") {
					t.Errorf("%d: %s passed", status, name)
				}
			}
		}
	})
}

func (g *limited) who() *keyring.Principal {
	p, _, _ := g.opt.Keys.Lookup(testKey)
	return p
}

// TestLimitHeaders: every answer, refused or not, streamed or not, says how the limits
// stand, in IETF's words and those of the client's API.
func TestLimitHeaders(t *testing.T) {
	team := &tenancy.Scope{Kind: tenancy.Team, ID: "team_1", Limits: ruleOf(50, limit.None, limit.None)}
	for _, c := range []struct {
		path, body string
		chain      []*tenancy.Scope
		want       map[string]string
	}{
		{
			"/messages", `{"model":"m","max_tokens":984}`,
			[]*tenancy.Scope{keyScope(ruleOf(60, 100_000, 3)), team},
			map[string]string{
				"Ratelimit-Policy":                   `"rpm";q=50;w=60, "tpm";q=100000;qu="tokens";w=60, "concurrent";q=3;qu="concurrent-requests"`,
				"Ratelimit":                          `"concurrent";r=2`,
				"Anthropic-Ratelimit-Requests-Limit": "50", "Anthropic-Ratelimit-Requests-Remaining": "49", "Anthropic-Ratelimit-Requests-Reset": "2026-11-27T12:00:01Z",
				"Anthropic-Ratelimit-Tokens-Limit": "100000", "Anthropic-Ratelimit-Tokens-Remaining": "99009", "Anthropic-Ratelimit-Tokens-Reset": "2026-11-27T12:00:00Z",
				"X-Ratelimit-Limit-Requests": "",
			},
		},
		{
			"/chat", `{"model":"m","max_tokens":984}`,
			[]*tenancy.Scope{keyScope(ruleOf(60, 2000, limit.None))},
			map[string]string{
				"Ratelimit":                  `"tpm";r=1009;t=30`,
				"X-Ratelimit-Limit-Requests": "60", "X-Ratelimit-Remaining-Requests": "59", "X-Ratelimit-Reset-Requests": "1s",
				"X-Ratelimit-Limit-Tokens": "2000", "X-Ratelimit-Remaining-Tokens": "1009", "X-Ratelimit-Reset-Tokens": "29.73s",
				"Anthropic-Ratelimit-Requests-Limit": "",
			},
		},
		{
			"/responses", `{"model":"m"}`,
			[]*tenancy.Scope{keyScope(ruleOf(60, limit.None, limit.None))},
			map[string]string{"Ratelimit": `"rpm";r=59;t=1`, "X-Ratelimit-Remaining-Requests": "59", "X-Ratelimit-Limit-Tokens": ""},
		},
		{
			"/gemini", `{"model":"m"}`,
			[]*tenancy.Scope{keyScope(ruleOf(60, limit.None, limit.None))},
			map[string]string{"Ratelimit": `"rpm";r=59;t=1`, "X-Ratelimit-Remaining-Requests": "", "Anthropic-Ratelimit-Requests-Limit": ""},
		},
		{"/chat", `{"model":"m"}`, nil, map[string]string{"Ratelimit": "", "Ratelimit-Policy": "", "X-Ratelimit-Limit-Requests": ""}},
	} {
		g := newLimited(t, says, c.chain...)
		w := g.post(c.path, c.body)
		for name, want := range c.want {
			if got := w.Header().Get(name); got != want {
				t.Errorf("%s %s: %s is %q, want %q", c.path, c.body, name, got, want)
			}
		}
	}
	// A stream, an error of the client's and an upstream's say it too.
	stream := func(*http.Request) (*http.Response, error) { return reply(200, "text/event-stream", eventD+eventEnd) }
	for _, c := range []struct {
		name, body string
		answer     func(*http.Request) (*http.Response, error)
		status     int
	}{
		{"stream", `{"model":"m","stream":true}`, stream, 200},
		{"client's error", `{"model":"elsewhere/m/x","stream":7,"max_tokens":"x"}`, stream, 400},
		{"upstream's error", `{"model":"m"}`, fails(500, `{"error":"x"}`), 500},
	} {
		g := newLimited(t, c.answer, keyScope(ruleOf(9, limit.None, limit.None)))
		w := g.post("/toy", c.body)
		if said := w.Header().Get("Ratelimit") != ""; w.Code != c.status || said == (c.status == 400) {
			t.Errorf("%s: %d %v", c.name, w.Code, w.Header())
		}
	}
}

// TestTokensAreCorrected: what was reserved by an estimate is put right when the truth
// is known, streams included, over all attempts.
func TestTokensAreCorrected(t *testing.T) {
	scope := keyScope(ruleOf(100, 100_000, 10))
	stream := func(end string) func(*http.Request) (*http.Response, error) {
		return func(*http.Request) (*http.Response, error) { return reply(200, "text/event-stream", eventD+end) }
	}
	for _, c := range []struct {
		name, path, body string
		answer           func(*http.Request) (*http.Response, error)
		used             int64
	}{
		{"whole", "/toy", `{"model":"m"}`, says, 42},
		{"whole, translated", "/other", `{"model":"m"}`, says, 42},
		{"stream", "/toy", `{"model":"m","stream":true}`, stream(eventEnd), 16},
		{"stream, translated", "/other", `{"model":"m","stream":true}`, stream("data: {\"end\":true,\"in\":70,\"out\":90}\n\n"), 160},
		{"stream that broke off is counted by estimate", "/other", `{"model":"m","stream":true,"say":"0123456789"}`, stream(""), 12},
		{"embeddings", "/embed", `{"model":"m","input":"a"}`, func(*http.Request) (*http.Response, error) {
			return reply(200, "application/json", `{"object":"list","data":[{"object":"embedding","index":0,"embedding":[1]}],"model":"m","usage":{"prompt_tokens":3,"total_tokens":3}}`)
		}, 3},
		{"an error costs no tokens", "/toy", `{"model":"m"}`, fails(500, `{"error":"x"}`), 0},
		{"nothing was sent", "/compact", `{"model":"m"}`, says, 0},
	} {
		g := newLimited(t, c.answer, scope)
		g.post(c.path, c.body)
		if got, want := g.left(scope), [3]int64{99, 100_000 - c.used, 10}; got != want {
			t.Errorf("%s: left %v, want %v", c.name, got, want)
		}
	}
	t.Run("a debt is paid back by waiting", func(t *testing.T) {
		scope := keyScope(ruleOf(limit.None, 60, limit.None))
		g := newLimited(t, stream("data: {\"end\":true,\"in\":100,\"out\":80}\n\n"), scope)
		if w := g.post("/other", `{"model":"m","stream":true,"max_tokens":10}`); w.Code != 200 {
			t.Fatalf("%d", w.Code)
		}
		w := g.post("/other", `{"model":"m","stream":true,"max_tokens":10}`)
		if w.Code != 429 || w.Header().Get("Ratelimit") != `"tpm";r=0;t=`+w.Header().Get("Retry-After") {
			t.Fatalf("%d %v", w.Code, w.Header())
		}
		wait, err := strconv.Atoi(w.Header().Get("Retry-After"))
		if err != nil || wait < 120 || wait > 160 {
			t.Fatalf("wait %d", wait)
		}
		g.ms.Add(int64(wait) * 1000)
		if w := g.post("/other", `{"model":"m","stream":true,"max_tokens":10}`); w.Code != 200 {
			t.Errorf("after that %d %s", w.Code, w.Body)
		}
	})
	t.Run("all attempts", func(t *testing.T) {
		calls := 0
		a := &toyProvider{name: "a", dialect: "toy", answer: func(*http.Request) (*http.Response, error) {
			calls++
			return reply(200, "text/event-stream", "data: {\"start\":1}\n\ndata: {\"error\":\"busy\"}\n\n")
		}}
		b := &toyProvider{name: "b", dialect: "toy", answer: stream(eventEnd)}
		g := &limited{testGateway: newTestGatewayOf(t, several(priority, a, b))}
		g.limitBy(limit.New(g.now, nil), scope)
		if w := g.post("/toy", `{"model":"m","stream":true}`); w.Code != 200 || calls != 1 {
			t.Fatalf("%d after %d calls", w.Code, calls)
		}
		var sum int64
		for _, row := range g.attempts() {
			sum += row.Usage.Input + row.Usage.Output
		}
		if got := g.left(scope); sum <= 16 || got[1] != 100_000-sum {
			t.Errorf("left %v, the ledger has %d", got, sum)
		}
	})
	t.Run("an answer made in the background: the estimate stands", func(t *testing.T) {
		g := newLimited(t, says, scope)
		x := &exchange{gw: g.Gateway, who: g.who(), model: "m", r: httptest.NewRequest(http.MethodPost, "/toy", nil)}
		if err := x.limit(); err != nil {
			t.Fatal(err)
		}
		x.later = &later{row: store.Background{ID: "resp_1"}}
		x.vacate()
		if got := g.left(scope); got != [3]int64{99, 100_000 - outputUnsaid, 10} {
			t.Errorf("left %v", got)
		}
	})
	t.Run("what the budget refuses costs nothing", func(t *testing.T) {
		g := newLimited(t, says, scope)
		x := &exchange{gw: g.Gateway, who: g.who(), model: "m", r: httptest.NewRequest(http.MethodPost, "/toy", nil)}
		if err := x.limit(); err != nil {
			t.Fatal(err)
		}
		x.declined = true
		x.vacate()
		x.vacate()
		if got := g.left(scope); got != [3]int64{100, 100_000, 10} {
			t.Errorf("left %v", got)
		}
	})
}

// TestEveryEndGivesItsPlaceBack: however a request ends, what it held is free again.
func TestEveryEndGivesItsPlaceBack(t *testing.T) {
	scope := keyScope(ruleOf(limit.None, 1_000_000, 1))
	for _, c := range []struct {
		name, body string
		answer     func(*http.Request) (*http.Response, error)
		header     []string
	}{
		{"answer", `{"model":"m"}`, says, nil},
		{"stream", `{"model":"m","stream":true}`, func(*http.Request) (*http.Response, error) {
			return reply(200, "text/event-stream", eventD+eventEnd)
		}, nil},
		{"torn stream", `{"model":"m","stream":true}`, func(*http.Request) (*http.Response, error) {
			return reply(200, "text/event-stream", eventD)
		}, nil},
		{"panic", `{"model":"m"}`, func(*http.Request) (*http.Response, error) { panic("oh no") }, nil},
		{"no connection", `{"model":"m"}`, func(*http.Request) (*http.Response, error) { return nil, errReset }, nil},
		{"refused", `{"model":"m"}`, fails(400, `{"error":"x"}`), nil},
		{"no such provider", `{"model":"nowhere/m"}`, says, nil},
		{"explained", `{"model":"m"}`, says, []string{"X-Turnpike-Explain", "true"}},
		{"strict", `{"model":"m"}`, says, []string{"X-Turnpike-Strict", "true"}},
		{"stream where none was asked for", `{"model":"m"}`, func(*http.Request) (*http.Response, error) {
			return reply(200, "text/event-stream", eventD)
		}, nil},
	} {
		for _, path := range []string{"/toy", "/other"} {
			g := newLimited(t, c.answer, scope)
			for range 3 {
				if w := g.post(path, c.body, c.header...); w.Code == 429 {
					t.Errorf("%s %s: a place is not given back", path, c.name)
				}
			}
			if got := g.left(scope); got[2] != 1 {
				t.Errorf("%s %s: left %v", path, c.name, got)
			}
		}
	}
	t.Run("client leaves", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		g := newLimited(t, func(*http.Request) (*http.Response, error) {
			return replyFrom(200, "text/event-stream", &pieces{next: func(i int) (string, error) {
				switch i {
				case 0:
					return eventD, nil
				case 1:
					cancel()
					return eventD, nil
				}
				return "", io.EOF
			}})
		}, scope)
		g.postIn(ctx, "/toy", `{"model":"m","stream":true}`)
		if got := g.left(scope); got[2] != 1 {
			t.Errorf("left %v", got)
		}
	})
	t.Run("many", func(t *testing.T) {
		g := newLimited(t, says, keyScope(ruleOf(100, limit.None, limit.None)))
		var passed atomic.Int64
		var wg sync.WaitGroup
		for range 500 {
			wg.Go(func() {
				if g.post("/toy", `{"model":"m"}`).Code == 200 {
					passed.Add(1)
				}
			})
		}
		wg.Wait()
		if passed.Load() != 100 {
			t.Errorf("%d passed", passed.Load())
		}
	})
}

// TestOneAfterTheOther: who may have one request under way may send the next one as
// soon as the answer is there.
func TestOneAfterTheOther(t *testing.T) {
	for _, c := range []struct {
		body, kind, answer string
	}{
		{`{"model":"m"}`, "application/json", `{"said":"x"}`},
		{`{"model":"m","stream":true}`, "text/event-stream", eventD + eventEnd},
		{`{"model":"m","stream":true}`, "application/json", `{"said":"x"}`},
	} {
		g := newLimited(t, func(*http.Request) (*http.Response, error) { return reply(200, c.kind, c.answer) }, keyScope(ruleOf(limit.None, limit.None, 1)))
		s := httptest.NewServer(g)
		for _, path := range []string{"/toy", "/other"} {
			for range 50 {
				r, _ := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL+path, strings.NewReader(c.body))
				r.Header.Set("Authorization", "Bearer "+testKey)
				res, err := s.Client().Do(r)
				if err != nil {
					t.Fatal(err)
				}
				_, _ = io.Copy(io.Discard, res.Body)
				_ = res.Body.Close()
				if res.StatusCode != 200 {
					t.Fatalf("%s %s: %d", path, c.body, res.StatusCode)
				}
			}
		}
		s.Close()
	}
}

// TestLightOperations: Claude Code counts 35 prompts at once; that is not held against
// what is meant for messages.
func TestLightOperations(t *testing.T) {
	g := newLimited(t, says, keyScope(ruleOf(1, 10, 1)))
	var wg sync.WaitGroup
	for range 35 {
		wg.Go(func() {
			if w := g.post("/count", `{"model":"m","say":"hello"}`); w.Code != 200 {
				t.Errorf("%d %s", w.Code, w.Body)
			}
		})
	}
	wg.Wait()
	if w := g.post("/toy", `{"model":"m","max_tokens":1}`); w.Code != 200 {
		t.Errorf("counting has used up the limit of messages: %d %s", w.Code, w.Body)
	}
	refused := 0
	for range 100 {
		if w := g.post("/count", `{"model":"m","say":"hello"}`); w.Code == 429 {
			refused++
		}
	}
	if refused != 35 {
		t.Errorf("%d of 135 were refused: counting has no limit of its own", refused)
	}
}

// TestEveryOperationIsAdmitted walks the roads: none does anything for a client before it is admitted.
func TestEveryOperationIsAdmitted(t *testing.T) {
	paths := map[Op]string{
		Generate: "/toy", Embed: "/embed", Count: "/count", Compact: "/compact", Show: "/show", Inputs: "/inputs", Forget: "/forget", Cancel: "/cancel",
	}
	before := map[string]bool{"identify": true, "read": true, "admit": true}
	for op, road := range roads {
		t.Run("BUD-05 "+paths[op], func(t *testing.T) {
			admitted := false
			for _, s := range road {
				if !admitted && !before[s.name] {
					t.Errorf("%s comes before admit", s.name)
				}
				admitted = admitted || s.name == "admit"
			}
			if !admitted {
				t.Error("admit is not on the road")
			}
			g := newLimited(t, says, keyScope(ruleOf(0, limit.None, limit.None)))
			w := g.post(paths[op], `{"model":"m","input":"a","say":"b"}`)
			if w.Code != 429 || w.Header().Get("X-Should-Retry") != "false" || len(g.up.sent) != 0 {
				t.Errorf("%d %s", w.Code, w.Body)
			}
		})
	}
}

func TestLimitsOfModels(t *testing.T) {
	s := keyScope(limit.Rule{})
	s.Models = []tenancy.ModelLimits{{Match: "big-*", Limits: ruleOf(1, limit.None, limit.None)}, {Match: "m", Limits: ruleOf(2, limit.None, limit.None)}}
	g := newLimited(t, says, s)
	for i, c := range []struct {
		model string
		want  int
	}{
		{"big-one", 200},
		{"big-two", 429},     // together
		{"toy/big-two", 429}, // by another name
		{"m", 200},
		{"toy/m", 200},
		{"m", 429},
		{"small", 200},
		{"small", 200},
	} {
		if w := g.post("/toy", `{"model":"`+c.model+`"}`); w.Code != c.want || w.Code == 429 && !strings.Contains(w.Body.String(), "for models") {
			t.Errorf("%d %s: %d %s", i, c.model, w.Code, w.Body)
		}
	}
}

// TestCounterStoreDown: a Redis that takes connections and answers nothing.
func TestCounterStoreDown(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	r, err := limit.Open(limit.Options{URL: "redis://" + l.Addr().String(), Timeout: 20 * time.Millisecond, Log: slog.New(slog.DiscardHandler), Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = r.Close(context.Background()) }()
	t.Run("BUD-09 the counter store is down: requests run by this replica's share, and it shows", func(t *testing.T) {
		g := newLimited(t, says)
		g.limitBy(limit.New(g.now, r), keyScope(ruleOf(2, limit.None, limit.None)))
		for i, want := range []int{200, 200, 429} {
			if w := g.post("/toy", `{"model":"m"}`); w.Code != want {
				t.Errorf("request %d: %d %s", i, w.Code, w.Body)
			}
		}
		g.opt.Operator = func(*http.Request) bool { return true }
		get := func(path string) (int, string) {
			w := httptest.NewRecorder()
			g.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil))
			return w.Code, w.Body.String()
		}
		if code, body := get("/health/ready"); code != 200 || !strings.Contains(body, `"limits":{"state":"redis away","replicas":1,"fallbacks":3`) {
			t.Errorf("%d %s", code, body)
		}
		_, body := get("/metrics")
		for _, want := range []string{"turnpike_redis_up 0", "turnpike_redis_fallbacks_total 3", `turnpike_limit_hits_total{rule="rpm",scope="key"} 1`} {
			if !strings.Contains(body, want) {
				t.Errorf("metrics do not say %s", want)
			}
		}
	})
}

// BenchmarkLimits is what limits cost a request on the road: admitted, told of in its
// head, settled.
func BenchmarkLimits(b *testing.B) {
	var chain []*tenancy.Scope
	for _, kind := range []string{tenancy.Key, tenancy.User, tenancy.Team, tenancy.Organisation} {
		chain = append(chain, &tenancy.Scope{Kind: kind, ID: kind + "_1", Limits: ruleOf(1<<40, 1<<40, 1<<40)})
	}
	object, err := wire.ParseObject([]byte(`{"model":"m","max_tokens":100,"say":"` + strings.Repeat("hello ", 300) + `"}`))
	if err != nil {
		b.Fatal(err)
	}
	for _, c := range []struct {
		name  string
		chain []*tenancy.Scope
	}{{"off", nil}, {"no limits set", []*tenancy.Scope{{Kind: tenancy.Key}, {Kind: tenancy.Organisation}}}, {"one scope", chain[:1]}, {"four scopes", chain}} {
		b.Run(c.name, func(b *testing.B) {
			g := &Gateway{opt: Options{Limits: limit.New(time.Now, nil), Now: time.Now}}
			r := httptest.NewRequest(http.MethodPost, "/toy", nil)
			who := &keyring.Principal{Chain: c.chain}
			h := http.Header{}
			x := &exchange{}
			b.ReportAllocs()
			for b.Loop() {
				x.gw, x.who, x.r, x.object, x.model, x.front, x.tokens = g, who, r, object, "m", toy{"chat"}, 50
				if err := x.limit(); err != nil {
					b.Fatal(err)
				}
				if x.limits != nil {
					x.tellLimits(h)
				}
				x.vacate()
			}
		})
	}
}
