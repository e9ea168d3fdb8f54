package store

import (
	"errors"
	"strings"
	"sync"
	"testing"
	"time"
)

func declaredTeam(name string) Scope {
	return Scope{Kind: kindTeam, ID: DeclaredID(kindTeam, name), Name: name}
}

func declaredKey(name string, hash byte) Key {
	return Key{ID: DeclaredID(kindKey, name), Name: name, Hash: [32]byte{hash}}
}

func declaredBudget(name, kind, of string) DeclaredBudget {
	return DeclaredBudget{Budget{ID: DeclaredID(kindBudget, name), ScopeKind: kind, ScopeID: of, Rule: `{"unit":"usd","limit":1,"period":"daily"}`}, name}
}

func declares(t *testing.T, s *Store, d Declaration) bool {
	t.Helper()
	d.Now = day
	before := s.version.own.Load()
	if _, err := s.Declare(t.Context(), &d); err != nil {
		t.Fatal(err)
	}
	return s.version.own.Load() != before
}

// TestDeclare: what is declared is there once, changes with the file, is read-only, and ends
// with its entry while its row stays.
func TestDeclare(t *testing.T) {
	s, _ := newStore(t)
	research, main := declaredTeam("research"), declaredKey("main", 1)
	main.TeamID, main.UserID = research.ID, "ann"
	d := Declaration{
		Teams: []Scope{research}, Keys: []Key{main},
		Budgets: []DeclaredBudget{declaredBudget("cap", kindTeam, research.ID), declaredBudget("of ann", kindUser, "ann"), declaredBudget("own", kindKey, main.ID)},
	}
	if !declares(t, s, d) {
		t.Error("nothing was changed at first")
	}
	before, err := s.DataVersion(t.Context())
	if err != nil || declares(t, s, d) {
		t.Errorf("the same again changed something (%v)", err)
	}
	if after, err := s.DataVersion(t.Context()); err != nil || after != before {
		t.Errorf("the same again is a change for others: %d, %d, %v", before, after, err)
	}
	k, err := s.FindKey(t.Context(), "main")
	if err != nil || !k.Declared || k.TeamID != research.ID || !k.CreatedAt.Equal(day) {
		t.Errorf("%+v, %v", k, err)
	}
	if ann, err := s.FindScope(t.Context(), kindUser, "ann"); err != nil || ann.ID != k.UserID || ann.Declared {
		t.Errorf("%+v, %v", ann, err)
	}
	list, err := s.Budgets(t.Context())
	if err != nil || len(list) != 3 || !list[0].Declared {
		t.Errorf("%+v, %v", list, err)
	}
	names, err := s.DeclaredNames(t.Context(), kindBudget)
	if err != nil || names[DeclaredID(kindBudget, "cap")] != "cap" || len(names) != 3 {
		t.Errorf("%v, %v", names, err)
	}

	_, err1 := s.UpdateKey(t.Context(), k.ID, func(*Key) error { return nil })
	_, err2 := s.RevokeKey(t.Context(), k.ID, day)
	_, err3 := s.UpdateScope(t.Context(), kindTeam, research.ID, func(*Scope) error { return nil })
	_, err4 := s.DeleteScope(t.Context(), kindTeam, research.ID, Nobody)
	for i, err := range []error{err1, err2, err3, err4, s.PutBudget(t.Context(), list[0]), s.RemoveBudget(t.Context(), list[0].ID)} {
		if !errors.Is(err, ErrDeclared) {
			t.Errorf("%d: %v", i, err)
		}
	}

	main.Hash, main.Limits = [32]byte{2}, `{"rpm":1}`
	d.Keys, d.Budgets = []Key{main}, d.Budgets[:1]
	if !declares(t, s, d) {
		t.Error("another secret changed nothing")
	}
	if next, err := s.FindKey(t.Context(), k.ID); err != nil || next.Hash != main.Hash || next.Limits != main.Limits || !next.CreatedAt.Equal(k.CreatedAt) {
		t.Errorf("%+v, %v", next, err)
	}
	if list, err := s.Budgets(t.Context()); err != nil || len(list) != 1 {
		t.Errorf("%+v, %v", list, err)
	}
	declares(t, s, Declaration{})
	k, err1 = s.FindKey(t.Context(), k.ID)
	team, err2 := s.FindScope(t.Context(), kindTeam, research.ID)
	if err := errors.Join(err1, err2); err != nil || k.Declared || k.DisabledAt.IsZero() || team.Declared || team.DisabledAt.IsZero() {
		t.Errorf("%+v, %+v, %v", k, team, err)
	}
	declares(t, s, d)
	if k, err := s.FindKey(t.Context(), k.ID); err != nil || !k.Declared || !k.DisabledAt.IsZero() {
		t.Errorf("back again: %+v, %v", k, err)
	}
}

// TestDeclareRenamed: an entry with the secret of one that is gone goes on as that key, and a
// team by its name.
func TestDeclareRenamed(t *testing.T) {
	s, _ := newStore(t)
	old := declaredKey("old", 1)
	declares(t, s, Declaration{Keys: []Key{old}})
	next := declaredKey("new", 1)
	for range 2 {
		declares(t, s, Declaration{Keys: []Key{next}, Budgets: []DeclaredBudget{declaredBudget("own", kindKey, next.ID)}})
		k, err := s.FindKey(t.Context(), "new")
		if err != nil || k.ID != old.ID || !k.Declared || !k.DisabledAt.IsZero() {
			t.Fatalf("%+v, %v", k, err)
		}
		if list, err := s.Budgets(t.Context()); err != nil || list[0].ScopeID != old.ID {
			t.Errorf("%+v, %v", list, err)
		}
	}
}

