package usage

import (
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"

	"turnpike/internal/price"
	"turnpike/internal/store"
	"turnpike/internal/store/pgtest"
)

func zone(t *testing.T, name string) *time.Location {
	t.Helper()
	z, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return z
}

func TestPresets(t *testing.T) {
	for _, c := range []struct{ name, zone, now, from, to string }{
		{"today", "UTC", "2026-11-27T10:00:00Z", "2026-11-27T00:00:00Z", "2026-11-28T00:00:00Z"},
		{"today", "Asia/Kathmandu", "2026-11-27T18:14:59Z", "2026-11-26T18:15:00Z", "2026-11-27T18:15:00Z"},
		{"today", "Asia/Kathmandu", "2026-11-27T18:15:00Z", "2026-11-27T18:15:00Z", "2026-11-28T18:15:00Z"},
		{"yesterday", "Australia/Lord_Howe", "2026-10-04T12:00:00Z", "2026-10-02T13:30:00Z", "2026-10-03T13:30:00Z"},
		{"today", "Australia/Lord_Howe", "2026-10-04T12:00:00Z", "2026-10-03T13:30:00Z", "2026-10-04T13:00:00Z"}, // half an hour is skipped
		{"today", "Europe/Berlin", "2026-10-25T12:00:00Z", "2026-10-24T22:00:00Z", "2026-10-25T23:00:00Z"},       // 25 hours
		{"7d", "America/St_Johns", "2026-11-27T12:00:00Z", "2026-11-21T03:30:00Z", "2026-11-28T03:30:00Z"},
		{"30d", "UTC", "2026-03-01T12:00:00Z", "2026-01-31T00:00:00Z", "2026-03-02T00:00:00Z"},
		{"this-month", "Europe/Berlin", "2026-10-31T23:30:00Z", "2026-10-31T23:00:00Z", "2026-11-30T23:00:00Z"},
		{"last-month", "UTC", "2026-01-31T00:00:00Z", "2025-12-01T00:00:00Z", "2026-01-01T00:00:00Z"},
	} {
		now, _ := time.Parse(time.RFC3339, c.now)
		p, err := Preset(c.name, now, zone(t, c.zone))
		if err != nil || p.From.UTC().Format(time.RFC3339) != c.from || p.To.UTC().Format(time.RFC3339) != c.to {
			t.Errorf("%s in %s at %s: %v to %v, %v", c.name, c.zone, c.now, p.From.UTC(), p.To.UTC(), err)
		}
		if !p.From.Truncate(store.Quarter).Equal(p.From) || !p.To.Truncate(store.Quarter).Equal(p.To) {
			t.Errorf("%s in %s is not made of quarters", c.name, c.zone)
		}
	}
	if _, err := Preset("never", time.Now(), time.UTC); err == nil || !strings.Contains(err.Error(), "last-month") {
		t.Error(err)
	}
}

func TestParseTime(t *testing.T) {
	for in, want := range map[string]string{
		"2026-11-01": "2026-10-31T18:15:00Z", "2026-11-01T08:45:00Z": "2026-11-01T08:45:00Z", "2026-11-01T08:45:00+05:45": "2026-11-01T03:00:00Z",
		"2026-11-01T08:44:00Z": "", "yesterday": "", "": "", "2026-13-01": "",
	} {
		got, err := ParseTime(in, zone(t, "Asia/Kathmandu"))
		if (err != nil) != (want == "") || err == nil && got.UTC().Format(time.RFC3339) != want {
			t.Errorf("%q: %v, %v", in, got, err)
		}
	}
}

// onPostgres is which database the tests of this run are on.
var onPostgres bool

// TestMain runs every test on SQLite and, where there is a server, on PostgreSQL.
func TestMain(m *testing.M) {
	code := m.Run()
	if code == 0 && (os.Getenv(pgtest.Env) != "" || os.Getenv("CI") == "true") {
		onPostgres = true
		code = m.Run()
	}
	os.Exit(code) //nolint:forbidigo // as TestMain does
}

