// Package roster says who may use the gateway and whom they belong to: it makes,
// rotates and moves keys, and reads from the store what a gateway must know of
// them.
package roster

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net/netip"
	"time"

	"turnpike/internal/budget"
	"turnpike/internal/keyring"
	"turnpike/internal/peer"
	"turnpike/internal/policy"
	"turnpike/internal/store"
	"turnpike/internal/tenancy"
)

// Load reads the valid keys. fixed are keys of the configuration, which belong to
// the organisation alone and win over stored ones.
func Load(ctx context.Context, s *store.Store, fixed ...keyring.Entry) ([]keyring.Entry, error) {
	roll, err := s.Roll(ctx)
	if err != nil {
		return nil, err
	}
	l := newLoader(&roll)
	out := make([]keyring.Entry, 0, len(roll.Passes)+len(fixed))
	for i := range roll.Passes {
		out = l.add(out, &roll.Passes[i])
	}
	for _, f := range fixed {
		up := l.above("", "", "")
		f.Chain, f.Barred = up.chain, up.barred
		out = append(out, f)
	}
	return out, nil
}

type scopeKey struct{ kind, id string }

// loader makes principals. What many keys have alike is made once and shared.
type loader struct {
	budgets map[scopeKey][]budget.Rule
	scopes  map[scopeKey]*tenancy.Scope // those that have limits or budgets
	known   map[scopeKey]bool
	barred  map[scopeKey]string // why keys of a scope are refused

	rules     map[string]decoded[budget.Rule]
	policies  map[string]decoded[policy.Policy]
	limits    map[string]decoded[Limits]
	tags      map[string]decoded[[]string]
	addresses map[string]decoded[[]netip.Prefix]
	overs     map[[3]string]over
}

// decoded is what a stored text means.
type decoded[T any] struct {
	value T
	err   error
}

// once decodes a text the first time it is met.
func once[T any](seen map[string]decoded[T], text string, decode func(string) (T, error)) (T, error) {
	if text == "" {
		var none T
		return none, nil
	}
	d, ok := seen[text]
	if !ok {
		d.value, d.err = decode(text)
		seen[text] = d
	}
	return d.value, d.err
}

func newLoader(roll *store.Roll) *loader {
	l := &loader{
		budgets: map[scopeKey][]budget.Rule{}, scopes: map[scopeKey]*tenancy.Scope{}, known: map[scopeKey]bool{}, barred: map[scopeKey]string{},
		rules: map[string]decoded[budget.Rule]{}, policies: map[string]decoded[policy.Policy]{}, limits: map[string]decoded[Limits]{}, tags: map[string]decoded[[]string]{},
		addresses: map[string]decoded[[]netip.Prefix]{}, overs: map[[3]string]over{},
	}
	for i := range roll.Budgets {
		b := &roll.Budgets[i]
		at := scopeKey{b.ScopeKind, b.ScopeID}
		rule, err := once(l.rules, b.Rule, readRule)
		rule.ID = b.ID
		if err != nil {
			l.barred[at] = "a budget of its " + b.ScopeKind + " cannot be read"
		}
		l.budgets[at] = append(l.budgets[at], rule)
	}
	for i := range roll.Scopes {
		l.scope(&roll.Scopes[i])
	}
	return l
}

func (l *loader) scope(c *store.Scope) {
	at := scopeKey{c.Kind, c.ID}
	l.known[at] = true
	limits, err := once(l.limits, c.Limits, ReadLimits)
	switch {
	case err != nil:
		l.barred[at] = "the limits of its " + c.Kind + " cannot be read"
	case !c.DisabledAt.IsZero():
		l.barred[at] = fmt.Sprintf("its %s %q is disabled", c.Kind, c.Name)
	}
	if s := l.held(at, c.Name, limits); s != nil {
		l.scopes[at] = s
	}
}

// held is the scope where it has something a request could be held to, else nil:
// what is not in a chain costs a request nothing.
func (l *loader) held(at scopeKey, name string, limits Limits) *tenancy.Scope {
	budgets := l.budgets[at]
	if limits.Unlimited() && len(limits.Models) == 0 && len(budgets) == 0 {
		return nil
	}
	return &tenancy.Scope{Kind: at.kind, ID: at.id, Name: name, Limits: limits.Rule, Models: limits.Models, Budgets: budgets}
}

