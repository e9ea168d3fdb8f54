package store

import (
	"testing"
	"time"
)

// TestUnusedLabels: a label goes when nothing that is kept can have it, and not before;
// a gateway that still remembers it writes no attempt without one.
func TestUnusedLabels(t *testing.T) {
	s, _ := newStore(t)
	now := monday
	s.labels.now = func() time.Time { return now }
	record := func(id, key string) {
		t.Helper()
		if err := s.InsertAttempts(t.Context(), []Attempt{{ID: id, At: now, KeyID: key, Usage: Usage{Input: 1}}}); err != nil {
			t.Fatal(err)
		}
	}
	labels := func() (n int) {
		t.Helper()
		if err := s.readers.QueryRowContext(t.Context(), `SELECT count(*) FROM attempt_labels`).Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	purge := func(want int64) {
		t.Helper()
		if n, err := s.PurgeLabels(t.Context(), 10); err != nil || n != want {
			t.Errorf("%v: %d deleted, want %d; %v", now, n, want, err)
		}
	}
	keep := func(attempts, sums time.Duration) {
		t.Helper()
		sumSome(t, s, 100)
		for done := true; done; {
			var err error
			if done, err = s.PurgeQuarter(t.Context(), now.Add(-attempts)); err != nil {
				t.Fatal(err)
			}
		}
		if err := s.PurgeSums(t.Context(), now.Add(-sums)); err != nil {
			t.Fatal(err)
		}
	}
	record("a", "key_gone")
	for day := range 6 { // one that is used all the time, always remembered
		now = monday.AddDate(0, 0, day)
		record("b"+now.Format("02"), "key_used")
	}
	purge(0)
	keep(time.Hour, 240*time.Hour)
	purge(0) // its sums are kept
	keep(time.Hour, time.Hour)
	purge(1)
	if labels() != 1 || len(usageOf(t, s, time.Time{}, time.Time{})) != 1 {
		t.Errorf("%d labels", labels())
	}
	record("c", "key_gone") // it comes back
	if got := usageOf(t, s, time.Time{}, time.Time{}); labels() != 2 || len(got) != 2 {
		t.Errorf("%d labels, %+v", labels(), got)
	}
	if _, err := s.writer.ExecContext(t.Context(), `UPDATE attempt_labels SET used_at = 0`); err != nil {
		t.Fatal(err)
	}
	now = now.AddDate(0, 1, 0)
	keep(time.Hour, time.Hour)
	purge(0) // of a version that does not say when they are used
	record("d", "key_used")
	now = now.AddDate(0, 1, 0)
	keep(time.Hour, time.Hour)
	purge(1)
}

// TestRememberedLabelIsTouched: the database learns of the use of a label once a day, however
// often it is used.
func TestRememberedLabelIsTouched(t *testing.T) {
	s, _ := newStore(t)
	now := monday
	s.labels.now = func() time.Time { return now }
	used := func() (at int64) {
		t.Helper()
		if err := s.readers.QueryRowContext(t.Context(), `SELECT max(used_at) FROM attempt_labels`).Scan(&at); err != nil {
			t.Fatal(err)
		}
		return at
	}
	for _, step := range []struct{ after, want time.Duration }{{0, 0}, {time.Hour, 0}, {23 * time.Hour, 0}, {25 * time.Hour, 25 * time.Hour}, {48 * time.Hour, 25 * time.Hour}, {50 * time.Hour, 50 * time.Hour}} {
		now = monday.Add(step.after)
		if err := s.InsertAttempts(t.Context(), []Attempt{{ID: "a" + step.after.String(), At: now}}); err != nil {
			t.Fatal(err)
		}
		if got := time.Duration(used() - monday.UnixNano()); got != step.want {
			t.Errorf("after %v it was used at %v, want %v", step.after, got, step.want)
		}
	}
}
