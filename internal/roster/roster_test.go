package roster

import (
	"errors"
	"fmt"
	"path/filepath"
	"reflect"
	"runtime"
	"strings"
	"testing"
	"time"

	"turnpike/internal/budget"
	"turnpike/internal/keyring"
	"turnpike/internal/limit"
	"turnpike/internal/store"
	"turnpike/internal/tenancy"
	"turnpike/internal/vault"
)

var noon = time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC)

// house is a store with a clock.
type house struct {
	*Keys
	t   testing.TB
	now time.Time
}

func newHouse(t testing.TB, revealable bool) *house {
	t.Helper()
	dir := t.TempDir()
	s, err := store.Open(t.Context(), filepath.Join(dir, store.FileName))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	h := &house{t: t, now: noon}
	h.Keys = &Keys{Store: s, Now: func() time.Time { return h.now }}
	if revealable {
		if h.Vault, err = vault.Open(filepath.Join(dir, vault.FileName)); err != nil {
			t.Fatal(err)
		}
	}
	return h
}

func (h *house) scope(kind, id, limits string) {
	h.t.Helper()
	err := h.Store.CreateScope(h.t.Context(), store.Scope{Kind: kind, ID: id, Name: "the " + id, Limits: limits, CreatedAt: noon})
	if err != nil {
		h.t.Fatal(err)
	}
}

func (h *house) budget(kind, id string, r budget.Rule) store.Budget {
	h.t.Helper()
	b, _, err := SetBudget(h.t.Context(), h.Store, kind, id, r, h.now)
	if err != nil {
		h.t.Fatal(err)
	}
	return b
}

func (h *house) create(drafts ...store.Key) []Made {
	h.t.Helper()
	made, err := h.Create(h.t.Context(), drafts...)
	if err != nil {
		h.t.Fatal(err)
	}
	return made
}

func (h *house) ring(fixed ...keyring.Entry) *keyring.Ring {
	h.t.Helper()
	entries, err := Load(h.t.Context(), h.Store, fixed...)
	if err != nil {
		h.t.Fatal(err)
	}
	r := keyring.New(func() time.Time { return h.now })
	r.Set(entries)
	return r
}

// who is whom a secret speaks for; it must open.
func (h *house) who(secret string) *keyring.Principal {
	h.t.Helper()
	p, ok, expired := h.ring().Lookup(secret)
	if !ok || expired {
		h.t.Fatalf("the key does not open: %+v, %v, %v", p, ok, expired)
	}
	return p
}

func kinds(c tenancy.Chain) (out []string) {
	for _, s := range c {
		out = append(out, s.Kind+" "+s.ID)
	}
	return out
}

func TestChain(t *testing.T) {
	h := newHouse(t, false)
	h.scope(tenancy.Team, "team_1", `{"tpm":5}`)
	h.scope(tenancy.Team, "team_2", "")
	h.scope(tenancy.User, "user_1", "")
	h.scope(tenancy.Tag, "nightly", `{"concurrent":0}`)
	daily := budget.Rule{Unit: budget.Dollars, Limit: 0, Period: budget.Daily, Zone: "Europe/Paris"}
	b := h.budget(tenancy.User, "user_1", daily)
	h.budget(tenancy.Organisation, tenancy.OrganisationID, budget.Rule{Unit: budget.Tokens, Limit: 7, Period: budget.Lifetime})
	made := h.create(
		store.Key{
			Name: "all", UserID: "user_1", TeamID: "team_1", Tags: []string{"web", "nightly"}, LogPayloads: true, Addresses: []string{"10.1.2.3/8"},
			Limits: `{"qpm":10,"models":[{"match":"claude-*","limits":{"tpm_limit":5}}]}`,
		},
		store.Key{Name: "plain", TeamID: "team_2"},
		store.Key{Name: "of the team", TeamID: "team_1"},
		store.Key{Name: "of the team too", TeamID: "team_1"},
	)
	p := h.who(made[0].Secret)
	want := []string{"key " + made[0].ID, "user user_1", "tag nightly", "team team_1", "organisation org"}
	if got := kinds(p.Chain); !reflect.DeepEqual(got, want) {
		t.Errorf("chain %q, want %q", got, want)
	}
	own := p.Chain[0]
	if *own.Limits.RPM != 10 || own.Limits.TPM != nil || len(own.Models) != 1 || own.Models[0].Match != "claude-*" || *own.Models[0].Limits.TPM != 5 || own.Name != "all" {
		t.Errorf("of the key itself: %+v", own)
	}
	daily.ID = b.ID
	if got := p.Chain[1].Budgets; !reflect.DeepEqual(got, []budget.Rule{daily}) || p.Chain[2].Limits.Concurrent == nil || *p.Chain[2].Limits.Concurrent != 0 {
		t.Errorf("budgets %+v, and of the tag %+v: 0 blocks and is not nothing", got, p.Chain[2])
	}
	if l := p.Labels; l.Team != "team_1" || l.User != "user_1" || !reflect.DeepEqual(l.Tags, []string{"nightly", "web"}) || !p.LogPayloads || p.Addresses[0].String() != "10.0.0.0/8" {
		t.Errorf("%+v", p)
	}
	if got := kinds(h.who(made[1].Secret).Chain); !reflect.DeepEqual(got, []string{"organisation org"}) {
		t.Errorf("who has no limits costs nothing: %q", got)
	}
	ring := h.ring()
	one, _, _ := ring.Lookup(made[2].Secret)
	two, _, _ := ring.Lookup(made[3].Secret)
	if one.Chain[0] != two.Chain[0] || one.Chain[0].ID != "team_1" {
		t.Error("keys of one team do not share it")
	}
}

