package identity

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"turnpike/internal/store"
)

func TestPasswords(t *testing.T) {
	w := newWorld(t)
	a := w.account(" Ann@Example.org ", Member)
	if a.Login != "ann@example.org" || strings.Contains(a.Password, good) || !strings.HasPrefix(a.Password, "$argon2id$v=19$m=19456,t=2,p=1$") {
		t.Errorf("kept are %q and %q", a.Login, a.Password)
	}
	if got, err := w.SignIn(t.Context(), "ANN@example.org", good); err != nil || got.ID != a.ID {
		t.Errorf("%+v, %v", got, err)
	}
	if _, err := w.Set(t.Context(), "x", w.account("off", Member).ID, func(row *store.Account) error { row.DisabledAt = w.now; return nil }); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Create(t.Context(), "x", store.Account{Login: "nopass", Role: Member}, "", nil); err != nil {
		t.Fatal(err)
	}
	for _, c := range [][2]string{{"ann@example.org", "wrong"}, {"ann@example.org", ""}, {"nobody", good}, {"", ""}, {"off", good}, {"nopass", ""}, {"ann@example.org", strings.Repeat("x", 10_000)}} {
		if _, err := w.SignIn(t.Context(), c[0], c[1]); !errors.Is(err, ErrWrong) {
			t.Errorf("%q: %v", c[0], err)
		}
	}
	if e := w.heard("sign_in"); e.Outcome != ErrWrong.Error() || e.Actor != "ann@example.org" {
		t.Errorf("the audit log heard %+v", e)
	}
	for _, c := range []struct{ password, words string }{
		{"short", "at least 12"}, {strings.Repeat("long", 100), "at most"}, {"aaaaaaaaaaaaaaaaaaaa", "five different"}, {"my ANN@example.org 1", "login in it"}, {"\xff\xfe\xfd\xfc12345678", "is text"},
	} {
		if err := CheckPassword(c.password, "ann@example.org"); err == nil || !strings.Contains(err.Error(), c.words) {
			t.Errorf("%q: %v", c.password, err)
		}
	}
	if err := CheckPassword("pässwörter sind gut", "ann"); err != nil {
		t.Error(err)
	}
}

