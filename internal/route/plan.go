package route

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync/atomic"

	"turnpike/internal/health"
	"turnpike/internal/llm"
	"turnpike/internal/policy"
	"turnpike/internal/throttle"
)

// plan is what the names alone tell of a request: where a model may be served,
// whoever is well now. Plans are kept until a list changes.
type plan struct {
	steps    []step
	out      []Excluded // accounts that serve it and are not in use
	alias    string     // the alias that matched, empty for none
	strategy string     // the alias's own
	turn     *atomic.Uint64
	err      *llm.Error // nothing serves it
}

// step is one model of an alias's chain, else the one asked for. Its spots
// compete; the next step is for when none of them can.
type step struct {
	model string
	spots []*spot
}

// spot is a model at an account.
type spot struct {
	account *Account
	model   string // as the upstream wants it
	why     string
	step    int
	names   [3]string // what lists of a key's models may call it, beside what was asked for
	place   *health.Place
	gate    *throttle.Gate
}

func (s *spot) name() string { return s.account.Provider.Name() }

// planKey is what a plan depends on.
type planKey struct {
	key   *policy.Routing // nil unless the key has names of its own
	model string
}

// plans is a snapshot of the plans made so far, replaced as a whole.
type plans struct {
	version uint64
	by      map[planKey]*plan
}

// maxPlans bounds what is remembered: names come from clients.
const maxPlans = 512

func (t *set) plan(model string, key *policy.Routing) *plan {
	if key != nil && len(key.Aliases) == 0 && key.Provider == "" {
		key = nil
	}
	k := planKey{key, model}
	version := t.version()
	old := t.plans.Load()
	if p := old.by[k]; p != nil && old.version == version {
		return p
	}
	p := t.makePlan(model, key)
	if p.err == nil && len(model) <= maxName {
		t.remember(k, p, version)
	}
	return p
}

// version changes when an account's list does, and is another set's never.
func (t *set) version() (v uint64) {
	v = t.since
	for _, a := range t.accounts {
		v += a.changed.Load()
	}
	return v
}

// remember keeps a plan. Whose turn it is survives a change of lists.
func (t *set) remember(k planKey, p *plan, version uint64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	old := t.plans.Load()
	next := &plans{version: version, by: map[planKey]*plan{}}
	if before := old.by[k]; before != nil {
		p.turn = before.turn
	}
	if old.version == version && len(old.by) < maxPlans {
		maps.Copy(next.by, old.by)
	}
	next.by[k] = p
	t.plans.Store(next)
}

func (t *set) makePlan(model string, key *policy.Routing) *plan {
	p := &plan{turn: new(atomic.Uint64)}
	chain := []string{model}
	if alias := t.alias(model, key); alias != nil {
		p.alias, p.strategy, chain = alias.Match, alias.Strategy, alias.To
	}
	var first *llm.Error
	for _, m := range chain {
		if err := t.addSteps(p, m, key); err != nil && first == nil {
			first = err
		}
	}
	p.once()
	if len(p.steps) == 0 {
		p.err = first
		if p.alias != "" && first != nil {
			e := *first
			e.Message = fmt.Sprintf("model %q stands for %s: %s", model, strings.Join(chain, ", "), first.Message)
			p.err = &e
		}
	}
	return p
}

// once leaves each place in the first step that has it.
func (p *plan) once() {
	type place struct {
		account *Account
		model   string
	}
	seen := map[place]bool{}
	for i := range p.steps {
		p.steps[i].spots = slices.DeleteFunc(p.steps[i].spots, func(s *spot) bool {
			k := place{s.account, s.model}
			was := seen[k]
			seen[k] = true
			return was
		})
	}
}

// alias finds what a name stands for: not where it begins with a provider's
// name, and the key's own before the gateway's.
func (t *set) alias(model string, key *policy.Routing) *policy.Alias {
	if name, rest, ok := strings.Cut(model, "/"); ok && rest != "" && t.named(name) != nil {
		return nil
	}
	if key != nil {
		if a := key.Aliases.Find(model); a != nil {
			return a
		}
	}
	return t.opt.Aliases.Find(model)
}

// addSteps finds who serves one model. The order of the rules: the provider's
// name before a slash; the key's default provider; the accounts known to serve
// it, by the configuration or their own list; those of the vendor its name
// tells; the default provider; the only one there is.
func (t *set) addSteps(p *plan, model string, key *policy.Routing) *llm.Error {
	if name, rest, ok := strings.Cut(model, "/"); ok && rest != "" {
		if a := t.named(name); a != nil {
			return t.addAsked(p, a, rest)
		}
	}
	n := parseName(model)
	if key != nil && key.Provider != "" {
		if a := t.named(key.Provider); a != nil {
			t.addFirst(p, a, model, n)
		}
	}
	off := map[*Account]bool{} // those whose model is switched off are not asked for it under another rule
	for _, rule := range [...]func(*Account) ([]string, string){
		func(a *Account) ([]string, string) { return a.ids(model, n, t.opt.CrossGeo) },
		func(a *Account) ([]string, string) {
			return only(model, "is of the model's vendor", len(a.Models) == 0 && vendor(model) == a.Provider.Kind())
		},
		func(a *Account) ([]string, string) {
			return only(model, "is the default provider", a.Provider.Name() == t.defaultProvider && len(a.Models) == 0)
		},
		func(a *Account) ([]string, string) { return only(model, "is the only provider", a == t.only()) },
	} {
		if t.addAll(p, model, rule, off) {
			return nil
		}
	}
	if len(p.steps) > 0 && p.steps[len(p.steps)-1].model == model {
		return nil // by the key's default provider
	}
	return unserved(p, model)
}