// TestFixedKeys: with auth.api_key the chain is the organisation's alone.
func TestFixedKeys(t *testing.T) {
	h := newHouse(t, false)
	fixed := keyring.Entry{Hash: keyring.Hash("fixed"), Principal: keyring.Principal{KeyID: "config"}}
	p, ok, _ := h.ring(fixed).Lookup("fixed")
	if !ok || len(p.Chain) != 0 {
		t.Errorf("%+v, %v", p, ok)
	}
	h.budget(tenancy.Organisation, tenancy.OrganisationID, budget.Rule{Unit: budget.Dollars, Limit: 1, Period: budget.Monthly})
	// The same secret in the store, of a team: the configuration wins.
	h.scope(tenancy.Team, "team_1", `{"rpm":1}`)
	err := h.Store.CreateKey(t.Context(), store.Key{ID: "key_1", Name: "n", Hash: keyring.Hash("fixed"), TeamID: "team_1", CreatedAt: noon})
	if err != nil {
		t.Fatal(err)
	}
	p, ok, _ = h.ring(fixed).Lookup("fixed")
	if !ok || p.KeyID != "config" || !reflect.DeepEqual(kinds(p.Chain), []string{"organisation org"}) {
		t.Errorf("%+v, %v", p, ok)
	}
}

func TestBarred(t *testing.T) {
	h := newHouse(t, false)
	h.scope(tenancy.Team, "team_1", "")
	h.scope(tenancy.User, "user_1", "")
	h.scope(tenancy.Tag, "tag", "")
	k := h.create(store.Key{Name: "k", TeamID: "team_1", UserID: "user_1", Tags: []string{"tag"}}, store.Key{Name: "other"})
	for _, c := range []struct {
		name, want string
		change     func(*store.Scope)
		kind, id   string
	}{
		{"disabled team", `its team "the team_1" is disabled`, func(s *store.Scope) { s.DisabledAt = noon }, tenancy.Team, "team_1"},
		{"disabled user", `its user "the user_1" is disabled`, func(s *store.Scope) { s.DisabledAt = noon }, tenancy.User, "user_1"},
		{"limits nobody can read", "the limits of its tag cannot be read", func(s *store.Scope) { s.Limits = "{" }, tenancy.Tag, "tag"},
	} {
		var before store.Scope
		_, err := h.Store.UpdateScope(t.Context(), c.kind, c.id, func(s *store.Scope) error { before = *s; c.change(s); return nil })
		if err != nil {
			t.Fatal(err)
		}
		if got := h.who(k[0].Secret).Barred; got != c.want {
			t.Errorf("%s: %q", c.name, got)
		}
		if got := h.who(k[1].Secret).Barred; got != "" {
			t.Errorf("%s: another key is refused: %s", c.name, got)
		}
		if _, err := h.Store.UpdateScope(t.Context(), c.kind, c.id, func(s *store.Scope) error { *s = before; return nil }); err != nil {
			t.Fatal(err)
		}
		if got := h.who(k[0].Secret).Barred; got != "" {
			t.Errorf("%s, undone: %q", c.name, got)
		}
	}
	// A key that cannot be read is refused alone, and the others still load.
	for _, damage := range []func(*store.Key){
		func(k *store.Key) { k.Limits = "[" },
		func(k *store.Key) { k.Policy = "[" },
		func(k *store.Key) { k.Addresses = []string{"nowhere"} },
	} {
		if _, err := h.Store.UpdateKey(t.Context(), k[0].ID, func(k *store.Key) error { damage(k); return nil }); err != nil {
			t.Fatal(err)
		}
		if h.who(k[0].Secret).Barred == "" || h.who(k[1].Secret).Barred != "" {
			t.Error("a damaged key")
		}
	}
	if err := h.Store.PutBudget(t.Context(), store.Budget{ID: "bud_1", ScopeKind: tenancy.Organisation, ScopeID: tenancy.OrganisationID, Rule: "{}"}); err != nil {
		t.Fatal(err)
	}
	if got := h.who(k[1].Secret).Barred; got != "a budget of its organisation cannot be read" {
		t.Errorf("a budget nobody can read lets requests pass: %q", got)
	}
}

