package store

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"reflect"
	"time"
)

const kindBudget = "budget"

// ErrDeclared says that a team, a key or a budget cannot be changed but in the file.
var ErrDeclared = errors.New("the configuration declares it: it is read-only here")

// Declaration is all that a configuration file declares of what is kept here.
type Declaration struct {
	// Teams have ids that follow from the file alone, so that each gateway gives the same.
	Teams []Scope
	// Keys have such ids too. Their users are told by name, and made where there are none.
	Keys []Key
	// Budgets have such ids too; of a user ScopeID is the name.
	Budgets []DeclaredBudget
	// Now is when rows are made and disabled.
	Now time.Time
	// Live sets all of it as people do while gateways run: nothing is declared by it, teams of
	// the same name are changed, what is not named stays, and what a file declares does too.
	Live bool
	// Dry changes nothing, and tells what would be done.
	Dry bool
}

// Declared is what became of one entry.
type Declared struct{ Kind, Name, What string }

// What becomes of an entry.
const (
	EntryMade      = "made"
	EntryChanged   = "changed"
	EntryUnchanged = "unchanged"
	EntryDeclared  = "declared" // by a file, so that it stays
)

// errDry ends a transaction of which nothing is to be kept.
var errDry = errors.New("nothing is to be changed")

// DeclaredBudget is a budget with its name in the file.
type DeclaredBudget struct {
	Budget
	Name string
}

// writable refuses what is declared.
func writable(ctx context.Context, q querier, kind, id string) error {
	var n int
	if err := q.QueryRowContext(ctx, `SELECT count(*) FROM declared WHERE kind = ? AND id = ?`, kind, id).Scan(&n); err != nil {
		return err
	}
	if n > 0 {
		return ErrDeclared
	}
	return nil
}

// DeclaredNames are the names in the file of what is declared of a kind, by id.
func (s *Store) DeclaredNames(ctx context.Context, kind string) (map[string]string, error) {
	list, err := declaredRows(ctx, s.readers)
	if err != nil {
		return nil, fmt.Errorf("read what is declared: %w", err)
	}
	out := map[string]string{}
	for at, name := range list {
		if at[0] == kind {
			out[at[1]] = name
		}
	}
	return out, nil
}

func declaredRows(ctx context.Context, q querier) (list map[[2]string]string, err error) {
	rows, err := q.QueryContext(ctx, `SELECT kind, id, name FROM declared WHERE kind <> 'all'`)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	list = map[[2]string]string{}
	for rows.Next() {
		var kind, id, name string
		if err := rows.Scan(&kind, &id, &name); err != nil {
			return nil, err
		}
		list[[2]string{kind, id}] = name
	}
	return list, rows.Err()
}

// Declare makes what is kept what is declared, all or nothing: what is new is made, what
// differs is changed, and of what was declared before and is no more keys and teams are
// disabled and budgets end; what they spent stays with their ids. Something that was made
// while gateways ran is taken over where its id is declared, else it stands in the way.
func (s *Store) Declare(ctx context.Context, d *Declaration) (done []Declared, err error) {
	changed := false
	err = s.transaction(ctx, func(tx *sql.Tx) error {
		w := &declaring{ctx: ctx, tx: tx, now: d.Now, live: d.Live, wanted: map[[2]string]bool{}, became: map[string]string{}}
		err := w.all(d)
		done, changed = w.done, w.changed
		if err == nil && d.Dry {
			err = errDry
		}
		return err
	})
	if err != nil && !errors.Is(err, errDry) {
		return nil, fmt.Errorf("teams, keys and budgets: %w", err)
	}
	if changed && err == nil {
		s.version.own.Add(1)
	}
	return done, nil
}

// declaring is one Declare.
type declaring struct {
	ctx     context.Context
	tx      *sql.Tx
	now     time.Time
	live    bool
	before  map[[2]string]string // what was declared, and its name
	wanted  map[[2]string]bool   // what is declared now
	became  map[string]string    // the ids of teams and keys that have others already
	changed bool
	what    string // became of the entry
	done    []Declared
}

