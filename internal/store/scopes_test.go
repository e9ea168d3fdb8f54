package store

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"
)

func addScopes(t *testing.T, s *Store, list ...Scope) {
	t.Helper()
	for _, c := range list {
		if c.CreatedAt.IsZero() {
			c.CreatedAt = day
		}
		if err := s.CreateScope(t.Context(), c); err != nil {
			t.Fatal(err)
		}
	}
}

func team(id string) Scope {
	return Scope{Kind: kindTeam, ID: id, Name: "name of " + id, CreatedAt: day}
}

func TestScopesRoundTrip(t *testing.T) {
	s, _ := newStore(t)
	full := Scope{
		Kind: kindUser, ID: "user_1", Name: "ann", Description: "d", Email: "ann@example.org", Limits: `{"rpm":1}`,
		Teams: []string{"team_1", "team_2"}, CreatedAt: day, DisabledAt: day.Add(time.Hour),
	}
	addScopes(t, s, team("team_2"), team("team_1"), full, Scope{Kind: kindTag, ID: "nightly", Name: "nightly"})
	if got, err := s.Scopes(t.Context(), kindUser); err != nil || !reflect.DeepEqual(got, []Scope{full}) {
		t.Errorf("%+v, %v", got, err)
	}
	all, err := s.Scopes(t.Context(), "")
	if err != nil || len(all) != 5 {
		t.Errorf("%+v, %v: want two teams, a user, a tag and the organisation", all, err)
	}
	for _, word := range []string{"user_1", "ann"} {
		if got, err := s.FindScope(t.Context(), kindUser, word); err != nil || !reflect.DeepEqual(got, full) {
			t.Errorf("%s: %+v, %v", word, got, err)
		}
	}
	for _, word := range []string{"", "team_1", "Ann", "%"} {
		if _, err := s.FindScope(t.Context(), kindUser, word); !errors.Is(err, ErrNotFound) {
			t.Errorf("%q: %v", word, err)
		}
	}
}

func TestScopesAreUnique(t *testing.T) {
	s, _ := newStore(t)
	addScopes(t, s, team("team_1"), team("team_2"))
	for _, c := range []Scope{
		team("team_1"),
		{Kind: kindTeam, ID: "team_3", Name: "name of team_1"},
		{Kind: kindTeam, ID: "team_3", Name: "team_1"}, // a name that is another's id
	} {
		if err := s.CreateScope(t.Context(), c); !errors.Is(err, ErrTaken) {
			t.Errorf("%+v: %v", c, err)
		}
	}
	rename := func(c *Scope) error { c.Name = "name of team_1"; return nil }
	if _, err := s.UpdateScope(t.Context(), kindTeam, "team_2", rename); !errors.Is(err, ErrTaken) {
		t.Errorf("renamed to another's name: %v", err)
	}
	addScopes(t, s, Scope{Kind: kindUser, ID: "user_1", Name: "name of team_1"}) // another kind
	if err := s.CreateScope(t.Context(), Scope{Kind: kindUser, ID: "user_2", Name: "b", Teams: []string{"team_9"}}); !errors.Is(err, ErrNotFound) {
		t.Errorf("in a team that does not exist: %v", err)
	}
	if _, err := s.FindScope(t.Context(), kindUser, "b"); !errors.Is(err, ErrNotFound) {
		t.Errorf("half of a user was made: %v", err)
	}
}