func TestRotate(t *testing.T) {
	h := newHouse(t, false)
	first := h.create(store.Key{Name: "k", ExpiresAt: noon.Add(48 * time.Hour)})[0]
	opens := func(secret string) bool {
		p, ok, _ := h.ring().Lookup(secret)
		return ok && p.KeyID == first.ID
	}
	second, err := h.Rotate(t.Context(), "k", time.Hour)
	if err != nil || second.ID != first.ID || second.Secret == first.Secret || second.Prefix != second.Secret[:ShownPrefix] {
		t.Fatalf("%+v, %v", second, err)
	}
	if !opens(first.Secret) || !opens(second.Secret) {
		t.Error("two secrets are not good in the grace")
	}
	h.now = noon.Add(time.Hour)
	if _, ok, expired := h.ring().Lookup(first.Secret); ok || !expired || !opens(second.Secret) {
		t.Error("the end of the grace")
	}
	h.now = noon
	third, err := h.Rotate(t.Context(), "k", 72*time.Hour)
	if err != nil || opens(first.Secret) || !opens(second.Secret) || !opens(third.Secret) {
		t.Errorf("rotated twice, the oldest must end: %v", err)
	}
	h.now = noon.Add(48 * time.Hour)
	if opens(second.Secret) || opens(third.Secret) {
		t.Error("the grace outlives the key")
	}
	h.now = noon
	fourth, err := h.Rotate(t.Context(), "k", 0)
	if err != nil || opens(third.Secret) || !opens(fourth.Secret) || opens(second.Secret) {
		t.Errorf("without a grace: %v", err)
	}
	for _, grace := range []time.Duration{-1, MaxGrace + 1} {
		if _, err := h.Rotate(t.Context(), "k", grace); err == nil {
			t.Errorf("a grace of %v", grace)
		}
	}
	if _, err := h.Store.RevokeKey(t.Context(), "k", noon); err != nil {
		t.Fatal(err)
	}
	if _, err := h.Rotate(t.Context(), first.ID, time.Hour); !errors.Is(err, store.ErrRevoked) {
		t.Errorf("a revoked key was rotated: %v", err)
	}
	if opens(fourth.Secret) {
		t.Error("a revoked key opens")
	}
}

