package ledger

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"turnpike/internal/store"
)

// switchTo makes a sink work, or fail.
func (s *sink) switchTo(works bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fail = func(int) error {
		if works {
			return nil
		}
		return errors.New("connection refused")
	}
}

// TestDatabaseIsAway: traffic goes on, the operator is told from time to time, and
// in the end every row is there.
func TestDatabaseIsAway(t *testing.T) {
	s := &sink{}
	s.switchTo(false)
	bubble(t, s, func(t *testing.T, r *Recorder, log *bytes.Buffer) {
		for i := range 60 {
			add(r, i*100, (i+1)*100)
			pass(time.Minute)
		}
		if err := r.Ready(); err != nil {
			t.Errorf("not ready: %v", err)
		}
		state := r.State()
		if n := strings.Count(log.String(), "WARN"); n < 8 || n > 13 || !strings.Contains(log.String(), "connection refused") {
			t.Errorf("%d warnings in an hour: %s", n, log)
		}
		if state.Waiting != 6000 || state.Bytes == 0 || state.Away.IsZero() || time.Since(state.Away) < 59*time.Minute {
			t.Errorf("%+v", state)
		}
		if s.tries < 60 || s.tries > 500 {
			t.Errorf("%d tries in an hour", s.tries)
		}
		s.switchTo(true)
		pass(time.Minute)
		if !slices.Equal(s.written(), ids(0, 6000)) {
			t.Errorf("%d rows", len(s.written()))
		}
		if !strings.Contains(log.String(), "recorded again") || strings.Contains(log.String(), "ERROR") || !r.State().Away.IsZero() {
			t.Errorf("%+v, logged %s", r.State(), log)
		}
	})
}

// TestCloseLeavesTheRest: what a failing sink does not take is there at the next start.
func TestCloseLeavesTheRest(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		s := &sink{}
		s.switchTo(false)
		r := opened(t, dir, s, &log)
		add(r, 0, 700)
		start := time.Now()
		if err := r.Close(t.Context()); err != nil || time.Since(start) > lastRetry {
			t.Errorf("closed after %v: %v", time.Since(start), err)
		}
		if !strings.Contains(log.String(), "until the next start") || strings.Contains(log.String(), "ERROR") {
			t.Errorf("logged %s", &log)
		}
		s.switchTo(true)
		r = opened(t, dir, s, &log)
		pass(time.Second)
		if !slices.Equal(s.written(), ids(0, 700)) {
			t.Errorf("%d rows", len(s.written()))
		}
		if err := r.Close(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

func TestFullJournalRefuses(t *testing.T) {
	s := &sink{}
	s.switchTo(false)
	bubble(t, s, func(t *testing.T, r *Recorder, log *bytes.Buffer) {
		n := 0
		for ; r.Ready() == nil && n < 10_000; n++ {
			add(r, n, n+1)
		}
		if b := r.State().Bytes; b < 16<<10 || b > 17<<10 {
			t.Errorf("full at %d bytes", b)
		}
		add(r, n, n+50) // those under way
		if !strings.Contains(log.String(), "the journal is full") || r.State().Stranded != 0 {
			t.Errorf("%+v, logged %s", r.State(), log)
		}
		s.switchTo(true)
		pass(time.Minute)
		if err := r.Ready(); err != nil || !slices.Equal(s.written(), ids(0, n+50)) {
			t.Errorf("%d rows, %v", len(s.written()), err)
		}
		if !strings.Contains(log.String(), "has room again") {
			t.Errorf("logged %s", log)
		}
	}, func(o *Options) { o.MaxBytes = 16 << 10 })
}

func TestFullJournalRunsOn(t *testing.T) {
	s := &sink{}
	s.switchTo(false)
	bubble(t, s, func(t *testing.T, r *Recorder, log *bytes.Buffer) {
		n := 0
		for ; r.State().Lost == 0 && n < 10_000; n++ {
			add(r, n, n+1)
			if err := r.Ready(); err != nil {
				t.Fatal(err)
			}
		}
		if r.State().Stranded != maxStranded || r.State().Bytes > 17<<10 || !strings.Contains(log.String(), "an attempt is lost") {
			t.Errorf("%+v", r.State())
		}
		s.switchTo(true)
		pass(2 * time.Minute)
		got := s.written()
		slices.Sort(got)
		if !slices.Equal(got, ids(0, n-1)) || r.State().Lost != 1 || r.State().Stranded != 0 {
			t.Errorf("%d rows of %d, %+v", len(got), n, r.State())
		}
	}, func(o *Options) { o.MaxBytes, o.OnFull = 16<<10, Run })
}

// TestJournalTakesNothing: the disk is gone; the database takes the rows.
func TestJournalTakesNothing(t *testing.T) {
	s := &sink{}
	bubble(t, s, func(t *testing.T, r *Recorder, log *bytes.Buffer) {
		add(r, 0, 1)
		pass(time.Second)
		if err := r.journal.Close(); err != nil {
			t.Fatal(err)
		}
		s.switchTo(false)
		add(r, 1, 4)
		if err := r.Ready(); err == nil {
			t.Error("ready without a journal")
		}
		pass(time.Minute)
		if r.Ready() == nil || r.State().Stranded != 3 || !strings.Contains(log.String(), "wait in memory") {
			t.Errorf("%+v, logged %s", r.State(), log)
		}
		s.switchTo(true)
		pass(time.Minute)
		if err := r.Ready(); err != nil || !slices.Equal(s.written(), ids(0, 4)) {
			t.Errorf("%q, %v", s.written(), err)
		}
	})
}

func TestStrandedAtTheEnd(t *testing.T) {
	s := &sink{}
	bubble(t, s, func(t *testing.T, r *Recorder, log *bytes.Buffer) {
		if err := r.journal.Close(); err != nil {
			t.Fatal(err)
		}
		s.switchTo(false)
		add(r, 0, 2)
		if err := r.Close(t.Context()); err != nil {
			t.Error(err)
		}
		if n := strings.Count(log.String(), "an attempt is lost"); n != 2 || r.State().Lost != 2 {
			t.Errorf("%d are said to be lost: %s", n, log)
		}
	})
}

// keeper is a sink that fails at random, before or after it has kept the rows, and
// counts what is there already.
type keeper struct {
	mu   sync.Mutex
	rnd  *rand.Rand
	rows map[string]store.Attempt
	bad  float64
	err  error
}

func (k *keeper) InsertAttempts(_ context.Context, attempts []store.Attempt) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	dice := k.rnd.Float64()
	if dice < k.bad/2 {
		return errors.New("nothing was kept")
	}
	for _, a := range attempts {
		if b, ok := k.rows[a.ID]; ok && b != a {
			k.err = fmt.Errorf("%s is %+v and %+v", a.ID, a, b)
		}
		k.rows[a.ID] = a
	}
	if dice < k.bad {
		return errors.New("all was kept, and the answer lost")
	}
	return nil
}

// TestSumsAgree: whatever happens between Add and the database, at any time, the
// sums of both are the same in the end. A crash is a copy of the folder as it
// stands, half a record at its end included: the process that goes on with it
// knows nothing of the other, whose later attempts never happened.
func TestSumsAgree(t *testing.T) {
	for seed := range uint64(12) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			root := t.TempDir()
			synctest.Test(t, func(t *testing.T) { model(t, root, seed) })
		})
	}
}

