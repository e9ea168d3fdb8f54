package store

import (
	"context"
	"fmt"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"
)

func fullAttempt(id string) Attempt {
	return Attempt{
		ID: id, RequestID: "req_1", KeyID: "key_1", TeamID: "team_1", UserID: "user_1", Tags: `["a","b"]`, Session: "talk", Replica: "r1", At: day, Dialect: "messages", Provider: "claude", Surface: "chat",
		RequestedModel: "opus", ServedModel: "claude-opus-4", Stream: true, Status: 529, ErrorClass: "overloaded", Stop: "tool_use",
		Usage: Usage{
			Input: 1, Output: 2, CacheRead: 3, CacheWrite5m: 4, CacheWrite1h: 5, Reasoning: 6, Estimated: true,
		},
		Latency: 7 * time.Second, Queued: time.Millisecond, FirstByte: 2 * time.Millisecond, FirstContent: 8 * time.Millisecond, Losses: 9, LossReport: "n (no such thing)", CacheStory: "hit; read=3", Number: 2,
		Charge: Charge{
			Nano: 10, Version: "v1", Model: "claude-opus-4-resolved", Kind: "bedrock", Region: "eu-west-1", Geo: "us", Tier: "flex", WebSearches: 11,
		},
	}
}

// allSet fails for a field the test left at zero, so that a column forgotten
// in the SQL cannot pass.
func allSet(t *testing.T, v reflect.Value) {
	t.Helper()
	for i := range v.NumField() {
		if v.Field(i).IsZero() && v.Type().Field(i).Name != "Budgets" {
			t.Errorf("%s is not set in this test", v.Type().Field(i).Name)
		}
	}
}

func TestAttemptsRoundTrip(t *testing.T) {
	s, _ := newStore(t)
	full, zero := fullAttempt("att_2"), Attempt{ID: "att_1", At: day.Add(-time.Second)}
	allSet(t, reflect.ValueOf(full))
	allSet(t, reflect.ValueOf(full.Usage))
	if err := s.InsertAttempts(t.Context(), []Attempt{full, zero}); err != nil {
		t.Fatal(err)
	}
	got, err := s.ListAttempts(t.Context(), 10)
	if err != nil || !reflect.DeepEqual(got, []Attempt{full, zero}) {
		t.Errorf("got %+v, %v", got, err)
	}
	if got, err := s.ListAttempts(t.Context(), 1); err != nil || len(got) != 1 || got[0].ID != "att_2" {
		t.Errorf("limit 1: %+v, %v", got, err)
	}
	if got, err := s.Attempts(t.Context(), []Ref{{day, "att_0"}, {day, "att_2"}, {day.Add(1), "att_2"}}); err != nil || !reflect.DeepEqual(got, []Attempt{full}) {
		t.Errorf("by id: %+v, %v", got, err)
	}
	if got, err := s.Attempts(t.Context(), nil); err != nil || len(got) != 0 {
		t.Errorf("by no id: %+v, %v", got, err)
	}
}

func TestInsertAttemptsIsIdempotent(t *testing.T) {
	s, _ := newStore(t)
	batch := []Attempt{fullAttempt("att_1"), fullAttempt("att_2")}
	changed := fullAttempt("att_2")
	changed.Usage.Output = 1000
	for _, b := range [][]Attempt{batch, batch, {changed, fullAttempt("att_3")}, nil} {
		if err := s.InsertAttempts(t.Context(), b); err != nil {
			t.Fatal(err)
		}
	}
	sums, err := s.SumAttempts(t.Context(), time.Time{}, time.Time{})
	if err != nil || len(sums) != 1 || sums[0].Attempts != 3 || sums[0].Usage.Output != 6 {
		t.Errorf("sums %+v, %v", sums, err)
	}
}