func TestReveal(t *testing.T) {
	h := newHouse(t, true)
	made := h.create(store.Key{Name: "a"}, store.Key{Name: "b"})
	if got, err := h.Reveal(t.Context(), "a"); err != nil || got.Secret != made[0].Secret {
		t.Errorf("%v", err)
	}
	k, _ := h.Store.FindKey(t.Context(), "a")
	if strings.Contains(k.Sealed, made[0].Secret[20:]) || !strings.HasPrefix(k.Sealed, "v1."+h.Vault.KeyID()) {
		t.Errorf("sealed as %q", k.Sealed)
	}
	next, err := h.Rotate(t.Context(), "a", time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := h.Reveal(t.Context(), "a"); err != nil || got.Secret != next.Secret {
		t.Errorf("after a rotation: %v", err)
	}
	// A sealed secret opens for its own key only.
	if _, err := h.Store.UpdateKey(t.Context(), "b", func(b *store.Key) error { b.Sealed = k.Sealed; return nil }); err != nil {
		t.Fatal(err)
	}
	if _, err := h.Reveal(t.Context(), "b"); !errors.Is(err, vault.ErrDamaged) {
		t.Errorf("another key's: %v", err)
	}
	h.Vault = nil
	if _, err := h.Reveal(t.Context(), "a"); !errors.Is(err, ErrNotRevealable) {
		t.Errorf("switched off: %v", err)
	}
	h.create(store.Key{Name: "c"})
	if k, _ := h.Store.FindKey(t.Context(), "c"); k.Sealed != "" {
		t.Error("a secret was kept although it must not be")
	}
	h.Vault = newHouse(t, true).Vault
	if _, err := h.Reveal(t.Context(), "c"); !errors.Is(err, ErrNeverSealed) {
		t.Errorf("never sealed: %v", err)
	}
	if _, err := h.Reveal(t.Context(), "a"); !errors.Is(err, vault.ErrOtherKey) {
		t.Errorf("another key file: %v", err)
	}
}

func TestCheck(t *testing.T) {
	for name, k := range map[string]store.Key{
		"no name":      {Name: " "},
		"long name":    {Name: strings.Repeat("x", maxName+1)},
		"long note":    {Name: "n", Description: strings.Repeat("x", maxDescription+1)},
		"tag":          {Name: "n", Tags: []string{"two words"}},
		"many tags":    {Name: "n", Tags: manyTags()},
		"address":      {Name: "n", Addresses: []string{"home"}},
		"limits":       {Name: "n", Limits: `{"rpm":-1}`},
		"policy":       {Name: "n", Policy: `{"cache":"2h"}`},
		"policy, form": {Name: "n", Policy: `x`},
	} {
		if err := Check(&k); err == nil {
			t.Errorf("%s was taken", name)
		}
	}
	k := store.Key{Name: " n ", Tags: []string{"b", "a", "b"}, Addresses: []string{"10.1.1.1/8", "::ffff:1.2.3.4"}, Limits: `{"qpm_limit":5,"tpm":null}`}
	if err := Check(&k); err != nil || k.Name != "n" || !reflect.DeepEqual(k.Tags, []string{"a", "b"}) ||
		!reflect.DeepEqual(k.Addresses, []string{"10.0.0.0/8", "1.2.3.4/32"}) || k.Limits != `{"rpm":5}` {
		t.Errorf("%+v, %v", k, err)
	}
}

func manyTags() (tags []string) {
	for i := range maxTags + 1 {
		tags = append(tags, fmt.Sprintf("t%d", i))
	}
	return tags
}

func TestLimits(t *testing.T) {
	for text, want := range map[string]Limits{
		``:                            {},
		`{}`:                          {},
		`{"rpm":0}`:                   {Rule: limit.Rule{RPM: new(int64(0))}},
		`{"qpm":1,"tpm_limit":2}`:     {Rule: limit.Rule{RPM: new(int64(1)), TPM: new(int64(2))}},
		`{"qpm_limit":1,"rpm":1}`:     {Rule: limit.Rule{RPM: new(int64(1))}},
		`{"rpm":null,"concurrent":3}`: {Rule: limit.Rule{Concurrent: new(int64(3))}},
		`{"models":[{"match":"a*","limits":{"qpm":1}}]}`: {Models: []tenancy.ModelLimits{{Match: "a*", Limits: limit.Rule{RPM: new(int64(1))}}}},
	} {
		got, err := ReadLimits(text)
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %+v, %v", text, got, err)
			continue
		}
		written, err := WriteLimits(got)
		if again, err2 := ReadLimits(written); err != nil || err2 != nil || !reflect.DeepEqual(again, want) {
			t.Errorf("%s is written %s, read %+v, %v, %v", text, written, again, err, err2)
		}
	}
	for _, text := range []string{
		`[]`, `{"rpm":1.5}`, `{"rpm":"1"}`, `{"rpm":-1}`, `{"rpm":1,"qpm":2}`, `{"speed":1}`, `{"models":{}}`, `{"models":[{"limits":{}}]}`,
		`{"models":[{"match":"a","limits":{}},{"match":"a","limits":{}}]}`, `{"models":[{"match":"[","limits":{}}]}`, `{"models":[{"match":"a","rpm":1}]}`, `{`,
	} {
		if l, err := ReadLimits(text); err == nil {
			t.Errorf("%s was taken for %+v", text, l)
		}
	}
}

