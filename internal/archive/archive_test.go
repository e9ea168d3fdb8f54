package archive

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"turnpike/internal/llm"
	"turnpike/internal/store"
	"turnpike/internal/vault"
)

// shelf is a store in memory whose writes the test may hold up or break.
type shelf struct {
	mu     sync.Mutex
	rows   map[ref]store.Response
	gated  bool
	gate   chan struct{} // where gated, every write waits for it
	broken int           // writes that fail before one succeeds
	writes int
	prunes []store.Bounds
	missed func() // called once, where something is not found
}

// miss tells that something is not there, and has happen what a test has meanwhile.
func (s *shelf) miss() error {
	if do := s.missed; do != nil {
		s.missed = nil
		do()
	}
	return store.ErrNotFound
}

func newShelf() *shelf { return &shelf{rows: map[ref]store.Response{}} }

func (s *shelf) InsertResponses(ctx context.Context, list []store.Response) error {
	if s.gate != nil {
		<-s.gate
	}
	if _, ok := ctx.Deadline(); !ok {
		return errors.New("a write without a deadline")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.writes++
	if s.broken > 0 {
		s.broken--
		return errors.New("the disk is full")
	}
	for _, r := range list {
		s.rows[ref{r.KeyID, r.ID}] = r
	}
	return nil
}

func (s *shelf) ResponseChain(_ context.Context, key, id string) (list []store.Response, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for id != "" {
		r, ok := s.rows[ref{key, id}]
		if !ok {
			return nil, s.miss()
		}
		list = append([]store.Response{r}, list...)
		id = r.Previous
	}
	return list, nil
}

func (s *shelf) Response(_ context.Context, key, id string) (store.Response, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, ok := s.rows[ref{key, id}]
	if !ok {
		return r, store.ErrNotFound
	}
	return r, nil
}

func (s *shelf) ResponseOfItem(_ context.Context, key, item string) (store.Response, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range s.rows {
		if r.KeyID == key && len(r.Items) > 0 && r.Items[0] == item {
			return r, nil
		}
	}
	return store.Response{}, s.miss()
}

func (s *shelf) HasResponse(_ context.Context, id string) (bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for r := range s.rows {
		if r.id == id {
			return true, nil
		}
	}
	return false, nil
}

func (s *shelf) HasResponseItem(_ context.Context, item string) (bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range s.rows {
		if slices.Contains(r.Items, item) {
			return true, nil
		}
	}
	return false, nil
}

func (s *shelf) DeleteResponse(_ context.Context, key, id string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := s.rows[ref{key, id}]; !ok {
		return store.ErrNotFound
	}
	delete(s.rows, ref{key, id})
	return nil
}

func (s *shelf) PruneResponses(_ context.Context, b store.Bounds) (rows, size int64, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.prunes = append(s.prunes, b)
	return 0, 0, nil
}

// glass seals nothing, but tells where a value belongs.
type glass struct{}

func (glass) Seal(plain []byte, aad string) string { return aad + "|" + string(plain) }

func (glass) Unseal(sealed, aad string) ([]byte, error) {
	rest, ok := strings.CutPrefix(sealed, aad+"|")
	if !ok {
		return nil, errors.New("belongs elsewhere")
	}
	return []byte(rest), nil
}

func exchange(id, previous string) llm.Exchange {
	return llm.Exchange{ID: id, Previous: previous, Input: []byte("in " + id), Answer: []byte("out " + id), Items: []string{"msg_" + id}}
}

// bubble runs a test on a clock of its own.
func bubble(t *testing.T, s *shelf, do func(t *testing.T, a *Archive, log *bytes.Buffer)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		if s.gated {
			s.gate = make(chan struct{}) // of the bubble, so that its clock knows who waits
		}
		a := New(Options{Store: s, Sealer: glass{}, Log: slog.New(slog.NewTextHandler(&log, nil)), Now: time.Now, Keep: time.Hour, Rows: 100, Bytes: 1 << 20})
		do(t, a, &log)
		if err := a.Close(t.Context()); err != nil {
			t.Errorf("close: %v", err)
		}
	})
}

// pass lets time go by on the bubble's clock.
func pass(d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	<-timer.C
	synctest.Wait()
}

func chainOf(t *testing.T, a *Archive, key, id string) string {
	t.Helper()
	past, err := a.Chain(t.Context(), key, id)
	if errors.Is(err, ErrNotKept) || errors.Is(err, ErrUnknown) {
		return err.Error()
	}
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, x := range past {
		out = append(out, fmt.Sprintf("%s<%s:%s:%s", x.ID, x.Previous, x.Input, x.Answer))
	}
	return strings.Join(out, " ")
}

