package ledger

import (
	"context"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"turnpike/internal/store"
)

// killed copies a folder as it is, which is what a process leaves that is killed.
func killed(t *testing.T, dir string) string {
	t.Helper()
	to := t.TempDir()
	if err := os.CopyFS(to, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	return to
}

// after is what a recorder writes that is opened there.
func after(t *testing.T, dir string) []store.Attempt {
	t.Helper()
	s := &keeping{}
	r, err := Open(Options{Dir: dir, Fsync: "never", MaxBytes: 1 << 30, OnFull: Refuse, Log: discard}, s)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Close(t.Context()); err != nil || !r.Recovered() {
		t.Errorf("recovered %v, %v", r.Recovered(), err)
	}
	return s.rows
}

// keeping is a sink that keeps all of an attempt.
type keeping struct{ rows []store.Attempt }

func (k *keeping) InsertAttempts(_ context.Context, list []store.Attempt) error {
	k.rows = append(k.rows, list...)
	return nil
}

var discard = slog.New(slog.DiscardHandler)

func begun(id string) *store.Attempt {
	return &store.Attempt{
		ID: id, RequestID: "req", At: time.Unix(1, 0).UTC(), RequestedModel: strings.Repeat("m", 5000), Usage: store.Usage{Input: 7, Output: 8},
		Budgets: "home.run_1 bud_1@0=9",
	}
}

func TestUnderWayAtAKill(t *testing.T) {
	dir := t.TempDir()
	r := opened(t, dir, &sink{}, io.Discard)
	defer func() { _ = r.Close(t.Context()) }()
	one, err := r.Begin(begun("att_1"))
	if err != nil {
		t.Fatal(err)
	}
	two, err := r.Begin(begun("att_2"))
	if err != nil {
		t.Fatal(err)
	}
	rows := after(t, killed(t, dir))
	if len(rows) != 2 || rows[0].ID != "att_1" || rows[0].ErrorClass != Crashed || !rows[0].Usage.Estimated || rows[0].Usage.Output != 8 || rows[0].Budgets != "home.run_1 bud_1@0=9" {
		t.Errorf("%+v", rows)
	}
	r.Recall(two)
	if rows := after(t, killed(t, dir)); len(rows) != 1 || rows[0].ID != "att_1" {
		t.Errorf("one is over: %+v", rows)
	}
	// Between the record and the clearing of the note.
	r.Add(&store.Attempt{ID: "att_1", Stop: "end"})
	if rows := after(t, killed(t, dir)); len(rows) != 1 || rows[0].Stop != "end" || rows[0].ErrorClass != "" {
		t.Errorf("recorded already: %+v", rows)
	}
	r.Landed(one)
	r.Landed(Flight{})
	if three, err := r.Begin(begun("att_3")); err != nil || three.slot > 2 {
		t.Errorf("slots are used again: %+v, %v", three, err)
	}
}

// TestLandedNotesGo: notes of attempts that are recorded are cleared, though nobody takes
// their places.
func TestLandedNotesGo(t *testing.T) {
	dir := t.TempDir()
	r := opened(t, dir, &sink{}, io.Discard)
	flights := make([]Flight, 5)
	for i := range flights {
		var err error
		if flights[i], err = r.Begin(begun(id(i))); err != nil {
			t.Fatal(err)
		}
	}
	for i, f := range flights[:4] {
		r.Add(&store.Attempt{ID: id(i)})
		r.Landed(f)
	}
	if err := r.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(filepath.Join(dir, inflightName))
	if err != nil {
		t.Fatal(err)
	}
	if left := readInflight(b); len(left) != 1 || left[0].ID != id(4) {
		t.Errorf("left: %+v", left)
	}
}

func TestTooMuchUnderWay(t *testing.T) {
	r := opened(t, t.TempDir(), &sink{}, io.Discard)
	defer func() { _ = r.Close(t.Context()) }()
	a := begun("att_1")
	a.Budgets = strings.Repeat("x", slotBytes)
	if _, err := r.Begin(a); err == nil || !strings.Contains(err.Error(), "fewer budgets") {
		t.Errorf("%v", err)
	}
}

// TestNotesInManyWindows: notes are found wherever they stand.
func TestNotesInManyWindows(t *testing.T) {
	dir := t.TempDir()
	r := opened(t, dir, &sink{}, io.Discard)
	defer func() { _ = r.Close(t.Context()) }()
	const n = 2*windowSlots + 10
	for i := range n {
		if _, err := r.Begin(begun(id(i))); err != nil {
			t.Fatal(err)
		}
	}
	if rows := after(t, killed(t, dir)); len(rows) != n || rows[n-1].ID != id(n-1) {
		t.Errorf("%d of %d", len(rows), n)
	}
}

func TestManyUnderWay(t *testing.T) {
	dir := t.TempDir()
	r := opened(t, dir, &sink{}, io.Discard)
	defer func() { _ = r.Close(t.Context()) }()
	var wg sync.WaitGroup
	for i := range 50 {
		wg.Go(func() {
			for range 20 {
				f, err := r.Begin(begun(id(i)))
				if err != nil {
					t.Error(err)
					return
				}
				r.Landed(f)
			}
			if _, err := r.Begin(begun(id(i))); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	seen := map[string]bool{}
	for _, a := range after(t, killed(t, dir)) {
		seen[a.ID] = true
	}
	if len(seen) != 50 || r.inflight.next > 100 {
		t.Errorf("%d of 50, in %d slots", len(seen), r.inflight.next)
	}
}

// FuzzInflight: whatever stands in the file, whole slots are found and nothing else.
func FuzzInflight(f *testing.F) {
	f.Add([]byte{}, 0)
	f.Add([]byte{5, 0, 0, 0, 1, 2, 3, 4, 'h', 'e', 'l', 'l', 'o'}, 1)
	f.Add(make([]byte, 3*slotBytes), 2)
	f.Fuzz(func(t *testing.T, b []byte, at int) {
		if len(b) > 1<<16 {
			return
		}
		n := len(readInflight(b))
		if n > len(b)/slotHead {
			t.Errorf("%d attempts in %d bytes", n, len(b))
		}
	})
}

func BenchmarkInflight(b *testing.B) {
	r, err := Open(Options{Dir: b.TempDir(), Fsync: "never", MaxBytes: 1 << 30, OnFull: Refuse, Log: discard}, &sinkhole{})
	if err != nil {
		b.Fatal(err)
	}
	a := begun("att_1")
	b.ReportAllocs()
	for b.Loop() {
		f, err := r.Begin(a)
		if err != nil {
			b.Fatal(err)
		}
		r.Landed(f)
	}
}
