package store

import (
	"errors"
	"testing"
	"time"
)

func TestAnswersAreClaimedOnce(t *testing.T) {
	s, _ := newStore(t)
	ctx, now := t.Context(), time.Unix(1_800_000_000, 0)
	a := AdminAnswer{ID: "i", Request: "r", MadeAt: now}
	claim := func(at time.Time) (AdminAnswer, bool) {
		t.Helper()
		a.MadeAt = at
		there, mine, err := s.ClaimAnswer(ctx, a, at.Add(-24*time.Hour), at.Add(-time.Minute))
		if err != nil {
			t.Fatal(err)
		}
		return there, mine
	}
	if _, mine := claim(now); !mine {
		t.Fatal("the first is not mine")
	}
	if there, mine := claim(now.Add(time.Second)); mine || there.Status != 0 || there.Request != "r" {
		t.Errorf("while it is under way: %+v %v", there, mine)
	}
	if err := s.KeepAnswer(ctx, AdminAnswer{ID: "i", Status: 201, Answer: "sealed"}); err != nil {
		t.Fatal(err)
	}
	if there, mine := claim(now.Add(time.Hour)); mine || there.Status != 201 || there.Answer != "sealed" || !there.MadeAt.Equal(now) {
		t.Errorf("again: %+v %v", there, mine)
	}
	if _, mine := claim(now.Add(25 * time.Hour)); !mine {
		t.Error("after a day it is not mine")
	}
	if _, mine := claim(now.Add(25*time.Hour + 2*time.Minute)); !mine {
		t.Error("one that was never answered bars its key")
	}
	if err := s.DropAnswer(ctx, "i"); err != nil {
		t.Fatal(err)
	}
	if _, mine := claim(now.Add(26 * time.Hour)); !mine {
		t.Error("what was dropped is there")
	}
}

func TestProviderSwitches(t *testing.T) {
	s, _ := newStore(t)
	ctx := t.Context()
	before, err := s.DataVersion(ctx)
	if err != nil {
		t.Fatal(err)
	}
	err = errors.Join(s.SwitchProvider(ctx, "a", "broken", time.Unix(1, 0)), s.SwitchProvider(ctx, "b", "dear", time.Unix(1, 0)),
		s.SwitchProvider(ctx, "b", "", time.Unix(2, 0)), s.SwitchProvider(ctx, "a", "very broken", time.Unix(2, 0)))
	if err != nil {
		t.Fatal(err)
	}
	off, err := s.ProviderSwitches(ctx)
	if err != nil || len(off) != 1 || off["a"] != "very broken" {
		t.Errorf("%v %v", off, err)
	}
	if after, err := s.DataVersion(ctx); err != nil || after == before {
		t.Errorf("the own change is not noticed: %d, %d, %v", before, after, err)
	}
}

func TestADisabledKeyIsReadAsOne(t *testing.T) {
	s, _ := newStore(t)
	ctx := t.Context()
	if err := s.CreateKey(ctx, Key{ID: "key_1", Name: "k", Hash: [32]byte{1}, CreatedAt: time.Unix(1, 0)}); err != nil {
		t.Fatal(err)
	}
	disable := func(at time.Time) (bool, bool) {
		t.Helper()
		k, err := s.UpdateKey(ctx, "key_1", func(k *Key) error { k.DisabledAt = at; return nil })
		if err != nil {
			t.Fatal(err)
		}
		roll, err := s.Roll(ctx)
		if err != nil || len(roll.Passes) != 1 {
			t.Fatal(roll, err)
		}
		return !k.DisabledAt.IsZero(), roll.Passes[0].Disabled
	}
	if k, p := disable(time.Unix(2, 0)); !k || !p {
		t.Error("it is not disabled", k, p)
	}
	if k, p := disable(time.Time{}); k || p {
		t.Error("it stays disabled", k, p)
	}
}
