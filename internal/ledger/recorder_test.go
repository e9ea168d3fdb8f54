package ledger

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"turnpike/internal/ledger/journal"
	"turnpike/internal/store"
)

// sink keeps rows by id, as the store does: a row that is there already stays.
type sink struct {
	mu      sync.Mutex
	rows    []string // ids, in the order they came
	there   map[string]bool
	batches []int
	tries   int
	fail    func(try int) error // asked before anything is kept
	forget  func(try int) error // asked when all of it is kept
	gate    chan struct{}       // where set, every call waits for it
	bounded bool                // every call had a deadline
}

func (s *sink) InsertAttempts(ctx context.Context, attempts []store.Attempt) error {
	if s.gate != nil {
		<-s.gate
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tries++
	_, s.bounded = ctx.Deadline()
	if s.fail != nil {
		if err := s.fail(s.tries); err != nil {
			return err
		}
	}
	if s.there == nil {
		s.there = map[string]bool{}
	}
	s.batches = append(s.batches, len(attempts))
	for _, a := range attempts {
		if !s.there[a.ID] {
			s.there[a.ID] = true
			s.rows = append(s.rows, a.ID)
		}
	}
	if s.forget != nil {
		return s.forget(s.tries)
	}
	return nil
}

func (s *sink) written() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.rows)
}

func (s *sink) sizes() []int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.batches)
}

// opened is a recorder on a journal in a folder.
func opened(t *testing.T, dir string, s Sink, log io.Writer, change ...func(*Options)) *Recorder {
	t.Helper()
	opt := Options{Dir: dir, Fsync: journal.Never, MaxBytes: 1 << 30, OnFull: Refuse, Log: slog.New(slog.NewTextHandler(log, nil))}
	for _, c := range change {
		c(&opt)
	}
	r, err := Open(opt, s)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// bubble runs a test on a clock of its own.
func bubble(t *testing.T, s *sink, do func(t *testing.T, r *Recorder, log *bytes.Buffer), change ...func(*Options)) {
	t.Helper()
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		r := opened(t, dir, s, &log, change...)
		do(t, r, &log)
		if err := r.Close(t.Context()); err != nil {
			t.Errorf("close: %v", err)
		}
	})
}

func add(r *Recorder, from, to int) {
	for i := from; i < to; i++ {
		r.Add(&store.Attempt{ID: id(i), RequestID: "req_" + id(i)})
	}
}

func id(i int) string { return fmt.Sprintf("att_%05d", i) }

func ids(from, to int) []string {
	var out []string
	for i := from; i < to; i++ {
		out = append(out, id(i))
	}
	return out
}

// pass lets time go by in the bubble.
func pass(d time.Duration) {
	time.Sleep(d) //nolint:forbidigo // the bubble's clock
	synctest.Wait()
}

func TestRowsComeInBatches(t *testing.T) {
	s := &sink{}
	bubble(t, s, func(t *testing.T, r *Recorder, _ *bytes.Buffer) {
		add(r, 0, 3)
		pass(batchWait - 1)
		if got := s.written(); len(got) != 0 {
			t.Errorf("%d rows were not waited for", len(got))
		}
		add(r, 3, 5)
		pass(1)
		if got := s.written(); !slices.Equal(got, ids(0, 5)) || len(s.sizes()) != 1 {
			t.Errorf("rows %q in batches of %v", got, s.sizes())
		}
		if !s.bounded {
			t.Error("the sink may take for ever")
		}
		pass(time.Hour)
		if n := len(s.sizes()); n != 1 {
			t.Errorf("%d batches of nothing", n-1)
		}
	})
}

func TestFullBatchIsNotWaitedFor(t *testing.T) {
	s := &sink{}
	bubble(t, s, func(t *testing.T, r *Recorder, _ *bytes.Buffer) {
		add(r, 0, batchLen+1)
		synctest.Wait()
		if got := s.written(); len(got) != batchLen {
			t.Errorf("%d rows at once", len(got))
		}
		pass(batchWait)
		if got := s.sizes(); !slices.Equal(got, []int{batchLen, 1}) {
			t.Errorf("batches of %v", got)
		}
	})
}

func TestOrderIsKept(t *testing.T) {
	s := &sink{}
	bubble(t, s, func(t *testing.T, r *Recorder, _ *bytes.Buffer) {
		add(r, 0, 3000)
		if err := r.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(s.written(), ids(0, 3000)) || slices.Max(s.sizes()) > batchLen {
			t.Errorf("%d rows, batches of %v", len(s.written()), s.sizes())
		}
	})
}

