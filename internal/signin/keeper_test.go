package signin

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"
)

// TestKeeper: a token is replaced when its issuer or the margin says so, no sooner, and
// one that could not be replaced is used as long as it is good.
func TestKeeper(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	asked, away := 0, error(nil)
	k := NewKeeper(Options{Account: "mine", Kind: "x", Early: time.Minute, Now: func() time.Time { return now }, Refresh: func(_ context.Context, c Credential) (Credential, error) {
		if asked++; away != nil {
			return c, away
		}
		c.Access, c.Expires = "token", now.Add(time.Hour)
		return c, nil
	}})
	if _, err := k.Token(t.Context()); err == nil || !strings.Contains(err.Error(), "turnpike login x mine") {
		t.Errorf("%v", err)
	}
	m := NewMemory(Credential{Refresh: "r"})
	k.Use(m)
	for _, step := range []struct {
		after time.Duration
		away  error
		want  int // tokens asked for by then
		fails bool
	}{
		{0, nil, 1, false},
		{58 * time.Minute, nil, 1, false},
		{80 * time.Second, errors.New("away"), 2, false},
		{time.Second, errors.New("away"), 2, false},
		{15 * time.Second, nil, 3, false},
		{2 * time.Hour, errors.New("away"), 4, true},
		{0, nil, 5, false},
		{2 * time.Hour, &DeadError{Why: "gone"}, 6, true},
		{0, nil, 6, true},
	} {
		now, away = now.Add(step.after), step.away
		c, err := k.Token(t.Context())
		if asked != step.want || (err != nil) != step.fails || err == nil && c.Access != "token" {
			t.Fatalf("after %v: asked %d times, want %d; %v", step.after, asked, step.want, err)
		}
	}
	if kept, err := m.Load(t.Context(), ""); err != nil || kept.Refused != "gone" {
		t.Errorf("%v %v", kept, err)
	}
	if _, err := m.Swap(t.Context(), "", 1, Credential{}); !errors.Is(err, ErrChanged) {
		t.Errorf("an old version was written over: %v", err)
	}
}