func TestInsertAttemptsIsAllOrNothing(t *testing.T) {
	s, _ := newStore(t)
	trigger := `CREATE TRIGGER refuse BEFORE INSERT ON attempts WHEN NEW.id = 'att_bad' BEGIN SELECT raise(ABORT, 'refused'); END`
	if onPostgres {
		trigger = `CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''refused''; END';
			CREATE TRIGGER refuse BEFORE INSERT ON attempts FOR EACH ROW WHEN (NEW.id = 'att_bad') EXECUTE FUNCTION refuse()`
	}
	_, err := s.writer.ExecContext(t.Context(), trigger)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.InsertAttempts(t.Context(), []Attempt{fullAttempt("att_1"), fullAttempt("att_bad")}); err == nil {
		t.Fatal("no error")
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.InsertAttempts(ended, []Attempt{fullAttempt("att_1")}); err == nil {
		t.Fatal("no error of an ended context")
	}
	if got, err := s.ListAttempts(t.Context(), 10); err != nil || len(got) != 0 {
		t.Errorf("%d attempts stay of a failed batch, %v", len(got), err)
	}
	// The writer is free again.
	if err := s.InsertAttempts(t.Context(), []Attempt{fullAttempt("att_1")}); err != nil {
		t.Error(err)
	}
}

func TestSumAttempts(t *testing.T) {
	s, _ := newStore(t)
	at := func(id, key, provider, model, class string, minute int, output int64, estimated bool) Attempt {
		return Attempt{
			ID: id, KeyID: key, Provider: provider, ServedModel: model, ErrorClass: class,
			At: day.Add(time.Duration(minute) * time.Minute), Usage: Usage{Input: 1, Output: output, Estimated: estimated},
		}
	}
	err := s.InsertAttempts(t.Context(), []Attempt{
		at("1", "a", "p", "m", "", 0, 10, false), at("2", "a", "p", "m", "timeout", 1, 20, true),
		at("3", "a", "p", "n", "", 2, 40, false), at("4", "b", "p", "m", "", 3, 80, false), at("5", "a", "q", "m", "", 4, 160, false),
	})
	if err != nil {
		t.Fatal(err)
	}
	sum := func(key, provider, model string, attempts, errs, output int64, estimated bool) Sum {
		return Sum{
			KeyID: key, Provider: provider, Model: model, Attempts: attempts, Errors: errs,
			Usage: Usage{Input: attempts, Output: output, Estimated: estimated},
		}
	}
	tests := []struct {
		name     string
		from, to time.Time
		want     []Sum
	}{
		{"all", time.Time{}, time.Time{}, []Sum{
			sum("a", "p", "m", 2, 1, 30, true), sum("a", "p", "n", 1, 0, 40, false),
			sum("a", "q", "m", 1, 0, 160, false), sum("b", "p", "m", 1, 0, 80, false),
		}},
		{"from is inside", day.Add(3 * time.Minute), time.Time{}, []Sum{sum("a", "q", "m", 1, 0, 160, false), sum("b", "p", "m", 1, 0, 80, false)}},
		{"to is outside", time.Time{}, day.Add(time.Minute), []Sum{sum("a", "p", "m", 1, 0, 10, false)}},
		{"nothing", day.Add(time.Hour), time.Time{}, nil},
	}
	for _, tt := range tests {
		if got, err := s.SumAttempts(t.Context(), tt.from, tt.to); err != nil || !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%s: got %+v, %v; want %+v", tt.name, got, err, tt.want)
		}
	}
}

func TestLastUse(t *testing.T) {
	s, _ := newStore(t)
	addKeys(t, s, key("key_1", "n", "p", day), key("key_2", "m", "q", day))
	use := func(id string, at time.Time) Attempt { return Attempt{ID: NewID("att"), KeyID: id, At: at} }
	for _, batch := range [][]Attempt{
		{use("key_1", day.Add(time.Minute)), use("key_1", day), use("", day), use("unknown", day)},
		{use("key_1", day.Add(time.Second))}, // late news do not turn the clock back
	} {
		if err := s.InsertAttempts(t.Context(), batch); err != nil {
			t.Fatal(err)
		}
	}
	keys, err := s.ListKeys(t.Context())
	if err != nil || keys[0].LastUsedAt != day.Add(time.Minute) || !keys[1].LastUsedAt.IsZero() {
		t.Errorf("keys %+v, %v", keys, err)
	}
}