func (w *declaring) all(d *Declaration) (err error) {
	if w.before, err = declaredRows(w.ctx, w.tx); err != nil {
		return err
	}
	for i := range d.Teams {
		w.wanted[[2]string{kindTeam, d.Teams[i].ID}] = true
	}
	for i := range d.Keys {
		w.wanted[[2]string{kindKey, d.Keys[i].ID}] = true
	}
	for i := range d.Teams {
		if err := w.entry(kindTeam, d.Teams[i].ID, d.Teams[i].Name, func() error { return w.team(d.Teams[i]) }); err != nil {
			return err
		}
	}
	for i := range d.Keys {
		if err := w.entry(kindKey, d.Keys[i].ID, d.Keys[i].Name, func() error { return w.key(d.Keys[i]) }); err != nil {
			return err
		}
	}
	for i := range d.Budgets {
		if err := w.entry(kindBudget, d.Budgets[i].ID, d.Budgets[i].Name, func() error { return w.budget(d.Budgets[i]) }); err != nil {
			return err
		}
	}
	if w.live {
		return nil
	}
	return w.leave()
}

// entry does one entry, and notes what became of it.
func (w *declaring) entry(kind, id, name string, do func() error) error {
	w.what = EntryUnchanged
	if _, ok := w.before[[2]string{kind, id}]; ok && w.live {
		w.what = EntryDeclared
	} else if err := do(); errors.Is(err, ErrDeclared) && w.live {
		w.what = EntryDeclared
	} else if err != nil {
		return fmt.Errorf("%s %q: %w", kind, name, err)
	}
	w.done = append(w.done, Declared{kind, name, w.what})
	return nil
}

// exec changes something. Of gateways that do so at once, the second one looks again.
func (w *declaring) exec(query string, args ...any) error {
	if !w.changed {
		if _, err := w.tx.ExecContext(w.ctx, `UPDATE declared SET name = '' WHERE kind = 'all'`); err != nil {
			return err
		}
	}
	if w.changed = true; w.what == EntryUnchanged {
		w.what = EntryChanged
	}
	_, err := w.tx.ExecContext(w.ctx, query, args...)
	return err
}

// insert makes something.
func (w *declaring) insert(query string, args ...any) error {
	w.what = EntryMade
	return w.exec(query, args...)
}

// note keeps that something is declared.
func (w *declaring) note(kind, id, name string) error {
	if w.live {
		return nil
	}
	at := [2]string{kind, id}
	w.wanted[at] = true
	if old, ok := w.before[at]; ok && old == name {
		return nil
	}
	return w.exec(`INSERT INTO declared (kind, id, name) VALUES (?, ?, ?) ON CONFLICT (kind, id) DO UPDATE SET name = excluded.name`, kind, id, name)
}

// leaving tells whether something was declared and is no more: another entry may go on as it.
func (w *declaring) leaving(kind, id string) bool {
	at := [2]string{kind, id}
	_, was := w.before[at]
	return was && !w.wanted[at]
}

// inTheWay says what to do about something of the same name or secret.
func inTheWay(what, id string) error {
	return fmt.Errorf("%s was made while gateways ran: say id: %s in the file to take it over, or rename or delete that one: %w", what, id, ErrTaken)
}

