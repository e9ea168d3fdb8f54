package alert

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"turnpike/internal/store"
)

var noon = time.Date(2026, 11, 27, 12, 10, 0, 0, time.UTC)

// notes is a channel that keeps what it is told, or fails.
type notes struct {
	list []Message
	err  error
}

func (n *notes) Send(_ context.Context, m *Message) error {
	if n.err == nil {
		n.list = append(n.list, *m)
	}
	return n.err
}

func (n *notes) take() string {
	var out []string
	for _, m := range n.list {
		out = append(out, m.State+" "+m.Alert+" "+m.Subject+" "+m.Value)
	}
	n.list = nil
	return strings.Join(out, "; ")
}

// scene is a watch over a database of its own.
type scene struct {
	*Watch
	t     *testing.T
	db    *store.Store
	told  *notes
	now   time.Time
	away  time.Time
	count int
}

func newScene(t *testing.T, rules ...Rule) *scene {
	t.Helper()
	db, err := store.Open(t.Context(), filepath.Join(t.TempDir(), store.FileName))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	s := &scene{t: t, db: db, told: &notes{}, now: noon}
	for i := range rules {
		rules[i].Channels = []string{"ops"}
	}
	s.restart(rules)
	return s
}

// restart makes a watch as a new process does.
func (s *scene) restart(rules []Rule) {
	s.Watch = New(Options{
		Rules: rules, Channels: map[string]Channel{"ops": s.told, "broken": &notes{err: errors.New("broken")}}, Store: s.db, Log: slog.New(slog.DiscardHandler),
		Now:    func() time.Time { return s.now },
		Gauges: Gauges{Usage: s.db, Away: func() time.Time { return s.away }, Replica: "r1", Budgets: &Budgets{}},
	})
}

func (s *scene) spend(key string, nano int64, change ...func(*store.Attempt)) {
	s.t.Helper()
	s.count++
	a := store.Attempt{ID: fmt.Sprint("att_", s.count), Number: 1, At: s.now, KeyID: key, TeamID: "t", Charge: store.Charge{Version: "v", Nano: nano}}
	for _, c := range change {
		c(&a)
	}
	if err := s.db.InsertAttempts(s.t.Context(), []store.Attempt{a}); err != nil {
		s.t.Fatal(err)
	}
}

// sees checks once and compares what was told.
func (s *scene) sees(what, want string) {
	s.t.Helper()
	if err := s.Check(s.t.Context()); err != nil {
		s.t.Fatalf("%s: %v", what, err)
	}
	if got := s.told.take(); got != want {
		s.t.Errorf("%s: told %q, want %q", what, got, want)
	}
}

func TestSpend(t *testing.T) {
	rules := []Rule{{Name: "day", Kind: Spend, Above: 100 * nanos, Per: "day", Scope: "all", Cooldown: time.Hour}}
	s := newScene(t, rules...)
	s.sees("nothing spent", "")
	s.spend("a", 100*nanos)
	s.sees("as much as may be", "")
	s.spend("b", 1)
	s.sees("a nano-dollar more", "firing day all $100.000000001")
	s.spend("b", nanos)
	s.sees("more of it", "")
	s.restart(rules)
	s.sees("after a restart", "")
	s.now = noon.Add(12 * time.Hour)
	s.sees("the next day", "over day all $0.00")
	s.sees("still over", "")
	s.spend("b", 200*nanos)
	s.now = s.now.Add(30 * time.Minute)
	s.sees("within the cool-down", "")
	s.now = s.now.Add(30 * time.Minute)
	s.restart(rules)
	s.sees("after it", "firing day all $200.00")
}

func TestSubjects(t *testing.T) {
	s := newScene(t, Rule{Name: "keys", Kind: Spend, Above: 10 * nanos, Per: "hour", Scope: "key"}, Rule{Name: "teams", Kind: Spend, Above: 25 * nanos, Per: "month", Scope: "team"})
	s.spend("a", 11*nanos)
	s.spend("b", 11*nanos)
	s.spend("c", 9*nanos)
	s.sees("two keys and a team", "firing keys key a $11.00; firing keys key b $11.00; firing teams team t $31.00")
	s.now = noon.Add(time.Hour)
	s.spend("b", 12*nanos)
	s.sees("the next hour", "over keys key a $0.00")
}

func TestErrors(t *testing.T) {
	s := newScene(t, Rule{Name: "errors", Kind: Errors, Above: 20, Scope: "all", Least: 10})
	fails := func(a *store.Attempt) { a.ErrorClass = "timeout" }
	for range 9 {
		s.spend("a", 0, fails)
	}
	s.sees("too few", "")
	for range 4 {
		s.spend("a", 0)
	}
	s.sees("enough", "firing errors all 69 %")
	for range 50 {
		s.spend("a", 0)
	}
	s.sees("better", "over errors all 14 %")
}

func TestUnpriced(t *testing.T) {
	s := newScene(t, Rule{Name: "unpriced", Kind: Unpriced, Scope: "all"})
	s.spend("a", 1)
	s.sees("all priced", "")
	s.spend("a", 0, func(a *store.Attempt) { a.Charge.Unpriced = true })
	s.sees("USE-16 an attempt without a price", "firing unpriced all 1")
}