// add makes the entries of a key: one for each secret it has. A key that cannot be
// read is refused, and no other.
func (l *loader) add(out []keyring.Entry, p *store.Pass) []keyring.Entry {
	who := keyring.Principal{KeyID: p.ID, Name: p.Name, Expires: p.ExpiresAt, LogPayloads: p.LogPayloads}
	limits, err := l.details(&who, p)
	switch {
	case err != nil:
		who.Barred = "its settings cannot be read"
	case p.Disabled:
		who.Barred = "it is disabled"
	}
	self := scopeKey{tenancy.Key, p.ID}
	up := l.above(p.UserID, p.TeamID, p.Tags)
	who.Chain = up.chain
	if who.Barred == "" {
		who.Barred = cmp.Or(l.barred[self], up.barred)
	}
	if own := l.held(self, p.Name, limits); own != nil {
		who.Chain = append(tenancy.Chain{own}, who.Chain...)
	}
	out = append(out, keyring.Entry{Hash: p.Hash, Principal: who})
	if !p.OldUntil.IsZero() {
		who.Expires = earlier(p.ExpiresAt, p.OldUntil)
		out = append(out, keyring.Entry{Hash: p.OldHash, Principal: who})
	}
	return out
}

func (l *loader) details(who *keyring.Principal, p *store.Pass) (limits Limits, err error) {
	if who.Policy, err = once(l.policies, p.Policy, ReadPolicy); err != nil {
		return limits, err
	}
	if who.Addresses, err = once(l.addresses, p.Addresses, readNetworks); err != nil {
		return limits, err
	}
	tags, err := once(l.tags, p.Tags, readWords)
	if err != nil {
		return limits, err
	}
	who.Labels = tenancy.Labels{Team: p.TeamID, User: p.UserID, Tags: tags}
	return once(l.limits, p.Limits, ReadLimits)
}

// over is what stands above a key.
type over struct {
	chain  tenancy.Chain
	barred string
}

// above is the user, the tags, the team and the organisation of a key.
func (l *loader) above(user, team, tags string) over {
	k := [3]string{user, team, tags}
	if up, ok := l.overs[k]; ok {
		return up
	}
	words, _ := once(l.tags, tags, readWords) // a key whose tags cannot be read is refused
	var up over
	see := func(kind, id string) {
		at := scopeKey{kind, id}
		if s := l.scopes[at]; s != nil {
			up.chain = append(up.chain, s)
		}
		up.barred = cmp.Or(up.barred, l.barred[at])
		if kind != tenancy.Tag && !l.known[at] {
			up.barred = cmp.Or(up.barred, "its "+kind+" does not exist any more")
		}
	}
	if user != "" {
		see(tenancy.User, user)
	}
	for _, w := range words {
		see(tenancy.Tag, w)
	}
	if team != "" {
		see(tenancy.Team, team)
	}
	see(tenancy.Organisation, tenancy.OrganisationID)
	l.overs[k] = up
	return up
}

// earlier is the earlier of two ends, of which the first may be never.
func earlier(end, other time.Time) time.Time {
	if !end.IsZero() && end.Before(other) {
		return end
	}
	return other
}

// ReadPolicy reads what a key says of its requests; empty is nothing.
func ReadPolicy(text string) (p policy.Policy, err error) {
	if text == "" {
		return p, nil
	}
	err = json.Unmarshal([]byte(text), &p)
	return p, err
}

func readWords(text string) (words []string, err error) {
	err = json.Unmarshal([]byte(text), &words)
	return words, err
}

func readNetworks(text string) ([]netip.Prefix, error) {
	words, err := readWords(text)
	if err != nil {
		return nil, err
	}
	return peer.Networks(words)
}

func readRule(text string) (r budget.Rule, err error) {
	if err = json.Unmarshal([]byte(text), &r); err == nil {
		err = r.Check()
	}
	return r, err
}

// ReadBudget is the rule of a stored budget.
func ReadBudget(b store.Budget) (budget.Rule, error) {
	r, err := readRule(b.Rule)
	r.ID = b.ID
	if err != nil {
		return r, fmt.Errorf("budget %s: %w", b.ID, err)
	}
	return r, nil
}

// WriteBudget is how the store keeps a rule: its id is the row's.
func WriteBudget(r budget.Rule) (string, error) {
	if err := r.Check(); err != nil {
		return "", err
	}
	r.ID = ""
	text, err := json.Marshal(r)
	return string(text), err
}