// What comes to be kept between two looks for it is the key's own, and there.
func TestKeptMeanwhile(t *testing.T) {
	s := newShelf()
	bubble(t, s, func(t *testing.T, a *Archive, _ *bytes.Buffer) {
		s.missed = func() { a.Keep("k", exchange("a", "")) }
		if got := chainOf(t, a, "k", "a"); got != "a<:in a:out a" {
			t.Errorf("%q", got)
		}
		s.missed = func() { a.Keep("k", exchange("b", "")) }
		if x, err := a.OfItem(t.Context(), "k", "msg_b"); err != nil || x.ID != "b" {
			t.Errorf("by item: %v %v", x.ID, err)
		}
		s.missed = func() { a.Keep("other", exchange("c", "")) }
		if got := chainOf(t, a, "k", "c"); got != "not kept" {
			t.Errorf("another key's: %q", got)
		}
	})
}

// An exchange is there at once, before it is written, while it is, and after.
func TestKeptIsThereAtOnce(t *testing.T) {
	s := newShelf()
	s.gated = true
	bubble(t, s, func(t *testing.T, a *Archive, _ *bytes.Buffer) {
		const want = "a<:in a:out a b<a:in b:out b c<b:in c:out c"
		a.Keep("k", exchange("a", ""))
		synctest.Wait() // a is being written
		a.Keep("k", exchange("b", "a"))
		a.Keep("k", exchange("c", "b"))
		look := func(when string) {
			t.Helper()
			if got := chainOf(t, a, "k", "c"); got != want {
				t.Errorf("%s: %q", when, got)
			}
			if x, err := a.OfItem(t.Context(), "k", "msg_b"); err != nil || x.ID != "b" {
				t.Errorf("%s: by item: %v %v", when, x.ID, err)
			}
			if x, err := a.Get(t.Context(), "k", "b"); err != nil || x.Previous != "a" || string(x.Answer) != "out b" {
				t.Errorf("%s: by itself: %+v %v", when, x, err)
			}
			if _, err := a.Get(t.Context(), "other", "b"); !errors.Is(err, ErrNotKept) {
				t.Errorf("%s: another key sees one: %v", when, err)
			}
			if got := chainOf(t, a, "other", "c"); got != "not kept" {
				t.Errorf("%s: another key sees %q", when, got)
			}
			if _, err := a.OfItem(t.Context(), "other", "msg_b"); !errors.Is(err, ErrNotKept) {
				t.Errorf("%s: another key sees an item: %v", when, err)
			}
			if _, err := a.OfItem(t.Context(), "k", "msg_x"); !errors.Is(err, ErrUnknown) {
				t.Errorf("%s: an item nobody knows: %v", when, err)
			}
		}
		look("none is written")
		s.gate <- struct{}{}
		synctest.Wait()
		look("the first is written")
		close(s.gate)
		synctest.Wait()
		look("all are written")
		if len(s.rows) != 3 || len(a.order) != 0 || len(a.byID) != 0 || a.bytes != 0 {
			t.Errorf("%d rows; waiting: %d, %d, %d bytes", len(s.rows), len(a.order), len(a.byID), a.bytes)
		}
	})
}

func TestForget(t *testing.T) {
	s := newShelf()
	s.gated = true
	bubble(t, s, func(t *testing.T, a *Archive, _ *bytes.Buffer) {
		a.Keep("k", exchange("a", ""))
		soon, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := a.Forget(soon, "k", "a"); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("while it cannot be written: %v", err)
		}
		close(s.gate)
		if err := a.Forget(t.Context(), "other", "a"); !errors.Is(err, ErrNotKept) {
			t.Errorf("another key: %v", err)
		}
		if err := a.Forget(t.Context(), "k", "a"); err != nil {
			t.Error(err)
		}
		if err := a.Forget(t.Context(), "k", "a"); !errors.Is(err, ErrNotKept) {
			t.Errorf("twice: %v", err)
		}
		if got := chainOf(t, a, "k", "a"); got != "unknown" {
			t.Errorf("left: %q", got)
		}
	})
}

func TestWritesAreTriedAgain(t *testing.T) {
	s := newShelf()
	s.broken = 3
	bubble(t, s, func(t *testing.T, a *Archive, log *bytes.Buffer) {
		a.Keep("k", exchange("a", ""))
		pass(10 * time.Second)
		if s.writes != 4 || len(s.rows) != 1 || strings.Count(log.String(), "trying again") != 3 {
			t.Errorf("%d writes, %d rows, log %s", s.writes, len(s.rows), log)
		}
	})
	s = newShelf()
	s.broken = maxTries
	bubble(t, s, func(t *testing.T, a *Archive, log *bytes.Buffer) {
		a.Keep("k", exchange("a", ""))
		pass(time.Minute)
		if len(s.rows) != 0 || !strings.Contains(log.String(), "could not be kept\"") || chainOf(t, a, "k", "a") != "unknown" {
			t.Errorf("%d rows, log %s", len(s.rows), log)
		}
	})
}

