package live

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"

	"turnpike/internal/config"
)

// What an import does with an entry.
const (
	Made      = "made"
	Changed   = "changed"
	Dropped   = "deleted"
	Unchanged = "unchanged"
	Declared  = "declared" // the configuration has it otherwise, which stays
)

// Change is what an import does with one entry.
type Change struct {
	Kind string `json:"kind"`
	Name string `json:"name"`
	What string `json:"what" enum:"made,changed,deleted,unchanged,declared"`
	// Members are the names of what differs.
	Members []string `json:"members,omitempty"`
}

// Import is a file whose settings are to be set while gateways run.
type Import struct {
	Text   []byte
	Phrase *config.Passphrase // opens its secrets; nil: it has none that are encrypted
	Prune  bool               // takes away what was set and the file does not have
	Dry    bool               // tells what would be done, and does nothing
}

// Imported is what came of it.
type Imported struct {
	Changes []Change
	// Skipped are settings of the file that hold from a start alone.
	Skipped []string
	// Unset are secrets that the file leaves to variables: those that are kept stay.
	Unset []string
	// People are the file's teams, keys and budgets, which are not set here.
	People config.People
	// Off are the providers that the file has switched off, and On those that it has not.
	Off, On []string
}

// Unusable is a passphrase that is none.
type Unusable struct{ err error }

func (e *Unusable) Error() string { return e.err.Error() }

// Unfit is what is wrong with a file's teams, keys and budgets.
type Unfit struct{ Err error }

func (e *Unfit) Error() string { return e.Err.Error() }
func (e *Unfit) Unwrap() error { return e.Err }

// NewImport makes one of texts; an empty passphrase is none.
func NewImport(text, passphrase string) (*Import, error) {
	in := &Import{Text: []byte(text)}
	var err error
	if passphrase != "" {
		in.Phrase, err = config.NewPassphrase(passphrase)
	}
	return in, err
}

// Export is what is in force as a file that a gateway takes, with the secrets encrypted to a
// passphrase; an empty one leaves them out. Providers in off are switched off; teams, keys and
// budgets are people.
func (s *State) Export(passphrase string, off map[string]string, people config.People) ([]byte, []string, error) {
	var phrase *config.Passphrase
	if passphrase != "" {
		var err error
		if phrase, err = config.NewPassphrase(passphrase); err != nil {
			return nil, nil, &Unusable{err}
		}
	}
	cfg := *s.Config
	cfg.Providers = slices.Clone(cfg.Providers)
	cfg.Declare(people)
	for i := range cfg.Providers {
		if _, ok := off[cfg.Providers[i].Name]; ok {
			cfg.Providers[i].Enabled = new(false)
		}
	}
	return config.Export(&cfg, phrase)
}

// ErrDocument is of a file that cannot be read.
var ErrDocument = errors.New("the file")

// Import sets what a file says, all or nothing.
func (b *Book) Import(ctx context.Context, in Import) (*Imported, error) {
	doc, err := config.ReadDocument(in.Text, in.Phrase)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrDocument, err)
	}
	out := &Imported{Skipped: doc.Skipped, Unset: doc.Unset, People: doc.People}
	for i := range doc.Entries {
		e := &doc.Entries[i]
		if e.Kind != config.LiveProvider {
			continue
		}
		to := &out.On
		if e.Members["enabled"] == false {
			to = &out.Off
		}
		*to = append(*to, e.Name)
		delete(e.Members, "enabled")
	}
	do := func(e *Edit) error {
		out.Changes = b.transfer(e, doc.Entries, in.Prune)
		return nil
	}
	if in.Dry {
		_, err = b.Preview(do)
	} else {
		err = b.Change(ctx, do)
	}
	return out, err
}

