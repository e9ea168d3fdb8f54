package background

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"turnpike/internal/store"
)

// shelf is a store in memory that may be away.
type shelf struct {
	mu    sync.Mutex
	rows  map[ref]store.Background
	away  bool
	swept int
}

var errAway = errors.New("the disk is full")

func (s *shelf) SaveBackground(ctx context.Context, b store.Background) error {
	if _, ok := ctx.Deadline(); !ok {
		return errors.New("a write without a deadline")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.away {
		return errAway
	}
	r := ref{b.KeyID, b.ID}
	b.Settled = b.Settled || s.rows[r].Settled
	s.rows[r] = b
	return nil
}

func (s *shelf) SweepBackground(context.Context, time.Time, int) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.swept++
	return nil
}

func (s *shelf) Background(_ context.Context, key, id string) (store.Background, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.away {
		return store.Background{}, errAway
	}
	b, ok := s.rows[ref{key, id}]
	if !ok {
		return b, store.ErrNotFound
	}
	return b, nil
}

func (s *shelf) HasBackground(_ context.Context, id string) (bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for r := range s.rows {
		if r.id == id {
			return true, nil
		}
	}
	return false, nil
}

func (s *shelf) OpenBackground(_ context.Context, limit int) (list []store.Background, _ error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.away {
		return nil, errAway
	}
	for _, b := range s.rows {
		if !b.Settled {
			list = append(list, b)
		}
	}
	slices.SortFunc(list, func(a, b store.Background) int { return strings.Compare(a.ID, b.ID) })
	return list[:min(limit, len(list))], nil
}

func (s *shelf) CountOpenBackground(ctx context.Context) (int, error) {
	list, err := s.OpenBackground(ctx, 1<<30)
	return len(list), err
}

func (s *shelf) set(away bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.away = away
}

// book is a ledger in memory.
type book struct {
	mu   sync.Mutex
	list []store.Attempt
}

func (b *book) Add(a *store.Attempt) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.list = append(b.list, *a)
}

// told is the ledger in short.
func (b *book) told() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	var out []string
	for _, a := range b.list {
		s := fmt.Sprintf("%s#%d %d/%d", a.ID, a.Number, a.Usage.Input, a.Usage.Output)
		if a.Usage.Estimated {
			s += " estimated"
		}
		if a.ErrorClass != "" {
			s += " " + a.ErrorClass
		}
		out = append(out, s)
	}
	return strings.Join(out, ", ")
}

// scene is a tracker and what it stands on, on a clock of its own.
type scene struct {
	*Tracker
	shelf *shelf
	book  *book
	log   *bytes.Buffer
	stop  func()
}

func newScene(t *testing.T, s *shelf, look func(context.Context, *scene, store.Background) error) *scene {
	t.Helper()
	return newReplica(t, s, nil, look)
}