func TestTooMuchIsNotKept(t *testing.T) {
	s := newShelf()
	s.gated = true
	bubble(t, s, func(t *testing.T, a *Archive, log *bytes.Buffer) {
		for i := range maxWaiting + 1 {
			a.Keep("k", exchange(fmt.Sprint("r", i), ""))
		}
		big := exchange("big", "")
		big.Answer = make([]byte, maxWaitingBytes)
		a.Keep("k", big)
		a.Keep("k", exchange("", ""))
		a.Keep("k", exchange("self", "self"))
		for _, id := range []string{fmt.Sprint("r", maxWaiting), "big", "self"} {
			if got := chainOf(t, a, "k", id); got != "unknown" {
				t.Errorf("%s is kept", id)
			}
		}
		if n := strings.Count(log.String(), "not kept"); n != 4 {
			t.Errorf("logged %d times: %s", n, log)
		}
		close(s.gate)
	})
	if len(s.rows) != maxWaiting {
		t.Errorf("%d rows", len(s.rows))
	}
}

func TestPruning(t *testing.T) {
	s := newShelf()
	bubble(t, s, func(t *testing.T, a *Archive, _ *bytes.Buffer) {
		synctest.Wait()
		start := time.Now()
		for i := range 101 {
			a.Keep("k", exchange(fmt.Sprint("r", i), ""))
		}
		synctest.Wait()
		pass(pruneEvery)
		if len(s.prunes) != 3 {
			t.Fatalf("pruned %d times", len(s.prunes))
		}
		for i, want := range []store.Bounds{
			{UsedSince: start.Add(-time.Hour), Rows: 100, Bytes: 1 << 20},
			{UsedSince: start.Add(-time.Hour), Rows: 90, Bytes: 1 << 20}, // a tenth more than must go
			{UsedSince: start.Add(pruneEvery - time.Hour), Rows: 100, Bytes: 1 << 20},
		} {
			if s.prunes[i] != want {
				t.Errorf("prune %d: %+v, want %+v", i, s.prunes[i], want)
			}
		}
	})
}

func TestCloseGivesUpInTime(t *testing.T) {
	s := newShelf()
	s.gated = true
	bubble(t, s, func(t *testing.T, a *Archive, log *bytes.Buffer) {
		a.Keep("k", exchange("a", ""))
		soon, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := a.Close(soon); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("close: %v", err)
		}
		a.Keep("k", exchange("late", ""))
		if !strings.Contains(log.String(), "response=late") {
			t.Errorf("log %s", log)
		}
		close(s.gate)
	})
	if len(s.rows) != 1 {
		t.Errorf("%d rows", len(s.rows))
	}
}

// TestSealed looks into a real database: no word of a conversation is in it, and
// what is sealed for one place opens in no other.
func TestSealed(t *testing.T) {
	dir := t.TempDir()
	db, err := store.Open(t.Context(), filepath.Join(dir, store.FileName))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	safe, err := vault.Open(filepath.Join(dir, vault.FileName))
	if err != nil {
		t.Fatal(err)
	}
	a := New(Options{Store: db, Sealer: safe, Log: slog.New(slog.DiscardHandler), Now: time.Now, Keep: time.Hour, Rows: 10, Bytes: 1 << 20})
	a.Keep("k", exchange("a", ""))
	if err := a.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	rows, err := db.ResponseChain(t.Context(), "k", "a")
	if err != nil || len(rows) != 1 || strings.Contains(rows[0].Body, "in a") {
		t.Fatalf("%+v, %v", rows, err)
	}
	if x, err := a.open(&rows[0]); err != nil || string(x.Input) != "in a" || string(x.Answer) != "out a" {
		t.Errorf("opened %+v, %v", x, err)
	}
	moved := rows[0]
	moved.KeyID = "other"
	if _, err := a.open(&moved); !errors.Is(err, vault.ErrDamaged) {
		t.Errorf("under another key: %v", err)
	}
}

func TestDamaged(t *testing.T) {
	a := &Archive{opt: Options{Sealer: glass{}}}
	for _, body := range []string{"", "short", "\x00\x00\x00\x00\x00\x00\x00\x05abcd", "\xff\xff\xff\xff\xff\xff\xff\xffabcd"} {
		r := store.Response{KeyID: "k", ID: "a", Body: glass{}.Seal([]byte(body), SealPlace("k", "a"))}
		if _, err := a.open(&r); !errors.Is(err, errPacked) {
			t.Errorf("%q: %v", body, err)
		}
	}
}