// TestHashingIsBounded: who comes when too many wait is told so, and who waits gives up
// with the request.
func TestHashingIsBounded(t *testing.T) {
	h := newHasher()
	for range hashesAtOnce {
		h.room <- struct{}{}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := h.fits(ctx, "x", ""); !errors.Is(err, context.Canceled) {
		t.Errorf("one that waits: %v", err)
	}
	for range hashesWaiting {
		h.waiting <- struct{}{}
	}
	if _, err := h.make(t.Context(), "x"); !errors.Is(err, ErrCrowded) {
		t.Errorf("one too many: %v", err)
	}
}

func TestDamagedHashes(t *testing.T) {
	h := newHasher()
	whole, err := h.make(t.Context(), good)
	if err != nil {
		t.Fatal(err)
	}
	for _, hash := range []string{
		"x", whole[:40], strings.Replace(whole, "argon2id", "argon2i", 1), strings.Replace(whole, "v=19", "v=16", 1), strings.Replace(whole, "m=19456", "m=99999999", 1),
		strings.Replace(whole, "t=2", "t=0", 1), strings.Replace(whole, "p=1", "p=99", 1), whole + "A", whole + "$x",
	} {
		if ok, err := h.fits(t.Context(), good, hash); ok || !errors.Is(err, errHash) {
			t.Errorf("%s: %v, %v", hash, ok, err)
		}
	}
}

func FuzzHash(f *testing.F) {
	f.Add("$argon2id$v=19$m=8,t=1,p=1$AAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")
	f.Add("$argon2id$v=19$m=,t=,p=$$")
	f.Fuzz(func(t *testing.T, text string) {
		if p, err := decode(text); err == nil && (p.memory > 256*1024 || p.passes > 16 || len(p.key) != hashLength) {
			t.Fatalf("%q costs %+v", text, p)
		}
	})
}

// TestTOTPVectors are those of RFC 6238, appendix B, for SHA-1, of which six digits count.
func TestTOTPVectors(t *testing.T) {
	for at, want := range map[int64]string{
		59: "287082", 1111111109: "081804", 1111111111: "050471", 1234567890: "005924", 2000000000: "279037", 20000000000: "353130",
	} {
		if got := codeAt([]byte("12345678901234567890"), at/totpStep); got != want {
			t.Errorf("at %d: %s, want %s", at, got, want)
		}
	}
}

func (w *world) code(secret string) string {
	key, err := totpText.DecodeString(secret)
	if err != nil {
		w.t.Fatal(err)
	}
	return codeAt(key, w.Now().Unix()/totpStep)
}

// TestSecondFactor: it is in force once it was confirmed; a code is good once; a challenge
// for a few tries and some minutes.
func TestSecondFactor(t *testing.T) {
	w := newWorld(t)
	a := w.account("ann", Member)
	secret, link, err := w.NewFactor(t.Context(), a.ID)
	if err != nil || !strings.HasPrefix(link, "otpauth://totp/Turnpike:ann?") || !strings.Contains(link, secret) {
		t.Fatal(link, err)
	}
	again := func() store.Account {
		t.Helper()
		a, err := w.SignIn(t.Context(), "ann", good)
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	a = again()
	if strings.Contains(a.TOTP, secret) {
		t.Error("the secret is kept as it is")
	}
	if on, err := w.NeedsCode(&a); on || err != nil {
		t.Errorf("before it is confirmed: %v, %v", on, err)
	}
	if err := w.Confirm(t.Context(), &a, "000000"); !errors.Is(err, ErrCode) {
		t.Errorf("a wrong code: %v", err)
	}
	if err := w.Confirm(t.Context(), &a, w.code(secret)); err != nil {
		t.Fatal(err)
	}
	a = again()
	if on, err := w.NeedsCode(&a); !on || err != nil {
		t.Errorf("confirmed: %v, %v", on, err)
	}
	if _, _, err := w.NewFactor(t.Context(), a.ID); !errors.Is(err, ErrHasFactor) {
		t.Errorf("another one over it: %v", err)
	}
	challenge, err := w.BeginSecond(t.Context(), &a)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.FinishSecond(t.Context(), challenge, w.code(secret)); !errors.Is(err, ErrCode) {
		t.Errorf("the code it was confirmed with: %v", err)
	}
	w.later(totpStep * time.Second)
	code := w.code(secret)
	if got, err := w.FinishSecond(t.Context(), challenge, code[:3]+" "+code[3:]); err != nil || got.ID != a.ID {
		t.Fatalf("%+v, %v", got, err)
	}
	w.later(totpStep * time.Second)
	if _, err := w.FinishSecond(t.Context(), challenge, w.code(secret)); !errors.Is(err, ErrCode) {
		t.Errorf("a challenge that was met: %v", err)
	}
	if challenge, err = w.BeginSecond(t.Context(), &a); err != nil {
		t.Fatal(err)
	}
	for range maxCodes {
		_, _ = w.FinishSecond(t.Context(), challenge, "000000")
	}
	if _, err := w.FinishSecond(t.Context(), challenge, w.code(secret)); !errors.Is(err, ErrCode) {
		t.Errorf("behind too many tries: %v", err)
	}
	if challenge, err = w.BeginSecond(t.Context(), &a); err != nil {
		t.Fatal(err)
	}
	w.later(secondFor)
	if _, err := w.FinishSecond(t.Context(), challenge, w.code(secret)); !errors.Is(err, ErrCode) {
		t.Errorf("too late: %v", err)
	}
}

// TestOneCodeOnce: of many who show a code at once, one is taken.
func TestOneCodeOnce(t *testing.T) {
	w := newWorld(t)
	a := w.account("ann", Member)
	secret, _, err := w.NewFactor(t.Context(), a.ID)
	if err != nil {
		t.Fatal(err)
	}
	a, err = w.Store.Account(t.Context(), a.ID)
	if err != nil {
		t.Fatal(err)
	}
	code, taken := w.code(secret), 0
	var mu sync.Mutex
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			if err := w.Code(t.Context(), &a, code); err == nil {
				mu.Lock()
				defer mu.Unlock()
				taken++
			} else if !errors.Is(err, ErrCode) {
				t.Error(err)
			}
		})
	}
	if wg.Wait(); taken != 1 {
		t.Errorf("a code was taken %d times", taken)
	}
}