func open(t *testing.T) *store.Store {
	t.Helper()
	var s *store.Store
	var err error
	if onPostgres {
		s, err = store.OpenPostgres(t.Context(), store.Postgres{URL: pgtest.New(t)})
	} else {
		s, err = store.Open(t.Context(), filepath.Join(t.TempDir(), store.FileName))
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

var start = time.Date(2026, 10, 24, 0, 0, 0, 0, time.UTC) // the clocks change meanwhile

func traffic(n int) []store.Attempt {
	r := rand.New(rand.NewPCG(1, 2)) //nolint:gosec // the same each time
	list := make([]store.Attempt, n)
	for i := range list {
		list[i] = store.Attempt{
			ID: fmt.Sprintf("att_%05d", i), Number: 1, UserID: "user_1", TeamID: "team_1", At: start.Add(time.Duration(r.Int64N(int64(72 * time.Hour)))), KeyID: "key_" + strconv.Itoa(r.IntN(2)),
			Tags: []string{"", `["a"]`, `["a","b"]`}[r.IntN(3)], Provider: "aws", ServedModel: []string{"m", "=cmd"}[r.IntN(2)],
			Usage:  store.Usage{Input: r.Int64N(1e6), Output: r.Int64N(1e5), CacheRead: r.Int64N(1e5)},
			Charge: store.Charge{Version: "v", Kind: "bedrock", Region: "eu-west-1", Nano: r.Int64N(1e10)},
		}
		if i%50 == 0 {
			list[i].Charge.Nano, list[i].Charge.Unpriced = 0, true
		}
	}
	return list
}

// TestSumsAgreeWithAttempts: in any zone, by anything, before and after summing.
func TestSumsAgreeWithAttempts(t *testing.T) {
	s := open(t)
	list := traffic(3000)
	if err := s.InsertAttempts(t.Context(), list); err != nil {
		t.Fatal(err)
	}
	k := NewKeeper(Options{Store: s, Log: slog.New(slog.DiscardHandler), Now: func() time.Time { return start.AddDate(0, 1, 0) }})
	for _, summed := range []bool{false, true} {
		if summed {
			for more := true; more; {
				var err error
				if more, err = k.Step(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
		}
		for _, name := range []string{"UTC", "Europe/Berlin", "Asia/Kathmandu", "Australia/Lord_Howe", "America/St_Johns"} {
			z := zone(t, name)
			groups, total, err := Sum(t.Context(), s, Query{By: []string{"day", "tag", "model"}, Zone: z})
			if err != nil {
				t.Fatal(err)
			}
			want, all := map[string]int64{}, int64(0)
			for _, a := range list {
				all += a.Charge.Nano
				for _, tag := range Tags(a.Tags) {
					want[a.At.In(z).Format(time.DateOnly)+"\x00"+tag+"\x00"+a.ServedModel] += a.Charge.Nano
				}
			}
			got := map[string]int64{}
			for _, g := range groups {
				got[strings.Join(g.Values, "\x00")] = g.CostNano
			}
			if !reflect.DeepEqual(got, want) || total.CostNano != all || total.Requests != 3000 || total.Unpriced != 60 {
				t.Errorf("%s, summed %v: %d groups, %d wanted; total %+v", name, summed, len(got), len(want), total)
			}
			hours, _, err := Sum(t.Context(), s, Query{By: []string{"hour"}, Zone: z})
			if err != nil || len(hours) != 72 && len(hours) != 73 && len(hours) != 74 {
				t.Errorf("%s: %d hours, %v", name, len(hours), err)
			}
		}
	}
	one, total, err := Sum(t.Context(), s, Query{By: []string{"key"}, Keep: func(u *store.UsageLine) bool { return u.KeyID == "key_1" }})
	if err != nil || len(one) != 1 || one[0].Sums != total.Sums || one[0].Values[0] != "key_1" {
		t.Errorf("%+v, %v", one, err)
	}
	if _, _, err := Sum(t.Context(), s, Query{By: []string{"colour"}}); err == nil || !strings.Contains(err.Error(), "provider") {
		t.Error(err)
	}
}

func book(t *testing.T) *price.Book {
	t.Helper()
	var rates price.Rates
	rates.Set(price.Input, 3_000_000_001)
	rates.Set(price.Output, 15_000_000_007)
	return price.New([]price.Entry{{Model: "m", Kind: "bedrock", Rates: rates}}, price.Rates{})
}

// TestFocusAddsUp: whether the ledger's costs are those of the book or not.
func TestFocusAddsUp(t *testing.T) {
	s, b := open(t), book(t)
	list := traffic(2000)
	var want, tokens int64
	for i := range list {
		a := &list[i]
		if i%3 == 0 && a.ServedModel == "m" {
			c := b.Price(&price.Attempt{
				Model: "m", Kind: "bedrock", Provider: "aws", Region: "eu-west-1", At: a.At,
				Usage: price.Usage{price.Input: a.Usage.Input, price.Output: a.Usage.Output, price.CacheRead: a.Usage.CacheRead},
			})
			a.Charge.Nano, a.Charge.Unpriced = int64(c.Nano), false
		}
		want += a.Charge.Nano
		tokens += a.Usage.Input + a.Usage.Output + a.Usage.CacheRead
	}
	if err := s.InsertAttempts(t.Context(), list); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	names := &Names{Keys: map[string]string{"key_1": "@production"}, Users: map[string]string{"user_1": "=Ann"}, Teams: map[string]string{"team_1": "Web"}}
	if err := WriteFocus(t.Context(), &out, s, Period{}, b, names); err != nil {
		t.Fatal(err)
	}
	rows, err := csv.NewReader(&out).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	at := map[string]int{}
	for i, name := range rows[0] {
		at[name] = i
	}
	sum, quantity, priced := new(big.Rat), int64(0), 0
	for _, r := range rows[1:] {
		cost, ok := new(big.Rat).SetString(r[at["BilledCost"]])
		n, err := strconv.ParseInt(r[at["ConsumedQuantity"]], 10, 64)
		if !ok || err != nil || r[at["EffectiveCost"]] != r[at["BilledCost"]] {
			t.Fatal(r)
		}
		sum.Add(sum, cost)
		quantity += n
		if r[at["ListUnitPrice"]] != "" {
			priced++
		}
		for i, c := range r {
			if strings.HasPrefix(c, "=") || strings.HasPrefix(c, "@") {
				t.Fatalf("%s is a formula: %s", rows[0][i], c)
			}
		}
	}
	if sum.Cmp(big.NewRat(want, 1e9)) != 0 || quantity != tokens || priced == 0 {
		t.Errorf("%s dollars, %d tokens, %d with a price; want %d nano-dollars, %d tokens", sum.FloatString(9), quantity, priced, want, tokens)
	}
	first := rows[1]
	for name, want := range map[string]string{
		"ServiceName": "Amazon Bedrock", "ProviderName": "AWS", "BillingCurrency": "USD", "ChargeCategory": "Usage", "RegionId": "eu-west-1",
		"x_UserId": "user_1", "x_UserName": "'=Ann", "SubAccountId": "team_1", "SubAccountName": "Web", "x_KeyId": "key_0", "x_KeyName": "",
		"BillingPeriodStart": "2026-10-01T00:00:00Z", "BillingPeriodEnd": "2026-11-01T00:00:00Z",
	} {
		if first[at[name]] != want {
			t.Errorf("%s is %s", name, first[at[name]])
		}
	}
}

func TestSplitLosesNothing(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4)) //nolint:gosec // the same each time
	for range 2000 {
		lines := make([]price.Line, 1+r.IntN(6))
		var like []price.Line
		for i := range lines {
			lines[i] = price.Line{Class: price.Class(i), Quantity: r.Int64N(1e9)} //nolint:gosec // six at most
			if r.IntN(2) == 0 {
				like = append(like, price.Line{Class: price.Class(i), Nano: price.Nano(r.Int64N(1e12))}) //nolint:gosec // six at most
			}
		}
		amount := r.Int64N(1e15)
		split(lines, like, amount)
		var sum int64
		for _, l := range lines {
			if l.Nano < 0 {
				t.Fatalf("%+v", lines)
			}
			sum += int64(l.Nano)
		}
		if sum != amount {
			t.Fatalf("%d of %d", sum, amount)
		}
	}
}

// TestAttemptsHaveNames: beside the ids of those that have one.
func TestAttemptsHaveNames(t *testing.T) {
	s := open(t)
	if err := s.InsertAttempts(t.Context(), []store.Attempt{{ID: "a", At: start, KeyID: "key_1", TeamID: "team_1", UserID: "user_gone"}}); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := WriteAttempts(t.Context(), &out, s, Period{}, &Names{Keys: map[string]string{"key_1": "shop"}, Teams: map[string]string{"team_1": "=Web"}}); err != nil {
		t.Fatal(err)
	}
	rows, err := csv.NewReader(&out).ReadAll()
	if err != nil || len(rows) != 2 {
		t.Fatal(rows, err)
	}
	got := map[string]string{}
	for i, name := range rows[0] {
		got[name] = rows[1][i]
	}
	for name, want := range map[string]string{"key": "key_1", "key_name": "shop", "team": "team_1", "team_name": "'=Web", "user": "user_gone", "user_name": ""} {
		if got[name] != want {
			t.Errorf("%s is %q", name, got[name])
		}
	}
}

// made is a table of attempts that are made as they are read.
type made struct{ rows, pages int }

func (m *made) AttemptsBehind(_ context.Context, _, _ time.Time, behind store.Ref, limit int) ([]store.Attempt, error) {
	n := 0
	if behind.ID != "" {
		n, _ = strconv.Atoi(behind.ID)
		n++
	}
	m.pages++
	list := make([]store.Attempt, 0, limit)
	for ; n < m.rows && len(list) < limit; n++ {
		list = append(list, store.Attempt{ID: strconv.Itoa(n), At: start.Add(time.Duration(n) * time.Second), ServedModel: "m", Usage: store.Usage{Input: 1}})
	}
	return list, nil
}

// counting counts lines and the longest write, and keeps nothing.
type counting struct{ lines, longest int }

func (c *counting) Write(b []byte) (int, error) {
	c.lines += bytes.Count(b, []byte{'\n'})
	c.longest = max(c.longest, len(b))
	return len(b), nil
}

// TestExportsAreStreamed: a million attempts pass by in pages.
func TestExportsAreStreamed(t *testing.T) {
	b := book(t)
	for _, c := range []struct {
		name        string
		rows, lines int
		write       func(io.Writer, Attempts) error
	}{
		{"csv", manyRows, manyRows + 1, func(w io.Writer, a Attempts) error { return WriteAttempts(t.Context(), w, a, Period{}, &Names{}) }},
		{"focus", 10_000, 1 + 3, func(w io.Writer, a Attempts) error { return WriteFocus(t.Context(), w, a, Period{}, b, &Names{}) }},
	} {
		src, out := &made{rows: c.rows}, &counting{}
		if err := c.write(out, src); err != nil {
			t.Fatal(err)
		}
		if out.lines != c.lines || out.longest > 64<<10 || src.pages != c.rows/page+1 {
			t.Errorf("%s: %d lines, %d bytes at once, %d pages", c.name, out.lines, out.longest, src.pages)
		}
	}
}

func TestCells(t *testing.T) {
	for in, want := range map[string]string{"=1+1": "'=1+1", "+1": "'+1", "-1": "'-1", "@x": "'@x", "\tx": "'\tx", "\rx": "'\rx", "a=b": "a=b", "": ""} {
		if got := cell(in); got != want {
			t.Errorf("%q is %q", in, got)
		}
	}
	for in, want := range map[int64]string{0: "0", 1: "0.000000001", 1_500_000_000: "1.5", -1: "-0.000000001", 12_000_000_000: "12", -1 << 63: "-9223372036.854775808"} {
		if got := dollars(in); got != want {
			t.Errorf("%d is %s", in, got)
		}
	}
	var out bytes.Buffer
	group := &Group{Values: []string{"=m", "key_1", "team_gone"}, Sums: store.Sums{Requests: 2, CostNano: 5}, Unpriced: 1}
	if err := group.Times.Add("40/-1:10"); err != nil { // from 0.861 to 1.024 seconds
		t.Fatal(err)
	}
	names := &Names{Keys: map[string]string{"key_1": "+shop"}, Teams: map[string]string{"team_1": "Web"}}
	if err := WriteGroups(&out, []string{"model", "key", "team"}, []*Group{group}, names); err != nil {
		t.Fatal(err)
	}
	const want = "model,key,key_name,team,team_name,requests,attempts,errors,input,output,cache_read,cache_write_5m,cache_write_1h,reasoning,web_searches,estimated,unpriced," +
		"cost_usd,latency_p50_s,latency_p95_s,first_content_p50_s,first_content_p95_s\n" +
		"'=m,key_1,'+shop,team_gone,,2,0,0,0,0,0,0,0,0,0,0,1,0.000000005,0.9425,1.0159,,\n"
	if out.String() != want {
		t.Errorf("%s", out.String())
	}
}

// away is a store that is away, or still has something to sum.
type away struct{ err error }

func (a *away) StaleQuarters(context.Context, time.Time, int) ([]store.StaleQuarter, error) {
	return make([]store.StaleQuarter, perStep), a.err
}
func (a *away) SumQuarter(context.Context, store.StaleQuarter) (bool, error) { return false, nil }
func (a *away) PurgeQuarter(context.Context, time.Time) (bool, error)        { return true, nil }
func (a *away) PurgeSums(context.Context, time.Time) error                   { return nil }
func (a *away) PurgeLabels(context.Context, int) (int64, error)              { return 0, nil }

func TestStepIsBounded(t *testing.T) {
	var log bytes.Buffer
	src := &away{}
	k := NewKeeper(Options{Store: src, Log: slog.New(slog.NewTextHandler(&log, nil)), Now: time.Now, Keep: time.Hour, KeepSums: time.Hour})
	if more, err := k.Step(t.Context()); !more || err != nil {
		t.Errorf("an endless purge: %v, %v", more, err)
	}
	k.opt.Keep = 0
	if more, err := k.Step(t.Context()); more || err != nil {
		t.Errorf("what cannot be summed now is no reason to go on at once: %v, %v", more, err)
	}
	src.err = errors.New("the disk is gone")
	k.step(t.Context())
	k.step(t.Context())
	src.err = nil
	k.step(t.Context())
	if strings.Count(log.String(), "disk is gone") != 1 || strings.Count(log.String(), "can be summed again") != 1 {
		t.Error(log.String())
	}
}
