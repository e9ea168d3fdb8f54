package live

import (
	"encoding/json"
	"maps"
	"slices"
	"time"

	"turnpike/internal/config"
)

// View is one thing as it is shown: what is in force, and what was set and does not fit.
type View struct {
	Name string
	// Declared: the configuration has it. Edited: something is set over it.
	Declared, Edited bool
	// Members are its settings in the words of the file, without secrets, of which Secrets
	// has the names.
	Members map[string]any
	Secrets []string
	// Problem is why it is left out.
	Problem string
	// ChangedAt is when it was set; zero: the configuration has it as it is.
	ChangedAt time.Time
}

// Read fills a struct with JSON tags from the settings.
func (v *View) Read(to any) error {
	text, err := json.Marshal(v.Members)
	if err != nil {
		return err
	}
	return json.Unmarshal(text, to)
}

// listed are the parts of a configuration of one kind, with their names; declared is how many
// of them the file has.
func listed(s *State, kind string) (list []part, declared int) {
	c, d := s.Config, s.Declared
	switch kind {
	case config.LiveProvider:
		return partsOf(c.Providers, func(p *config.Provider) string { return p.Name }), len(d.Providers)
	case config.LiveAlias:
		for i := range c.Aliases {
			list = append(list, part{c.Aliases[i].Match, c.Aliases[i]})
		}
		return list, len(d.Aliases)
	case config.LiveChannel:
		return partsOf(c.Alerts.Channels, func(p *config.AlertChannel) string { return p.Name }), len(d.Alerts.Channels)
	case config.LiveRule:
		return partsOf(c.Alerts.Rules, func(p *config.AlertRule) string { return p.Name }), len(d.Alerts.Rules)
	case config.LiveModel:
		return partsOf(c.ModelRules, func(p *config.ModelRule) string { return p.Name }), len(d.ModelRules)
	}
	return nil, 0
}

type part struct {
	name  string
	value any
}

func partsOf[T any](list []T, name func(*T) string) []part {
	out := make([]part, len(list))
	for i := range list {
		out[i] = part{name(&list[i]), list[i]}
	}
	return out
}

// entry is what was set under a name; nil where nothing was.
func (s *State) entry(kind, name string) *Entry {
	i := slices.IndexFunc(s.Entries, func(e Entry) bool { return e.Kind == kind && e.Name == name })
	if i < 0 {
		return nil
	}
	return &s.Entries[i]
}

// Views are all things of a kind: what the configuration has, what was set, and what of that
// is left out.
func (s *State) Views(kind string) ([]View, error) {
	var out []View
	list, declared := listed(s, kind)
	for i, p := range list {
		v := View{Name: p.name, Declared: i < declared}
		var err error
		if v.Members, v.Secrets, err = config.MembersOf(p.value); err != nil {
			return nil, err
		}
		e := s.entry(kind, p.name)
		if v.Declared {
			e = nil
			if kind == config.LiveProvider {
				e = s.entry(config.LiveOverride, p.name)
			}
			v.Edited = e != nil
		}
		if e != nil {
			v.ChangedAt = e.ChangedAt
		}
		out = append(out, v)
	}
	for _, m := range s.Misfits {
		e := s.entry(m.Kind, m.Name)
		if m.Kind != kind || e == nil || slices.ContainsFunc(out, func(v View) bool { return v.Name == m.Name && !v.Declared }) {
			continue
		}
		out = append(out, View{
			Name: m.Name, Members: maps.Clone(e.Members), Secrets: slices.Sorted(maps.Keys(e.Secrets)), Problem: m.Member + " " + m.Detail, ChangedAt: e.ChangedAt,
		})
	}
	return out, nil
}

// View is one of them; ok is false where there is none.
func (s *State) View(kind, name string) (v View, ok bool, err error) {
	list, err := s.Views(kind)
	i := slices.IndexFunc(list, func(v View) bool { return v.Name == name })
	if err != nil || i < 0 {
		return v, false, err
	}
	return list[i], true, nil
}