// TestBootstrap: the first link makes an owner, once, and there is one while nobody is there.
func TestBootstrap(t *testing.T) {
	w := newWorld(t)
	secret, ok, err := w.First(t.Context())
	if err != nil || !ok {
		t.Fatal(ok, err)
	}
	if _, ok, err := w.First(t.Context()); ok || err != nil {
		t.Errorf("a second link while the first is good: %v, %v", ok, err)
	}
	var invalid *Invalid
	for _, p := range []NewPerson{{Login: "ann", Password: "short"}, {Login: "", Password: good}, {Login: "a b", Password: good}} {
		if _, err := w.Accept(t.Context(), secret, &p); !errors.As(err, &invalid) {
			t.Errorf("%+v: %v", p, err)
		}
	}
	var mu sync.Mutex
	owners := 0
	var wg sync.WaitGroup
	for _, login := range []string{"ann", "bob", "cid", "dan"} {
		wg.Go(func() {
			a, err := w.Accept(t.Context(), secret, &NewPerson{Login: login, Password: good})
			if err == nil && a.Role == Owner {
				mu.Lock()
				defer mu.Unlock()
				owners++
			} else if !errors.Is(err, store.ErrSpent) {
				t.Errorf("%+v, %v", a, err)
			}
		})
	}
	if wg.Wait(); owners != 1 {
		t.Errorf("one link made %d owners", owners)
	}
	if list, err := w.Store.Accounts(t.Context()); err != nil || len(list) != 1 {
		t.Errorf("%d accounts, %v", len(list), err)
	}
	w.later(48 * time.Hour)
	if _, ok, err := w.First(t.Context()); ok || err != nil {
		t.Errorf("a link though there is an account: %v, %v", ok, err)
	}
}

func TestInvitations(t *testing.T) {
	w := newWorld(t)
	for _, d := range []Draft{{Role: "root"}, {Role: Admin}, {Role: Member, Scopes: Scopes{Keys: []string{"*"}}}, {Role: Member, For: time.Second}, {Role: Member, For: 999 * time.Hour}, {Role: Member, Email: "x"}} {
		if _, _, err := w.Invite(t.Context(), "x", &d); err == nil {
			t.Errorf("%+v was taken", d)
		}
	}
	secret, i, err := w.Invite(t.Context(), "x", &Draft{Role: Admin, Scopes: Scopes{Usage: []string{"*"}}, Email: "ann@example.org"})
	if err != nil || i.Role != Admin {
		t.Fatal(i, err)
	}
	w.account("bob", Member)
	if _, err := w.Accept(t.Context(), secret, &NewPerson{Login: "bob", Password: good}); !errors.Is(err, store.ErrTaken) {
		t.Errorf("somebody else's login: %v", err)
	}
	a, err := w.Accept(t.Context(), secret, &NewPerson{Login: "ann", Name: "Ann", Password: good})
	if err != nil || a.Role != Admin || a.Email != "ann@example.org" || ReadScopes(a.Scopes).Usage[0] != All || a.UserID == "" {
		t.Errorf("%+v, %v", a, err)
	}
	if secret, _, err = w.Invite(t.Context(), "x", &Draft{Role: Member}); err != nil {
		t.Fatal(err)
	}
	w.later(usualLink)
	if _, err := w.Accept(t.Context(), secret, &NewPerson{Login: "cid", Password: good}); !errors.Is(err, store.ErrSpent) {
		t.Errorf("too late: %v", err)
	}
	session := w.open(a)
	reset, _, err := w.ResetLink(t.Context(), "x", a.ID)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := w.Accept(t.Context(), reset, &NewPerson{Login: "root", Password: "another good one"}); err != nil || got.ID != a.ID {
		t.Errorf("%+v, %v", got, err)
	}
	if _, err := w.SignIn(t.Context(), "ann", "another good one"); err != nil {
		t.Error(err)
	}
	if _, err := w.Check(t.Context(), session.Access); !errors.Is(err, ErrToken) {
		t.Errorf("a session from before the new password: %v", err)
	}
	if _, err := w.Accept(t.Context(), reset, &NewPerson{Password: "yet another one"}); !errors.Is(err, store.ErrSpent) {
		t.Errorf("a second time: %v", err)
	}
}

