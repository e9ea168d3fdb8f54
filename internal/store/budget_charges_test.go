package store

import (
	"database/sql"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

func TestBudgetCharges(t *testing.T) {
	list := []BudgetCharge{{"bud_1", time.Unix(0, 0), 12}, {"bud_2", time.Unix(1767225600, 5), -3}}
	text := BudgetCharges("home.run_1", list)
	if want := "home.run_1 bud_1@0=12 bud_2@1767225600000000005=-3"; text != want {
		t.Errorf("%q, want %q", text, want)
	}
	if replica, got := ReadBudgetCharges(text); replica != "home.run_1" || !slices.Equal(got, list) {
		t.Errorf("%q %+v", replica, got)
	}
	for _, text := range []string{"", "home", "home x", "home x@1", "home x@y=1", "home @1=1", "home x@1=usd"} {
		if _, got := ReadBudgetCharges(text); len(got) != 0 {
			t.Errorf("%q is read as %+v", text, got)
		}
	}
}

// TestSweptChargesAreStillCounted: single rows go, their sums stay.
func TestSweptChargesAreStillCounted(t *testing.T) {
	s, _ := newStore(t)
	at := func(d time.Duration, id string) Attempt {
		return Attempt{ID: id, At: day.Add(d), Budgets: BudgetCharges("home.run_1", []BudgetCharge{{"bud_1", day, 5}, {"bud_2", day, 7}})}
	}
	for range 2 { // twice is once
		if err := s.InsertAttempts(t.Context(), []Attempt{at(0, "att_1"), at(time.Hour, "att_2"), at(0, "att_1")}); err != nil {
			t.Fatal(err)
		}
	}
	for _, before := range []time.Duration{-time.Hour, time.Minute, time.Minute, 2 * time.Hour} {
		if err := s.SweepBudgetCharges(t.Context(), day.Add(before)); err != nil {
			t.Fatal(err)
		}
		got, err := s.BudgetSums(t.Context())
		want := []BudgetSum{{"bud_1", day, 10, 10}, {"bud_2", day, 14, 14}}
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("swept before %v: %+v, %v", before, got, err)
		}
	}
}

// TestChargedOnce: of a batch some attempts may be there already, or come twice.
func TestChargedOnce(t *testing.T) {
	s, _ := newStore(t)
	of := func(id string, list ...BudgetCharge) Attempt {
		return Attempt{ID: id, At: day, Budgets: BudgetCharges("home.run_1", list)}
	}
	five, seven := BudgetCharge{"bud_1", day, 5}, BudgetCharge{"bud_2", day, 7}
	for i, c := range []struct {
		batch    []Attempt
		one, two int64
	}{
		{[]Attempt{of("att_1", five, seven), of("att_2", five)}, 10, 7},
		{[]Attempt{of("att_2", five), of("att_3", five)}, 15, 7},              // one is there
		{[]Attempt{of("att_4", seven), of("att_4", seven)}, 15, 14},           // one comes twice
		{[]Attempt{of("att_5", five, five)}, 20, 14},                          // a budget is named twice
		{[]Attempt{{ID: "att_6", At: day}, of("att_1", five, seven)}, 20, 14}, // none is new
	} {
		if err := s.InsertAttempts(t.Context(), c.batch); err != nil {
			t.Fatal(err)
		}
		got, err := s.BudgetSums(t.Context())
		want := []BudgetSum{{"bud_1", day, c.one, c.one}, {"bud_2", day, c.two, c.two}}
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("batch %d: %+v, %v", i, got, err)
		}
	}
}

// TestChargesOfBefore: what a version before has counted is not counted again when its
// journal is replayed, and adds up with the rest.
func TestChargesOfBefore(t *testing.T) {
	const spent = `INSERT INTO budget_leases (budget_id, period, replica, home, granted, spent, expires_at) VALUES
		('bud_1', ?1, 'home.run_1', 'home', 0, 5, 0), ('bud_2', ?1, 'home.run_1', 'home', 0, 7, 0)`
	table := fmt.Sprintf(`INSERT INTO attempt_charges (at, attempt_id, charges) VALUES (?1, 'att_1', 'home.run_1 bud_2@%d=7 bud_1@%[1]d=5')`, day.UnixNano())
	for name, statements := range map[string][]string{
		"before 21": {
			`INSERT INTO budget_charges (at, attempt_id, budget_id, period, amount) VALUES (?1, 'att_1', 'bud_1', ?1, 5), (?1, 'att_1', 'bud_2', ?1, 7)`, spent,
		},
		"before 24": {table, spent},
	} {
		t.Run(name, func(t *testing.T) { chargesOfBefore(t, statements) })
	}
}

