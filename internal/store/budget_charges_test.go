package store

import (
	"slices"
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

// TestChargesOfBefore: what a version before 21 has counted is not counted again when its
// journal is replayed, and adds up with the rest.
func TestChargesOfBefore(t *testing.T) {
	s, _ := newStore(t)
	at := func(id string) Attempt {
		return Attempt{ID: id, At: day, Budgets: BudgetCharges("home.run_1", []BudgetCharge{{"bud_2", day, 7}, {"bud_1", day, 5}})}
	}
	for _, statement := range []string{
		`INSERT INTO budget_charges (at, attempt_id, budget_id, period, amount) VALUES (?1, 'att_1', 'bud_1', ?1, 5), (?1, 'att_1', 'bud_2', ?1, 7)`,
		`INSERT INTO budget_leases (budget_id, period, replica, home, granted, spent, expires_at) VALUES ('bud_1', ?1, 'home.run_1', 'home', 0, 5, 0), ('bud_2', ?1, 'home.run_1', 'home', 0, 7, 0)`,
	} {
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