// TestArrive: who comes from an identity provider is found by issuer and subject alone, and
// has no access but by an invitation, a link or a group.
func TestArrive(t *testing.T) {
	w := newWorld(t)
	local := w.account("ann@example.org", Owner)
	p := Person{Provider: "entra", Issuer: "https://i.example", Subject: "s1", Name: "Ann", Email: "ann@example.org", Groups: []string{"staff"}}
	if _, err := w.Arrive(t.Context(), &p, Arrival{}); !errors.Is(err, ErrNoAccess) {
		t.Fatalf("with the address of an owner: %v", err)
	}
	secret, _, err := w.Invite(t.Context(), "x", &Draft{Role: Auditor})
	if err != nil {
		t.Fatal(err)
	}
	a, err := w.Arrive(t.Context(), &p, Arrival{Invitation: secret})
	if err != nil || a.ID == local.ID || a.Role != Auditor || a.Managed || a.Login != "" {
		t.Fatalf("%+v, %v", a, err)
	}
	if got, err := w.Arrive(t.Context(), &p, Arrival{}); err != nil || got.ID != a.ID {
		t.Errorf("again: %+v, %v", got, err)
	}
	other := p
	if other.Subject = "s2"; true {
		if _, err := w.Arrive(t.Context(), &other, Arrival{Invitation: secret}); !errors.Is(err, store.ErrSpent) {
			t.Errorf("the invitation a second time: %v", err)
		}
	}
	other.Subject, other.Issuer = "s1", "https://other.example"
	if _, err := w.Arrive(t.Context(), &other, Arrival{}); !errors.Is(err, ErrNoAccess) {
		t.Errorf("the same subject at another issuer: %v", err)
	}
	if _, err := w.Arrive(t.Context(), &p, Arrival{Link: local.ID}); !errors.Is(err, ErrLinked) {
		t.Errorf("an identity of another account: %v", err)
	}
	if got, err := w.Arrive(t.Context(), &other, Arrival{Link: local.ID}); err != nil || got.ID != local.ID {
		t.Errorf("linked: %+v, %v", got, err)
	}
	if got, err := w.Arrive(t.Context(), &other, Arrival{}); err != nil || got.ID != local.ID {
		t.Errorf("by the link: %+v, %v", got, err)
	}
	if secret, _, err = w.Invite(t.Context(), "x", &Draft{Role: Owner}); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Arrive(t.Context(), &p, Arrival{Invitation: secret}); !errors.Is(err, ErrHasAccount) {
		t.Errorf("an invitation to be more: %v", err)
	}
	if _, err := w.Set(t.Context(), "x", a.ID, func(row *store.Account) error { row.DisabledAt = w.now; return nil }); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Arrive(t.Context(), &p, Arrival{}); !errors.Is(err, ErrNoAccess) {
		t.Errorf("disabled: %v", err)
	}
}