// newReplica is one of several on a store; adopt says whether it takes up what
// others left behind.
func newReplica(t *testing.T, s *shelf, adopt func(context.Context, time.Duration) (bool, error), look func(context.Context, *scene, store.Background) error) *scene {
	t.Helper()
	c := &scene{shelf: s, book: &book{}, log: &bytes.Buffer{}}
	log := slog.New(slog.NewTextHandler(c.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	var err error
	if c.Tracker, err = New(t.Context(), Options{Store: s, Ledger: c.book, Log: log, Now: time.Now, Adopt: adopt}); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		c.Run(ctx, func(ctx context.Context, row store.Background) error { return look(ctx, c, row) })
	}()
	c.stop = func() { cancel(); <-done }
	return c
}

func begun(id string) store.Background {
	return store.Background{KeyID: "k", ID: id, AttemptID: "att_" + id, RequestID: "req", Number: 2, Provider: "p", Input: 7, At: time.Now(), Status: "queued"}
}

func (c *scene) begin(id string) store.Background {
	row := begun(id)
	c.Begin(row)
	c.Release(row)
	return row
}

// cost is what an answer cost whose end was seen.
func (c *scene) cost(row store.Background) store.Attempt {
	a := c.Attempt(&row)
	a.Usage = store.Usage{Input: 10, Output: 2}
	return a
}

// pass lets time go by on the bubble's clock.
func pass(d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	<-timer.C
	synctest.Wait()
}

func TestAsksUntilTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		var asked []time.Duration
		c := newScene(t, &shelf{rows: map[ref]store.Background{}}, func(ctx context.Context, c *scene, row store.Background) error {
			if _, ok := ctx.Deadline(); !ok {
				t.Error("a question without a deadline")
			}
			asked = append(asked, time.Since(start))
			if len(asked) == 12 {
				c.Settle(row, "completed", c.cost(row))
			}
			if len(asked)%3 == 0 {
				return errors.New("status 503") // tells nothing
			}
			return nil
		})
		defer c.stop()
		row := begun("a")
		c.Begin(row)
		pass(5 * time.Minute)
		if len(asked) != 0 {
			t.Errorf("asked while the request is under way: %v", asked)
		}
		start = time.Now()
		c.Release(row)
		pass(20 * time.Minute)
		if len(asked) != 12 || c.book.told() != "att_a#2 10/2" || !c.shelf.rows[ref{"k", "a"}].Settled {
			t.Fatalf("asked %v, ledger %s", asked, c.book.told())
		}
		most := firstWait
		for i, at := range asked[1:] {
			most = min(2*most, lastWait)
			if gap := at - asked[i]; gap < firstWait || gap > most {
				t.Errorf("question %d comes after %v, want %v to %v", i+1, gap, firstWait, most)
			}
		}
		if asked[0] != firstWait || c.open != 0 || len(c.jobs) != 0 {
			t.Errorf("first after %v; %d open, %d followed", asked[0], c.open, len(c.jobs))
		}
	})
}

func TestEndsThatAreNotSeen(t *testing.T) {
	for _, c := range []struct {
		name  string
		err   error
		after time.Duration
		want  string
	}{
		{"forgotten", ErrGone, 10 * time.Minute, "att_a#2 7/0 estimated not_found"},
		{"never over", nil, time.Hour + time.Minute, "att_a#2 7/0 estimated timeout"},
		{"never reached", errors.New("refused"), time.Hour + time.Minute, "att_a#2 7/0 estimated timeout"},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newScene(t, &shelf{rows: map[ref]store.Background{}}, func(context.Context, *scene, store.Background) error { return c.err })
				defer s.stop()
				row := s.begin("a")
				pass(3 * time.Second)
				if s.book.told() != "" {
					t.Errorf("at once: %s", s.book.told())
				}
				pass(c.after)
				if got := s.book.told(); got != c.want || s.shelf.rows[ref{"k", "a"}].Status != Lost {
					t.Errorf("ledger %q, want %q; %+v", got, c.want, s.shelf.rows)
				}
				if s.Settle(row, "completed", s.cost(row)) || s.book.told() != c.want {
					t.Errorf("an end that comes later is counted as well: %s", s.book.told())
				}
			})
		})
	}
}

// TestOneAccount: many see the end at once.
func TestOneAccount(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScene(t, &shelf{rows: map[ref]store.Background{}}, func(context.Context, *scene, store.Background) error { return nil })
		row := s.begin("a")
		var all sync.WaitGroup
		won := make(chan bool, 20)
		for range cap(won) {
			all.Go(func() { won <- s.Settle(row, "completed", s.cost(row)) })
		}
		all.Wait()
		close(won)
		n := 0
		for w := range won {
			if w {
				n++
			}
		}
		if n != 1 || s.book.told() != "att_a#2 10/2" {
			t.Errorf("%d settled it: %s", n, s.book.told())
		}
		s.stop()
	})
}

func TestRestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rows := &shelf{rows: map[ref]store.Background{}}
		slow := func(ctx context.Context, _ *scene, _ store.Background) error { <-ctx.Done(); return ctx.Err() }
		first := newScene(t, rows, slow)
		first.begin("a")
		held := begun("held") // its stream is cut off by the end of the process
		first.Begin(held)
		pass(3 * time.Second)
		first.stop() // in the middle of a question
		if first.book.told() != "" {
			t.Errorf("stopped: %s", first.book.told())
		}
		second := newScene(t, rows, func(_ context.Context, second *scene, row store.Background) error {
			second.Settle(row, "completed", second.cost(row))
			return nil
		})
		pass(10 * time.Second)
		second.stop()
		for _, want := range []string{"att_a#2 10/2", "att_held#2 10/2"} {
			if got := second.book.told(); !strings.Contains(got, want) || len(second.book.list) != 2 {
				t.Errorf("taken up again: %s, want %s", got, want)
			}
		}
		third := newScene(t, rows, slow)
		pass(time.Hour)
		third.stop()
		if third.book.told() != "" || rows.swept < 3 {
			t.Errorf("counted again: %s; swept %d times", third.book.told(), rows.swept)
		}
	})
}

// TestMany: a bounded number is followed, by a bounded number of questions; all have
// their turn.
func TestMany(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		now, most, followed := 0, 0, 0
		c := newScene(t, &shelf{rows: map[ref]store.Background{}}, func(_ context.Context, c *scene, row store.Background) error {
			mu.Lock()
			now++
			most = max(most, now)
			mu.Unlock()
			c.mu.Lock()
			followed = max(followed, len(c.jobs))
			c.mu.Unlock()
			pass := time.NewTimer(100 * time.Millisecond)
			<-pass.C
			mu.Lock()
			now--
			mu.Unlock()
			c.Settle(row, "completed", c.cost(row))
			return nil
		})
		const n = maxJobs + 50
		for i := range n {
			c.begin(fmt.Sprintf("r%03d", i))
		}
		pass(time.Minute)
		c.stop()
		if len(c.book.list) != n || most != maxLooks || followed != maxJobs || c.open != 0 {
			t.Errorf("%d settled of %d, %d at once, %d followed, %d open", len(c.book.list), n, most, followed, c.open)
		}
	})
}

func TestRoom(t *testing.T) {
	tr, err := New(t.Context(), Options{Store: &shelf{rows: map[ref]store.Background{}}, Ledger: &book{}, Log: slog.New(slog.DiscardHandler), Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	for i := range maxOpen {
		if !tr.Room() {
			t.Fatalf("no room for %d", i)
		}
		tr.Begin(begun(fmt.Sprint(i)))
	}
	if tr.Room() {
		t.Error("there is no bound")
	}
}

// TestStoreAway: what the store does not take is followed from memory, and saved
// later; what neither takes is counted by estimate.
func TestStoreAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rows := &shelf{rows: map[ref]store.Background{}}
		c := newScene(t, rows, func(context.Context, *scene, store.Background) error { return nil })
		rows.set(true)
		c.begin("a")
		if row, err := c.Find(t.Context(), "k", "a"); err != nil || row.ID != "a" {
			t.Errorf("%+v, %v", row, err)
		}
		if _, err := c.Find(t.Context(), "k", "b"); !errors.Is(err, errAway) {
			t.Errorf("a store that is away: %v", err)
		}
		pass(3 * time.Second)
		rows.set(false)
		pass(10 * time.Second)
		if _, ok := rows.rows[ref{"k", "a"}]; !ok || c.book.told() != "" {
			t.Errorf("not saved; ledger %s, log %s", c.book.told(), c.log)
		}
		for i := range maxJobs {
			c.Begin(begun(fmt.Sprint(i)))
		}
		rows.set(true)
		c.Begin(begun("z"))
		if got := c.book.told(); got != "att_z#2 7/0 estimated internal" {
			t.Errorf("ledger %s", got)
		}
		rows.set(false)
		c.stop()
	})
}

