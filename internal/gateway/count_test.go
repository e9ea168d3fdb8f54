package gateway

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"turnpike/internal/health"
	"turnpike/internal/policy"
	"turnpike/internal/provider"
	"turnpike/internal/route"
	"turnpike/internal/throttle"
)

// operators are accounts of the toy at the given end of the road, asked in their order.
func operators(t *testing.T, op Op, s route.Settings, ups ...*operator) *testGateway {
	t.Helper()
	list := make([]*route.Account, len(ups))
	for i, up := range ups {
		list[i] = &route.Account{Provider: up, Weight: 100 - i, Models: []string{"m"}}
	}
	g := newTestGatewayOf(t, route.New(list, "", "").With(s))
	ask := Told(op)
	if op == Count {
		ask = Counts("input_tokens")
	}
	f := Front{Path: "/op", Dialect: toy{"toy"}, Ask: ask}
	g.mux.HandleFunc("POST /op", func(w http.ResponseWriter, r *http.Request) { g.serve(&f, w, r) })
	return g
}

// silent is an upstream that takes a request and says nothing.
func silent(r *http.Request) (*http.Response, error) {
	<-r.Context().Done()
	return nil, r.Context().Err()
}

// TestCountsMoveOn: what the first account does when it is to count, who counts then,
// and what that says of the first one's answers.
func TestCountsMoveOn(t *testing.T) {
	type answer = func(*http.Request) (*http.Response, error)
	cannot := ""
	const counts = "input_tokens"
	for _, c := range []struct {
		name      string
		api       string
		first     answer
		second    answer
		asked     int // of the second
		status    int
		estimated bool
		then      health.State // of the first
	}{
		{"no connection", counts, func(*http.Request) (*http.Response, error) { return nil, errReset }, nil, 1, 200, false, health.Closed},
		{"no answer in time", counts, silent, nil, 1, 200, false, health.Closed},
		{"429", counts, fails(429, `{"error":"slow down"}`), nil, 1, 200, false, health.Closed},
		{"500", counts, fails(500, `{"error":"oh"}`), nil, 1, 200, false, health.Closed},
		{"529", counts, fails(529, `{"error":"busy"}`), nil, 1, 200, false, health.Closed},
		{"our credentials are refused there", counts, fails(401, `{"error":"bad key"}`), nil, 1, 200, false, health.Open},
		{"it has no such API", cannot, nil, nil, 1, 200, false, health.Closed},
		{"neither counts", counts, fails(503, `{"error":"busy"}`), fails(503, `{"error":"busy"}`), 1, 200, true, health.Closed},
		{"nobody answers", counts, silent, silent, 1, 200, true, health.Closed},
		{"the caller's own 400", counts, fails(400, `{"error":"no"}`), nil, 0, 400, false, health.Closed},
	} {
		t.Run("CNT-04 "+c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				second := c.second
				if second == nil {
					second = func(*http.Request) (*http.Response, error) {
						return reply(200, "application/json", `{"input_tokens":42}`)
					}
				}
				a := &operator{countAPI: c.api, toyProvider: &toyProvider{name: "a", dialect: "toy", answer: c.first}}
				b := &operator{countAPI: counts, toyProvider: &toyProvider{name: "b", dialect: "toy", answer: second}}
				g := operators(t, Count, route.Settings{Strategy: policy.StrategyPriority}, a, b)
				start := time.Now()
				w := g.post("/op", `{"model":"m","say":"hello there"}`)
				if w.Code != c.status || (w.Header().Get("X-Turnpike-Estimated") == "true") != c.estimated || len(b.bodies) != c.asked {
					t.Errorf("got %d %s %v, %d asked", w.Code, w.Body, w.Header(), len(b.bodies))
				}
				if c.status == 200 && !c.estimated && (w.Body.String() != `{"input_tokens":42}` || w.Header().Get("X-Turnpike-Provider") != "b") {
					t.Errorf("got %s %v", w.Body, w.Header())
				}
				if took := time.Since(start); took > 2*countFor {
					t.Errorf("took %s", took)
				}
				place := g.opt.Table.Account("a").Place("m")
				if state := place.State(time.Now()); state != c.then || place.Inflight() != 0 {
					t.Errorf("the first is then %d with %d under way", state, place.Inflight())
				}
				if rows := g.attempts(); len(rows) != 0 {
					t.Errorf("counting is in the ledger: %+v", rows)
				}
			})
		})
	}
}

// The tokenizer of another model of an alias's chain is another one.
func TestCountsStayWithTheModel(t *testing.T) {
	a := &operator{countAPI: "input_tokens", toyProvider: &toyProvider{name: "a", dialect: "toy", answer: fails(500, `{"error":"oh"}`)}}
	b := &operator{countAPI: "input_tokens", toyProvider: &toyProvider{name: "b", dialect: "toy", answer: said}}
	g := operators(t, Count, route.Settings{Aliases: policy.Aliases{{Match: "best", To: []string{"a/m", "b/m"}}}}, a, b)
	if w := g.post("/op", `{"model":"best","say":"x"}`); w.Code != 200 || len(a.bodies) != 1 || len(b.bodies) != 0 || w.Header().Get("X-Turnpike-Provider") != "a" {
		t.Errorf("%d %s, %d and %d asked", w.Code, w.Body, len(a.bodies), len(b.bodies))
	}
}

