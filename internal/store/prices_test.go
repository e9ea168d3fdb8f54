package store

import (
	"fmt"
	"reflect"
	"testing"
	"time"
)

func fullPrice(id string) PriceRow {
	return PriceRow{
		ID: id, Source: "override", Rank: 3, Model: "m-*", Kind: "bedrock", Provider: "aws", Region: "eu-west-1", Geo: "eu", Tier: "flex",
		From: day, To: day.Add(time.Hour), Rates: `{"input":1}`, Checked: "2026-11", Confidence: "official", CreatedAt: day.Add(time.Second),
	}
}

func TestPricesRoundTrip(t *testing.T) {
	s, _ := newStore(t)
	ctx := t.Context()
	full, zero := fullPrice("prc_2"), PriceRow{ID: "prc_1"}
	allSet(t, reflect.ValueOf(full))
	if err := s.ChangePrices(ctx, PriceChange{Add: []PriceRow{full, zero, fullPrice("prc_3")}}); err != nil {
		t.Fatal(err)
	}
	if got, err := s.PriceRows(ctx); err != nil || !reflect.DeepEqual(got, []PriceRow{zero, full, fullPrice("prc_3")}) {
		t.Fatalf("got %+v, %v", got, err)
	}
	version, err := s.PricesVersion(ctx)
	if err != nil {
		t.Fatal(err)
	}
	// Of a step that fails nothing stays.
	if err := s.ChangePrices(ctx, PriceChange{Delete: []string{"prc_1"}, Add: []PriceRow{full}}); err == nil {
		t.Fatal("the same id twice")
	}
	if err := s.ChangePrices(ctx, PriceChange{Delete: []string{"prc_1"}, End: []string{"prc_2"}, At: day.Add(time.Minute)}); err != nil {
		t.Fatal(err)
	}
	if again, err := s.PricesVersion(ctx); err != nil || again == version || version == "" {
		t.Errorf("version %q, then %q, %v", version, again, err)
	}
	full.To = day.Add(time.Minute)
	if got, err := s.PriceRows(ctx); err != nil || !reflect.DeepEqual(got, []PriceRow{full, fullPrice("prc_3")}) {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestPriceSources(t *testing.T) {
	s, _ := newStore(t)
	if got, err := s.PriceSource(t.Context(), "a"); err != nil || got != (PriceSource{Source: "a"}) {
		t.Errorf("unknown: %+v, %v", got, err)
	}
	for _, want := range []PriceSource{
		{Source: "a", ETag: `"1"`, Digest: "d", FetchedAt: day, ChangedAt: day, Problem: "p"},
		{Source: "a", ETag: `"2"`, Digest: "e", FetchedAt: day.Add(1), ChangedAt: day.Add(2)},
	} {
		if err := s.SetPriceSource(t.Context(), want); err != nil {
			t.Fatal(err)
		}
		if got, err := s.PriceSource(t.Context(), "a"); err != nil || got != want {
			t.Errorf("got %+v, %v; want %+v", got, err, want)
		}
	}
	for range 2 {
		if err := s.NoteBook(t.Context(), "v", 1, day); err != nil {
			t.Error(err)
		}
	}
}

func TestRecharge(t *testing.T) {
	s, _ := newStore(t)
	ctx := t.Context()
	var attempts []Attempt
	for i := range 5 {
		a := fullAttempt(fmt.Sprintf("att_%d", i))
		a.At = day.Add(time.Duration(i/2) * time.Second) // two at a time
		a.Charge.Unpriced = i == 1
		if a.Charge.Unpriced {
			a.Charge.Nano = 0
		}
		attempts = append(attempts, a)
	}
	if err := s.InsertAttempts(ctx, attempts); err != nil {
		t.Fatal(err)
	}
	var all []Attempt
	var last Ref
	for {
		list, err := s.AttemptsBehind(ctx, day, day.Add(2*time.Second), last, 3)
		if err != nil {
			t.Fatal(err)
		}
		if len(list) == 0 {
			break
		}
		all, last = append(all, list...), list[len(list)-1].Ref()
	}
	if len(all) != 4 { // the fifth begins where the period ends
		t.Fatalf("%d attempts", len(all))
	}
	for i, c := range all {
		a := attempts[i]
		if !reflect.DeepEqual(c, a) {
			t.Errorf("%+v of %+v", c, a)
		}
	}
	after := append([]Attempt(nil), all...)
	after[0].Charge.Nano, after[0].Charge.Version = 99, "v2"
	after[1].Charge = Charge{Nano: 7, Version: "v2", Kind: "openai", Region: "r"}
	after[2].Charge = Charge{Unpriced: true, Version: "v2"}
	stale := append([]Attempt(nil), all...)
	stale[3].Charge.Nano = 12345 // somebody else was here
	if n, err := s.Recharge(ctx, stale, after); err != nil || n != 3 {
		t.Fatalf("%d, %v", n, err)
	}
	if n, err := s.Recharge(ctx, stale, after); err != nil || n != 0 {
		t.Errorf("again: %d, %v", n, err)
	}
	list, err := s.AttemptsBehind(ctx, day, day.Add(time.Hour), Ref{}, 10)
	if err != nil || len(list) != 5 {
		t.Fatalf("%+v, %v", list, err)
	}
	if a, b, c, d := list[0].Charge, list[1].Charge, list[2].Charge, list[3].Charge; a.Nano != 99 || !a.Known() ||
		b.Nano != 7 || b.Unpriced || b.Kind != "openai" || c.Nano != 0 || !c.Unpriced || d != attempts[3].Charge {
		t.Errorf("%+v\n%+v\n%+v\n%+v", a, b, c, d)
	}
	if _, err := s.Recharge(ctx, all, nil); err == nil {
		t.Error("two lists of different length")
	}
}