// TestJournalLag: the alert works while the database does not.
func TestJournalLag(t *testing.T) {
	s := newScene(t, Rule{Name: "lag", Kind: JournalLag, Above: int64(5 * time.Minute)}, Rule{Name: "x", Kind: Unpriced, Scope: "all"})
	s.sees("all well", "")
	s.away = noon
	if err := s.db.Close(); err != nil {
		t.Fatal(err)
	}
	check := func(want string) {
		t.Helper()
		if err := s.Check(t.Context()); err == nil {
			t.Error("the database is away, and nothing is said of it")
		}
		if got := s.told.take(); got != want {
			t.Errorf("told %q, want %q", got, want)
		}
	}
	s.now = noon.Add(5 * time.Minute)
	check("")
	s.now = noon.Add(6 * time.Minute)
	check("firing lag journal of r1 6m0s")
	check("")
	s.away = time.Time{}
	check("over lag journal of r1 0s")
}

func TestBudgets(t *testing.T) {
	s := newScene(t, Rule{Name: "budget", Kind: Budget, Above: 79})
	b := s.opt.Gauges.Budgets
	b.Spent("team t, monthly", 79, noon.Add(time.Hour))
	s.sees("below", "")
	b.Spent("team t, monthly", 80, noon.Add(time.Hour))
	s.sees("above", "firing budget budget of team t, monthly 80 %")
	s.now = noon.Add(time.Hour)
	s.sees("the next month", "over budget budget of team t, monthly 0 %")
}

// TestUndelivered: what nobody took is told again, also by the next process; what one
// channel took is told.
func TestUndelivered(t *testing.T) {
	rules := []Rule{{Name: "unpriced", Kind: Unpriced, Scope: "all"}}
	s := newScene(t, rules...)
	s.spend("a", 0, func(a *store.Attempt) { a.Charge.Unpriced = true })
	s.told.err = errors.New("the network is down")
	for range 2 {
		if err := s.Check(t.Context()); err == nil || !strings.Contains(err.Error(), "network is down") {
			t.Fatal(err)
		}
	}
	s.told.err = nil
	rules[0].Channels = []string{"broken", "ops"}
	s.restart(rules)
	s.sees("again", "firing unpriced all 1")
	s.sees("once", "")
}

// TestOneTells: of two replicas that look at once, each alert is told by one.
func TestOneTells(t *testing.T) {
	s := newScene(t, Rule{Name: "unpriced", Kind: Unpriced, Scope: "all"})
	s.spend("a", 0, func(a *store.Attempt) { a.Charge.Unpriced = true })
	other := &notes{}
	s.told.err = nil
	second := New(s.opt)
	second.opt.Channels = map[string]Channel{"ops": other}
	second.opt.Leads = func() bool { return false }
	if err := errors.Join(second.Check(t.Context()), s.Check(t.Context())); err != nil {
		t.Fatal(err)
	}
	if s.told.take() == "" || other.take() != "" {
		t.Error("the wrong one told it, or both, or none")
	}
}

// TestFlood: what is told in one look is bounded, and nothing is left out in the end.
func TestFlood(t *testing.T) {
	s := newScene(t, Rule{Name: "keys", Kind: Spend, Per: "day", Scope: "key"})
	for i := range 2*maxMessages + 1 {
		s.spend(fmt.Sprint("key_", i), 1)
	}
	for _, want := range []int{maxMessages, maxMessages, 1, 0} {
		if err := s.Check(t.Context()); err != nil || len(s.told.list) != want {
			t.Errorf("%d messages, want %d, %v", len(s.told.list), want, err)
		}
		s.told.list = nil
	}
}

func TestPeriods(t *testing.T) {
	kathmandu, err := time.LoadLocation("Asia/Kathmandu")
	if err != nil {
		t.Fatal(err)
	}
	g := Gauges{Zone: kathmandu}
	for name, want := range map[string]string{"hour": "2026-11-27T11:15:00Z", "day": "2026-11-26T18:15:00Z", "month": "2026-10-31T18:15:00Z"} {
		if got := g.period(name, noon).From.UTC().Format(time.RFC3339); got != want {
			t.Errorf("the %s began at %s, want %s", name, got, want)
		}
	}
	for n, want := range map[int64]string{0: "0.00", 1: "0.000000001", 1_500_000_000: "1.50", 1_234_500_000: "1.2345"} {
		if got := dollars(n); got != want {
			t.Errorf("%d is %s", n, got)
		}
	}
}

// TestProviderDown: a provider that takes no requests is told of after a time, and so is its
// recovery.
func TestProviderDown(t *testing.T) {
	s := newScene(t, Rule{Name: "down", Kind: ProviderDown, Above: int64(5 * time.Minute)})
	var down []string
	s.opt.Gauges.Down = func() []string { return down }
	look := func(want string) {
		t.Helper()
		if err := s.Check(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := s.told.take(); got != want {
			t.Errorf("told %q, want %q", got, want)
		}
		s.now = s.now.Add(3 * time.Minute)
	}
	look("")
	down = []string{"main"}
	look("")
	look("")
	look("firing down provider main at r1 6m0s")
	look("")
	down = nil
	look("over down provider main at r1 0s")
}

// TestOtherRules: what is watched and who is told can change while a watch looks.
func TestOtherRules(t *testing.T) {
	s := newScene(t)
	s.spend("a", 3*nanos)
	if err := s.Check(t.Context()); err != nil || s.told.take() != "" {
		t.Fatal(err)
	}
	other := &notes{}
	s.Set([]Rule{{Name: "dear", Kind: Spend, Above: nanos, Per: "day", Scope: "all", Channels: []string{"new"}}}, map[string]Channel{"new": other})
	if err := s.Check(t.Context()); err != nil || !strings.HasPrefix(other.take(), "firing dear all") || s.told.take() != "" {
		t.Errorf("nobody was told, or the wrong one: %v", err)
	}
}