func TestCloseWritesAtOnce(t *testing.T) {
	s := &sink{}
	bubble(t, s, func(t *testing.T, r *Recorder, log *bytes.Buffer) {
		add(r, 0, 3)
		start := time.Now()
		for range 2 { // the second time it is closed already
			if err := r.Close(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		if !slices.Equal(s.written(), ids(0, 3)) || time.Since(start) != 0 || r.State().Waiting != 0 {
			t.Errorf("%q after %v, %d waiting", s.written(), time.Since(start), r.State().Waiting)
		}
		if log.Len() != 0 {
			t.Errorf("logged %s", log)
		}
	})
}

func TestCloseOfAnIdleRecorder(t *testing.T) {
	s := &sink{}
	bubble(t, s, func(*testing.T, *Recorder, *bytes.Buffer) {})
	if len(s.sizes()) != 0 {
		t.Error("nothing was written as something")
	}
}

func TestFailingSinkIsTriedAgain(t *testing.T) {
	away := errors.New("disk full")
	for name, s := range map[string]*sink{
		"nothing was kept": {fail: func(try int) error {
			if try%4 != 0 {
				return away
			}
			return nil
		}},
		"all was kept, and the answer lost": {forget: func(try int) error {
			if try%4 != 0 {
				return away
			}
			return nil
		}},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, s, func(t *testing.T, r *Recorder, log *bytes.Buffer) {
				add(r, 0, 600)
				pass(batchWait)
				add(r, 600, 700) // while the sink fails
				pass(time.Minute)
				if got := s.written(); !slices.Equal(got, ids(0, 700)) {
					t.Errorf("%d rows, first %q", len(got), got[:min(3, len(got))])
				}
				if !strings.Contains(log.String(), "disk full") || strings.Contains(log.String(), "lost") || strings.Contains(log.String(), "ERROR") {
					t.Errorf("logged %s", log)
				}
			})
		})
	}
}

func TestCloseDoesNotWaitForEver(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		s := &sink{gate: make(chan struct{})}
		r := opened(t, dir, s, io.Discard)
		add(r, 0, 3)
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		defer cancel()
		if err := r.Close(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("close: %v", err)
		}
		close(s.gate) // what was queued is written if the process lives on
		if err := r.Close(t.Context()); err != nil || !slices.Equal(s.written(), ids(0, 3)) {
			t.Errorf("%q, %v", s.written(), err)
		}
	})
}

func TestLateAttemptIsLogged(t *testing.T) {
	s := &sink{}
	bubble(t, s, func(t *testing.T, r *Recorder, log *bytes.Buffer) {
		if err := r.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		r.Add(&store.Attempt{ID: "att_late", RequestID: "req_late", Provider: "p", ServedModel: "m", Usage: store.Usage{Input: 11, Output: 22, CacheWrite5m: 3, CacheWrite1h: 4}})
		for _, want := range []string{"ERROR", "req_late", "provider=p", "served=m", "input=11", "output=22", "cache_write=7"} {
			if !strings.Contains(log.String(), want) {
				t.Errorf("the log lacks %s: %s", want, log)
			}
		}
		if len(s.written()) != 0 {
			t.Error("written after all")
		}
	})
}

// TestNothingIsLostOrDoubled: many requests end while the recorder closes.
// Whatever Add has taken before is written once; the rest is logged.
func TestNothingIsLostOrDoubled(t *testing.T) {
	s := &sink{}
	var log lockedBuffer
	r := opened(t, t.TempDir(), s, &log)
	var wg sync.WaitGroup
	started := make(chan struct{})
	for g := range 8 {
		wg.Go(func() {
			for i := range 300 {
				if g == 0 && i == 100 {
					close(started)
				}
				add(r, g*1000+i, g*1000+i+1)
			}
		})
	}
	<-started
	if err := r.Close(t.Context()); err != nil {
		t.Error(err)
	}
	wg.Wait()
	late := strings.Count(log.String(), "too late")
	got := s.written()
	if len(got)+late != 8*300 {
		t.Errorf("%d written, %d logged, of %d", len(got), late, 8*300)
	}
	for _, row := range got {
		if strings.Contains(log.String(), "req_"+row) {
			t.Errorf("%s is both written and logged", row)
		}
	}
	total := 0
	for _, n := range s.sizes() {
		total += n
	}
	if total != len(got) {
		t.Errorf("%d rows were written as %d", len(got), total)
	}
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func TestNewID(t *testing.T) {
	a, b := NewID("req"), NewID("req")
	if !strings.HasPrefix(a, "req_") || a == b || len(a) != len(b) {
		t.Errorf("%q, %q", a, b)
	}
}