// Writers and readers at once, from two stores on one file: nothing is lost,
// nothing is counted twice, nobody is told that the database is locked.
func TestConcurrency(t *testing.T) {
	first, path := newStore(t)
	second := openAt(t, path)
	const writers, batches, size = 4, 10, 20
	var wg sync.WaitGroup
	for w := range writers {
		s := []*Store{first, second}[w%2]
		wg.Go(func() {
			for b := range batches {
				var batch []Attempt
				for i := range size {
					a := fullAttempt(fmt.Sprintf("att_%d_%d_%d", w, b, i))
					a.KeyID = fmt.Sprintf("key_%d", w)
					batch = append(batch, a)
				}
				if err := s.InsertAttempts(t.Context(), batch); err != nil {
					t.Error(err)
				}
			}
		})
		wg.Go(func() {
			for i := range batches {
				sums, err := s.SumAttempts(t.Context(), time.Time{}, time.Time{})
				if err != nil {
					t.Error(err)
				}
				for _, x := range sums {
					if x.Attempts%size != 0 {
						t.Errorf("half a batch is visible: %d attempts", x.Attempts)
					}
				}
				if err := s.CreateKey(t.Context(), key(fmt.Sprintf("key_%d_%d", w, i), "n", "p", day)); err != nil {
					t.Error(err)
				}
				if _, err := s.Keys(t.Context()); err != nil {
					t.Error(err)
				}
				if _, err := s.DataVersion(t.Context()); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	sums, err := first.SumAttempts(t.Context(), time.Time{}, time.Time{})
	if err != nil || len(sums) != writers {
		t.Fatalf("sums %+v, %v", sums, err)
	}
	for _, x := range sums {
		if x.Attempts != batches*size || x.Usage.Output != 2*batches*size {
			t.Errorf("%s: %+v", x.KeyID, x)
		}
	}
	if keys, err := second.ListKeys(t.Context()); err != nil || len(keys) != writers*batches {
		t.Errorf("%d keys, %v", len(keys), err)
	}
}

// The queries that people wait for use an index.
func TestQueriesUseIndexes(t *testing.T) {
	sqliteOnly(t, "PostgreSQL chooses by what is in the tables")
	s, _ := newStore(t)
	for _, tt := range []struct {
		query, index string
		args         []any
	}{
		{sumAttempts, "attempts USING PRIMARY KEY (at>? AND at<?)", []any{1, 2}},
		{chargedAttempts, "USING PRIMARY KEY (at>? AND at<?)", []any{1, 2, 1, 1, "", 10}},
		{`SELECT * FROM attempts WHERE at IN (?, ?) AND id IN (?, ?)`, "USING PRIMARY KEY (at=? AND id=?)", []any{1, 2, "a", "b"}},
		{`SELECT * FROM keys WHERE id = ?`, "sqlite_autoindex_keys_1", []any{"k"}},
	} {
		var id, parent, unused int
		var plan string
		err := s.readers.QueryRowContext(t.Context(), "EXPLAIN QUERY PLAN "+tt.query, tt.args...).Scan(&id, &parent, &unused, &plan)
		if err != nil || !strings.Contains(plan, " "+tt.index) {
			t.Errorf("%s: %s, %v", tt.query, plan, err)
		}
	}
}

// BenchmarkInsertAttempts is of batches of 200; cpu-ns/row is the processor's time
// for one row, whatever else the machine does.
func BenchmarkInsertAttempts(b *testing.B) {
	plain := fullAttempt("")
	plain.ErrorClass, plain.LossReport, plain.CacheStory, plain.Losses, plain.Tags, plain.UserID = "", "", "", 0, "", ""
	plain.RequestID, plain.KeyID = NewID("req"), NewID("key")
	charged := plain
	charged.Budgets = BudgetCharges("home.run_1", []BudgetCharge{{"bud_key", day, 1}, {"bud_team", day, 2}, {"bud_org", day, 3}})
	for _, c := range []struct {
		name string
		of   Attempt
	}{{"full", fullAttempt("")}, {"usual", plain}, {"with three budgets", charged}} {
		b.Run(c.name, func(b *testing.B) {
			s, err := Open(b.Context(), b.TempDir()+"/bench.db")
			if err != nil {
				b.Fatal(err)
			}
			b.Cleanup(func() { _ = s.Close() })
			batch, n := make([]Attempt, 200), 0
			before := cpuTime(b)
			for b.Loop() {
				for i := range batch {
					n++
					batch[i] = c.of
					batch[i].ID = NewID("att")
					batch[i].At = c.of.At.Add(time.Duration(n) * time.Millisecond)
				}
				if err := s.InsertAttempts(b.Context(), batch); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64((cpuTime(b)-before).Nanoseconds())/float64(n), "cpu-ns/row")
		})
	}
}