func chargesOfBefore(t *testing.T, statements []string) {
	s, _ := newStore(t)
	at := func(id string) Attempt {
		return Attempt{ID: id, At: day, Budgets: BudgetCharges("home.run_1", []BudgetCharge{{"bud_2", day, 7}, {"bud_1", day, 5}})}
	}
	plain := at("att_1")
	plain.Budgets = ""
	if err := s.InsertAttempts(t.Context(), []Attempt{plain}); err != nil {
		t.Fatal(err)
	}
	for _, statement := range statements {
		if _, err := s.writer.ExecContext(t.Context(), statement, day.UnixNano()); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.InsertAttempts(t.Context(), []Attempt{at("att_1"), at("att_2")}); err != nil {
		t.Fatal(err)
	}
	want := []BudgetSum{{"bud_1", day, 10, 10}, {"bud_2", day, 14, 14}}
	for _, state := range []string{"both tables", "swept"} {
		if got, err := s.BudgetSums(t.Context()); err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: %+v, %v", state, got, err)
		}
		if state == "swept" {
			continue
		}
		for _, id := range []string{"att_1", "att_2"} {
			got, err := s.ChargesOf(t.Context(), []Ref{{day, "att_2"}, {day, "att_1"}, {day, "att_none"}})
			if err != nil || len(got) != 2 || len(got[id]) != 2 || got[id][0].Budget != "bud_1" || got[id][0].Amount != 5 || !got[id][1].Period.Equal(day) {
				t.Errorf("%s: %+v, %v", id, got, err)
			}
		}
		if err := s.SweepBudgetCharges(t.Context(), day.Add(time.Hour)); err != nil {
			t.Fatal(err)
		}
	}
}

// TestForgottenParts: parts of a rolling window that count no more are compared with
// nothing, also when an attempt of then is recorded late.
func TestForgottenParts(t *testing.T) {
	s, _ := newStore(t)
	part := func(n int) time.Time { return day.Add(time.Duration(n) * time.Hour) }
	record := func(id string, n int) {
		t.Helper()
		a := Attempt{ID: id, At: part(n), Budgets: BudgetCharges("home.run_1", []BudgetCharge{{"bud_roll", part(n), 5}, {"bud_life", time.Unix(0, 0), 1}})}
		if err := s.InsertAttempts(t.Context(), []Attempt{a}); err != nil {
			t.Fatal(err)
		}
	}
	check := func(state string, want ...BudgetSum) {
		t.Helper()
		if got, err := s.BudgetSums(t.Context()); err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: %+v, want %+v, %v", state, got, want, err)
		}
	}
	life := func(n int64) BudgetSum { return BudgetSum{"bud_life", time.Unix(0, 0).UTC(), n, n} }
	record("att_1", 1)
	record("att_2", 2)
	check("both", life(2), BudgetSum{"bud_roll", part(1), 5, 5}, BudgetSum{"bud_roll", part(2), 5, 5})
	if err := s.SweepBudget(t.Context(), "bud_roll", part(2)); err != nil {
		t.Fatal(err)
	}
	check("one forgotten", life(2), BudgetSum{"bud_roll", part(2), 5, 5})
	record("att_late", 1)
	check("late", life(3), BudgetSum{"bud_roll", part(2), 5, 5})
	if err := s.SweepBudgetCharges(t.Context(), part(9)); err != nil {
		t.Fatal(err)
	}
	check("swept", life(3), BudgetSum{"bud_roll", part(2), 5, 5})
	if err := s.SweepBudget(t.Context(), "bud_roll", part(3)); err != nil {
		t.Fatal(err)
	}
	check("all forgotten", life(3))
}

