package route

import (
	"slices"
	"strings"

	"turnpike/internal/policy"
	"turnpike/internal/provider"
)

// Listing is one line of the list of models.
type Listing struct {
	ID string
	provider.Model
	Provider string // who serves it; for an alias who serves what it stands for first
	Alias    bool
	Target   string // an alias: the model it stands for first, as the account names it
	served   []served
}

// served is a place behind a line.
type served struct {
	provider string
	names    *[3]string
}

// lists is the list of a version of the table.
type lists struct {
	version uint64
	all     []Listing
}

func (t *set) List(key *policy.Routing) []Listing {
	version := t.version()
	l := t.lists.Load()
	if l == nil || l.version != version {
		l = &lists{version, t.list()}
		t.lists.Store(l)
	}
	if key == nil || len(key.Models) == 0 && len(key.Providers) == 0 && len(key.Aliases) == 0 {
		return l.all
	}
	out := make([]Listing, 0, len(l.all))
	for _, m := range l.all {
		if t.shows(key, &m) {
			out = append(out, m)
		}
	}
	for _, m := range aliases(key.Aliases) {
		i, found := slices.BinarySearchFunc(out, m, byID)
		switch {
		case !t.shows(key, &m):
		case found:
			out[i] = m // the key's own name wins
		default:
			out = slices.Insert(out, i, m)
		}
	}
	return out
}

// shows tells whether a key may use what a line of the list names: a request for
// it would find a place. The line then tells of the first such place.
func (t *set) shows(key *policy.Routing, m *Listing) bool {
	if !m.Alias {
		i := slices.IndexFunc(m.served, func(s served) bool { return forbids(key, s.provider, m.ID, s.names) == "" })
		if i >= 0 {
			m.Provider = m.served[i].provider
		}
		return i >= 0
	}
	for _, step := range t.makePlan(m.ID, key).steps {
		i := slices.IndexFunc(step.spots, func(s *spot) bool { return forbids(key, s.name(), m.ID, &s.names) == "" })
		if i >= 0 {
			m.standFor(step.spots[i])
			return true
		}
	}
	return false
}

// standFor takes over what is known of a place, but for its name.
func (m *Listing) standFor(s *spot) {
	known := s.account.Listed()[s.model]
	m.Provider, m.Target, m.Context, m.Output = s.name(), s.model, known.Context, known.Output
}

// list gathers the lines. Each model stands there by its own id, by that of its
// provider and it, and Claude on Bedrock by its short name as well: clients look
// for models whose names begin with claude.
func (t *set) list() []Listing {
	seen := map[string]*Listing{}
	for _, m := range aliases(t.opt.Aliases) {
		t.shows(nil, &m)
		seen[m.ID] = &m
	}
	add := func(id, owner string, m provider.Model, names *[3]string) {
		l := seen[id]
		if l == nil {
			l = &Listing{ID: id, Model: m, Provider: owner}
			seen[id] = l
		}
		l.served = append(l.served, served{owner, names})
	}
	for _, a := range t.accounts {
		if a.Out() != "" {
			continue
		}
		owner, off := a.Provider.Name(), a.SwitchedModels()
		for _, m := range a.offered() {
			if off[m.ID] != "" {
				continue
			}
			names := namesOf(owner, m.ID)
			add(m.ID, owner, m, &names)
			add(names[1], owner, m, &names)
			if short := shortClaude(m.ID); short != "" {
				add(short, owner, m, &names)
			}
		}
	}
	all := make([]Listing, 0, len(seen))
	for _, m := range seen {
		all = append(all, *m)
	}
	slices.SortFunc(all, byID)
	return all
}

func byID(a, b Listing) int { return strings.Compare(a.ID, b.ID) }

func aliases(as policy.Aliases) (out []Listing) {
	for _, a := range as {
		if !strings.ContainsAny(a.Match, `*?[\`) {
			out = append(out, Listing{ID: a.Match, Model: provider.Model{ID: a.Match}, Alias: true})
		}
	}
	slices.SortFunc(out, byID)
	return out
}

// Offered are the names of the models an account has, sorted; none where it does not say.
func (a *Account) Offered() (ids []string) {
	for _, m := range a.offered() {
		ids = append(ids, m.ID)
	}
	return ids
}

// offered are the models an account has: those it listed, within its globs, and
// those the configuration names.
func (a *Account) offered() (out []provider.Model) {
	for _, m := range a.Listed() {
		if len(a.Models) == 0 || a.Serves(m.ID) {
			out = append(out, m)
		}
	}
	for _, id := range a.Models {
		if _, ok := a.Listed()[id]; !ok && !strings.ContainsAny(id, `*?[\`) {
			out = append(out, provider.Model{ID: id})
		}
	}
	slices.SortFunc(out, func(x, y provider.Model) int { return strings.Compare(x.ID, y.ID) })
	return out
}

// shortClaude is Anthropic's name for a Claude model on Bedrock, empty for others.
func shortClaude(id string) string {
	n := parseName(id)
	if !n.long || !strings.HasPrefix(n.stem, "claude") {
		return ""
	}
	if n.date == "" {
		return n.stem
	}
	return n.stem + "-" + n.date
}
