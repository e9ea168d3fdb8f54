package gateway

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"turnpike/internal/budget"
	"turnpike/internal/dialect/chat"
	"turnpike/internal/dialect/gemini"
	"turnpike/internal/dialect/messages"
	"turnpike/internal/keyring"
	"turnpike/internal/ledger"
	"turnpike/internal/policy"
	"turnpike/internal/price"
	"turnpike/internal/route"
	"turnpike/internal/store"
	"turnpike/internal/tenancy"
)

// purse is a bank for one gateway.
type purse struct {
	budget.Bank
	mu   sync.Mutex
	mine map[string]int64
}

func (p *purse) Lease(_ context.Context, c *budget.Claim) (budget.Grant, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	key := fmt.Sprint(c.Budget, c.Span.Start.UnixNano())
	g := budget.Grant{Limit: c.Limit}
	if left := c.Limit - p.mine[key] - c.Debt; left >= c.Need && left > 0 {
		g.Amount = min(max(c.Need, c.Want/2), left)
	}
	p.mine[key] += g.Amount + c.Debt
	g.Mine, g.Held = p.mine[key], p.mine[key]
	return g, nil
}

func (p *purse) Tell(context.Context, string, time.Time, int) (bool, error) { return false, nil }

const million = 1_000_000

// perToken makes a book in which a thousand tokens of an answer of m cost 20 cents,
// four times as much behind a prompt of more than a thousand; what has no price a dollar.
func perToken(t *testing.T) *price.Current {
	t.Helper()
	rates := func(in, out string) (r price.Rates) {
		for class, text := range map[price.Class]string{price.Input: in, price.Output: out} {
			p, err := price.Parse(text, price.PerMillion)
			if err != nil {
				t.Fatal(err)
			}
			r.Set(class, p)
		}
		return r
	}
	return price.NewCurrent(price.New([]price.Entry{
		{Model: "m", Rates: rates("100", "200"), Long: []price.Long{{Above: 1000, Rates: rates("400", "800")}}},
		{Model: "cheap", Rates: rates("10", "20")},
	}, rates("1000", "1000")))
}

// withBudgets gives the key of a test budgets. An answer has 1000 tokens at most.
func (g *testGateway) withBudgets(rules ...budget.Rule) *testGateway {
	g.t.Helper()
	for i := range rules {
		rules[i].ID = fmt.Sprintf("bud_%d", i)
	}
	return g.withChain(tenancy.Chain{{Kind: tenancy.Key, ID: "key_1", Name: "alice", Budgets: rules}})
}

func (g *testGateway) withChain(chain tenancy.Chain) *testGateway {
	g.opt.Keys = keyring.New(time.Now, keyring.Entry{Hash: keyring.Hash(testKey), Principal: keyring.Principal{KeyID: "key_1", Chain: chain}})
	g.opt.Price = perToken(g.t)
	g.opt.AssumeOutput = 1000
	g.opt.Budgets = budget.New(budget.Options{
		Bank: &purse{mine: map[string]int64{}}, Replica: "home.run", Home: "home", OnAway: budget.Refuse, Wait: 30 * time.Second,
		Recovered: func() bool { return true }, Log: slog.New(slog.DiscardHandler), Now: time.Now,
	})
	return g
}

// spentOf is what the rows count for a budget.
func spentOf(t *testing.T, rows []store.Attempt, id string) (n int64) {
	t.Helper()
	for i := range rows {
		_, list := store.ReadBudgetCharges(rows[i].Budgets)
		for _, c := range list {
			if c.Budget == id {
				n += c.Amount
			}
		}
	}
	return n
}

func usd(limit int64) budget.Rule {
	return budget.Rule{Unit: budget.Dollars, Limit: limit, Period: budget.Lifetime}
}

// cents is an amount in nano-dollars.
func cents(n int64) int64 { return n * 10 * million }