func (w *declaring) team(c Scope) error {
	old, err := findScope(w.ctx, w.tx, kindTeam, c.ID)
	if errors.Is(err, ErrNotFound) || err == nil && old.ID != c.ID {
		old, err = findScope(w.ctx, w.tx, kindTeam, c.Name)
	}
	switch {
	case errors.Is(err, ErrNotFound):
		c.CreatedAt = w.now
		if err := w.insert(`INSERT INTO scopes (`+scopeColumns+`) VALUES (?, ?, ?, ?, '', ?, ?, ?)`,
			kindTeam, c.ID, c.Name, c.Description, c.Limits, nanos(c.CreatedAt), nanos(c.DisabledAt)); err != nil {
			return err
		}
		return w.note(kindTeam, c.ID, c.Name)
	case err != nil:
		return err
	case w.live && old.Declared:
		return ErrDeclared
	case old.ID != c.ID && !w.live && !w.leaving(kindTeam, old.ID):
		return inTheWay("one of that name", old.ID)
	}
	if other, err := findScope(w.ctx, w.tx, kindTeam, c.Name); err == nil && other.ID != old.ID {
		return inTheWay("one of that name", other.ID)
	}
	w.became[c.ID] = old.ID
	if !c.DisabledAt.IsZero() && !old.DisabledAt.IsZero() {
		c.DisabledAt = old.DisabledAt
	}
	if old.Name != c.Name || old.Description != c.Description || old.Limits != c.Limits || !old.DisabledAt.Equal(c.DisabledAt) {
		if err := w.exec(`UPDATE scopes SET name = ?, description = ?, limits = ?, disabled_at = ? WHERE kind = ? AND id = ?`,
			c.Name, c.Description, c.Limits, nanos(c.DisabledAt), kindTeam, old.ID); err != nil {
			return err
		}
	}
	return w.note(kindTeam, old.ID, c.Name)
}

// user is the id of a user by name, who is made where there is none.
func (w *declaring) user(name string) (string, error) {
	found, err := findScope(w.ctx, w.tx, kindUser, name)
	if !errors.Is(err, ErrNotFound) {
		return found.ID, err
	}
	id := DeclaredID(kindUser, name)
	return id, w.exec(`INSERT INTO scopes (`+scopeColumns+`) VALUES (?, ?, ?, '', '', '', ?, NULL)`, kindUser, id, name, nanos(w.now))
}

// is the id that something has.
func (w *declaring) is(id string) string { return cmp.Or(w.became[id], id) }

func (w *declaring) key(k Key) (err error) {
	if k.UserID != "" {
		if k.UserID, err = w.user(k.UserID); err != nil {
			return err
		}
	}
	if k.TeamID != "" {
		team, err := findScope(w.ctx, w.tx, kindTeam, w.is(k.TeamID))
		if err != nil {
			return fmt.Errorf("team %q: %w", k.TeamID, err)
		}
		k.TeamID = team.ID
	}
	name, id := k.Name, k.ID
	old, found, err := w.sameKey(&k)
	if err != nil {
		return err
	}
	w.became[id] = k.ID
	if !found {
		k.CreatedAt = w.now
		if err := w.insert(insertKey, k.values()...); err != nil {
			return err
		}
		return w.note(kindKey, k.ID, name)
	}
	next := old
	next.Name, next.Description, next.UserID, next.TeamID, next.Tags, next.Addresses = k.Name, k.Description, k.UserID, k.TeamID, k.Tags, k.Addresses
	next.Limits, next.Policy, next.LogPayloads, next.ExpiresAt = k.Limits, k.Policy, k.LogPayloads, k.ExpiresAt
	if next.DisabledAt.IsZero() || k.DisabledAt.IsZero() {
		next.DisabledAt = k.DisabledAt
	}
	if k.Hash != old.Hash {
		next.Hash, next.Prefix, next.Sealed, next.OldHash, next.OldUntil = k.Hash, "", "", [32]byte{}, time.Time{}
	}
	if k.Prefix != "" {
		next.Prefix = k.Prefix
	}
	if !reflect.DeepEqual(next, old) {
		if err := w.exec(updateKey, next.updates()...); err != nil {
			return err
		}
	}
	return w.note(kindKey, k.ID, name)
}

