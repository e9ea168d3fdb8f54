package store

import (
	"errors"
	"fmt"
	"testing"
	"time"
)

func begun(key, id string, minute int) Background {
	return Background{
		KeyID: key, ID: id, AttemptID: "att_" + id, RequestID: "req_" + id, Number: 2, Dialect: "responses", Provider: "p", Surface: "responses",
		TeamID: "t", UserID: "u", Tags: `["x"]`, RequestedModel: "alias", ServedModel: "gpt", Input: 7, At: day.Add(time.Duration(minute) * time.Minute), Status: "queued",
	}
}

func TestBackground(t *testing.T) {
	s, _ := newStore(t)
	a, b := begun("k", "a", 2), begun("k", "b", 1)
	for _, row := range []Background{a, b} {
		if err := s.SaveBackground(t.Context(), row); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := s.Background(t.Context(), "k", "a"); err != nil || got != a {
		t.Errorf("%+v, %v", got, err)
	}
	if _, err := s.Background(t.Context(), "other", "a"); !errors.Is(err, ErrNotFound) {
		t.Errorf("another key: %v", err)
	}
	for id, want := range map[string]bool{"a": true, "x": false} {
		if has, err := s.HasBackground(t.Context(), id); has != want || err != nil {
			t.Errorf("has %s: %v, %v", id, has, err)
		}
	}
	if list, err := s.OpenBackground(t.Context(), 9); err != nil || len(list) != 2 || list[0] != b || list[1] != a {
		t.Errorf("open: %+v, %v", list, err)
	}
	if list, err := s.OpenBackground(t.Context(), 1); err != nil || len(list) != 1 {
		t.Errorf("open, bounded: %+v, %v", list, err)
	}
	b.Settled, b.Status = true, "completed"
	if err := s.SaveBackground(t.Context(), b); err != nil {
		t.Fatal(err)
	}
	again := b
	again.Settled = false
	if err := s.SaveBackground(t.Context(), again); err != nil {
		t.Fatal(err)
	}
	if got, err := s.Background(t.Context(), "k", "b"); err != nil || got != b {
		t.Errorf("settled: %+v, %v", got, err)
	}
	if n, err := s.CountOpenBackground(t.Context()); n != 1 || err != nil {
		t.Errorf("%d open, %v", n, err)
	}
}

func TestBackgroundIsBounded(t *testing.T) {
	s, _ := newStore(t)
	for i := range 6 {
		row := begun("k", fmt.Sprint(i), i)
		row.Settled = i != 0
		if err := s.SaveBackground(t.Context(), row); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.SweepBackground(t.Context(), day.Add(2*time.Minute), 3); err != nil {
		t.Fatal(err)
	}
	for i, want := range []bool{true, false, false, true, true, true} { // 0 is not settled; 1 is too old; 2 is one too many
		if has, err := s.HasBackground(t.Context(), fmt.Sprint(i)); has != want || err != nil {
			t.Errorf("%d: %v, %v", i, has, err)
		}
	}
}