// TestBurstOfCounts: clients count many prompts at once at their start. The account's
// own limits are of answers: whoever counts does not wait for them, nor use them up.
func TestBurstOfCounts(t *testing.T) {
	const burst = 35
	for _, c := range []struct {
		name      string
		status    int
		estimated bool
	}{{"counted", 200, false}, {"refused by the upstream's limit of counts", 429, true}} {
		t.Run("CNT-04 "+c.name, func(t *testing.T) {
			up := &toyProvider{name: "a", dialect: "toy", answer: func(*http.Request) (*http.Response, error) {
				return reply(c.status, "application/json", `{"input_tokens":42}`)
			}}
			g := operators(t, Count, route.Settings{}, &operator{countAPI: "input_tokens", toyProvider: up})
			g.opt.Table.Accounts()[0].Provider = &manyAtOnce{up}
			gate := throttle.NewGate("a", throttle.Limits{RPM: 2, Concurrency: 1}, time.Now)
			g.opt.Table.Accounts()[0].Limits = []route.Limit{{Match: "*", Gate: gate}}
			pass, full := gate.Enter(t.Context(), "k", 1)
			if full != nil {
				t.Fatal(full)
			}
			defer pass.Leave(0)
			var wg sync.WaitGroup
			answers := make([]*httptest.ResponseRecorder, burst)
			for i := range answers {
				wg.Go(func() { answers[i] = g.post("/op", `{"model":"m","say":"hello there"}`) })
			}
			wg.Wait()
			for _, w := range answers {
				if w.Code != 200 || (w.Header().Get("X-Turnpike-Estimated") == "true") != c.estimated {
					t.Fatalf("%d %s %v", w.Code, w.Body, w.Header())
				}
			}
			if s := g.opt.Table.Account("a").Place("m").State(time.Now()); s != health.Closed {
				t.Errorf("a limit of counts keeps answers away: %d", s)
			}
		})
	}
}

// manyAtOnce is a counter that may be asked by many at once.
type manyAtOnce struct{ *toyProvider }

func (m *manyAtOnce) CountAPI(provider.Surface) string { return "input_tokens" }

func (m *manyAtOnce) NewCountRequest(ctx context.Context, _ string, body []byte, _ http.Header) (*http.Request, error) {
	return http.NewRequestWithContext(ctx, http.MethodPost, "http://toy.invalid/", strings.NewReader(string(body)))
}

func (m *manyAtOnce) RoundTrip(r *http.Request) (*http.Response, error) { return m.answer(r) }

// compactor is a toy that makes conversations shorter.
type compactor struct {
	*operator
	cannot bool
}

func (c *compactor) Compacts(provider.Surface) bool { return !c.cannot }

func (c *compactor) NewCompactRequest(ctx context.Context, call *provider.Call) (*http.Request, error) {
	return c.request(ctx, call.Body.Bytes())
}

// TestCompactingMovesOn: an account that fails is followed by the next one that can,
// and both are in the ledger.
func TestCompactingMovesOn(t *testing.T) {
	for _, c := range []struct {
		name   string
		first  func(*http.Request) (*http.Response, error)
		cannot bool // the first one
		asked  int  // of the second
		status int
		rows   string
	}{
		{"it works", said, false, 0, 200, "a "},
		{"no connection", func(*http.Request) (*http.Response, error) { return nil, errReset }, false, 1, 200, "a upstream,b "},
		{"500", fails(500, `{"error":"oh"}`), false, 1, 200, "a upstream,b "},
		{"a body that breaks off", func(*http.Request) (*http.Response, error) {
			return replyFrom(200, "application/json", &pieces{next: func(i int) (string, error) {
				if i > 0 {
					return "", io.ErrUnexpectedEOF
				}
				return `{"sa`, nil
			}})
		}, false, 1, 200, "a upstream,b "},
		{"it has no way to", said, true, 1, 200, "b "},
		{"the caller's own 400", fails(400, `{"error":"no"}`), false, 0, 400, "a invalid"},
	} {
		t.Run("RSP-05 "+c.name, func(t *testing.T) {
			a := &compactor{&operator{toyProvider: &toyProvider{name: "a", dialect: "toy", answer: c.first}}, c.cannot}
			b := &compactor{&operator{toyProvider: &toyProvider{name: "b", dialect: "toy", answer: said}}, false}
			g := operators(t, Compact, route.Settings{Strategy: policy.StrategyPriority}, a.operator, b.operator)
			g.opt.Table.Account("a").Provider, g.opt.Table.Account("b").Provider = a, b
			w := g.post("/op", `{"model":"m","say":"hello there"}`)
			if w.Code != c.status || len(b.bodies) != c.asked {
				t.Errorf("%d %s, %d asked", w.Code, w.Body, len(b.bodies))
			}
			var rows []string
			for _, r := range g.attempts() {
				rows = append(rows, r.Provider+" "+r.ErrorClass)
			}
			if got := strings.Join(rows, ","); got != c.rows {
				t.Errorf("rows %q, want %q", got, c.rows)
			}
			if n := g.opt.Table.Account("a").Place("m").Inflight(); n != 0 {
				t.Errorf("%d are under way", n)
			}
		})
	}
}
