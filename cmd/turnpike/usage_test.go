package main

import (
	"encoding/csv"
	"encoding/json"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"turnpike/internal/ledger"
	"turnpike/internal/ledger/journal"
	"turnpike/internal/operator"
	"turnpike/internal/store"
	"turnpike/internal/store/pgtest"
)

// recorded makes a database with attempts of October and November 2026.
func recorded(t *testing.T) (data string, cost int64) {
	t.Helper()
	data = openFolder(t, alone(t))
	commandOut(t, "keys", "create", "shop")
	db, err := store.Open(t.Context(), filepath.Join(data, store.FileName))
	if err != nil {
		t.Fatal(err)
	}
	keys, err := db.ListKeys(t.Context())
	if err != nil || len(keys) == 0 {
		t.Fatalf("%+v, %v", keys, err)
	}
	var list []store.Attempt
	for i := range 200 {
		list = append(list, store.Attempt{
			ID: "att_" + strconv.Itoa(1000+i), Number: 1, At: time.Date(2026, 10, 30, 22, 0, 0, 0, time.UTC).Add(time.Duration(i) * 20 * time.Minute),
			KeyID: []string{keys[0].ID, "key_gone"}[i%2], TeamID: "team_1", Tags: `["web"]`, Provider: "aws", ServedModel: []string{"m", "-n"}[i%2],
			Usage: store.Usage{Input: 10, Output: 2}, Charge: store.Charge{Version: "v", Kind: "bedrock", Nano: int64(i)}, Latency: time.Second,
		})
		cost += int64(i)
	}
	if err := db.InsertAttempts(t.Context(), list); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	return data, cost
}

func TestUsage(t *testing.T) {
	_, cost := recorded(t)
	var got struct {
		Rows  []operator.UsageRow
		Total operator.UsageRow
	}
	ask := func(flags ...string) {
		t.Helper()
		got.Rows, got.Total = nil, operator.UsageRow{}
		if err := json.Unmarshal([]byte(commandOut(t, append([]string{"usage", "--json"}, flags...)...)), &got); err != nil {
			t.Fatal(err)
		}
	}
	ask("--from", "2026-10-01", "--by", "day,key", "--zone", "Asia/Kathmandu")
	if got.Total.CostNano != cost || got.Total.Requests != 200 || got.Total.Latency != 1000 || got.Rows[0].By["day"] != "2026-10-31" {
		t.Errorf("%+v", got)
	}
	if p50, p95 := got.Total.LatencyP50, got.Total.LatencyP95; p50 == nil || p95 == nil || *p50 < 800 || *p95 > 1200 || got.Total.ContentP50 != nil {
		t.Errorf("%v, %v, %v", p50, p95, got.Total.ContentP50)
	}
	sum := int64(0)
	for _, r := range got.Rows {
		if name := map[bool]string{true: "", false: "shop"}[r.By["key"] == "key_gone"]; r.Names["key"] != name {
			t.Errorf("%v are called %v", r.By, r.Names)
		}
		sum += r.CostNano
	}
	if sum != cost {
		t.Errorf("%d, want %d", sum, cost)
	}
	ask("--from", "2026-11-01", "--to", "2026-12-01", "--key", "shop", "--model", "m")
	if got.Total.Attempts != 100-39 || len(got.Rows) != 0 { // 26 hours are before November, 78 attempts, half of them of this key
		t.Errorf("%+v", got)
	}
	table := commandOut(t, "usage", "--from", "2026-10-01", "--by", "key,tag")
	if !strings.Contains(table, "shop") || !strings.Contains(table, "key_gone") || !strings.Contains(table, "web") || !strings.Contains(table, "$0.0000199") {
		t.Error(table)
	}
	if out := commandOut(t, "usage", "--period", "last-month"); !strings.Contains(out, "REQUESTS") {
		t.Error(out)
	}
	refused(t, "no time zone", "usage", "--zone", "Mars/Olympus")
	refused(t, "usage is not kept by", "usage", "--by", "colour")
	refused(t, "quarters of an hour", "usage", "--from", "2026-11-01T00:01:00Z")
	refused(t, "must be before", "usage", "--from", "2026-11-02", "--to", "2026-11-01")
	refused(t, "leave out", "usage", "--from", "2026-11-02", "--period", "today")
	refused(t, "there is no period", "usage", "--period", "tomorrow")
}

