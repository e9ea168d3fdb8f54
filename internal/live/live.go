// Package live keeps what operators set while gateways run, beside what the configuration
// declares, and puts both in force together: in the same words, by the same checks, in every
// gateway on one database.
package live

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"reflect"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"turnpike/internal/config"
	"turnpike/internal/store"
)

// Entry is one thing that was set.
type Entry struct {
	Kind, Name string
	// Members are its settings as the file has them, without secrets; Secrets are those.
	Members, Secrets map[string]any
	ChangedAt        time.Time
	// Broken is why it cannot be read.
	Broken string
}

// all are the settings with the secrets.
func (e *Entry) all() map[string]any {
	out := maps.Clone(e.Members)
	if out == nil {
		out = map[string]any{}
	}
	maps.Copy(out, e.Secrets)
	return out
}

// State is what is in force.
type State struct {
	// Declared is what the file says, with variables and flags.
	Declared *config.Config
	// Config is that with the entries laid over.
	Config *config.Config
	// Entries are what was set.
	Entries []Entry
	// Misfits are the entries that are left out, and why.
	Misfits []config.Misfit
}

// Sealer encrypts what is kept.
type Sealer interface {
	Seal(plaintext []byte, aad string) string
	Unseal(sealed, aad string) ([]byte, error)
}

// Options are what a book is made of.
type Options struct {
	Store  *store.Store
	Sealer Sealer
	Log    *slog.Logger
	Now    func() time.Time
	// Try tells whether a configuration could be put in force; nil: any could.
	Try func(*config.Config) error
}

// Book holds what is in force.
type Book struct {
	opt   Options
	mu    sync.Mutex // for those who put something in force
	apply func(*config.Config) error
	state atomic.Pointer[State]
	told  string // the last failure, so that it is told once
}

// New reads what was set and lays it over what is declared.
func New(ctx context.Context, declared *config.Config, opt Options) (*Book, error) {
	b := &Book{opt: opt, apply: func(*config.Config) error { return nil }}
	rows, err := opt.Store.LiveEntries(ctx)
	if err != nil {
		return nil, err
	}
	s := b.lay(declared, b.open(rows))
	b.tell(nil, s)
	b.state.Store(s)
	return b, nil
}

// Applied is called with every configuration that is to be put in force from now on. Where
// it fails, what was in force stays.
func (b *Book) Applied(by func(*config.Config) error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.apply = by
}

// State is what is in force.
func (b *Book) State() *State { return b.state.Load() }

// SealPlace binds the secrets of an entry to it.
func SealPlace(kind, name string) string { return "live_entries:" + kind + "/" + name }

// open reads rows. One whose secrets cannot be opened is told of and left out.
func (b *Book) open(rows []store.LiveEntry) []Entry {
	list := make([]Entry, 0, len(rows))
	for _, r := range rows {
		e := Entry{Kind: r.Kind, Name: r.Name, ChangedAt: r.ChangedAt}
		err := unmarshal([]byte(r.Members), &e.Members)
		if err == nil && r.Sealed != "" {
			var text []byte
			if text, err = b.opt.Sealer.Unseal(r.Sealed, SealPlace(r.Kind, r.Name)); err == nil {
				err = unmarshal(text, &e.Secrets)
			}
		}
		if err != nil {
			e.Broken = err.Error()
		}
		list = append(list, e)
	}
	return list
}

// unmarshal keeps numbers as they are written.
func unmarshal(text []byte, to *map[string]any) error {
	dec := json.NewDecoder(strings.NewReader(string(text)))
	dec.UseNumber()
	return dec.Decode(to)
}

// lay lays entries over what is declared.
func (b *Book) lay(declared *config.Config, entries []Entry) *State {
	s := &State{Declared: declared, Entries: entries}
	list := make([]config.Live, 0, len(entries))
	var broken []config.Misfit
	for i := range entries {
		e := &entries[i]
		if e.Broken != "" {
			broken = append(broken, config.Misfit{Kind: e.Kind, Name: e.Name, Detail: e.Broken})
			continue
		}
		list = append(list, config.Live{Kind: e.Kind, Name: e.Name, Members: e.all()})
	}
	s.Config, s.Misfits = config.Overlay(declared, list)
	s.Misfits = append(s.Misfits, broken...)
	return s
}

// tell logs the misfits that are new.
func (b *Book) tell(old, s *State) {
	for _, m := range s.Misfits {
		if old == nil || !slices.Contains(old.Misfits, m) {
			b.opt.Log.Warn("something that was set while gateways ran does not fit any more and is left out", "entry", m.String())
		}
	}
}

