package store

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
	"time"
)

// monday begins the week of these tests.
var monday = time.Date(2026, 11, 16, 0, 0, 0, 0, time.UTC)

// traffic makes attempts of a week, in some of its quarters, that differ in all that sums
// are kept by.
func traffic(r *rand.Rand, n int) []Attempt {
	list := make([]Attempt, n)
	for i := range list {
		a := &list[i]
		*a = Attempt{
			ID: fmt.Sprintf("att_%06d", i), RequestID: fmt.Sprintf("req_%06d", i/2), Number: 1 + i%2, At: monday.Add(time.Duration(r.IntN(56))*3*time.Hour + time.Duration(r.Int64N(int64(Quarter)))),
			KeyID: fmt.Sprintf("key_%d", r.IntN(3)), TeamID: []string{"", "team_1"}[r.IntN(2)], Tags: []string{"", `["a"]`, `["a","b"]`}[r.IntN(3)],
			Provider: []string{"p", "q"}[r.IntN(2)], ServedModel: []string{"m", "n"}[r.IntN(2)], ErrorClass: []string{"", "", "", "timeout"}[r.IntN(4)],
			Usage: Usage{
				Input: r.Int64N(1e6), Output: r.Int64N(1e5), CacheRead: r.Int64N(1e6), CacheWrite5m: r.Int64N(1e4), CacheWrite1h: r.Int64N(1e4),
				Reasoning: r.Int64N(1e4), Estimated: r.IntN(9) == 0,
			},
			Latency: time.Duration(r.Int64N(int64(time.Minute))), FirstContent: time.Duration(r.Int64N(2) * 1e9),
			Charge: Charge{Version: "v1", Kind: "bedrock", Region: "eu-west-1", Nano: r.Int64N(1e12), WebSearches: r.Int64N(3)},
		}
		if r.IntN(20) == 0 {
			a.Charge.Nano, a.Charge.Unpriced = 0, true
		}
	}
	return list
}

// usageKey is what the sums of this test are compared by.
type usageKey struct {
	at                                     time.Time
	key, team, tags, provider, model, book string
}

// figures are what a test sums.
type figures struct {
	Sums
	Times
}

// derive adds up attempts as plainly as can be.
func derive(list []Attempt) map[usageKey]figures {
	out := map[usageKey]figures{}
	for _, a := range list {
		k := usageKey{a.At.Truncate(Quarter), a.KeyID, a.TeamID, a.Tags, a.Provider, a.ServedModel, a.Charge.Version}
		s := out[k]
		s.Attempts++
		if a.Number == 1 {
			s.Requests++
		}
		if a.ErrorClass != "" {
			s.Errors++
		}
		u := a.Usage
		s.Input, s.Output, s.CacheRead, s.CacheWrite5m = s.Input+u.Input, s.Output+u.Output, s.CacheRead+u.CacheRead, s.CacheWrite5m+u.CacheWrite5m
		s.CacheWrite1h, s.Reasoning, s.WebSearches = s.CacheWrite1h+u.CacheWrite1h, s.Reasoning+u.Reasoning, s.WebSearches+a.Charge.WebSearches
		s.LatencyNano, s.FirstContentNano = s.LatencyNano+int64(a.Latency), s.FirstContentNano+int64(a.FirstContent)
		if a.FirstContent > 0 {
			s.FirstContents++
		}
		if u.Estimated {
			s.Estimated++
		}
		count(&s.Latency, a.Latency)
		count(&s.FirstContent, a.FirstContent)
		if a.Charge.Known() {
			s.Priced++
			s.CostNano += a.Charge.Nano
		}
		out[k] = s
	}
	return out
}

