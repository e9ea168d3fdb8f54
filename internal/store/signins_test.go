package store

import (
	"errors"
	"maps"
	"testing"
	"time"
)

func TestSignins(t *testing.T) {
	s, _ := newStore(t)
	ctx, now := t.Context(), time.Unix(1_800_000_000, 5).UTC()
	for _, id := range []string{"a", "b"} {
		if err := s.OpenSignin(ctx, Signin{ID: id, Ends: now.Add(time.Minute), Sealed: "one"}, 2, now); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.OpenSignin(ctx, Signin{ID: "c", Ends: now.Add(time.Hour)}, 2, now); !errors.Is(err, ErrFull) {
		t.Errorf("one more than there may be: %v", err)
	}
	if got, err := s.Signin(ctx, "a"); err != nil || got != (Signin{"a", 1, now.Add(time.Minute), "one"}) {
		t.Errorf("%+v %v", got, err)
	}
	next := Signin{"a", 1, now.Add(time.Hour), "two"}
	if err := s.SwapSignin(ctx, next); err != nil {
		t.Fatal(err)
	}
	if err := s.SwapSignin(ctx, next); !errors.Is(err, ErrChanged) {
		t.Errorf("an old version was replaced: %v", err)
	}
	if err := s.OpenSignin(ctx, Signin{ID: "c", Ends: now.Add(time.Hour)}, 2, now.Add(time.Minute)); err != nil {
		t.Errorf("when one has ended: %v", err)
	}
	if _, err := s.Signin(ctx, "b"); !errors.Is(err, ErrNotFound) {
		t.Errorf("one that has ended: %v", err)
	}
	if got, err := s.Signin(ctx, "a"); err != nil || got.Version != 2 || got.Sealed != "two" {
		t.Errorf("%+v %v", got, err)
	}
}

func TestLoginVersions(t *testing.T) {
	s, _ := newStore(t)
	ctx := t.Context()
	for _, l := range []Login{{Account: "a"}, {Account: "b"}, {Account: "b", Version: 1}} {
		if _, err := s.SwapLogin(ctx, l); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.ForgetLogin(ctx, "nobody"); err != nil {
		t.Fatal(err)
	}
	if got, err := s.LoginVersions(ctx); err != nil || !maps.Equal(got, map[string]int64{"a": 1, "b": 2}) {
		t.Errorf("%v %v", got, err)
	}
}