func model(t *testing.T, root string, seed uint64) {
	rnd := rand.New(rand.NewPCG(seed, 7))
	k := &keeper{rnd: rand.New(rand.NewPCG(seed, 8)), rows: map[string]store.Attempt{}, bad: rnd.Float64() * 0.9}
	var log lockedBuffer
	dir := root + "/0"
	small := func(o *Options) { o.MaxBytes = 4 * (200 + rnd.Int64N(5000)); o.OnFull = Refuse }
	r := opened(t, dir, k, &log, small)
	var added []store.Attempt
	for step := range 80 {
		switch rnd.IntN(10) {
		case 0: // the process is killed
			next := fmt.Sprintf("%s/%d", root, step+1)
			synctest.Wait()
			if err := os.CopyFS(next, os.DirFS(dir)); err != nil {
				t.Fatal(err)
			}
			tear(t, next, rnd)
			k.mu.Lock()
			k.bad += 10 // nothing more of it arrives
			k.mu.Unlock()
			_ = r.Close(t.Context())
			k.mu.Lock()
			k.bad -= 10
			k.mu.Unlock()
			dir = next
			r = opened(t, dir, k, &log, small)
		case 1: // an orderly end
			if err := r.Close(t.Context()); err != nil {
				t.Fatal(err)
			}
			r = opened(t, dir, k, &log, small)
		case 2, 3:
			pass(time.Duration(rnd.Int64N(int64(3 * time.Second))))
		default:
			var wg sync.WaitGroup
			for range 1 + rnd.IntN(60) {
				a := store.Attempt{ID: fmt.Sprintf("att_%06d", len(added)), At: time.Unix(int64(len(added)), 0).UTC(), Usage: store.Usage{Input: rnd.Int64N(1e6), Output: rnd.Int64N(1e4)}}
				added = append(added, a)
				wg.Go(func() { r.Add(&a) })
			}
			wg.Wait()
		}
	}
	k.mu.Lock()
	k.bad = 0
	k.mu.Unlock()
	pass(10 * time.Minute)
	if err := r.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	var want, got store.Usage
	for _, a := range added {
		want.Input, want.Output = want.Input+a.Usage.Input, want.Output+a.Usage.Output
	}
	for _, a := range k.rows {
		got.Input, got.Output = got.Input+a.Usage.Input, got.Output+a.Usage.Output
	}
	if got != want || len(k.rows) != len(added) || k.err != nil {
		t.Errorf("%d rows of %d, %+v, want %+v, %v", len(k.rows), len(added), got, want, k.err)
	}
	if strings.Contains(log.String(), "damaged") || strings.Contains(log.String(), "missing") {
		t.Errorf("logged %s", log.String())
	}
}

// tear adds to the newest segment the beginning of a record.
func tear(t *testing.T, dir string, rnd *rand.Rand) {
	t.Helper()
	list, err := filepath.Glob(filepath.Join(dir, "*.journal"))
	if err != nil {
		t.Fatal(err)
	}
	if len(list) == 0 {
		return
	}
	b, err := os.ReadFile(list[len(list)-1])
	if err != nil {
		t.Fatal(err)
	}
	const head = len("turnpike journal 1\n")
	if len(b) <= head { // its first record is torn already
		return
	}
	b = append(b, b[head:head+1+rnd.IntN(20)]...)
	if err := os.WriteFile(list[len(list)-1], b, 0o600); err != nil {
		t.Fatal(err)
	}
}

type sinkhole struct{}

func (*sinkhole) InsertAttempts(context.Context, []store.Attempt) error { return nil }
