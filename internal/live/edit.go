package live

import (
	"maps"
	"reflect"
	"slices"
	"time"

	"turnpike/internal/config"
)

// Edit is a change of what was set, in the making.
type Edit struct {
	declared *config.Config
	before   *State
	bad      []config.Misfit
	entries  []Entry
	touched  map[[2]string]bool
	now      time.Time
}

// parts are what the kinds are parts of.
var parts = map[string]any{
	config.LiveProvider: config.Provider{}, config.LiveOverride: config.Provider{}, config.LiveAlias: nil, config.LiveDefaults: config.Defaults{},
	config.LiveChannel: config.AlertChannel{}, config.LiveRule: config.AlertRule{}, config.LiveModel: config.ModelRule{},
}

// secretMembers are the names of a kind's members that are secret.
func secretMembers(kind string) []string {
	if part := parts[kind]; part != nil {
		return config.SecretMembers(part)
	}
	return nil
}

func (e *Edit) find(kind, name string) int {
	return slices.IndexFunc(e.entries, func(x Entry) bool { return x.Kind == kind && x.Name == name })
}

// Before is what there was.
func (e *Edit) Before() *State { return e.before }

// addresses are the members that say where secrets are sent.
var addresses = []string{"base_url", "mantle_url", "token_url", "enterprise", "url", "server"}

// moved refuses an edit by which secrets that are kept would go to another address: who may
// set secrets may not read them by that.
func (e *Edit) moved(old *Entry, members map[string]any) {
	for _, at := range addresses {
		to, given := members[at]
		if !given || reflect.DeepEqual(to, old.Members[at]) {
			continue
		}
		for secret := range old.Secrets {
			if _, anew := members[secret]; !anew && secret != at {
				e.bad = append(e.bad, config.Misfit{Kind: old.Kind, Name: old.Name, Member: secret, Detail: "is needed again: " + at + " changes, and what is kept is not sent to another address"})
			}
		}
	}
}

// Has tells whether something of that name was set.
func (e *Edit) Has(kind, name string) bool { return e.find(kind, name) >= 0 }

// Add sets something new.
func (e *Edit) Add(kind, name string, members map[string]any) error {
	if e.Has(kind, name) {
		return ErrTaken
	}
	e.Set(kind, name, members)
	return nil
}

// Set lays members over an entry, which is made where it is not there: one that is nil goes,
// and those that are absent stay. An entry without members is as good as none.
func (e *Edit) Set(kind, name string, members map[string]any) {
	at := e.find(kind, name)
	entry := Entry{Kind: kind, Name: name}
	if at >= 0 {
		entry = e.entries[at]
		e.moved(&entry, members)
	}
	entry.Broken = ""
	entry.Members, entry.Secrets, entry.ChangedAt = cloned(entry.Members), cloned(entry.Secrets), e.now
	hidden := secretMembers(kind)
	for member, value := range members {
		into := entry.Members
		if slices.Contains(hidden, member) {
			into = entry.Secrets
		}
		if into[member] = value; value == nil {
			delete(into, member)
		}
	}
	switch {
	case len(entry.Members)+len(entry.Secrets) == 0 && (kind == config.LiveOverride || kind == config.LiveDefaults):
		e.drop(at)
	case at >= 0:
		e.entries[at] = entry
	default:
		e.entries = append(e.entries, entry)
	}
	e.touch(kind, name)
}

// Replace sets something as it is given, whatever there was.
func (e *Edit) Replace(kind, name string, members map[string]any) {
	e.drop(e.find(kind, name))
	e.Set(kind, name, members)
}

// Drop takes something away.
func (e *Edit) Drop(kind, name string) error {
	at := e.find(kind, name)
	if at < 0 {
		return ErrNotThere
	}
	e.drop(at)
	e.touch(kind, name)
	return nil
}

func (e *Edit) drop(at int) {
	if at >= 0 {
		e.entries = slices.Delete(slices.Clone(e.entries), at, at+1)
	}
}

func (e *Edit) touch(kind, name string) {
	if e.touched == nil {
		e.touched = map[[2]string]bool{}
	}
	e.touched[[2]string{kind, name}] = true
}

func cloned(m map[string]any) map[string]any {
	if m == nil {
		return map[string]any{}
	}
	return maps.Clone(m)
}