func TestBudgetOnTheRoad(t *testing.T) {
	t.Run("the truth is settled, whatever was reserved", func(t *testing.T) {
		g := newTestGateway(t, &toyProvider{dialect: "toy", answer: said}).withBudgets(usd(cents(41)), budget.Rule{Unit: budget.Tokens, Limit: 5000, Period: budget.Daily})
		for range 20 { // each reserves about 20 cents and costs a fraction of one
			if w := g.post("/toy", `{"model":"m","say":"hello"}`); w.Code != 200 {
				t.Fatalf("%d %s", w.Code, w.Body)
			}
		}
		rows := g.attempts()
		var cost, tokens int64
		for _, a := range rows {
			cost += a.Charge.Nano
			tokens += a.Usage.Input + a.Usage.Output
		}
		if len(rows) != 20 || cost == 0 || spentOf(t, rows, "bud_0") != cost || spentOf(t, rows, "bud_1") != tokens {
			t.Errorf("%d rows cost %d and count %d; %d tokens count %d", len(rows), cost, spentOf(t, rows, "bud_0"), tokens, spentOf(t, rows, "bud_1"))
		}
	})
	t.Run("BUD-06 a long prompt reserves at the price it falls in", func(t *testing.T) {
		g := newTestGateway(t, &toyProvider{dialect: "toy", answer: said}).withBudgets(usd(cents(60)))
		if w := g.post("/toy", `{"model":"m","say":"short"}`); w.Code != 200 {
			t.Errorf("20 cents of 60: %d %s", w.Code, w.Body)
		}
		long := strings.Repeat("many words ", 1500) // above a thousand tokens: the answer alone may cost 80 cents
		if w := g.post("/toy", `{"model":"m","say":"`+long+`"}`); w.Code != 429 || !strings.Contains(w.Body.String(), "has not enough left") {
			t.Errorf("%d %s", w.Code, w.Body)
		}
	})
	t.Run("BUD-11 a model without a price counts with the ceiling, and is no cost", func(t *testing.T) {
		g := newTestGateway(t, &toyProvider{dialect: "toy", answer: said}).withBudgets(usd(cents(150)))
		if w := g.post("/toy", `{"model":"unheard-of","say":"hello"}`); w.Code != 200 {
			t.Fatalf("a dollar of 1.50: %d %s", w.Code, w.Body)
		}
		rows := g.attempts()
		want := (rows[0].Usage.Input + rows[0].Usage.Output) * cents(10) / 100
		if !rows[0].Charge.Unpriced || rows[0].Charge.Nano != 0 || spentOf(t, rows, "bud_0") != want {
			t.Errorf("%+v counts %d, want %d", rows[0].Charge, spentOf(t, rows, "bud_0"), want)
		}
	})
	t.Run("a target that is too dear is left out", func(t *testing.T) {
		a, b := &toyProvider{name: "a", dialect: "toy", answer: said}, &toyProvider{name: "b", dialect: "toy", answer: said}
		list := []*route.Account{{Provider: a, Models: []string{"m"}}, {Provider: b, Models: []string{"cheap"}}}
		g := newTestGatewayOf(t, route.New(list, "", "").With(route.Settings{Strategy: policy.StrategyPriority, Aliases: policy.Aliases{{Match: "either", To: []string{"a/m", "b/cheap"}}}})).withBudgets(usd(cents(5)))
		w := g.post("/toy", `{"model":"either","say":"hello"}`)
		if w.Code != 200 || len(a.sent) != 0 || len(b.sent) != 1 {
			t.Errorf("%d %s: %d asked the dear one, %d the other", w.Code, w.Body, len(a.sent), len(b.sent))
		}
	})
	t.Run("explain tells and reserves nothing", func(t *testing.T) {
		g := newTestGateway(t, &toyProvider{dialect: "toy", answer: said}).withBudgets(usd(cents(25)))
		for range 3 {
			w := g.post("/toy", `{"model":"m","say":"hello"}`, "X-Turnpike-Explain", "true")
			if w.Code != 200 || !strings.Contains(w.Body.String(), `"chain":[{"id":"bud_0","of":"key alice","period":"lifetime","soft":false,"limit":"$0.25","spent":"$0.00","left":"$0.25"}]`) {
				t.Fatalf("%d %s", w.Code, w.Body)
			}
		}
		if w := g.post("/toy", `{"model":"m","say":"hello"}`); w.Code != 200 {
			t.Errorf("%d %s", w.Code, w.Body)
		}
	})
}