func TestWhoseItIs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newScene(t, &shelf{rows: map[ref]store.Background{}}, func(context.Context, *scene, store.Background) error { return nil })
		row := c.begin("a")
		look := func(when string) {
			t.Helper()
			if got, err := c.Find(t.Context(), "k", "a"); err != nil || got.AttemptID != "att_a" {
				t.Errorf("%s: %+v, %v", when, got, err)
			}
			for _, r := range []ref{{"other", "a"}, {"k", "b"}} {
				if _, err := c.Find(t.Context(), r.key, r.id); !errors.Is(err, ErrUnknown) {
					t.Errorf("%s: %v: %v", when, r, err)
				}
			}
			for r, want := range map[ref]bool{{"other", "a"}: true, {"k", "a"}: false, {"k", "b"}: false} {
				if got, err := c.Others(t.Context(), r.key, r.id); got != want || err != nil {
					t.Errorf("%s: %v is another's: %v, %v", when, r, got, err)
				}
			}
		}
		look("followed")
		c.Settle(row, "completed", c.cost(row))
		look("settled")
		c.Forget(row)
		if got, _ := c.Find(t.Context(), "k", "a"); got.Status != Deleted || c.book.told() != "att_a#2 10/2" {
			t.Errorf("deleted: %+v, ledger %s", got, c.book.told())
		}
		open := c.begin("b")
		c.Forget(open)
		if got := c.book.told(); got != "att_a#2 10/2, att_b#2 7/0 estimated" {
			t.Errorf("deleted before its end: %s", got)
		}
		c.stop()
	})
}

// A gateway that is killed leaves answers behind; of the others, the one that is
// told to takes them up.
func TestAnotherGatewayTakesOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rows := &shelf{rows: map[ref]store.Background{}}
		end := func(_ context.Context, c *scene, row store.Background) error {
			c.Settle(row, "completed", c.cost(row))
			return nil
		}
		for _, mine := range []bool{false, true} {
			killed := newReplica(t, rows, nil, end)
			other := newReplica(t, rows, func(ctx context.Context, hold time.Duration) (bool, error) {
				if _, ok := ctx.Deadline(); !ok || hold <= adoptEach {
					t.Errorf("asked for %v, with a deadline: %v", hold, ok)
				}
				return mine, nil
			}, end)
			id := fmt.Sprint(mine)
			row := begun(id)
			killed.Begin(row)
			killed.stop()
			pass(3 * adoptEach)
			want := ""
			if mine {
				want = "att_false#2 10/2, att_true#2 10/2"
			}
			got := strings.Split(other.book.told(), ", ")
			slices.Sort(got)
			if killed.book.told() != "" || strings.Join(got, ", ") != want {
				t.Errorf("told to: %v; ledger %s, want %s", mine, got, want)
			}
			other.stop()
		}
	})
}

// Two gateways that follow the same answer account for it once.
func TestTwoGatewaysSettleOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rows := &shelf{rows: map[ref]store.Background{}}
		var ended atomic.Bool
		look := func(_ context.Context, c *scene, row store.Background) error {
			if ended.Load() {
				c.Settle(row, "completed", c.cost(row))
			}
			return nil
		}
		one := newReplica(t, rows, nil, look)
		one.begin("a")
		two := newReplica(t, rows, nil, look) // finds it open
		pass(10 * time.Second)
		ended.Store(true)
		pass(3 * time.Minute)
		if n := len(one.book.list) + len(two.book.list); n != 1 {
			t.Errorf("settled %d times: %s; %s", n, one.book.told(), two.book.told())
		}
		for _, c := range []*scene{one, two} {
			c.stop()
			if c.open != 0 || len(c.jobs) != 0 {
				t.Errorf("%d open, %d followed", c.open, len(c.jobs))
			}
		}
	})
}
