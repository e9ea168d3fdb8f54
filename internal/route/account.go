package route

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"turnpike/internal/health"
	"turnpike/internal/policy"
	"turnpike/internal/provider"
	"turnpike/internal/throttle"
)

// Account is a provider with what the configuration says about its use.
type Account struct {
	Provider provider.Provider
	Models   []string // globs of the models it serves; none: any
	Weight   int
	Off      string // why it is not used; empty when it is
	Policy   policy.Policy
	Limits   []Limit // what may be sent to it; the first that matches a model holds

	switched atomic.Pointer[string]            // why an operator has switched it off; nil or empty: nobody has
	models   atomic.Pointer[map[string]string] // models that an operator has switched off, and why; nil: none

	listed  atomic.Pointer[listing]
	changed atomic.Uint64 // counts the lists it has had

	kept atomic.Pointer[memory]
}

// memory is what is known of how an account's places are. It is shared with the account
// that takes its place when only its settings change.
type memory struct {
	breaker health.Breaker
	mu      sync.Mutex
	places  map[string]*health.Place
}

func (a *Account) memory() *memory {
	if m := a.kept.Load(); m != nil {
		return m
	}
	a.kept.CompareAndSwap(nil, &memory{})
	return a.kept.Load()
}

// Succeed takes over what is known of an account in whose place this one is: how its places
// are, what it listed, and that it is switched off.
func (a *Account) Succeed(old *Account) {
	a.kept.Store(old.memory())
	a.switched.Store(old.switched.Load())
	a.models.Store(old.models.Load())
	if l := old.listed.Load(); l != nil {
		a.SetListed(slices.Collect(maps.Values(l.models)))
	}
}

// Out says why the account is not used, empty when it is.
func (a *Account) Out() string {
	if why := a.switched.Load(); a.Off == "" && why != nil {
		return *why
	}
	return a.Off
}

// Switch takes the account out of use for a reason while the gateway runs, or back where
// that is empty. Requests under way there are not cut off.
func (a *Account) Switch(reason string) {
	if a.Switched() == reason {
		return
	}
	a.switched.Store(&reason)
	a.changed.Add(1) // plans are made anew
}

// Switched is the reason of Switch, empty where nobody has switched it off.
func (a *Account) Switched() string {
	if why := a.switched.Load(); why != nil {
		return *why
	}
	return ""
}

// SwitchModels takes models of the account, as it calls them, out of use for reasons, and all
// others back. Requests under way there are not cut off.
func (a *Account) SwitchModels(off map[string]string) {
	if maps.Equal(off, a.SwitchedModels()) {
		return
	}
	a.models.Store(&off)
	a.changed.Add(1)
}

// SwitchedModels are the models that are switched off, with the reasons. It is not to be changed.
func (a *Account) SwitchedModels() map[string]string {
	if off := a.models.Load(); off != nil {
		return *off
	}
	return nil
}

// Limit is a gate for the models that match.
type Limit struct {
	Match string
	Gate  *throttle.Gate
}

// gate is what a model passes on its way to the account; nil is open.
func (a *Account) gate(model string) *throttle.Gate {
	for i := range a.Limits {
		if policy.Match(a.Limits[i].Match, model) {
			return a.Limits[i].Gate
		}
	}
	return nil
}

// Waiting is the number of requests that wait for room within the account's limits.
func (a *Account) Waiting() (n int) {
	for i := range a.Limits {
		n += a.Limits[i].Gate.Waiting()
	}
	return n
}

// listing is what an account said it offers, and the same by what spellings of
// one model have in common.
type listing struct {
	models map[string]provider.Model
	stems  map[string][]spelling
}

type spelling struct {
	id string
	name
}

// SetListed stores what the account says it offers.
func (a *Account) SetListed(models []provider.Model) {
	l := &listing{models: make(map[string]provider.Model, len(models)), stems: map[string][]spelling{}}
	for _, m := range models {
		l.models[m.ID] = m
	}
	for id := range l.models {
		if n := parseName(id); n.stem != "" && (len(a.Models) == 0 || a.Serves(id)) {
			l.stems[n.stem] = append(l.stems[n.stem], spelling{id, n})
		}
	}
	a.listed.Store(l)
	a.changed.Add(1)
}

// Listed is what the account said it offers, nil if it was not asked.
func (a *Account) Listed() map[string]provider.Model {
	if l := a.listed.Load(); l != nil {
		return l.models
	}
	return nil
}

// Serves tells whether the configuration lists a model for the account. In its
// globs a star stands for slashes too: models are not files.
func (a *Account) Serves(model string) bool { return policy.MatchAny(a.Models, model) }