// TestEveryHolderIsAsked: a request must fit the budgets of all of its chain, whoever's is
// the narrow one, and counts for all of them.
func TestEveryHolderIsAsked(t *testing.T) {
	kinds := []string{tenancy.Key, tenancy.User, tenancy.Tag, tenancy.Team, tenancy.Organisation}
	chain := func(narrow string) (list tenancy.Chain) {
		for _, kind := range kinds {
			rule := usd(cents(100))
			if rule.ID = "bud_" + kind; kind == narrow {
				rule.Limit = cents(1)
			}
			list = append(list, &tenancy.Scope{Kind: kind, ID: kind + "_1", Name: "the " + kind, Budgets: []budget.Rule{rule}})
		}
		return list
	}
	for _, kind := range kinds {
		g := newTestGateway(t, &toyProvider{dialect: "toy", answer: said}).withChain(chain(kind))
		if w := g.post("/toy", `{"model":"m","say":"hello"}`); w.Code != 429 || !strings.Contains(w.Body.String(), "the "+kind) || len(g.attempts()) != 0 {
			t.Errorf("%s: %d %s", kind, w.Code, w.Body)
		}
	}
	g := newTestGateway(t, &toyProvider{dialect: "toy", answer: said}).withChain(chain(""))
	if w := g.post("/toy", `{"model":"m","say":"hello"}`); w.Code != 200 {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	rows := g.attempts()
	for _, kind := range kinds {
		if n := spentOf(t, rows, "bud_"+kind); n == 0 || n != rows[0].Charge.Nano {
			t.Errorf("%s counts %d of %d", kind, n, rows[0].Charge.Nano)
		}
	}
}

func TestBrokenAnswersAreBilled(t *testing.T) {
	for name, end := range map[string]func(i int) (string, error){
		"BUD-07 broken off after content": func(int) (string, error) { return "", errReset },
		"BUD-07 an error after content":   nil,
	} {
		t.Run(name, func(t *testing.T) {
			up := &toyProvider{dialect: "toy", answer: func(*http.Request) (*http.Response, error) {
				return replyFrom(200, "text/event-stream", &pieces{next: func(i int) (string, error) {
					switch {
					case i < 8:
						return eventD, nil
					case end == nil && i == 8:
						return "data: {\"error\":\"busy\"}\n\n", nil
					case end == nil:
						return "", io.EOF
					}
					return end(i)
				}})
			}}
			g := newTestGateway(t, up).withBudgets(usd(cents(100)))
			g.post("/toy", `{"model":"m","stream":true,"say":"hello"}`)
			rows := g.attempts()
			if len(rows) != 1 || !rows[0].Usage.Estimated || rows[0].Usage.Output == 0 || spentOf(t, rows, "bud_0") != rows[0].Charge.Nano || rows[0].Charge.Nano == 0 {
				t.Errorf("%+v", rows)
			}
		})
	}
}

// TestBudgetRefusals: what clients are told, in their own words.
func TestBudgetRefusals(t *testing.T) {
	spent := usd(cents(1))
	zone := budget.Rule{Unit: budget.Dollars, Limit: cents(1), Period: budget.Monthly, Zone: "Europe/Berlin"}
	for _, c := range []struct {
		name, path, body string
		rule             budget.Rule
		status           int
		want             []string
	}{
		{
			"BUD-10 ERR-13 Messages", "/v1/messages", `{"model":"m","max_tokens":900,"messages":[{"role":"user","content":"hi"}]}`, zone, 429,
			[]string{`"type":"billing_error"`, `monthly budget of key \"alice\" has not enough left: $0.01 of $0.01,`, "(Europe/Berlin)"},
		},
		{
			"BUD-10 ERR-13 Chat", "/v1/chat/completions", `{"model":"m","messages":[{"role":"user","content":"hi"}]}`, spent, 429,
			[]string{`"type":"insufficient_quota"`, `"code":"insufficient_quota"`, "does not start again"},
		},
		{
			"BUD-10 ERR-13 Gemini", "/v1beta/models/m:generateContent", `{"contents":[{"role":"user","parts":[{"text":"hi"}]}]}`, spent, 429,
			[]string{`"status":"RESOURCE_EXHAUSTED"`},
		},
		{
			"BUD-03 0 blocks", "/v1/messages", `{"model":"m","max_tokens":1,"messages":[{"role":"user","content":"hi"}]}`, usd(0), 429,
			[]string{`"type":"billing_error"`, "is 0, which allows nothing"},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := newTestGateway(t, &toyProvider{dialect: "toy", answer: said})
			opt := g.opt
			opt.Metrics = nil
			opt.Routes = []Front{
				{Path: "/v1/messages", Dialect: messages.Dialect{}},
				{Path: "/v1/chat/completions", Dialect: chat.Dialect{}},
				{Path: "/v1beta/models/{call...}", Dialect: gemini.Dialect{}, Ask: AfterColon(map[string]Ask{"generateContent": {}})},
			}
			g.Gateway = New(opt)
			g.withBudgets(c.rule)
			w := g.post(c.path, c.body)
			if w.Code != c.status || w.Header().Get("X-Should-Retry") != "false" || w.Header().Get("Retry-After") != "" {
				t.Errorf("%d %v", w.Code, w.Header())
			}
			for _, want := range c.want {
				if !strings.Contains(w.Body.String(), want) {
					t.Errorf("%s lacks %s", w.Body, want)
				}
			}
			if len(g.up.sent) != 0 || len(g.attempts()) != 0 {
				t.Error("something was sent")
			}
		})
	}
	t.Run("refusals are counted by whose budget it is and why", func(t *testing.T) {
		for reason, limit := range map[string]int64{"spent": cents(1), "blocked": 0} {
			g := newTestGateway(t, &toyProvider{dialect: "toy", answer: said}).withBudgets(usd(limit))
			g.post("/toy", `{"model":"m","say":"hello"}`)
			g.opt.Operator = func(*http.Request) bool { return true }
			w := httptest.NewRecorder()
			g.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/metrics", nil))
			if want := `turnpike_budget_refusals_total{reason="` + reason + `",scope="key"} 1`; !strings.Contains(w.Body.String(), want) {
				t.Errorf("metrics do not say %s", want)
			}
		}
	})
	t.Run("what is reserved for others may be free in a moment", func(t *testing.T) {
		var g *testGateway
		nested := false
		up := &toyProvider{dialect: "toy", answer: func(r *http.Request) (*http.Response, error) {
			if !nested {
				nested = true
				w := g.post("/toy", `{"model":"m","say":"hello"}`)
				if w.Code != 429 || w.Header().Get("Retry-After") != "2" || w.Header().Get("X-Should-Retry") == "false" || !strings.Contains(w.Body.String(), "under way") {
					t.Errorf("%d %v %s", w.Code, w.Header(), w.Body)
				}
			}
			return said(r)
		}}
		g = newTestGateway(t, up).withBudgets(usd(cents(25)))
		if w := g.post("/toy", `{"model":"m","say":"hello"}`); w.Code != 200 {
			t.Errorf("%d %s", w.Code, w.Body)
		}
	})
}

