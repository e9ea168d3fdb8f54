package store

import (
	"context"
	"errors"
	"testing"
	"time"
)

func TestLiveEntries(t *testing.T) {
	s, _ := newStore(t)
	ctx := t.Context()
	at := time.Date(2026, 11, 27, 8, 0, 0, 5, time.UTC)
	before, err := s.DataVersion(ctx)
	if err != nil {
		t.Fatal(err)
	}
	one, two := LiveEntry{"alias", "a", `{"to":["b"]}`, "", at}, LiveEntry{"provider", "p", `{}`, "sealed", at}
	set := func(put, drop []LiveEntry, want error) []LiveEntry {
		t.Helper()
		err := s.ChangeLive(ctx, func([]LiveEntry) ([]LiveEntry, []LiveEntry, error) { return put, drop, want })
		if !errors.Is(err, want) {
			t.Fatal(err)
		}
		list, err := s.LiveEntries(context.WithoutCancel(ctx))
		if err != nil {
			t.Fatal(err)
		}
		return list
	}
	if list := set([]LiveEntry{two, one}, nil, nil); len(list) != 2 || list[0] != one || list[1] != two {
		t.Errorf("%+v", list)
	}
	if after, err := s.DataVersion(ctx); err != nil || after == before {
		t.Errorf("nobody notices: %d, %v", after, err)
	}
	one.Members, one.ChangedAt = `{"to":["c"]}`, at.Add(time.Hour)
	if list := set([]LiveEntry{one}, []LiveEntry{two}, nil); len(list) != 1 || list[0] != one {
		t.Errorf("%+v", list)
	}
	if list := set([]LiveEntry{two}, nil, errors.New("refused")); len(list) != 1 {
		t.Errorf("%+v", list)
	}
	if list := set(nil, nil, nil); len(list) != 1 {
		t.Errorf("%+v", list)
	}
}