func TestUsageExport(t *testing.T) {
	data, _ := recorded(t)
	read := func(flags ...string) [][]string {
		t.Helper()
		rows, err := csv.NewReader(strings.NewReader(commandOut(t, append([]string{"usage", "export", "--from", "2026-10-01"}, flags...)...))).ReadAll()
		if err != nil {
			t.Fatal(err)
		}
		return rows
	}
	if rows := read(); len(rows) != 201 || rows[2][slices.Index(rows[0], "served_model")] != "'-n" || rows[1][slices.Index(rows[0], "key_name")] != "shop" {
		t.Errorf("%d rows: %q", len(rows), rows[2])
	}
	if rows := read("--by", "model"); len(rows) != 3 || rows[1][0] != "'-n" || rows[1][1] != "100" {
		t.Errorf("%q", rows)
	}
	if rows := read("--format", "focus"); len(rows) < 200 || rows[0][0] != "BilledCost" {
		t.Errorf("%d rows", len(rows))
	}
	out := filepath.Join(t.TempDir(), "usage.csv")
	commandOut(t, "usage", "export", "--from", "2026-10-01", "-o", out)
	if info, err := os.Stat(out); err != nil || info.Size() == 0 || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info, err)
	}
	refused(t, "csv and focus", "usage", "export", "--format", "parquet")
	refused(t, "FOCUS says", "usage", "export", "--format", "focus", "--by", "key")

	db, err := store.Open(t.Context(), filepath.Join(data, store.FileName))
	if err != nil {
		t.Fatal(err)
	}
	sumAll(t, db)
	if done, err := db.PurgeQuarter(t.Context(), time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)); !done || err != nil {
		t.Fatal(done, err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	refused(t, "kept since", "usage", "export", "--from", "2026-10-01")
	if rows := read("--by", "model"); len(rows) != 3 || rows[1][1] != "100" {
		t.Errorf("sums stay: %q", rows)
	}
}

// sumAll sums all quarters that are stale.
func sumAll(t *testing.T, db *store.Store) {
	t.Helper()
	list, err := db.StaleQuarters(t.Context(), time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC), 10_000)
	if err != nil {
		t.Fatal(err)
	}
	for _, q := range list {
		if done, err := db.SumQuarter(t.Context(), q); !done || err != nil {
			t.Fatal(done, err)
		}
	}
}