// sameKey is the row that a key goes on as: the one with its id, else the one with its secret
// that is declared no more under another name.
func (w *declaring) sameKey(k *Key) (old Key, found bool, err error) {
	list, err := keysOf(w.ctx, w.tx, keyByID, k.ID)
	if err != nil {
		return old, false, err
	}
	if found = len(list) == 1; found {
		old = list[0]
	}
	same, err := keysOf(w.ctx, w.tx, keyByHash, k.Hash[:], k.Hash[:])
	if err != nil {
		return old, false, err
	}
	for _, other := range same {
		switch {
		case other.ID == k.ID:
		case w.live && other.Declared:
			return old, false, ErrDeclared
		case w.live && !found && other.Hash == k.Hash:
			k.ID, old, found = other.ID, other, true
		case !found && w.leaving(kindKey, other.ID) && other.Hash == k.Hash:
			k.ID, old, found = other.ID, other, true
		case w.leaving(kindKey, other.ID):
			return old, false, fmt.Errorf("its secret is that of the key %s, which is declared no more: say id: %s to go on as that one: %w", other.ID, other.ID, ErrTaken)
		default:
			return old, false, inTheWay("a key with the same secret", other.ID)
		}
	}
	if found && !old.RevokedAt.IsZero() {
		return old, false, ErrRevoked
	}
	named, err := keysOf(w.ctx, w.tx, keysByWord, k.Name, k.Name)
	if err != nil {
		return old, false, err
	}
	for _, other := range named {
		if _, declared := w.before[[2]string{kindKey, other.ID}]; other.ID != k.ID && other.Name == k.Name && !declared {
			return old, false, inTheWay("a key of that name", other.ID)
		}
	}
	return old, found, nil
}

func (w *declaring) budget(b DeclaredBudget) (err error) {
	switch b.ScopeKind {
	case kindUser:
		b.ScopeID, err = w.user(b.ScopeID)
	case kindKey:
		var k Key
		k, err = findKey(w.ctx, w.tx, w.is(b.ScopeID))
		b.ScopeID = k.ID
	case kindTeam:
		var c Scope
		c, err = findScope(w.ctx, w.tx, kindTeam, w.is(b.ScopeID))
		b.ScopeID = c.ID
	}
	if err != nil {
		return err
	}
	b.CreatedAt = w.now
	var old Budget
	err = w.tx.QueryRowContext(w.ctx, `SELECT scope_kind, scope_id, rule FROM budget_rules WHERE id = ?`, b.ID).Scan(&old.ScopeKind, &old.ScopeID, &old.Rule)
	do := w.exec
	switch {
	case errors.Is(err, sql.ErrNoRows):
		do = w.insert
	case err != nil:
		return err
	case old.ScopeKind == b.ScopeKind && old.ScopeID == b.ScopeID && old.Rule == b.Rule:
		return w.note(kindBudget, b.ID, b.Name)
	}
	if err := hasOwner(w.ctx, w.tx, b.Budget); err != nil {
		return err
	}
	err = do(`INSERT INTO budget_rules (id, scope_kind, scope_id, rule, created_at) VALUES (?, ?, ?, ?, ?)
		ON CONFLICT (id) DO UPDATE SET rule = excluded.rule, scope_kind = excluded.scope_kind, scope_id = excluded.scope_id`,
		b.ID, b.ScopeKind, b.ScopeID, b.Rule, nanos(b.CreatedAt))
	if err != nil {
		return err
	}
	return w.note(kindBudget, b.ID, b.Name)
}

// leave ends what is declared no more.
func (w *declaring) leave() error {
	for at := range w.before {
		if w.wanted[at] {
			continue
		}
		var err error
		switch kind, id := at[0], at[1]; kind {
		case kindKey:
			err = w.exec(`UPDATE keys SET disabled_at = ? WHERE id = ? AND disabled_at IS NULL`, nanos(w.now), id)
		case kindTeam:
			err = w.exec(`UPDATE scopes SET disabled_at = ? WHERE kind = ? AND id = ? AND disabled_at IS NULL`, nanos(w.now), kind, id)
		case kindBudget:
			err = w.exec(`DELETE FROM budget_rules WHERE id = ?`, id)
		}
		if err == nil {
			err = w.exec(`DELETE FROM declared WHERE kind = ? AND id = ?`, at[0], at[1])
		}
		if err != nil {
			return fmt.Errorf("%s %s, which is declared no more: %w", at[0], at[1], err)
		}
	}
	return nil
}