// TestEveryRoadAsksBudgets: whatever a client can ask a model for is behind one
// place where budgets are asked.
func TestEveryRoadAsksBudgets(t *testing.T) {
	for op, road := range roads {
		name := fmt.Sprintf("BUD-05 operation %d", op)
		t.Run(name, func(t *testing.T) {
			has := slices.ContainsFunc(road, func(s stage) bool { return s.name == "reserve" })
			if asks := !slices.Contains([]Op{Show, Inputs, Forget, Cancel}, op); asks != has {
				t.Errorf("asks a model: %v, asks budgets: %v", asks, has)
			}
		})
	}
}

// TestCrash: an attempt under way when the process is killed counts what was
// reserved for it, once.
func TestCrash(t *testing.T) {
	var g *testGateway
	dir := t.TempDir()
	open := func(sink ledger.Sink) *ledger.Recorder {
		rec, err := ledger.Open(ledger.Options{Dir: dir, Fsync: "never", MaxBytes: 1 << 30, OnFull: ledger.Refuse, Log: slog.New(slog.DiscardHandler)}, sink)
		if err != nil {
			t.Fatal(err)
		}
		return rec
	}
	killed := t.TempDir()
	up := &toyProvider{dialect: "toy", answer: func(r *http.Request) (*http.Response, error) {
		copyDir(t, dir, killed) // what a kill leaves
		return said(r)
	}}
	g = newTestGateway(t, up).withBudgets(usd(cents(100)))
	g.opt.Ledger = open(&rows{})
	g.post("/toy", `{"model":"m","say":"hello"}`)
	if err := g.opt.Ledger.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, dir string
		rows      int
	}{{"killed", killed, 1}, {"ended", dir, 0}} {
		dir = c.dir
		after := &rows{}
		if err := open(after).Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		if len(after.list) != c.rows {
			t.Fatalf("%s: %+v", c.name, after.list)
		}
		for _, a := range after.list {
			if a.ErrorClass != ledger.Crashed || !a.Usage.Estimated || a.Charge.Nano < cents(20) || spentOf(t, after.list, "bud_0") != a.Charge.Nano || a.KeyID != "key_1" {
				t.Errorf("%+v", a)
			}
		}
	}
}