// TestGroups: the group with the highest priority gives the role, all of them the teams,
// anew at each sign-in; without one there is no access any more.
func TestGroups(t *testing.T) {
	w := newWorld(t)
	for _, id := range []string{"team_1", "team_2"} {
		if err := w.Store.CreateScope(t.Context(), store.Scope{Kind: "team", ID: id, Name: "the " + id, CreatedAt: w.now}); err != nil {
			t.Fatal(err)
		}
	}
	for _, m := range []store.GroupMapping{
		{ID: "map_1", Provider: "entra", Group: "staff", Role: Member, Scopes: "{}", Teams: `["team_1","team_gone"]`, Priority: 1},
		{ID: "map_2", Provider: "entra", Group: "ops", Role: Admin, Scopes: `{"monitor":["*"]}`, Teams: `["team_2"]`, Priority: 9},
		{ID: "map_3", Provider: "other", Group: "staff", Role: Owner, Scopes: "{}", Teams: `[]`, Priority: 99},
	} {
		if _, err := w.Store.PutGroupMapping(t.Context(), "", func(row *store.GroupMapping) error { *row = m; row.CreatedAt = w.now; return nil }); err != nil {
			t.Fatal(err)
		}
	}
	p := Person{Provider: "entra", Issuer: "https://i.example", Subject: "s1", Name: "Ann", Groups: []string{"staff", "others"}}
	come := func(role, teams string) store.Account {
		t.Helper()
		a, err := w.Arrive(t.Context(), &p, Arrival{})
		if err != nil {
			t.Fatal(err)
		}
		u, err := w.Store.FindScope(t.Context(), "user", a.UserID)
		if err != nil || a.Role != role || !a.Managed || strings.Join(u.Teams, " ") != teams {
			t.Errorf("%+v in %v, %v", a, u.Teams, err)
		}
		return a
	}
	come(Member, "team_1")
	p.Groups = []string{"staff", "ops"}
	a := come(Admin, "team_1 team_2")
	p.Groups = []string{"ops"}
	come(Admin, "team_2")
	session := w.open(a)
	p.Groups = []string{"Staff", "staff "}
	if _, err := w.Arrive(t.Context(), &p, Arrival{}); !errors.Is(err, ErrNoAccess) {
		t.Errorf("without a group: %v", err)
	}
	if _, err := w.Check(t.Context(), session.Access); !errors.Is(err, ErrToken) {
		t.Errorf("its session: %v", err)
	}
	p.Groups = []string{"staff"}
	come(Member, "team_1")
}

// TestDeclaredGroups: what the configuration says of a group stands above what was made for
// it; teams are named by id or name, and come from everywhere.
func TestDeclaredGroups(t *testing.T) {
	w := newWorld(t)
	for _, id := range []string{"team_1", "team_2"} {
		if err := w.Store.CreateScope(t.Context(), store.Scope{Kind: "team", ID: id, Name: "the " + id, CreatedAt: w.now}); err != nil {
			t.Fatal(err)
		}
	}
	for _, m := range []store.GroupMapping{
		{ID: "map_1", Provider: "entra", Group: "staff", Role: Owner, Scopes: "{}", Teams: `["team_2"]`, Priority: 99},
		{ID: "map_2", Provider: "entra", Group: "ops", Role: Auditor, Scopes: "{}", Teams: `["team_2"]`, Priority: 5},
	} {
		if _, err := w.Store.PutGroupMapping(t.Context(), "", func(row *store.GroupMapping) error { *row = m; row.CreatedAt = w.now; return nil }); err != nil {
			t.Fatal(err)
		}
	}
	declared := []store.GroupMapping{
		{ID: "map_d1", Provider: "entra", Group: "staff", Role: Member, Scopes: "{}", Teams: `["the team_1","team_1","nobody"]`, Priority: 1},
		{ID: "map_d2", Provider: "entra", Group: "chiefs", Role: Admin, Scopes: `{"monitor":["*"]}`, Teams: "[]", Priority: 5},
		{ID: "map_d3", Provider: "other", Group: "ops", Role: Owner, Scopes: "{}", Teams: "[]", Priority: 9},
	}
	w.Declared = func() []store.GroupMapping { return declared }
	p := Person{Provider: "entra", Issuer: "https://i.example", Subject: "s1", Name: "Ann"}
	for _, c := range []struct{ groups, role, teams string }{
		{"staff", Member, "team_1"},
		{"staff ops", Auditor, "team_1 team_2"},
		{"staff ops chiefs", Admin, "team_1 team_2"},
		{"chiefs", Admin, ""},
	} {
		p.Groups = strings.Fields(c.groups)
		a, err := w.Arrive(t.Context(), &p, Arrival{})
		if err != nil {
			t.Fatal(err)
		}
		u, err := w.Store.FindScope(t.Context(), "user", a.UserID)
		if err != nil || a.Role != c.role || strings.Join(u.Teams, " ") != c.teams {
			t.Errorf("%s: %s in %v, %v", c.groups, a.Role, u.Teams, err)
		}
	}
	var seen []string
	list, err := w.Mappings(t.Context(), "entra")
	for _, m := range list {
		seen = append(seen, fmt.Sprint(m.ID, " ", m.Declared, " ", m.Beaten))
	}
	if got := strings.Join(seen, ", "); err != nil || got != "map_1 false true, map_d2 true false, map_2 false false, map_d1 true false" {
		t.Error(got, err)
	}
	declared = nil // the file does not have them any more
	p.Groups = []string{"chiefs"}
	if _, err := w.Arrive(t.Context(), &p, Arrival{}); !errors.Is(err, ErrNoAccess) {
		t.Errorf("without a group: %v", err)
	}
	p.Groups = []string{"staff"}
	if a, err := w.Arrive(t.Context(), &p, Arrival{}); err != nil || a.Role != Owner {
		t.Errorf("what was made for the group: %+v, %v", a, err)
	}
}

