package budget

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"turnpike/internal/ledger"
	"turnpike/internal/store"
)

const (
	childDir   = "BUDGET_TEST_DIR"
	childPlace = "BUDGET_TEST_PLACE"
	childHome  = "BUDGET_TEST_HOME"
)

// TestProcesses: 1,000 requests at once over three processes on one database, each
// with a journal of its own, and one of them killed again and again while they run.
// What they spend together never passes the limit, and the ledger says the same.
func TestProcesses(t *testing.T) {
	if os.Getenv(childDir) != "" {
		child(t, os.Getenv(childDir), os.Getenv(childPlace), os.Getenv(childHome))
		return
	}
	dir, place := t.TempDir(), newPlace(t)
	start := func(home string) *exec.Cmd {
		c := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestProcesses$", "-test.v") //nolint:gosec // this very test
		c.Env = append(os.Environ(), childDir+"="+dir, childPlace+"="+place, childHome+"="+home)
		c.Stdout, c.Stderr = os.Stderr, os.Stderr // what a child says explains why it fails
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		return c
	}
	var wg sync.WaitGroup
	for _, home := range []string{"b", "c"} {
		c := start(home)
		wg.Go(func() {
			if err := c.Wait(); err != nil {
				t.Errorf("process %s: %v", home, err)
			}
		})
	}
	crashed := 0
	for range 6 {
		c := start("a")
		kill := time.AfterFunc(30*time.Millisecond+rand.N(100*time.Millisecond), func() { _ = c.Process.Kill() }) //nolint:gosec // when it dies is no secret
		if c.Wait() != nil {
			crashed++
		}
		kill.Stop()
	}
	if err := start("a").Wait(); err != nil {
		t.Errorf("the last life of a: %v", err)
	}
	wg.Wait()
	s, err := openPlace(t.Context(), place)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	w := &world{t: t, s: s}
	accounts, rows := w.spent("bud_1")
	list, err := s.ListAttempts(t.Context(), 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	estimated := 0
	for _, a := range list {
		if a.ErrorClass == ledger.Crashed {
			estimated++
		}
	}
	t.Logf("%d processes killed, %d attempts of which %d were under way then, %d of %d spent", crashed, len(list), estimated, accounts, 10*dollar)
	if accounts != rows || accounts > 10*dollar || accounts < 9*dollar || crashed == 0 {
		t.Errorf("accounts %d, rows %d of %d; %d crashes", accounts, rows, 10*dollar, crashed)
	}
}

// child is one process: many requests at once, until the budget is spent.
func child(t *testing.T, dir, place, home string) {
	ctx := context.Background()
	s, err := openPlace(ctx, place)
	if err != nil {
		t.Fatal(err)
	}
	log := slog.New(slog.DiscardHandler)
	book, err := ledger.Open(ledger.Options{Dir: filepath.Join(dir, home), Fsync: "never", MaxBytes: 1 << 30, OnFull: ledger.Refuse, Log: log}, s)
	if err != nil {
		t.Fatal(err)
	}
	k := New(Options{
		Bank: &storeBank{s: s}, Replica: store.ReplicaName(home), Home: home, OnAway: Refuse, Wait: 20 * time.Second, Recovered: book.Recovered, Log: log, Now: time.Now,
	})
	running, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() { defer close(done); k.Run(running) }()
	rule := lifetime("bud_1", 10*dollar)
	var wg sync.WaitGroup
	for range 334 {
		wg.Go(func() {
			for request(t, k, book, rule) {
			}
		})
	}
	wg.Wait()
	cancel()
	<-done
	k.Close()
	if err := book.Close(ctx); err != nil {
		t.Error(err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

// request is one; it tells whether another one might be paid.
func request(t *testing.T, k *Keeper, book *ledger.Recorder, rule *Rule) bool {
	worst := dollar/1000 + rand.Int64N(dollar/200)
	h, err := k.Reserve(t.Context(), time.Now(), []Ask{{Rule: rule, Who: Who{"key", "alice"}, Amount: worst}})
	if err != nil {
		w := why(err)
		if w != Spent && w != Held && w != Away { // three processes on one file may wait long on a slow machine
			t.Error(err)
		}
		time.Sleep(20 * time.Millisecond) //nolint:forbidigo // as clients that are told to
		return w == Held || w == Away
	}
	defer h.Close()
	text := func(list []Charge) string {
		return store.BudgetCharges(k.Replica(), []store.BudgetCharge{{Budget: list[0].Budget, Period: list[0].Period, Amount: list[0].Amount}})
	}
	a := store.Attempt{ID: store.NewID("att"), At: time.Now(), Budgets: text(h.AppendWorst(nil))}
	flight, err := book.Begin(&a)
	if err != nil {
		t.Error(err)
		return false
	}
	time.Sleep(rand.N(60 * time.Millisecond)) //nolint:forbidigo,gosec // an upstream takes its time
	cost := rand.Int64N(worst + 1)
	a.Budgets = text(h.AppendCharges(nil, cost, 0))
	book.Add(&a)
	book.Landed(flight)
	h.Spend(cost, 0)
	return true
}