// TestChargesThatCannotBeReadBack: an attempt that is recorded after its time was summed up,
// and one whose row goes, count all the same.
func TestChargesThatCannotBeReadBack(t *testing.T) {
	s, _ := newStore(t)
	check := func(state string, n int64) {
		t.Helper()
		got, err := s.BudgetSums(t.Context())
		if want := []BudgetSum{{"bud_1", day, 5 * n, 5 * n}}; err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: %+v, want %+v, %v", state, got, want, err)
		}
	}
	record := func(id string, at time.Time) {
		t.Helper()
		a := Attempt{ID: id, At: at, Budgets: BudgetCharges("home.run_1", []BudgetCharge{{"bud_1", day, 5}})}
		for range 2 {
			if err := s.InsertAttempts(t.Context(), []Attempt{a}); err != nil {
				t.Fatal(err)
			}
		}
	}
	record("att_1", day)
	if err := s.SweepBudgetCharges(t.Context(), day.Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	record("att_late", day)
	check("late", 2)
	gone := day.Add(2 * time.Hour)
	record("att_gone", gone)
	record("att_stays", gone.Add(time.Hour))
	err := s.transaction(t.Context(), func(tx *sql.Tx) error { return remove(t.Context(), tx, slotOf(gone)) })
	if err != nil {
		t.Fatal(err)
	}
	if got, err := s.ListAttempts(t.Context(), 9); err != nil || len(got) != 3 {
		t.Fatalf("%d attempts, %v", len(got), err)
	}
	check("gone", 4)
	if err := s.SweepBudgetCharges(t.Context(), gone.Add(2*time.Hour)); err != nil {
		t.Fatal(err)
	}
	check("swept", 4)
}

// TestChargeLabelsThatNobodyHas: they go when all that can have them is summed up.
func TestChargeLabelsThatNobodyHas(t *testing.T) {
	s, _ := newStore(t)
	now := day
	s.labels.now = func() time.Time { return now }
	count := func() (n int) {
		t.Helper()
		if err := s.readers.QueryRowContext(t.Context(), `SELECT count(*) FROM charge_labels`).Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	purge := func(want int) {
		t.Helper()
		if _, err := s.PurgeLabels(t.Context(), 10); err != nil || count() != want {
			t.Errorf("%d labels are left, want %d, %v", count(), want, err)
		}
	}
	a := Attempt{ID: "att_1", At: day, Budgets: BudgetCharges("home.run_1", []BudgetCharge{{"bud_1", day, 5}})}
	if err := s.InsertAttempts(t.Context(), []Attempt{a}); err != nil {
		t.Fatal(err)
	}
	purge(1)
	for _, c := range []struct {
		swept time.Duration
		want  int
	}{{time.Hour, 1}, {unusedLabels, 1}, {unusedLabels + time.Hour, 0}} {
		if err := s.SweepBudgetCharges(t.Context(), day.Add(c.swept)); err != nil {
			t.Fatal(err)
		}
		purge(c.want)
	}
	now = day.Add(rememberLabels + time.Hour) // it is not remembered any more
	a.ID, a.At = "att_2", day.Add(unusedLabels+2*time.Hour)
	if err := s.InsertAttempts(t.Context(), []Attempt{a}); err != nil || count() != 1 {
		t.Errorf("%d labels, %v", count(), err)
	}
}

// FuzzBill: whatever stands there, what is read of it once counts.
func FuzzBill(f *testing.F) {
	f.Add("home.run_1 bud_1@0=12 bud_2@1767225600000000005=-3")
	f.Add("home x@1=usd @= x@2=3")
	f.Add("home x@1=1 x@1=1")
	f.Fuzz(func(t *testing.T, text string) {
		replica, want := ReadBudgetCharges(text)
		b := &billing{}
		if !b.split(text) {
			return
		}
		keys, ok := chargeKeys(string(b.label))
		if !ok {
			return
		}
		amounts := make([]string, len(b.amounts))
		for i, n := range b.amounts {
			amounts[i] = strconv.FormatInt(n, 10)
		}
		if got := chargesIn(string(b.label), strings.Join(amounts, " ")); !slices.Equal(got, want) || keys[0].replica != replica {
			t.Errorf("%q is %+v of %s, want %+v of %s", text, got, keys[0].replica, want, replica)
		}
	})
}

func FuzzReadBudgetCharges(f *testing.F) {
	f.Add("home.run_1 bud_1@0=12 bud_2@1767225600000000005=-3")
	f.Add("home x@1=usd @=")
	f.Fuzz(func(t *testing.T, text string) {
		replica, list := ReadBudgetCharges(text)
		if again, got := ReadBudgetCharges(BudgetCharges(replica, list)); again != replica || !slices.Equal(got, list) {
			t.Errorf("%q is %q %+v, then %q %+v", text, replica, list, again, got)
		}
	})
}
