package kiro

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"turnpike/internal/llm"
	"turnpike/internal/signin"
)

// TestReplicas: however many replicas find the token run out at once, the refresh
// token is used once, and all of them go on.
func TestReplicas(t *testing.T) {
	t.Run("KIRO-03 three replicas refresh at once", func(t *testing.T) {
		for _, kind := range []string{BuilderID, Social} {
			h := newHouse(t)
			h.signIn(kind, time.Minute) // less than is taken for good
			h.clock.On(50 * time.Second)
			replicas := []*Account{h.account(), h.account(), h.account()}
			h.BeforeRefresh(func() { <-h.store.Refused }) // until another one has met the lease
			var wg sync.WaitGroup
			for i := range 24 {
				wg.Go(func() { fine(t, replicas[i%3], hello) })
			}
			wg.Wait()
			if renewals, reused := h.Counts(); renewals != 1 || reused != 0 {
				t.Errorf("%s: %d renewals, %d tokens used again", kind, renewals, reused)
			}
			h.BeforeRefresh(nil)
			h.clock.On(2 * time.Hour)
			for i := range 9 {
				wg.Go(func() { fine(t, replicas[i%3], hello) })
			}
			wg.Wait()
			if renewals, reused := h.Counts(); renewals != 2 || reused != 0 {
				t.Errorf("%s, an hour later: %d renewals, %d tokens used again", kind, renewals, reused)
			}
		}
	})
	t.Run("KIRO-03 tokens are revoked under three replicas", func(t *testing.T) {
		h := newHouse(t)
		h.signIn(BuilderID, time.Hour)
		replicas := []*Account{h.account(), h.account(), h.account()}
		for _, a := range replicas {
			fine(t, a, hello)
		}
		h.Revoke()
		var wg sync.WaitGroup
		for i := range 24 {
			wg.Go(func() { fine(t, replicas[i%3], hello) })
		}
		wg.Wait()
		if renewals, reused := h.Counts(); renewals != 1 || reused != 0 {
			t.Errorf("%d renewals, %d tokens used again", renewals, reused)
		}
	})
}

// TestKeptBeforeUse: a token that could not be written is not used, and not lost.
func TestKeptBeforeUse(t *testing.T) {
	h := newHouse(t)
	old := h.signIn(BuilderID, time.Minute)
	h.clock.On(2 * time.Minute)
	a := h.account()
	h.store.Fail = errors.New("the disk is full")
	if _, _, err := send(t, a, hello); err == nil || !strings.Contains(err.Error(), "could not be kept") {
		t.Fatalf("sent with a token that is not kept: %v", err)
	}
	if n := len(h.Requests()); n != 0 {
		t.Fatalf("%d requests were sent", n)
	}
	h.store.Fail = nil
	fine(t, a, hello)
	if renewals, reused := h.Counts(); renewals != 1 || reused != 0 {
		t.Errorf("%d renewals, %d tokens used again", renewals, reused)
	}
	if kept := h.store.Rows["kiro"]; kept.Refresh == old.Refresh || kept.Refresh == "" {
		t.Error("the new refresh token is not kept")
	}
	fine(t, h.account(), hello) // after a restart
	if renewals, _ := h.Counts(); renewals != 1 {
		t.Errorf("%d renewals: what was kept was not used after a restart", renewals)
	}
}

func TestDeadLogin(t *testing.T) {
	h := newHouse(t)
	h.signIn(Social, time.Minute)
	h.clock.On(time.Hour)
	h.Kill()
	a := h.account()
	_, _, err := send(t, a, hello)
	e, ok := errors.AsType[*llm.Error](err)
	if !ok || !strings.Contains(e.Message, "turnpike login kiro kiro") || !e.Upstream || e.UpstreamStatus != 401 || !e.NoRetry {
		t.Fatalf("%#v", err)
	}
	if h.store.Rows["kiro"].Refused == "" {
		t.Error("the login was not switched off")
	}
	_, reused := h.Counts()
	for range 3 {
		if _, _, err := send(t, a, hello); err == nil {
			t.Fatal("a dead login was used")
		}
	}
	if _, again := h.Counts(); again != reused {
		t.Error("a dead login was tried again")
	}
	st, err := signin.StatusOf(t.Context(), h.store, "kiro", h.clock.Now())
	if err != nil || !st.HasLogin || st.Current || st.Refused == "" {
		t.Errorf("%+v, %v", st, err)
	}
	h.signIn(Social, time.Hour) // somebody signs in
	fine(t, a, hello)
	h.Revoke()
	h.Kill()
	if _, _, err := send(t, a, hello); err == nil || !strings.Contains(err.Error(), "turnpike login") {
		t.Errorf("refused by the API: %v", err)
	}
}

func TestNobodyHasSignedIn(t *testing.T) {
	h := newHouse(t)
	if _, _, err := send(t, h.account(), hello); err == nil || !strings.Contains(err.Error(), "turnpike login kiro") {
		t.Errorf("%v", err)
	}
	st, err := signin.StatusOf(t.Context(), h.store, "kiro", h.clock.Now())
	if err != nil || st.HasLogin {
		t.Errorf("%+v, %v", st, err)
	}
}

// TestIssuerAway: a token that is good for a while yet serves until the issuer is back.
func TestIssuerAway(t *testing.T) {
	h := newHouse(t)
	c := h.signIn(BuilderID, 4*time.Minute)
	c.Region = "eu-west-9" // no issuer is there
	h.store.Rows["kiro"] = Kept{Credential: c, Version: 1}
	a := h.account()
	fine(t, a, hello)
	h.clock.On(4 * time.Minute)
	if _, _, err := send(t, a, hello); err == nil {
		t.Error("a token that has run out was used")
	}
}

// TestLeaseOfOneThatDied: a process that died with the lease holds nobody up for long.
func TestLeaseOfOneThatDied(t *testing.T) {
	h := newHouse(t)
	h.signIn(BuilderID, time.Minute)
	h.clock.On(2 * time.Minute)
	if ok, _ := h.store.Lease(t.Context(), "kiro", "dead", 45*time.Second); !ok {
		t.Fatal("no lease")
	}
	a := h.account()
	paused := 0
	a.keeper.Pause = func(context.Context, time.Duration) error { paused++; h.clock.On(10 * time.Second); return nil }
	fine(t, a, hello)
	if paused != 5 {
		t.Errorf("%d pauses", paused)
	}
}
