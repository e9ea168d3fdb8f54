package store

import (
	"testing"
	"time"
)

func TestLearned(t *testing.T) {
	s, err := openPlace(t.Context(), newPlace(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	now := time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)
	row := Learned{Provider: "p", Model: "m", What: "drop", Value: "a", Evidence: "no a", LearnedAt: now, ExpiresAt: now.Add(time.Hour)}
	other := row
	other.Value, other.ExpiresAt = "b", now.Add(2*time.Hour)
	if err := s.SaveLearned(t.Context(), now, row, other); err != nil {
		t.Fatal(err)
	}
	list, err := s.Learned(t.Context(), now)
	if err != nil || len(list) != 2 || list[0] != row || list[1] != other {
		t.Fatalf("%+v, %v", list, err)
	}
	if list, _ := s.Learned(t.Context(), now.Add(time.Hour)); len(list) != 1 || list[0].Value != "b" {
		t.Errorf("an expired row is listed: %+v", list)
	}
	row.Evidence, row.ExpiresAt = "still no a", now.Add(3*time.Hour)
	if err := s.SaveLearned(t.Context(), now.Add(2*time.Hour), row); err != nil {
		t.Fatal(err)
	}
	if list, _ := s.Learned(t.Context(), now); len(list) != 1 || list[0] != row {
		t.Errorf("renewed, and the expired one swept: %+v", list)
	}
	if n, err := s.ForgetLearned(t.Context(), "p", "other", "", ""); n != 0 || err != nil {
		t.Errorf("another model's rows: %d, %v", n, err)
	}
	if n, err := s.ForgetLearned(t.Context(), "p", "m", "", ""); n != 1 || err != nil {
		t.Errorf("forgot %d, %v", n, err)
	}
}

func TestLearnedIsBounded(t *testing.T) {
	s, err := openPlace(t.Context(), newPlace(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	now := time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)
	rows := make([]Learned, maxLearned+3)
	for i := range rows {
		at := now.Add(time.Duration(i) * time.Second)
		rows[i] = Learned{Provider: "p", Model: "m", What: "drop", Value: at.String(), LearnedAt: at, ExpiresAt: at.Add(48 * time.Hour)}
	}
	if err := s.SaveLearned(t.Context(), now, rows...); err != nil {
		t.Fatal(err)
	}
	list, err := s.Learned(t.Context(), now)
	if err != nil || len(list) != maxLearned {
		t.Fatalf("%d rows, %v", len(list), err)
	}
	for _, r := range list {
		if r.LearnedAt.Before(rows[3].LearnedAt) {
			t.Fatalf("an old one is kept: %+v", r)
		}
	}
}
