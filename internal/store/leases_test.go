package store

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// expire makes a lease run out now, as time does when its holder was killed.
func expire(t *testing.T, s *Store, name string) {
	t.Helper()
	if _, err := s.writer.ExecContext(t.Context(), `UPDATE leases SET until = 0 WHERE name = ?`, name); err != nil {
		t.Fatal(err)
	}
}

func TestLeases(t *testing.T) {
	s, place := newStore(t)
	other := openAt(t, place)
	take := func(s *Store, name, holder string, want bool) {
		t.Helper()
		if got, err := s.TakeLease(t.Context(), name, holder, time.Hour); err != nil || got != want {
			t.Errorf("%s takes %s: %v, %v; want %v", holder, name, got, err, want)
		}
	}
	take(s, "sync", "a", true)
	take(other, "sync", "b", false)
	take(s, "sync", "a", true) // prolonged
	take(other, "other", "b", true)
	expire(t, s, "sync")
	take(other, "sync", "b", true) // a was killed
	take(s, "sync", "a", false)    // and comes back late
	if err := s.DropLease(t.Context(), "sync", "a"); err != nil {
		t.Fatal(err)
	}
	take(s, "sync", "a", false) // it was not a's to drop
	if err := other.DropLease(t.Context(), "sync", "b"); err != nil {
		t.Fatal(err)
	}
	take(s, "sync", "a", true)
}

// Many try at once, on two stores; at no time do two work.
func TestElectNeverTwoAtOnce(t *testing.T) {
	s, place := newStore(t)
	other := openAt(t, place)
	var working, worked atomic.Int32
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for range 5 {
				_, err := []*Store{s, other}[i%2].Elect(t.Context(), "w", fmt.Sprint(i), time.Minute, func(context.Context) {
					if working.Add(1) > 1 {
						t.Error("two work at once")
					}
					worked.Add(1)
					working.Add(-1)
				})
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if worked.Load() == 0 {
		t.Error("nobody worked")
	}
	// All have dropped it.
	if ok, err := s.TakeLease(t.Context(), "w", "late", time.Minute); err != nil || !ok {
		t.Errorf("taken afterwards: %v, %v", ok, err)
	}
}

// Who has lost the lease is told, and stops.
func TestElectEndsWithTheLease(t *testing.T) {
	s, place := newStore(t)
	other := openAt(t, place)
	const hold = 300 * time.Millisecond
	ran, err := s.Elect(t.Context(), "w", "a", hold, func(ctx context.Context) {
		expire(t, s, "w")
		if ok, err := other.TakeLease(t.Context(), "w", "b", time.Hour); err != nil || !ok {
			t.Errorf("taken over: %v, %v", ok, err)
		}
		<-ctx.Done()
	})
	if err != nil || !ran {
		t.Errorf("%v, %v", ran, err)
	}
	if ok, err := s.TakeLease(t.Context(), "w", "a", time.Hour); err != nil || ok {
		t.Errorf("the successor's lease was dropped: %v, %v", ok, err)
	}
}

// A lease is prolonged for as long as the work lasts.
func TestElectProlongs(t *testing.T) {
	s, place := newStore(t)
	other := openAt(t, place)
	until := func() (n int64) {
		if err := other.readers.QueryRowContext(t.Context(), `SELECT until FROM leases WHERE name = 'w'`).Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	ran, err := s.Elect(t.Context(), "w", "a", time.Second, func(ctx context.Context) {
		for first := until(); until() == first; {
			if ctx.Err() != nil {
				t.Error("the lease was lost")
				return
			}
		}
	})
	if err != nil || !ran {
		t.Errorf("%v, %v", ran, err)
	}
}