func TestUpdateScope(t *testing.T) {
	s, _ := newStore(t)
	addScopes(t, s, team("team_1"), team("team_2"), Scope{Kind: kindUser, ID: "user_1", Name: "ann", Teams: []string{"team_1"}})
	got, err := s.UpdateScope(t.Context(), kindUser, "ann", func(c *Scope) error {
		c.ID, c.Kind = "user_9", kindTag // are not for it to change
		c.Name, c.Limits, c.Teams, c.DisabledAt = "anna", `{"tpm":5}`, []string{"team_2"}, day
		return nil
	})
	if again, err2 := s.FindScope(t.Context(), kindUser, "user_1"); err != nil || err2 != nil || !reflect.DeepEqual(got, again) || got.Name != "anna" || got.Teams[0] != "team_2" || len(got.Teams) != 1 {
		t.Errorf("%+v, %v; kept %+v, %v", got, err, again, err2)
	}
	no := errors.New("no")
	if _, err := s.UpdateScope(t.Context(), kindUser, "anna", func(c *Scope) error { c.Name = "x"; return no }); !errors.Is(err, no) {
		t.Errorf("%v", err)
	}
	if _, err := s.FindScope(t.Context(), kindUser, "anna"); err != nil {
		t.Errorf("a refused change was kept: %v", err)
	}
	if _, err := s.UpdateScope(t.Context(), kindOrganisation, "org", func(c *Scope) error { c.Limits = `{"rpm":9}`; return nil }); err != nil {
		t.Errorf("the organisation: %v", err)
	}
}

func TestDeleteScope(t *testing.T) {
	for _, c := range []struct {
		moveTo string
		err    string
		moved  int64
		team   string
	}{
		{"", ErrInUse.Error() + " (1 of them)", 0, "team_1"},
		{"team_9", "not found", 0, "team_1"},
		{"team_1", "move to another team", 0, "team_1"},
		{"name of team_2", "", 1, "team_2"},
		{Nobody, "", 1, ""},
	} {
		t.Run(c.moveTo, func(t *testing.T) {
			s, _ := newStore(t)
			addScopes(t, s, team("team_1"), team("team_2"), Scope{Kind: kindUser, ID: "user_1", Name: "ann", Teams: []string{"team_1"}})
			mine, old := key("key_1", "a", "p1", day), key("key_2", "b", "p2", day)
			mine.TeamID, old.TeamID, old.RevokedAt = "team_1", "team_1", day
			addKeys(t, s, mine, old)
			if err := s.PutBudget(t.Context(), Budget{ID: "bud_1", ScopeKind: kindTeam, ScopeID: "team_1", Rule: "{}", CreatedAt: day}); err != nil {
				t.Fatal(err)
			}
			moved, err := s.DeleteScope(t.Context(), kindTeam, "team_1", c.moveTo)
			if (err == nil) != (c.err == "") || err != nil && !strings.Contains(err.Error(), c.err) || moved != c.moved {
				t.Fatalf("%d moved, %v", moved, err)
			}
			k, _ := s.FindKey(t.Context(), "key_1")
			gone, _ := s.FindKey(t.Context(), "key_2")
			user, _ := s.FindScope(t.Context(), kindUser, "ann")
			budgets, _ := s.Budgets(t.Context())
			_, found := s.FindScope(t.Context(), kindTeam, "team_1")
			if k.TeamID != c.team || gone.TeamID != "team_1" || (len(user.Teams) == 0) != (err == nil) || (len(budgets) == 0) != (err == nil) || errors.Is(found, ErrNotFound) != (err == nil) {
				t.Errorf("key of %q, revoked one of %q, user in %q, budgets %v, team %v", k.TeamID, gone.TeamID, user.Teams, budgets, found)
			}
		})
	}
	s, _ := newStore(t)
	if _, err := s.DeleteScope(t.Context(), kindTeam, "nobody", ""); !errors.Is(err, ErrNotFound) {
		t.Errorf("%v", err)
	}
}

func TestKeysBelongToWhatExists(t *testing.T) {
	s, _ := newStore(t)
	addScopes(t, s, team("team_1"))
	k := key("key_1", "a", "p1", day)
	k.TeamID = "team_2"
	if err := s.CreateKey(t.Context(), k); !errors.Is(err, ErrNotFound) {
		t.Errorf("made for a team that does not exist: %v", err)
	}
	k.TeamID = "team_1"
	addKeys(t, s, k)
	if _, err := s.UpdateKey(t.Context(), "key_1", func(k *Key) error { k.UserID = "user_1"; return nil }); !errors.Is(err, ErrNotFound) {
		t.Errorf("given to a user who does not exist: %v", err)
	}
	batch := []Key{key("key_2", "b", "p2", day), key("key_3", "c", "p3", day)}
	batch[1].TeamID = "team_2"
	if err := s.CreateKeys(t.Context(), batch); !errors.Is(err, ErrNotFound) {
		t.Errorf("%v", err)
	}
	if n := len(names(t, func() ([]Key, error) { return s.ListKeys(t.Context()) })); n != 1 {
		t.Errorf("%d keys: half of a batch was made", n)
	}
}