func unserved(p *plan, model string) *llm.Error {
	var out strings.Builder
	for _, x := range p.out {
		fmt.Fprintf(&out, " (%s would: %s)", x.Provider, x.Reason)
	}
	return &llm.Error{
		Kind: llm.ErrNotFound, Code: "model_not_found", Param: "model", NoRetry: true,
		Message: fmt.Sprintf("model %q: no provider serves it%s. Ask for provider/model, or set defaults.provider; GET /v1/models lists what there is", model, out.String()),
	}
}

func only(model, why string, ok bool) ([]string, string) {
	if !ok {
		return nil, ""
	}
	return []string{model}, why
}

// addAll makes a step of all accounts a rule fits; those not in use are noted.
func (t *set) addAll(p *plan, model string, rule func(*Account) ([]string, string), off map[*Account]bool) bool {
	s := step{model: model}
	for _, a := range t.accounts {
		ids, why := rule(a)
		if len(ids) == 0 {
			t.noteGeo(p, a, model)
			continue
		}
		if a.Out() != "" {
			p.exclude(a, ids[0], "not in use: "+a.Out())
			continue
		}
		if off[a] {
			continue
		}
		spots := p.spotsOf(a, ids, why)
		off[a] = len(spots) == 0
		s.spots = append(s.spots, spots...)
	}
	if len(s.spots) == 0 {
		return false
	}
	p.steps = append(p.steps, s)
	return true
}

// noteGeo keeps the reason where only the geography is another one.
func (t *set) noteGeo(p *plan, a *Account, model string) {
	n := parseName(model)
	if n.geo == "" || n.geo == geoGlobal || t.opt.CrossGeo || a.Out() != "" {
		return
	}
	if ids, _ := a.ids(model, n, true); len(ids) > 0 {
		p.exclude(a, ids[0], "another geography than "+strings.TrimSuffix(n.geo, ".")+", which was asked for (routing.cross_geo)")
	}
}

// exclude notes an account once.
func (p *plan) exclude(a *Account, model, reason string) {
	for _, x := range p.out {
		if x.Provider == a.Provider.Name() {
			return
		}
	}
	p.out = append(p.out, Excluded{Provider: a.Provider.Name(), Model: model, Reason: reason})
}

// spotsOf are the models of an account for the next step; those that are switched off are noted.
func (p *plan) spotsOf(a *Account, ids []string, why string) []*spot {
	out, off := make([]*spot, 0, len(ids)), a.SwitchedModels()
	for _, id := range ids {
		if reason := off[id]; reason != "" {
			p.exclude(a, id, "the model is not in use: "+reason)
			continue
		}
		out = append(out, &spot{
			account: a, model: id, why: why, step: len(p.steps), place: a.Place(id), gate: a.gate(id),
			names: namesOf(a.Provider.Name(), id),
		})
	}
	return out
}

// namesOf are the names a model at an account goes by: the upstream's, that with
// the account's before it, and the short one.
func namesOf(account, id string) [3]string {
	return [3]string{id, account + "/" + id, cmp.Or(shortClaude(id), parseName(id).stem)}
}

// addFirst makes the key's default provider a step of its own, unless it is not
// known to serve the model and another vendor is.
func (t *set) addFirst(p *plan, a *Account, model string, n name) {
	const why = "is the key's default provider"
	ids, _ := a.ids(model, n, t.opt.CrossGeo)
	if len(ids) == 0 && len(a.Models) == 0 && a.Listed() == nil {
		if v := vendor(model); v == "" || v == a.Provider.Kind() || !singleVendor[a.Provider.Kind()] {
			ids = []string{model}
		}
	}
	switch {
	case len(ids) == 0:
	case a.Out() != "":
		p.exclude(a, ids[0], "not in use: "+a.Out())
	default:
		if spots := p.spotsOf(a, ids, why); len(spots) > 0 {
			p.steps = append(p.steps, step{model: model, spots: spots})
		}
	}
}

// singleVendor are the kinds of account that serve their own models only.
var singleVendor = map[string]bool{"openai": true, "anthropic": true, "gemini": true, "sandbox": true}

// addAsked is the account as the one place, for who named it.
func (t *set) addAsked(p *plan, a *Account, model string) *llm.Error {
	var why string
	ids, _ := a.ids(model, parseName(model), t.opt.CrossGeo)
	switch {
	case a.Out() != "":
		why = "is not in use: " + a.Out()
	case len(a.Models) > 0 && len(ids) == 0:
		why = "is not set up to serve it (its models)"
	default:
		if len(ids) == 0 {
			ids = []string{model}
		}
		if spots := p.spotsOf(a, ids, "named by the model's prefix"); len(spots) > 0 {
			p.steps = append(p.steps, step{model: model, spots: spots})
			return nil
		}
		why = "does not serve it: the model is not in use: " + a.SwitchedModels()[ids[0]]
	}
	return &llm.Error{
		Kind: llm.ErrNotFound, Code: "model_not_found", Param: "model", NoRetry: true,
		Message: fmt.Sprintf("model %q: provider %s %s", model, a.Provider.Name(), why),
	}
}

func (t *set) named(name string) *Account {
	for _, a := range t.accounts {
		if a.Provider.Name() == name {
			return a
		}
	}
	return nil
}

// only is the single account in use beside the sandbox, which never stands in
// for a real one.
func (t *set) only() *Account {
	var one *Account
	for _, a := range t.accounts {
		if a.Out() != "" || a.Provider.Kind() == "sandbox" || len(a.Models) > 0 {
			continue
		}
		if one != nil {
			return nil
		}
		one = a
	}
	return one
}
