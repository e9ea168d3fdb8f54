package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

// Budget is a budget of a scope as it is kept.
type Budget struct {
	// ID is its identity, made by NewID("bud").
	ID string
	// ScopeKind and ScopeID say whose it is; of a key the kind is key.
	ScopeKind, ScopeID string
	// Rule is what it allows, as JSON.
	Rule string
	// CreatedAt is when it was made.
	CreatedAt time.Time
	// Declared says that the configuration file has it.
	Declared bool
}

const kindKey = "key"

// PutBudget adds a budget, or changes the rule of the one with its id. Whose it is
// must exist; a tag is made.
func (s *Store) PutBudget(ctx context.Context, b Budget) error {
	err := s.change(ctx, func(tx *sql.Tx) error {
		if err := writable(ctx, tx, kindBudget, b.ID); err != nil {
			return err
		}
		if err := hasOwner(ctx, tx, b); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, `INSERT INTO budget_rules (id, scope_kind, scope_id, rule, created_at) VALUES (?, ?, ?, ?, ?)
			ON CONFLICT (id) DO UPDATE SET rule = excluded.rule`, b.ID, b.ScopeKind, b.ScopeID, b.Rule, b.CreatedAt.UnixNano())
		return err
	})
	if err != nil {
		return fmt.Errorf("set a budget of %s %s: %w", b.ScopeKind, b.ScopeID, err)
	}
	return nil
}

func hasOwner(ctx context.Context, tx *sql.Tx, b Budget) error {
	switch b.ScopeKind {
	case kindKey:
		_, err := findKey(ctx, tx, b.ScopeID)
		return err
	case kindTag:
		_, err := tx.ExecContext(ctx, `INSERT INTO scopes (`+scopeColumns+`) VALUES (?, ?, ?, '', '', '', ?, NULL) ON CONFLICT DO NOTHING`,
			kindTag, b.ScopeID, b.ScopeID, b.CreatedAt.UnixNano())
		return err
	}
	return known(ctx, tx, b.ScopeKind, b.ScopeID)
}

// RemoveBudget deletes a budget.
func (s *Store) RemoveBudget(ctx context.Context, id string) error {
	return s.change(ctx, func(tx *sql.Tx) error {
		if err := writable(ctx, tx, kindBudget, id); err != nil {
			return fmt.Errorf("remove budget %q: %w", id, err)
		}
		res, err := tx.ExecContext(ctx, `DELETE FROM budget_rules WHERE id = ?`, id)
		if err != nil {
			return fmt.Errorf("remove budget %q: %w", id, err)
		}
		if n, err := res.RowsAffected(); err != nil || n == 0 {
			return fmt.Errorf("budget %q: %w", id, errors.Join(ErrNotFound, err))
		}
		return nil
	})
}

// Budgets lists every budget, oldest first.
func (s *Store) Budgets(ctx context.Context) ([]Budget, error) {
	out, err := budgets(ctx, s.readers)
	if err != nil {
		return nil, fmt.Errorf("list budgets: %w", err)
	}
	return out, nil
}

func budgets(ctx context.Context, q querier) (out []Budget, err error) {
	rows, err := q.QueryContext(ctx, `SELECT id, scope_kind, scope_id, rule, created_at, EXISTS (SELECT 1 FROM declared WHERE declared.kind = 'budget' AND declared.id = budget_rules.id)
		FROM budget_rules ORDER BY created_at, id`)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var b Budget
		var created int64
		if err := rows.Scan(&b.ID, &b.ScopeKind, &b.ScopeID, &b.Rule, &created, &b.Declared); err != nil {
			return nil, err
		}
		b.CreatedAt = time.Unix(0, created).UTC()
		out = append(out, b)
	}
	return out, rows.Err()
}

// Pass is what a gateway must know of a key: its members are those of Key. Tags
// and Addresses are the JSON lists themselves, which many keys share.
type Pass struct {
	ID, Name, Policy, UserID, TeamID, Tags, Addresses, Limits string
	Hash, OldHash                                             [32]byte
	ExpiresAt, OldUntil                                       time.Time
	Disabled                                                  bool
	LogPayloads                                               bool
}

// Roll is who may use the gateway, and whom they belong to.
type Roll struct {
	Passes  []Pass // keys that are not revoked; expired ones too, for time passes
	Scopes  []Scope
	Budgets []Budget
}

// Roll reads all of it as of one moment.
func (s *Store) Roll(ctx context.Context) (r Roll, err error) {
	tx, err := s.readers.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return r, fmt.Errorf("read the keys: %w", err)
	}
	defer func() { _ = tx.Rollback() }()
	if r.Passes, err = passes(ctx, tx); err == nil {
		if r.Scopes, err = scopes(ctx, tx, `SELECT `+scopeColumns+`, 0 FROM scopes`); err == nil {
			r.Budgets, err = budgets(ctx, tx)
		}
	}
	if err != nil {
		return Roll{}, fmt.Errorf("read the keys: %w", err)
	}
	return r, nil
}

const (
	countKeys = `SELECT count(*) FROM keys WHERE revoked_at IS NULL`
	readRoll  = `SELECT id, name, policy, user_id, team_id, tags, addresses, limits, hash, expires_at, old_hash, old_until, log_payloads, disabled_at
		FROM keys WHERE revoked_at IS NULL`
)

func passes(ctx context.Context, q querier) (out []Pass, err error) {
	var n int
	if err := q.QueryRowContext(ctx, countKeys).Scan(&n); err != nil {
		return nil, err
	}
	rows, err := q.QueryContext(ctx, readRoll)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	out = make([]Pass, 0, n)
	var hash, old sql.RawBytes
	for rows.Next() {
		var p Pass
		var expires, until, disabled sql.NullInt64
		if err := rows.Scan(&p.ID, &p.Name, &p.Policy, &p.UserID, &p.TeamID, &p.Tags, &p.Addresses, &p.Limits,
			&hash, &expires, &old, &until, &p.LogPayloads, &disabled); err != nil {
			return nil, err
		}
		if copy(p.Hash[:], hash) != len(p.Hash) {
			return nil, fmt.Errorf("key %s has a hash of %d bytes", p.ID, len(hash))
		}
		p.ExpiresAt, p.Disabled = instant(expires), disabled.Valid
		if copy(p.OldHash[:], old) == len(p.OldHash) {
			p.OldUntil = instant(until)
		}
		out = append(out, p)
	}
	return out, rows.Err()
}