// TestVerifyFindsANanoDollar: sums that differ from the attempts fail the command.
func TestVerifyFindsANanoDollar(t *testing.T) {
	data, _ := recorded(t)
	db, err := store.Open(t.Context(), filepath.Join(data, store.FileName))
	if err != nil {
		t.Fatal(err)
	}
	sumAll(t, db)
	if out := commandOut(t, "ledger", "verify"); !strings.Contains(out, "Good:") || !strings.Contains(out, "sums of usage: compared from 2026-10-30T22:00:00Z") {
		t.Error(out)
	}
	list, err := db.ListAttempts(t.Context(), 1)
	if err != nil {
		t.Fatal(err)
	}
	stale, err := db.Recharge(t.Context(), list, list)
	if err != nil || stale != 1 {
		t.Fatal(stale, err)
	}
	if out := commandOut(t, "ledger", "verify"); !strings.Contains(out, "Good:") {
		t.Errorf("what is still to be summed is no difference: %s", out)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	tamper(t, data, `UPDATE usage_quarters SET cost_nano = cost_nano + 1 WHERE slot = (SELECT min(slot) FROM usage_quarters)`)
	var v verdictLine
	got := refused(t, "does not add up", "ledger", "verify", "--json")
	if err := json.Unmarshal([]byte(got.out), &v); err != nil || v.Good || len(v.Books) != 1 || len(v.Books[0].Differences) != 1 ||
		!strings.Contains(v.Books[0].Differences[0], "by 0 attempts, 1 nano-dollars") {
		t.Errorf("%s, %v", got.out, err)
	}
}

// TestVerifyFails: whatever is changed of what is kept twice, by the least, fails the
// command, and nothing else does.
func TestVerifyFails(t *testing.T) {
	for _, name := range []string{"SQLite", "PostgreSQL"} {
		t.Run(name, func(t *testing.T) {
			var data string
			var db *store.Store
			var change func(statement string)
			if name == "PostgreSQL" {
				var address string
				data, address = onPostgres(t)
				db = openPostgres(t, address)
				change = func(statement string) { pgtest.Exec(t, address, statement) }
			} else {
				data = openFolder(t, alone(t))
				var err error
				if db, err = store.Open(t.Context(), filepath.Join(data, store.FileName)); err != nil {
					t.Fatal(err)
				}
				defer func() { _ = db.Close() }()
				change = func(statement string) { tamper(t, data, statement) }
			}
			journalled(t, data, db)
			sumAll(t, db)
			verified := func() {
				t.Helper()
				if out := commandOut(t, "ledger", "verify", "--data-dir", data); !strings.Contains(out, "Good:") {
					t.Fatal(out)
				}
			}
			verified()
			const first = ` WHERE id = (SELECT min(id) FROM attempts)`
			for _, c := range []struct{ what, do, undo, says string }{
				{"a token of a row", `UPDATE attempts SET input = input + 1` + first, `UPDATE attempts SET input = input - 1` + first, "different things"},
				{"a nano-dollar of a row", `UPDATE attempts SET cost_nano = cost_nano + 1` + first, `UPDATE attempts SET cost_nano = cost_nano - 1` + first, "different things"},
				{"a row that is gone", `UPDATE attempts SET id = 'a' || id` + first, `UPDATE attempts SET id = substr(id, 2)` + first, "not in the database"},
				{"a nano-dollar of a sum", `UPDATE usage_quarters SET cost_nano = cost_nano - 1`, `UPDATE usage_quarters SET cost_nano = cost_nano + 1`, "above the attempts by 0 attempts, -1 nano-dollars"},
				{"how long attempts took, in a sum", `UPDATE usage_quarters SET times = '3/-1:1 ' || times`, `UPDATE usage_quarters SET times = substr(times, 8)`, "not how long the attempts took"},
				{"a nano-dollar of an account", `UPDATE budget_leases SET spent = spent + 1`, `UPDATE budget_leases SET spent = spent - 1`, "its account says"},
				{"a nano-dollar of what an attempt counts", `UPDATE attempts SET amounts = '8'`, `UPDATE attempts SET amounts = '7'`, "do not count the same"},
				{
					"the same in its account too", `UPDATE attempts SET amounts = '8'; UPDATE budget_leases SET spent = spent + 1`,
					`UPDATE attempts SET amounts = '7'; UPDATE budget_leases SET spent = spent - 1`, "do not count the same",
				},
			} {
				change(c.do)
				if got := refused(t, "", "ledger", "verify", "--data-dir", data); !strings.Contains(got.out, c.says) || strings.Contains(got.out, "Good:") {
					t.Errorf("%s: %+v", c.what, got)
				}
				change(c.undo)
				verified()
			}
		})
	}
}

// journalled records an attempt that counts for a budget, and leaves it in the journal.
func journalled(t *testing.T, data string, db *store.Store) {
	t.Helper()
	dir := filepath.Join(data, "journal")
	book, err := ledger.Open(ledger.Options{Dir: dir, Fsync: journal.Never, MaxBytes: 1 << 30, OnFull: ledger.Refuse, Log: slog.New(slog.DiscardHandler)}, db)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now().Truncate(store.Quarter).Add(-store.Quarter)
	a := store.Attempt{
		ID: "att_1", Number: 1, At: now, KeyID: "key_1", Provider: "p", ServedModel: "m", Latency: time.Second, Usage: store.Usage{Input: 5},
		Charge:  store.Charge{Version: "v", Nano: 7},
		Budgets: store.BudgetCharges("home.run_1", []store.BudgetCharge{{Budget: "bud_1", Period: time.Unix(0, 0), Amount: 7}}),
	}
	book.Add(&a)
	segments, err := filepath.Glob(filepath.Join(dir, "*.journal"))
	if err != nil || len(segments) != 1 {
		t.Fatal(segments, err)
	}
	text, err := os.ReadFile(segments[0])
	if err != nil {
		t.Fatal(err)
	}
	if err := book.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	write(t, segments[0], string(text)) // its segment went when it was recorded
}

// TestAlertsAreTold: a running gateway looks at what is in its database.
func TestAlertsAreTold(t *testing.T) {
	data := openFolder(t, alone(t))
	db, err := store.Open(t.Context(), filepath.Join(data, store.FileName))
	if err != nil {
		t.Fatal(err)
	}
	a := store.Attempt{ID: "att_1", Number: 1, At: time.Now(), KeyID: "key_1", Charge: store.Charge{Version: "v", Unpriced: true}}
	if err := errors.Join(db.InsertAttempts(t.Context(), []store.Attempt{a}), db.Close()); err != nil {
		t.Fatal(err)
	}
	r, _ := firstRun(t, load(t, data, nil, write(t, "turnpike.yaml", "alerts: {rules: [{name: no price, when: unpriced, above: 0, scope: key}]}\n")))
	r.wait("today's attempts without a price of key key_1 is 1, above 0")
	if err := r.end(); err != nil {
		t.Fatal(err)
	}
	if db, err = store.Open(t.Context(), filepath.Join(data, store.FileName)); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	if states, err := db.Alerts(t.Context()); err != nil || len(states) != 1 || states[0].Subject != "key key_1" {
		t.Errorf("%+v, %v", states, err)
	}
}