func TestUpdateKey(t *testing.T) {
	s, _ := newStore(t)
	addScopes(t, s, team("team_1"))
	addKeys(t, s, key("key_1", "a", "p1", day), key("key_2", "b", "p2", day))
	want := Key{
		ID: "key_1", Name: "z", Prefix: "p9", Hash: [32]byte{1}, CreatedAt: day, ExpiresAt: day.Add(time.Hour), Policy: `{"cache":"1h"}`, Description: "d",
		TeamID: "team_1", Tags: []string{"x", "y"}, Addresses: []string{"10.0.0.0/8"}, Limits: `{"rpm":1}`, LogPayloads: true,
		OldHash: [32]byte{2}, OldUntil: day.Add(time.Minute), Sealed: "v1.x.y",
	}
	if got, err := s.UpdateKey(t.Context(), "a", func(k *Key) error { *k = want; return nil }); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, %v", got, err)
	}
	if got, err := s.FindKey(t.Context(), "z"); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("kept %+v, %v", got, err)
	}
	// A hash opens one key only, the old one of a rotation too.
	other := key("key_3", "c", "p3", day)
	other.Hash = want.OldHash
	if err := s.CreateKey(t.Context(), other); !errors.Is(err, ErrTaken) {
		t.Errorf("another key with its old secret: %v", err)
	}
	if _, err := s.UpdateKey(t.Context(), "key_2", func(k *Key) error { k.OldHash, k.OldUntil = want.OldHash, day; return nil }); err == nil {
		t.Error("two keys with one old secret")
	}
	if n, err := s.ForgetSealed(t.Context()); err != nil || n != 1 {
		t.Errorf("%d, %v", n, err)
	}
	if got, _ := s.FindKey(t.Context(), "key_1"); got.Sealed != "" || got.Policy == "" {
		t.Errorf("%+v", got)
	}
	if _, err := s.RevokeKey(t.Context(), "key_2", day); err != nil {
		t.Fatal(err)
	}
	if _, err := s.UpdateKey(t.Context(), "key_2", func(*Key) error { return nil }); !errors.Is(err, ErrRevoked) {
		t.Errorf("a revoked key was changed: %v", err)
	}
}

func TestBudgets(t *testing.T) {
	s, _ := newStore(t)
	addKeys(t, s, key("key_1", "a", "p1", day))
	b := Budget{ID: "bud_1", ScopeKind: kindKey, ScopeID: "key_1", Rule: `{"limit":1}`, CreatedAt: day}
	tag := Budget{ID: "bud_2", ScopeKind: kindTag, ScopeID: "nightly", Rule: `{}`, CreatedAt: day.Add(1)}
	for _, put := range []Budget{b, tag, {ID: "bud_1", ScopeKind: kindKey, ScopeID: "key_1", Rule: `{"limit":2}`, CreatedAt: day.Add(9)}} {
		if err := s.PutBudget(t.Context(), put); err != nil {
			t.Fatal(err)
		}
	}
	b.Rule = `{"limit":2}`
	if got, err := s.Budgets(t.Context()); err != nil || !reflect.DeepEqual(got, []Budget{b, tag}) {
		t.Errorf("%+v, %v", got, err)
	}
	if _, err := s.FindScope(t.Context(), kindTag, "nightly"); err != nil {
		t.Errorf("the tag was not made: %v", err)
	}
	for _, bad := range []Budget{{ID: "bud_3", ScopeKind: kindKey, ScopeID: "key_9"}, {ID: "bud_3", ScopeKind: kindTeam, ScopeID: "team_9"}} {
		if err := s.PutBudget(t.Context(), bad); !errors.Is(err, ErrNotFound) {
			t.Errorf("%+v: %v", bad, err)
		}
	}
	if err := s.RemoveBudget(t.Context(), "bud_1"); err != nil {
		t.Error(err)
	}
	if err := s.RemoveBudget(t.Context(), "bud_1"); !errors.Is(err, ErrNotFound) {
		t.Errorf("%v", err)
	}
}

