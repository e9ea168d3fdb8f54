package identity

import (
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"turnpike/internal/store"
)

// TestRotation: a refresh token is good once; the next one takes its place.
func TestRotation(t *testing.T) {
	w := newWorld(t)
	first := w.open(w.account("ann", Member))
	if who, err := w.Check(t.Context(), first.Access); err != nil || who.ID != first.Account.ID || who.SessionID != first.Session.ID || who.UserID == "" || who.Service {
		t.Fatalf("%+v, %v", who, err)
	}
	seen := map[string]bool{first.Refresh: true}
	at := first
	for range 5 {
		w.later(time.Minute)
		next, err := w.Refresh(t.Context(), at.Refresh)
		if err != nil || seen[next.Refresh] || next.Session.ID != first.Session.ID {
			t.Fatalf("%+v, %v", next, err)
		}
		seen[next.Refresh] = true
		at = next
	}
	if _, err := w.Refresh(t.Context(), "tpr_unknown"); !errors.Is(err, ErrSession) {
		t.Errorf("an unknown token: %v", err)
	}
	if _, err := w.Refresh(t.Context(), at.Access); !errors.Is(err, ErrSession) {
		t.Errorf("an access token: %v", err)
	}
	if _, err := w.Check(t.Context(), at.Refresh); !errors.Is(err, ErrToken) {
		t.Errorf("a refresh token as an access token: %v", err)
	}
}

// TestTwoTabs: tabs that refresh at once go on with the same token, at two gateways too.
func TestTwoTabs(t *testing.T) {
	w := newWorld(t)
	other := New(w.Options)
	first := w.open(w.account("ann", Member))
	var mu sync.Mutex
	got := map[string]int{}
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			at := []*Accounts{w.Accounts, other}[i%2]
			next, err := at.Refresh(t.Context(), first.Refresh)
			if err != nil {
				t.Error(err)
				return
			}
			mu.Lock()
			defer mu.Unlock()
			got[next.Refresh]++
			if _, err := w.Check(t.Context(), next.Access); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if len(got) != 1 {
		t.Fatalf("eight tabs have %d tokens", len(got))
	}
	for child := range got {
		w.later(5 * time.Second)
		next, err := w.Refresh(t.Context(), child)
		if err != nil {
			t.Fatal(err)
		}
		// A tab that comes late with the first one, within the grace, is given the newest.
		w.later(4 * time.Second)
		if late, err := w.Refresh(t.Context(), first.Refresh); err != nil || late.Refresh != next.Refresh {
			t.Errorf("a late tab has another token: %v", err)
		}
		w.later(time.Hour)
		if _, err := w.Refresh(t.Context(), next.Refresh); err != nil {
			t.Errorf("the newest token: %v", err)
		}
	}
}

// TestStolen: a token that is shown again behind the grace ends the whole family, for the
// thief and for the person.
func TestStolen(t *testing.T) {
	w := newWorld(t)
	a := w.account("ann", Member)
	first, elsewhere := w.open(a), w.open(a)
	next, err := w.Refresh(t.Context(), first.Refresh)
	if err != nil {
		t.Fatal(err)
	}
	w.later(grace + time.Nanosecond)
	if _, err := w.Refresh(t.Context(), first.Refresh); !errors.Is(err, ErrStolen) {
		t.Fatalf("a token that was used: %v", err)
	}
	if e := w.heard("refresh"); e.Target != first.Session.ID || e.Outcome == OK {
		t.Errorf("the audit log heard %+v", e)
	}
	for _, token := range []string{next.Refresh, first.Refresh} {
		if _, err := w.Refresh(t.Context(), token); !errors.Is(err, ErrSession) {
			t.Errorf("behind it: %v", err)
		}
	}
	if _, err := w.Check(t.Context(), next.Access); !errors.Is(err, ErrToken) {
		t.Errorf("the access token of the family: %v", err)
	}
	if _, err := w.Check(t.Context(), elsewhere.Access); err != nil {
		t.Errorf("another session of the person: %v", err)
	}
}

// TestLimits: a session that is not used ends, and one that is used ends too.
func TestLimits(t *testing.T) {
	w := newWorld(t)
	a := w.account("ann", Member)
	idle := w.open(a)
	w.later(w.Idle)
	if _, err := w.Refresh(t.Context(), idle.Refresh); !errors.Is(err, ErrSession) {
		t.Errorf("behind the idle limit: %v", err)
	}
	used := w.open(a)
	end := w.Now().Add(w.Absolute)
	for w.Now().Add(time.Hour).Before(end) {
		w.later(min(w.Idle-time.Minute, end.Sub(w.Now())-time.Minute))
		next, err := w.Refresh(t.Context(), used.Refresh)
		if err != nil {
			t.Fatal(err)
		}
		if next.Until.After(end) {
			t.Errorf("a cookie until %v, behind the end %v", next.Until, end)
		}
		used = next
	}
	w.later(end.Sub(w.Now()))
	if _, err := w.Refresh(t.Context(), used.Refresh); !errors.Is(err, ErrSession) {
		t.Errorf("behind the absolute limit: %v", err)
	}
	if _, err := w.Check(t.Context(), used.Access); !errors.Is(err, ErrToken) {
		t.Errorf("its access token: %v", err)
	}
}

// TestSignOut ends a session, or all, at once.
func TestSignOut(t *testing.T) {
	w := newWorld(t)
	a := w.account("ann", Member)
	one, err := w.Open(t.Context(), &a, "entra", "an id token")
	if err != nil {
		t.Fatal(err)
	}
	two := w.open(a)
	row, err := w.Store.AccountSession(t.Context(), one.Session.ID)
	if err != nil || row.IDToken == "" || strings.Contains(row.IDToken, "an id token") {
		t.Errorf("the id token is kept as %q, %v", row.IDToken, err)
	}
	n, idToken, err := w.SignOut(t.Context(), one.Refresh)
	if err != nil || n.ID != one.Session.ID || idToken != "an id token" {
		t.Errorf("%+v %q %v", n, idToken, err)
	}
	if _, err := w.Check(t.Context(), one.Access); !errors.Is(err, ErrToken) {
		t.Errorf("signed out: %v", err)
	}
	if n, err := w.SignOutAll(t.Context(), a.ID, a.ID); n != 1 || err != nil {
		t.Errorf("%d sessions, %v", n, err)
	}
	if _, err := w.Refresh(t.Context(), two.Refresh); !errors.Is(err, ErrSession) {
		t.Errorf("signed out everywhere: %v", err)
	}
}

// TestSessionsAreBounded: of many sessions the oldest ends.
func TestSessionsAreBounded(t *testing.T) {
	w := newWorld(t)
	a := w.account("ann", Member)
	first := w.open(a)
	for range 50 {
		w.later(time.Second)
		w.open(a)
	}
	if _, err := w.Check(t.Context(), first.Access); !errors.Is(err, ErrToken) {
		t.Errorf("the oldest: %v", err)
	}
	if list, err := w.Store.AccountSessions(t.Context(), a.ID, w.Now()); err != nil || len(list) != 50 {
		t.Errorf("%d sessions, %v", len(list), err)
	}
	w.later(w.Absolute + 25*time.Hour)
	w.open(a)
	if _, err := w.Store.AccountSession(t.Context(), first.Session.ID); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("one that ended long ago: %v", err)
	}
}