// Refresh puts in force what was set since, here or at another gateway.
func (b *Book) Refresh(ctx context.Context) error {
	rows, err := b.opt.Store.LiveEntries(ctx)
	if err != nil {
		return err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	old := b.State()
	entries := b.open(rows)
	if reflect.DeepEqual(entries, old.Entries) {
		return nil
	}
	if err := b.put(old, b.lay(old.Declared, entries)); err != nil {
		return err
	}
	b.opt.Log.Info("what was set is in force", "entries", len(entries))
	return nil
}

// Declare puts another configuration in force, with what was set laid over it.
func (b *Book) Declare(declared *config.Config) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	old := b.State()
	return b.put(old, b.lay(declared, old.Entries))
}

// put puts a state in force, or leaves everything as it is.
func (b *Book) put(old, s *State) error {
	if err := b.apply(s.Config); err != nil {
		if b.told != err.Error() {
			b.told = err.Error()
			b.opt.Log.Error("a configuration could not be put in force; the last one stays", "error", err)
		}
		return err
	}
	b.told = ""
	b.state.Store(s)
	b.tell(old, s)
	return nil
}

// The kinds of things that can be set.
const (
	Provider = config.LiveProvider
	Override = config.LiveOverride // of a provider that is declared
	Alias    = config.LiveAlias
	Defaults = config.LiveDefaults
	Channel  = config.LiveChannel
	Rule     = config.LiveRule
	Model    = config.LiveModel
)

// Invalid is what is wrong with what somebody wanted to set.
type Invalid struct{ Misfits []config.Misfit }

func (e *Invalid) Error() string {
	said := make([]string, len(e.Misfits))
	for i, m := range e.Misfits {
		said[i] = m.String()
	}
	return strings.Join(said, "; ")
}

// Errors that callers tell apart.
var (
	ErrNotThere = errors.New("nothing of that name was set while gateways ran")
	ErrTaken    = errors.New("that name is taken")
	ErrFull     = errors.New("too much was set while gateways ran: declare it in the configuration")
)

// The bounds of what may be set.
const (
	maxEntries = 5000
	maxEntry   = 256 << 10
)

// Change sets something, in all gateways: do edits what there is. What does not fit is
// refused, and nothing is changed. It is in force here when Change returns.
func (b *Book) Change(ctx context.Context, do func(*Edit) error) error {
	err := b.opt.Store.ChangeLive(ctx, func(rows []store.LiveEntry) (put, drop []store.LiveEntry, err error) {
		e := &Edit{now: b.opt.Now().UTC(), declared: b.State().Declared}
		e.entries = b.open(rows)
		before := b.lay(e.declared, e.entries)
		e.before = before
		e.entries = slices.Clone(e.entries)
		if err := do(e); err != nil {
			return nil, nil, err
		}
		if err := b.check(e, before); err != nil {
			return nil, nil, err
		}
		return b.rows(e)
	})
	if err != nil {
		return err
	}
	return b.Refresh(ctx)
}

// Preview tells what would be in force after an edit, or why it would be refused.
func (b *Book) Preview(do func(*Edit) error) (*State, error) {
	s := b.State()
	e := &Edit{now: b.opt.Now().UTC(), declared: s.Declared, before: s, entries: slices.Clone(s.Entries)}
	if err := do(e); err != nil {
		return nil, err
	}
	if err := b.check(e, s); err != nil {
		return nil, err
	}
	return b.lay(s.Declared, e.entries), nil
}

// check refuses an edit of which something does not fit that fitted before, or is itself new.
func (b *Book) check(e *Edit, before *State) error {
	if len(e.entries) > maxEntries {
		return ErrFull
	}
	after := b.lay(e.declared, e.entries)
	bad := e.bad
	for _, m := range after.Misfits {
		if e.touched[[2]string{m.Kind, m.Name}] || !slices.Contains(before.Misfits, m) {
			bad = append(bad, m)
		}
	}
	if len(bad) > 0 {
		return &Invalid{bad}
	}
	if b.opt.Try == nil {
		return nil
	}
	return b.opt.Try(after.Config)
}

// rows are what is to be written of an edit.
func (b *Book) rows(e *Edit) (put, drop []store.LiveEntry, err error) {
	for key := range e.touched {
		at := e.find(key[0], key[1])
		if at < 0 {
			drop = append(drop, store.LiveEntry{Kind: key[0], Name: key[1]})
			continue
		}
		entry := &e.entries[at]
		members, err := json.Marshal(entry.Members)
		if err != nil {
			return nil, nil, err
		}
		row := store.LiveEntry{Kind: entry.Kind, Name: entry.Name, Members: string(members), ChangedAt: entry.ChangedAt}
		if len(entry.Secrets) > 0 {
			text, err := json.Marshal(entry.Secrets)
			if err != nil {
				return nil, nil, err
			}
			row.Sealed = b.opt.Sealer.Seal(text, SealPlace(entry.Kind, entry.Name))
		}
		if len(row.Members)+len(row.Sealed) > maxEntry {
			return nil, nil, fmt.Errorf("%s %s is too large: %w", entry.Kind, entry.Name, ErrFull)
		}
		put = append(put, row)
	}
	return put, drop, nil
}
