package ledger

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"turnpike/internal/store"
)

// table is a database that can be tampered with.
type table map[string]store.Attempt

func (t table) Attempts(_ context.Context, refs []store.Ref) (list []store.Attempt, err error) {
	for _, r := range refs {
		if r.ID == "att_broken" {
			return nil, errors.New("no such table")
		}
		if a, ok := t[r.ID]; ok && a.At.Equal(r.At) {
			list = append(list, a)
		}
	}
	return list, nil
}

func (t table) ChargesOf(_ context.Context, refs []store.Ref) (map[string][]store.BudgetCharge, error) {
	charges := map[string][]store.BudgetCharge{}
	for _, r := range refs {
		if a, ok := t[r.ID]; ok {
			_, list := store.ReadBudgetCharges(a.Budgets)
			slices.SortFunc(list, func(a, b store.BudgetCharge) int { return strings.Compare(a.Budget, b.Budget) })
			charges[r.ID] = list
		}
	}
	return charges, nil
}

func TestVerify(t *testing.T) {
	const recorded, waiting = 1200, 7
	for _, c := range []struct {
		name   string
		change func(rows table, dir string)
		want   string // of the first difference
		good   bool
	}{
		{"as it should be", func(table, string) {}, "", true},
		{"a row is missing", func(rows table, _ string) { delete(rows, id(3)) }, "not in the database", false},
		{"a row has another figure", func(rows table, _ string) { a := rows[id(700)]; a.Usage.CacheRead++; rows[a.ID] = a }, "different things", false},
		{"a row counts more for a budget", func(rows table, _ string) {
			a := rows[id(600)]
			a.Budgets = strings.Replace(a.Budgets, "=600", "=601", 1)
			rows[a.ID] = a
		}, "do not count the same", false},
		{"a row counts in another period", func(rows table, _ string) {
			a := rows[id(600)]
			a.Budgets = strings.Replace(a.Budgets, "@5=", "@6=", 1)
			rows[a.ID] = a
		}, "do not count the same", false},
		{"a row counts for no budget", func(rows table, _ string) { a := rows[id(1100)]; a.Budgets = ""; rows[a.ID] = a }, "do not count the same", false},
		{"an old row of which that is not known any more", func(rows table, _ string) { a := rows[id(400)]; a.Budgets = ""; rows[a.ID] = a }, "", true},
		{"a row has another time", func(rows table, _ string) { a := rows[id(9)]; a.At = a.At.Add(1); rows[a.ID] = a }, "not in the database", false},
		{"rows that no journal holds any more", func(rows table, _ string) { rows["att_old"] = store.Attempt{ID: "att_old"} }, "", true},
		{"what waits is there already", func(rows table, _ string) {
			for i := range recorded + waiting {
				rows[id(i)] = attempt(i)
			}
		}, "", true},
		{"a segment is damaged", func(_ table, dir string) {
			list, _ := filepath.Glob(filepath.Join(dir, "*.journal"))
			b, _ := os.ReadFile(list[0])
			b[len(b)/2] ^= 1
			_ = os.WriteFile(list[0], b, 0o600)
		}, "", false},
		{"a segment was set aside", func(_ table, dir string) { _ = os.WriteFile(filepath.Join(dir, "1.bad"), nil, 0o600) }, "", false},
		{"a record is half-written", func(_ table, dir string) {
			list, _ := filepath.Glob(filepath.Join(dir, "*.journal"))
			b, _ := os.ReadFile(list[len(list)-1])
			_ = os.WriteFile(list[len(list)-1], append(b, b[19:40]...), 0o600)
		}, "", true},
		{"a journal that is not there", func(_ table, dir string) { _ = os.RemoveAll(dir) }, "", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			rows := table{}
			s := &sink{}
			r := opened(t, dir, s, io.Discard)
			for i := range recorded {
				a := attempt(i)
				r.Add(&a)
				rows[id(i)] = attempt(i)
			}
			for r.State().Waiting > 0 {
				runtime.Gosched()
			}
			s.switchTo(false)
			for i := recorded; i < recorded+waiting; i++ {
				a := attempt(i)
				r.Add(&a)
			}
			if err := r.Close(t.Context()); err != nil {
				t.Fatal(err)
			}
			c.change(rows, dir)
			v, err := Verify(t.Context(), dir, rows, time.Unix(500, 0))
			if err != nil || v.Good() != c.good {
				t.Errorf("%+v, %v", v, err)
			}
			if c.want != "" && (v.Differ != 1 || !strings.Contains(v.Differences[0].What, c.want)) {
				t.Errorf("%d differences: %+v", v.Differ, v.Differences)
			}
			if c.name == "as it should be" && (v.Journal.Attempts != recorded+waiting || v.Recorded.Attempts != recorded || v.Waiting.Attempts != waiting ||
				v.Journal.Usage.Input != v.Recorded.Usage.Input+v.Waiting.Usage.Input || v.Waiting.Usage.Output != 7*2) {
				t.Errorf("%+v", v)
			}
		})
	}
}

func attempt(i int) store.Attempt {
	charges := []store.BudgetCharge{{Budget: "bud_b", Period: time.Unix(0, 5), Amount: int64(i)}, {Budget: "bud_a", Period: time.Unix(0, 0), Amount: 1}}
	return store.Attempt{
		ID: id(i), At: time.Unix(int64(i), 5).UTC(), Usage: store.Usage{Input: int64(i), Output: 2, CacheRead: 3},
		Budgets: store.BudgetCharges("home.run", charges),
	}
}

func TestVerifyWithoutRows(t *testing.T) {
	dir := t.TempDir()
	s := &sink{}
	s.switchTo(false)
	r := opened(t, dir, s, io.Discard)
	r.Add(&store.Attempt{ID: "att_broken"})
	if _, err := Verify(t.Context(), dir, table{}, time.Time{}); err == nil {
		t.Error("a database that cannot be read is no error")
	}
	if err := r.Close(t.Context()); err != nil {
		t.Error(err)
	}
}

// TestCorrectedCostsAreTheSame: prices rerate changes what attempts cost, not what
// they used.
func TestCorrectedCostsAreTheSame(t *testing.T) {
	a := store.Attempt{ID: "att_1", Charge: store.Charge{Nano: 5, Version: "v1", Tier: "flex"}}
	b := a
	b.Charge.Nano, b.Charge.Version = 6, "v2"
	if !same(&a, &b) {
		t.Error("a corrected cost is a difference")
	}
	b.Charge.Version = "v1"
	if same(&a, &b) {
		t.Error("one book makes two costs of one attempt")
	}
	b.Charge.Version, b.Charge.Tier = "v2", "priority"
	if same(&a, &b) {
		t.Error("another tier is none")
	}
}