// transfer edits what differs, and tells of all.
func (b *Book) transfer(e *Edit, entries []config.Live, prune bool) (changes []Change) {
	there := map[[2]string]bool{}
	// All at once, to see what each becomes: one may name another.
	trial := &Edit{declared: e.declared, before: e.before, entries: slices.Clone(e.entries), now: e.now}
	for i := range entries {
		l := entries[i]
		there[[2]string{l.Kind, l.Name}] = true
		if !e.declares(l.Kind, l.Name) {
			trial.Set(l.Kind, l.Name, e.whole(&l))
		}
	}
	after := b.lay(e.declared, trial.entries)
	for i := range entries {
		changes = append(changes, e.transferOne(&entries[i], e.before, after))
	}
	if !prune {
		return changes
	}
	for _, old := range e.before.Entries {
		if !there[[2]string{old.Kind, old.Name}] && old.Kind != config.LiveOverride {
			_ = e.Drop(old.Kind, old.Name) // it is there
			changes = append(changes, Change{Kind: old.Kind, Name: old.Name, What: Dropped})
		}
	}
	return changes
}

// whole are the members of an entry of a file, with nothing in the place of those that were
// set and the file does not have. Secrets stay: a file may leave them out.
func (e *Edit) whole(l *config.Live) map[string]any {
	out := maps.Clone(l.Members)
	if old := e.before.entry(l.Kind, l.Name); old != nil {
		for name := range old.Members {
			if _, there := out[name]; !there {
				out[name] = nil
			}
		}
	}
	return out
}

// declares tells whether the configuration itself has an entry.
func (e *Edit) declares(kind, name string) bool {
	list, declared := listed(&State{Declared: e.declared, Config: e.declared}, kind)
	return slices.ContainsFunc(list[:declared], func(p part) bool { return p.name == name })
}

func (e *Edit) transferOne(l *config.Live, before, after *State) Change {
	c := Change{Kind: l.Kind, Name: l.Name, What: Unchanged}
	if e.declares(l.Kind, l.Name) {
		if c.Members = e.unlike(l); len(c.Members) > 0 {
			c.What = Declared
		}
		return c
	}
	if l.Kind == config.LiveDefaults {
		c.Members = differing(before.Config.Defaults, after.Config.Defaults)
	} else {
		old, new := valueOf(before, l.Kind, l.Name), valueOf(after, l.Kind, l.Name)
		switch {
		case old == nil:
			c.What = Made
		case new == nil || !reflect.DeepEqual(old, new):
			c.Members = differing(old, new)
		}
	}
	if len(c.Members) > 0 {
		c.What = Changed
	}
	if c.What != Unchanged {
		e.Set(l.Kind, l.Name, e.whole(l))
	}
	return c
}

// unlike are the members of an entry that the configuration has otherwise.
func (e *Edit) unlike(l *config.Live) (names []string) {
	s := &State{Declared: e.declared, Config: e.declared}
	members, secrets, err := config.MembersOf(valueOf(s, l.Kind, l.Name))
	if err != nil {
		return nil
	}
	for _, name := range slices.Sorted(maps.Keys(l.Members)) {
		if !slices.Contains(secrets, name) && fmt.Sprint(l.Members[name]) != fmt.Sprint(members[name]) {
			names = append(names, name)
		}
	}
	return names
}

func valueOf(s *State, kind, name string) any {
	list, _ := listed(s, kind)
	for _, p := range list {
		if p.name == name {
			return p.value
		}
	}
	return nil
}

// differing are the names of the settings that two parts of a configuration have otherwise,
// secrets too.
func differing(a, b any) (names []string) {
	if a == nil || b == nil {
		return []string{"all"}
	}
	x, y := reflect.ValueOf(a), reflect.ValueOf(b)
	for f := range x.Type().Fields() {
		name := config.NameOf(f)
		if name != "" && !reflect.DeepEqual(x.FieldByIndex(f.Index).Interface(), y.FieldByIndex(f.Index).Interface()) {
			names = append(names, name)
		}
	}
	return names
}