// Breaker keeps requests away from the whole account: when its credentials were
// changed, it is Reset.
func (a *Account) Breaker() *health.Breaker { return &a.memory().breaker }

// TryNow ends the cool-downs of the account and of its models, and tells how many there were.
func (a *Account) TryNow(now time.Time) (ended int) {
	m := a.memory()
	if m.breaker.TryNow(now) {
		ended++
	}
	for _, p := range m.all() {
		if p.TryNow(now) {
			ended++
		}
	}
	return ended
}

// maxPlaces bounds the models of an account that are told apart: names come from
// clients.
const maxPlaces = 1024

// Place is where the data of a model at the account is kept.
func (a *Account) Place(model string) *health.Place { return a.memory().place(model) }

func (m *memory) place(model string) *health.Place {
	m.mu.Lock()
	defer m.mu.Unlock()
	if p := m.places[model]; p != nil {
		return p
	}
	if len(m.places) >= maxPlaces {
		model = ""
		if p := m.places[model]; p != nil {
			return p
		}
	}
	if m.places == nil {
		m.places = map[string]*health.Place{}
	}
	p := health.NewPlace(&m.breaker)
	m.places[model] = p
	return p
}

// all are the places by model.
func (m *memory) all() map[string]*health.Place {
	m.mu.Lock()
	defer m.mu.Unlock()
	return maps.Clone(m.places)
}

// ids are the account's spellings of a model, best first; none where neither the
// configuration nor the account's own list knows it.
func (a *Account) ids(asked string, n name, crossGeo bool) (ids []string, why string) {
	why = "offers the model"
	if len(a.Models) > 0 {
		why = "lists the model"
	}
	l := a.listed.Load()
	if a.exactly(l, asked) {
		ids = append(ids, asked)
		if vendor(asked) != "bedrock" {
			return ids, why
		}
	}
	for _, s := range spellings(a.candidates(l, n.stem), n, crossGeo) {
		if !slices.Contains(ids, s.id) {
			ids = append(ids, s.id)
		}
	}
	switch {
	case len(ids) > 0 && n.date == "" && vendor(asked) == a.Provider.Kind() && strings.HasPrefix(ids[0], strings.TrimSuffix(asked, "-latest")):
		return []string{asked}, why // the vendor's own name for it, without the date
	case len(ids) == 0 && a.Serves(asked):
		return []string{asked}, why
	}
	return ids, why
}

// exactly tells whether the very name is known.
func (a *Account) exactly(l *listing, asked string) bool {
	if slices.Contains(a.Models, asked) {
		return true
	}
	if l == nil || len(a.Models) > 0 && !a.Serves(asked) {
		return false
	}
	_, ok := l.models[asked]
	return ok
}

// candidates are all spellings an account has for a stem.
func (a *Account) candidates(l *listing, stem string) (out []spelling) {
	if stem == "" {
		return nil
	}
	if l != nil {
		out = slices.Clone(l.stems[stem])
	}
	for _, m := range a.Models {
		if n := parseName(m); n.stem == stem && !strings.ContainsAny(m, `*?[\`) {
			out = append(out, spelling{m, n})
		}
	}
	return out
}

// spellings chooses among the ids of one model at one account: of the date that
// was asked for, else the newest; of the geography that was named; profiles
// before the plain id, which newer models on Bedrock do not take.
func spellings(all []spelling, asked name, crossGeo bool) []spelling {
	if asked.geo != "" && asked.geo != geoGlobal && !crossGeo {
		all = slices.DeleteFunc(all, func(s spelling) bool { return s.geo != asked.geo })
	}
	date := asked.date
	if !slices.ContainsFunc(all, func(s spelling) bool { return s.date == date }) || date == "" {
		newest := ""
		for _, s := range all {
			newest = max(newest, s.date)
		}
		if date != "" && newest != "" {
			return nil // other dates only: another model
		}
		date = newest
	}
	profile := slices.ContainsFunc(all, func(s spelling) bool { return s.date == date && s.geo != "" })
	all = slices.DeleteFunc(all, func(s spelling) bool { return s.date != date || profile && s.geo == "" })
	slices.SortFunc(all, func(x, y spelling) int {
		return cmp.Or(cmp.Compare(geoRank(x.geo, asked.geo), geoRank(y.geo, asked.geo)), strings.Compare(y.id, x.id))
	})
	return all
}

// geoRank puts the geography that was asked for first, then regional ones, then
// the global one.
func geoRank(geo, asked string) int {
	switch geo {
	case asked:
		return 0
	case geoGlobal:
		return 2
	}
	return 1
}