// usageOf is what the store says was used.
func usageOf(t *testing.T, s *Store, from, to time.Time) map[usageKey]figures {
	t.Helper()
	out := map[usageKey]figures{}
	err := s.EachUsage(t.Context(), from, to, func(u *UsageLine) error {
		k := usageKey{u.At, u.KeyID, u.TeamID, u.Tags, u.Provider, u.Model, u.Version}
		sum := out[k]
		sum.Sums.Add(&u.Sums)
		err := sum.Times.Add(u.Times)
		out[k] = sum
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// sumSome sums up to n stale quarters.
func sumSome(t *testing.T, s *Store, n int) (found int) {
	t.Helper()
	list, err := s.StaleQuarters(t.Context(), monday.AddDate(1, 0, 0), n)
	if err != nil {
		t.Fatal(err)
	}
	for _, q := range list {
		if done, err := s.SumQuarter(t.Context(), q); err != nil || !done {
			t.Fatalf("%v: %v, %v", q.At(), done, err)
		}
	}
	return len(list)
}

// TestWeek: whatever happens while a week is recorded, in any order, twice, with other
// costs and with crashes, sums are what the attempts add up to.
func TestWeek(t *testing.T) {
	for seed := range uint64(2) {
		s, _ := newStore(t)
		r := rand.New(rand.NewPCG(seed, 1)) //nolint:gosec // the same each time
		list := traffic(r, 2000)
		order := r.Perm(len(list))
		dead, kill := context.WithCancel(t.Context())
		kill()
		for len(order) > 0 {
			n := min(1+r.IntN(200), len(order))
			batch := make([]Attempt, 0, 2*n)
			for _, i := range order[:n] {
				batch = append(batch, list[i])
			}
			order = order[n:]
			if r.IntN(3) == 0 {
				batch = append(batch, list[r.IntN(len(list))], batch[0])
				order = append(order, order[:min(5, len(order))]...)
			}
			if r.IntN(4) == 0 && s.InsertAttempts(dead, batch) == nil {
				t.Fatal("a dead process writes")
			}
			if err := s.InsertAttempts(t.Context(), batch); err != nil {
				t.Fatal(err)
			}
			if r.IntN(3) == 0 {
				sumSome(t, s, 1+r.IntN(100))
			}
			if q, err := s.StaleQuarters(t.Context(), monday.AddDate(1, 0, 0), 1); err != nil || len(q) > 0 && r.IntN(4) == 0 {
				if done, err := s.SumQuarter(dead, q[0]); err == nil || done {
					t.Fatal("a dead process sums")
				}
			}
			if r.IntN(6) == 0 {
				rerateSome(t, s, r, list)
			}
		}
		if err := s.InsertAttempts(t.Context(), list); err != nil { // twice, and what the random duplicates brought before its turn
			t.Fatal(err)
		}
		list = nil
		for behind := (Ref{}); ; {
			some, err := s.AttemptsBehind(t.Context(), time.Time{}, time.Time{}, behind, 1000)
			if err != nil {
				t.Fatal(err)
			}
			if len(some) == 0 {
				break
			}
			list, behind = append(list, some...), some[len(some)-1].Ref()
		}
		want := derive(list)
		if len(list) != 2000 {
			t.Fatalf("%d attempts", len(list))
		}
		for _, state := range []string{"half summed", "summed", "deleted"} {
			if got := usageOf(t, s, monday, monday.AddDate(0, 0, 7)); !reflect.DeepEqual(got, want) {
				t.Fatalf("seed %d, %s: %d sums, want %d", seed, state, len(got), len(want))
			}
			if state == "half summed" {
				for sumSome(t, s, 50) > 0 {
				}
				if d, err := s.CompareSums(t.Context(), monday, monday.AddDate(0, 0, 7), 10); err != nil || len(d) > 0 {
					t.Fatalf("%+v, %v", d, err)
				}
				continue
			}
			for {
				done, err := s.PurgeQuarter(t.Context(), monday.AddDate(0, 0, 5))
				if err != nil {
					t.Fatal(err)
				}
				if !done {
					break
				}
			}
		}
	}
}

// rerateSome gives a few of the attempts that are there other costs.
func rerateSome(t *testing.T, s *Store, r *rand.Rand, list []Attempt) {
	t.Helper()
	var refs []Ref
	for range 5 {
		refs = append(refs, list[r.IntN(len(list))].Ref())
	}
	before, err := s.Attempts(t.Context(), refs)
	if err != nil {
		t.Fatal(err)
	}
	after := append([]Attempt(nil), before...)
	for i := range after {
		after[i].Charge.Nano, after[i].Charge.Version, after[i].Charge.Unpriced = r.Int64N(1e12), "v2", false
	}
	if n, err := s.Recharge(t.Context(), before, after); err != nil || n != len(before) {
		t.Fatalf("%d of %d, %v", n, len(before), err)
	}
}

// TestChangedMeanwhile: sums that were made before an attempt came are not written
// after it, whoever else has summed in between.
func TestChangedMeanwhile(t *testing.T) {
	s, _ := newStore(t)
	insert := func(id string) {
		t.Helper()
		if err := s.InsertAttempts(t.Context(), []Attempt{{ID: id, At: monday, Number: 1, Usage: Usage{Input: 1}}}); err != nil {
			t.Fatal(err)
		}
	}
	insert("a")
	old, err := s.StaleQuarters(t.Context(), monday.Add(time.Hour), 9)
	if err != nil || len(old) != 1 {
		t.Fatalf("%+v, %v", old, err)
	}
	sumSome(t, s, 9)
	if done, err := s.SumQuarter(t.Context(), old[0]); done || err != nil {
		t.Errorf("summed twice: %v", err)
	}
	insert("b")
	if done, err := s.SumQuarter(t.Context(), old[0]); done || err != nil {
		t.Errorf("an old view of it was written: %v", err)
	}
	if list, err := s.StaleQuarters(t.Context(), monday, 9); err != nil || len(list) != 0 {
		t.Errorf("a quarter that is not over: %+v, %v", list, err)
	}
}

// TestLateAttempts: one that comes after its quarter was deleted is added to its sums.
func TestLateAttempts(t *testing.T) {
	s, _ := newStore(t)
	at := func(id string, day int) Attempt {
		return Attempt{ID: id, At: monday.AddDate(0, 0, day), Number: 1, Latency: time.Second, Usage: Usage{Input: 5}, Charge: Charge{Version: "v", Nano: 7}}
	}
	all := []Attempt{at("a", 0), at("b", 0), at("c", 3)}
	if err := s.InsertAttempts(t.Context(), all); err != nil {
		t.Fatal(err)
	}
	if done, err := s.PurgeQuarter(t.Context(), monday.AddDate(0, 0, 1)); done || err != nil {
		t.Fatalf("deleted what is not summed: %v", err)
	}
	sumSome(t, s, 9)
	for _, want := range []bool{true, false} {
		if done, err := s.PurgeQuarter(t.Context(), monday.AddDate(0, 0, 1)); done != want || err != nil {
			t.Fatalf("%v, %v", done, err)
		}
	}
	late := at("d", 0)
	if err := s.InsertAttempts(t.Context(), []Attempt{late}); err != nil {
		t.Fatal(err)
	}
	want := derive(append(all, late))
	for _, state := range []string{"late", "summed"} {
		if got := usageOf(t, s, time.Time{}, time.Time{}); !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %+v, want %+v", state, got, want)
		}
		sumSome(t, s, 9)
	}
	if list, err := s.ListAttempts(t.Context(), 9); err != nil || len(list) != 1 || list[0].ID != "c" {
		t.Errorf("%+v, %v", list, err)
	}
	if err := s.PurgeSums(t.Context(), monday.AddDate(0, 0, 9)); err != nil {
		t.Fatal(err)
	}
	if got := usageOf(t, s, time.Time{}, time.Time{}); !reflect.DeepEqual(got, derive(all[2:])) {
		t.Errorf("sums that have attempts went too: %+v", got)
	}
}

// TestDifferences: a nano-dollar is one.
func TestDifferences(t *testing.T) {
	for name, change := range map[string]string{
		"a nano-dollar more":  `UPDATE usage_quarters SET cost_nano = cost_nano + 1`,
		"an attempt missing":  `DELETE FROM attempts WHERE id = 'a'`,
		"sums missing":        `DELETE FROM usage_quarters`,
		"sums of nothing":     `INSERT INTO usage_quarters SELECT slot + 1, label, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, '' FROM usage_quarters`,
		"another latency":     `UPDATE usage_quarters SET times = '41/-1:1'`,
		"one more latency":    `UPDATE usage_quarters SET times = times || ' 41/-1:1'`,
		"under another label": `UPDATE usage_quarters SET label = 5`,
	} {
		s, _ := newStore(t)
		if err := s.InsertAttempts(t.Context(), []Attempt{{ID: "a", At: monday, KeyID: "k", Latency: time.Second, Charge: Charge{Version: "v", Nano: 7}}}); err != nil {
			t.Fatal(err)
		}
		sumSome(t, s, 9)
		if d, err := s.CompareSums(t.Context(), monday, monday.AddDate(0, 0, 1), 9); err != nil || len(d) != 0 {
			t.Fatalf("%+v, %v", d, err)
		}
		if _, err := s.writer.ExecContext(t.Context(), change); err != nil {
			t.Fatal(err)
		}
		if d, err := s.CompareSums(t.Context(), monday, monday.AddDate(0, 0, 1), 9); err != nil || len(d) == 0 {
			t.Errorf("%s: %+v, %v", name, d, err)
		}
	}
}

// TestUsageReadsNoMoreThanItMust: of the attempts only those of stale quarters.
func TestUsageReadsNoMoreThanItMust(t *testing.T) {
	sqliteOnly(t, "its plans")
	s, _ := newStore(t)
	for query, args := range map[string][]any{usageQuery: {1, 2, 0, 1, 2}, sumQuarter: {1, 2}, compareSums: {1, 2, 1, 2, 9}} {
		rows, err := s.readers.QueryContext(t.Context(), "EXPLAIN QUERY PLAN "+query, args...)
		if err != nil {
			t.Fatal(err)
		}
		var plan []string
		for rows.Next() {
			var id, parent, unused int
			var step string
			if err := rows.Scan(&id, &parent, &unused, &step); err != nil {
				t.Fatal(err)
			}
			plan = append(plan, step)
		}
		if err := errors.Join(rows.Err(), rows.Close()); err != nil { //nolint:sqlclosecheck // one of a few
			t.Fatal(err)
		}
		if all := strings.Join(plan, "\n"); !strings.Contains(all, "SEARCH attempts USING PRIMARY KEY (at>? AND at<?)") || strings.Contains(all, "SCAN attempts") {
			t.Errorf("%s\n%s", query, all)
		}
	}
}

func TestUsageByQuarters(t *testing.T) {
	s, _ := newStore(t)
	for _, at := range []time.Time{monday.Add(time.Minute), monday.Add(1)} {
		if err := s.EachUsage(t.Context(), at, time.Time{}, nil); err == nil {
			t.Errorf("%v begins no quarter", at)
		}
		if err := s.EachUsage(t.Context(), time.Time{}, at, nil); err == nil {
			t.Errorf("%v ends no quarter", at)
		}
	}
	if from, to, err := s.Extent(t.Context()); err != nil || !from.IsZero() || !to.IsZero() {
		t.Errorf("%v, %v, %v", from, to, err)
	}
	if err := s.InsertAttempts(t.Context(), []Attempt{{ID: "a", At: monday.Add(time.Minute)}, {ID: "b", At: monday.Add(time.Hour)}}); err != nil {
		t.Fatal(err)
	}
	if from, to, err := s.Extent(t.Context()); err != nil || !from.Equal(monday) || !to.Equal(monday.Add(time.Hour+Quarter)) {
		t.Errorf("%v, %v, %v", from, to, err)
	}
}

// BenchmarkSumQuarter sums a quarter of 20,000 attempts of 30 labels; cpu-ns/row is what
// an attempt costs beside being written.
func BenchmarkSumQuarter(b *testing.B) {
	s, err := Open(b.Context(), b.TempDir()+"/bench.db")
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = s.Close() })
	const rows = 20_000
	list := make([]Attempt, rows)
	for i := range list {
		list[i] = fullAttempt(NewID("att"))
		list[i].At, list[i].KeyID = monday.Add(time.Duration(i)*time.Millisecond), fmt.Sprint("key_", i%30)
	}
	if err := s.InsertAttempts(b.Context(), list); err != nil {
		b.Fatal(err)
	}
	before := cpuTime(b)
	for b.Loop() {
		if _, err := sumsOf(b.Context(), s.readers, slotOf(monday)); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64((cpuTime(b)-before).Nanoseconds())/float64(b.N*rows), "cpu-ns/row")
}