// TestEachAttemptIsReservedAnew: a failed attempt that cost something leaves less
// for the next one.
func TestEachAttemptIsReservedAnew(t *testing.T) {
	partly := func(*http.Request) (*http.Response, error) {
		return reply(200, "text/event-stream", "data: {\"start\":1}\n\ndata: {\"error\":\"busy\"}\n\n")
	}
	for _, c := range []struct {
		limit int64
		asked int
	}{{cents(20) + 60_000_000, 1}, {cents(20), 0}} {
		a, b := &toyProvider{name: "a", dialect: "toy", answer: partly}, &toyProvider{name: "b", dialect: "toy", answer: streams(eventD + eventEnd)}
		g := newTestGatewayOf(t, several(priority, a, b)).withBudgets(usd(c.limit))
		g.post("/toy", `{"model":"m","stream":true,"say":"hello"}`)
		rows := g.attempts()
		var cost int64
		for _, r := range rows {
			cost += r.Charge.Nano
		}
		if len(b.sent) != c.asked || spentOf(t, rows, "bud_0") != cost {
			t.Errorf("limit %d: the second was asked %d times; rows %+v", c.limit, len(b.sent), rows)
		}
	}
}

// TestLaterAnswers: an answer made in the background keeps its reservation until
// somebody sees its end, even another process.
func TestLaterAnswers(t *testing.T) {
	g := newTestGateway(t, &toyProvider{dialect: "toy", answer: said}).withBudgets(usd(cents(10)), budget.Rule{Unit: budget.Tokens, Limit: 500, Period: budget.Lifetime})
	asks := []budget.Ask{
		{Rule: &budget.Rule{ID: "bud_0", Unit: budget.Dollars, Limit: cents(10), Period: budget.Lifetime}, Amount: cents(8)},
		{Rule: &budget.Rule{ID: "bud_1", Unit: budget.Tokens, Limit: 500, Period: budget.Lifetime}, Amount: 100},
	}
	hold, err := g.opt.Budgets.Reserve(t.Context(), time.Now(), asks)
	if err != nil {
		t.Fatal(err)
	}
	x := &exchange{gw: g.Gateway, spending: &spending{hold: hold}}
	x.later = &later{row: store.Background{ID: "resp_1", AttemptID: "att_1"}}
	x.later.row.Budgets = x.promise("att_1")
	if want := "home.run bud_0@0=usd bud_1@0=tokens"; x.later.row.Budgets != want {
		t.Errorf("%q, want %q", x.later.row.Budgets, want)
	}
	x.letGo()
	if _, err := g.opt.Budgets.Reserve(t.Context(), time.Now(), asks[:1]); err == nil {
		t.Fatal("the reservation is gone before the answer")
	}
	for range 2 { // both who see the end say the same, and only one changes anything
		a := store.Attempt{Usage: store.Usage{Input: 30, Output: 12}}
		g.spendLater(&x.later.row, &a, cents(1))
		if a.Budgets != "home.run bud_0@0=10000000 bud_1@0=42" {
			t.Errorf("%q", a.Budgets)
		}
	}
	again, err := g.opt.Budgets.Reserve(t.Context(), time.Now(), asks[:1])
	if err != nil {
		t.Errorf("a cent of ten is spent: %v", err)
	}
	again.Close()
}

// copyDir copies the files of a folder.
func copyDir(t *testing.T, from, to string) {
	t.Helper()
	if err := os.CopyFS(to, os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
}
