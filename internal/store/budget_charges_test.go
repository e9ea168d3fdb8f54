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