func TestServices(t *testing.T) {
	fit := store.Service{Name: "ci", Issuer: "https://i.example", Audience: "gw", Claims: `{"repository":"acme/app","ref":"refs/heads/*"}`, Role: Auditor, Scopes: "{}"}
	if err := CheckService(&fit); err != nil || fit.Lifetime != usualLife {
		t.Fatal(fit, err)
	}
	for name, change := range map[string]func(*store.Service){
		"an owner":          func(v *store.Service) { v.Role = Owner },
		"a member":          func(v *store.Service) { v.Role = Member },
		"no claims":         func(v *store.Service) { v.Claims = "{}" },
		"a claim of nobody": func(v *store.Service) { v.Claims = `{"ref":"refs/heads/main"}` },
		"anybody":           func(v *store.Service) { v.Claims = `{"repository":"*"}` },
		"a star inside":     func(v *store.Service) { v.Claims = `{"repository":"a*/app"}` },
		"plain http":        func(v *store.Service) { v.Issuer = "http://i.example" },
		"no audience":       func(v *store.Service) { v.Audience = "" },
		"a day":             func(v *store.Service) { v.Lifetime = 24 * time.Hour },
		"no scopes":         func(v *store.Service) { v.Role = Admin },
	} {
		v := fit
		if change(&v); CheckService(&v) == nil {
			t.Errorf("%s was taken", name)
		}
	}
	for _, c := range []struct {
		says map[string]any
		want bool
	}{
		{map[string]any{"repository": "acme/app", "ref": "refs/heads/main", "more": 1}, true},
		{map[string]any{"repository": "acme/app", "ref": "refs/tags/v1"}, false},
		{map[string]any{"repository": "acme/application", "ref": "refs/heads/main"}, false},
		{map[string]any{"repository": "acme/app"}, false},
		{map[string]any{"repository": []any{"acme/app"}, "ref": "refs/heads/main"}, false},
		{nil, false},
	} {
		if got := Fits(&fit, c.says); got != c.want {
			t.Errorf("%v: %v", c.says, got)
		}
	}
	if Fits(&store.Service{Claims: "damaged"}, map[string]any{}) || Fits(&store.Service{Claims: "{}"}, map[string]any{}) {
		t.Error("a service that asks for nothing fits")
	}
}