func TestSetBudget(t *testing.T) {
	h := newHouse(t, false)
	h.scope(tenancy.Team, "team_1", "")
	r := budget.Rule{Unit: budget.Dollars, Limit: 5, Period: budget.Monthly}
	first := h.budget(tenancy.Team, "team_1", r)
	r.Limit, r.Rollover, r.Zone = 9, true, "Europe/Paris"
	again := h.budget(tenancy.Team, "team_1", r)
	got, err := ReadBudget(again)
	if r.ID = first.ID; again.ID != first.ID || err != nil || got != r {
		t.Errorf("%+v, %v: want the same budget with other values", got, err)
	}
	r.Soft = true
	if soft := h.budget(tenancy.Team, "team_1", r); soft.ID == first.ID {
		t.Error("a soft budget took the place of a hard one")
	}
	r.Soft = false
	for i := range MaxBudgets - 2 {
		h.budget(tenancy.Team, "team_1", budget.Rule{Unit: budget.Tokens, Period: budget.Rolling, Window: time.Duration(i+1) * time.Hour})
	}
	_, _, err = SetBudget(t.Context(), h.Store, tenancy.Team, "team_1", budget.Rule{Unit: budget.Tokens, Period: budget.Daily}, noon)
	if err == nil {
		t.Error("a budget more than there may be")
	}
	if _, _, err = SetBudget(t.Context(), h.Store, tenancy.Team, "team_1", budget.Rule{Unit: "euro"}, noon); err == nil {
		t.Error("a rule that means nothing")
	}
	if h.budget(tenancy.Team, "team_1", r).ID != first.ID {
		t.Error("one that is there cannot be changed when there are many")
	}
}

func TestBatch(t *testing.T) {
	h := newHouse(t, false)
	made := h.create(make100()...)
	seen := map[string]bool{}
	for _, m := range made {
		seen[m.Secret] = true
	}
	if len(seen) != MaxBatch {
		t.Errorf("%d different secrets", len(seen))
	}
	if _, err := h.Create(t.Context(), append(make100(), store.Key{Name: "x"})...); err == nil {
		t.Error("more than there may be at once")
	}
	if _, err := h.Create(t.Context(), store.Key{Name: "fine"}, store.Key{Name: ""}); err == nil {
		t.Error("a key without a name")
	}
	if list, _ := h.Store.ListKeys(t.Context()); len(list) != MaxBatch {
		t.Errorf("%d keys: half of a batch was made", len(list))
	}
}

func make100() (list []store.Key) {
	for i := range MaxBatch {
		list = append(list, store.Key{Name: fmt.Sprintf("n%d", i)})
	}
	return list
}

// BenchmarkLoad takes 100,000 keys, each with limits of its own, of a thousand teams.
func BenchmarkLoad(b *testing.B) {
	const n = 100_000
	h := newHouse(b, false)
	for i := range 1000 {
		h.scope(tenancy.Team, fmt.Sprintf("team_%d", i), `{"rpm":100}`)
	}
	for at := 0; at < n; at += 1000 {
		batch := make([]store.Key, 1000)
		for i := range batch {
			id := fmt.Sprintf("key_%026d", at+i)
			batch[i] = store.Key{
				ID: id, Name: "key " + id, Hash: keyring.Hash(id), CreatedAt: noon, TeamID: fmt.Sprintf("team_%d", i), Tags: []string{"web"},
				Policy: `{"cache":"auto"}`, Limits: `{"rpm":60,"tpm":100000}`,
			}
		}
		if err := h.Store.CreateKeys(b.Context(), batch); err != nil {
			b.Fatal(err)
		}
	}
	r := keyring.New(time.Now)
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	b.ReportAllocs()
	for b.Loop() {
		entries, err := Load(b.Context(), h.Store)
		if err != nil || len(entries) != n {
			b.Fatal(len(entries), err)
		}
		r.Set(entries)
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/n, "B/key")
	runtime.KeepAlive(r)
}