// TestDeclareInTheWay: what was made while gateways ran stands in the way, nothing is changed
// then, and its id takes it over.
func TestDeclareInTheWay(t *testing.T) {
	s, _ := newStore(t)
	addScopes(t, s, Scope{Kind: kindTeam, ID: "team_live", Name: "research"})
	live := Key{ID: "key_live", Name: "main", Hash: [32]byte{1}, CreatedAt: day}
	if err := s.CreateKey(t.Context(), live); err != nil {
		t.Fatal(err)
	}
	other := declaredKey("other", 3)
	for name, c := range map[string]struct {
		d    Declaration
		want string
	}{
		"a team's name":  {Declaration{Teams: []Scope{declaredTeam("research")}}, "id: team_live"},
		"a key's name":   {Declaration{Keys: []Key{declaredKey("main", 2)}}, "id: key_live"},
		"a key's secret": {Declaration{Keys: []Key{declaredKey("else", 1)}}, "id: key_live"},
	} {
		c.d.Now, c.d.Keys = day, append([]Key{other}, c.d.Keys...)
		if _, err := s.Declare(t.Context(), &c.d); !errors.Is(err, ErrTaken) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := s.FindKey(t.Context(), "other"); !errors.Is(err, ErrNotFound) {
			t.Errorf("%s: something was changed: %v", name, err)
		}
	}
	mine := declaredKey("main", 1)
	team := declaredTeam("research")
	mine.ID, team.ID = "key_live", "team_live"
	declares(t, s, Declaration{Teams: []Scope{team}, Keys: []Key{mine}})
	if k, err := s.FindKey(t.Context(), "key_live"); err != nil || !k.Declared {
		t.Errorf("%+v, %v", k, err)
	}
	declares(t, s, Declaration{})
	if _, err := s.RevokeKey(t.Context(), "key_live", day); err != nil {
		t.Error(err)
	}
	if _, err := s.Declare(t.Context(), &Declaration{Keys: []Key{mine}, Now: day}); !errors.Is(err, ErrRevoked) {
		t.Errorf("a revoked key came back: %v", err)
	}
}

// TestDeclareAtOnce: of gateways that start at once each finds the same.
func TestDeclareAtOnce(t *testing.T) {
	s, place := newStore(t)
	other := openAt(t, place)
	d := func() *Declaration {
		return &Declaration{Teams: []Scope{declaredTeam("a"), declaredTeam("b")}, Keys: []Key{declaredKey("a", 1), declaredKey("b", 2)}, Now: day.Add(time.Hour)}
	}
	var both sync.WaitGroup
	for _, at := range []*Store{s, other, s, other} {
		both.Go(func() {
			if _, err := at.Declare(t.Context(), d()); err != nil {
				t.Error(err)
			}
		})
	}
	both.Wait()
	if keys, err := s.ListKeys(t.Context()); err != nil || len(keys) != 2 {
		t.Errorf("%+v, %v", keys, err)
	}
}

// TestDeclareLive: what is set so belongs to people, may be set again, and leaves alone what a
// file declares.
func TestDeclareLive(t *testing.T) {
	s, _ := newStore(t)
	addScopes(t, s, Scope{Kind: kindTeam, ID: "team_live", Name: "research"})
	fixed := declaredKey("fixed", 9)
	declares(t, s, Declaration{Keys: []Key{fixed}})
	fixed.Description = "another"
	main := declaredKey("main", 1)
	main.TeamID = "research"
	research := declaredTeam("research")
	research.Description = "they look"
	cap := declaredBudget("cap", kindTeam, "research")
	set := func(dry bool) (what []string) {
		t.Helper()
		done, err := s.Declare(t.Context(), &Declaration{Teams: []Scope{research}, Keys: []Key{main, fixed}, Budgets: []DeclaredBudget{cap}, Now: day, Live: true, Dry: dry})
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range done {
			what = append(what, d.Kind+" "+d.Name+" "+d.What)
		}
		return what
	}
	first := "team research changed, key main made, key fixed declared, budget cap made"
	if got := strings.Join(set(true), ", "); got != first {
		t.Errorf("%s", got)
	}
	if _, err := s.FindKey(t.Context(), "main"); !errors.Is(err, ErrNotFound) {
		t.Errorf("a trial made something: %v", err)
	}
	if got := strings.Join(set(false), ", "); got != first {
		t.Errorf("%s", got)
	}
	if got := strings.Join(set(false), ", "); got != "team research unchanged, key main unchanged, key fixed declared, budget cap unchanged" {
		t.Errorf("again: %s", got)
	}
	k, err := s.FindKey(t.Context(), "main")
	if err != nil || k.Declared || k.TeamID != "team_live" {
		t.Errorf("%+v, %v", k, err)
	}
	if _, err := s.RevokeKey(t.Context(), k.ID, day); err != nil {
		t.Error(err)
	}
	if list, err := s.Budgets(t.Context()); err != nil || len(list) != 1 || list[0].ScopeID != "team_live" || list[0].Declared {
		t.Errorf("%+v, %v", list, err)
	}
}