func TestRoll(t *testing.T) {
	s, _ := newStore(t)
	addScopes(t, s, team("team_1"))
	k, gone := key("key_1", "a", "p1", day), key("key_2", "b", "p2", day)
	k.TeamID, k.Tags, k.Addresses, k.Limits, k.Policy, k.LogPayloads = "team_1", []string{"x"}, []string{"::/0"}, `{"rpm":1}`, `{"cache":"5m"}`, true
	k.ExpiresAt, k.OldHash, k.OldUntil, gone.RevokedAt = day.Add(time.Hour), [32]byte{7}, day.Add(time.Minute), day
	addKeys(t, s, k, gone)
	got, err := s.Roll(t.Context())
	want := Pass{
		ID: "key_1", Name: "a", Policy: k.Policy, TeamID: "team_1", Tags: `["x"]`, Addresses: `["::/0"]`, Limits: k.Limits,
		Hash: k.Hash, OldHash: k.OldHash, ExpiresAt: k.ExpiresAt, OldUntil: k.OldUntil, LogPayloads: true,
	}
	if err != nil || len(got.Scopes) != 2 || !reflect.DeepEqual(got.Passes, []Pass{want}) {
		t.Errorf("%+v, %v", got, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.Roll(ctx); err == nil {
		t.Error("an ended context reads keys")
	}
}

// TestEveryChangeIsSeen: another process that asks for the version learns of each
// change of anything the snapshot of keys is made of.
func TestEveryChangeIsSeen(t *testing.T) {
	here, path := newStore(t)
	there := openAt(t, path)
	addScopes(t, here, team("team_1"), team("team_2"))
	addKeys(t, here, key("key_1", "a", "p1", day), key("key_2", "b", "p2", day))
	ctx := t.Context()
	for i, change := range []func() error{
		func() error { return here.CreateKey(ctx, key("key_3", "c", "p3", day)) },
		func() error {
			_, err := here.UpdateKey(ctx, "a", func(k *Key) error { k.TeamID = "team_1"; return nil })
			return err
		},
		func() error { _, err := here.RevokeKey(ctx, "b", day); return err },
		func() error { return here.CreateScope(ctx, team("team_3")) },
		func() error {
			_, err := here.UpdateScope(ctx, kindTeam, "team_1", func(c *Scope) error { c.DisabledAt = day; return nil })
			return err
		},
		func() error {
			return here.PutBudget(ctx, Budget{ID: "bud_1", ScopeKind: kindOrganisation, ScopeID: "org", Rule: "{}", CreatedAt: day})
		},
		func() error { return here.RemoveBudget(ctx, "bud_1") },
		func() error { _, err := here.DeleteScope(ctx, kindTeam, "team_2", ""); return err },
	} {
		before, err1 := there.DataVersion(ctx)
		err2 := change()
		after, err3 := there.DataVersion(ctx)
		if err := errors.Join(err1, err2, err3); err != nil || before == after {
			t.Errorf("change %d: version %d, then %d, %v", i, before, after, err)
		}
	}
}

func BenchmarkRoll(b *testing.B) {
	s, err := Open(b.Context(), b.TempDir()+"/"+FileName)
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	for at := 0; at < 100_000; at += 1000 {
		batch := make([]Key, 1000)
		for i := range batch {
			batch[i] = key(fmt.Sprintf("key_%026d", at+i), "a name", "sk-ant-api03_abcde", day)
			batch[i].Tags, batch[i].Policy, batch[i].Limits = []string{"x"}, `{"cache":"1h"}`, `{"rpm":60}`
		}
		if err := s.CreateKeys(b.Context(), batch); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportAllocs()
	for b.Loop() {
		if r, err := s.Roll(b.Context()); err != nil || len(r.Passes) != 100_000 {
			b.Fatal(len(r.Passes), err)
		}
	}
}
