package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"
)

// The kinds of scopes that are kept beside keys, as in tenancy.
const (
	kindUser         = "user"
	kindTag          = "tag"
	kindTeam         = "team"
	kindOrganisation = "organisation"
)

// Scope is a team, a user, a tag or the organisation as it is kept.
type Scope struct {
	// Kind is what it is.
	Kind string
	// ID is its identity: of a tag the tag itself.
	ID string
	// Name is what people call it, one of its kind.
	Name string
	// Description is a note for people.
	Description string
	// Email is a user's address; it is no identity.
	Email string
	// Limits are its limits, as JSON; empty means none.
	Limits string
	// Teams are the ids of the teams a user is in, sorted.
	Teams []string
	// CreatedAt is when it was made; of the organisation it is 1970.
	CreatedAt time.Time
	// DisabledAt is when it was disabled; zero means it was not. Keys of disabled
	// users and teams are refused.
	DisabledAt time.Time
	// Declared says that the configuration file has it.
	Declared bool
}

const scopeColumns = `kind, id, name, description, email, limits, created_at, disabled_at`

// selectScopes reads scopes, for scopes.
const selectScopes = `SELECT ` + scopeColumns + `, EXISTS (SELECT 1 FROM declared WHERE declared.kind = scopes.kind AND declared.id = scopes.id) FROM scopes`

// change is a transaction after which gateways read the keys again.
func (s *Store) change(ctx context.Context, do func(*sql.Tx) error) error {
	err := s.transaction(ctx, do)
	if err == nil {
		s.version.own.Add(1)
	}
	return err
}

// CreateScope adds a team, a user or a tag.
func (s *Store) CreateScope(ctx context.Context, c Scope) error {
	err := s.change(ctx, func(tx *sql.Tx) error {
		var n int
		err := tx.QueryRowContext(ctx, `SELECT count(*) FROM scopes WHERE kind = ? AND (id IN (?, ?) OR name IN (?, ?))`,
			c.Kind, c.ID, c.Name, c.ID, c.Name).Scan(&n)
		if err != nil {
			return err
		}
		if n > 0 {
			return ErrTaken
		}
		_, err = tx.ExecContext(ctx, `INSERT INTO scopes (`+scopeColumns+`) VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
			c.Kind, c.ID, c.Name, c.Description, c.Email, c.Limits, c.CreatedAt.UnixNano(), nanos(c.DisabledAt))
		if err != nil {
			return err
		}
		return join(ctx, tx, c)
	})
	if err != nil {
		return fmt.Errorf("create %s %q: %w", c.Kind, c.Name, err)
	}
	return nil
}

// join writes which teams a user is in.
func join(ctx context.Context, tx *sql.Tx, c Scope) error {
	if c.Kind != kindUser {
		return nil
	}
	if _, err := tx.ExecContext(ctx, `DELETE FROM members WHERE user_id = ?`, c.ID); err != nil {
		return err
	}
	for _, team := range c.Teams {
		if err := known(ctx, tx, kindTeam, team); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `INSERT INTO members (user_id, team_id) VALUES (?, ?) ON CONFLICT (user_id, team_id) DO NOTHING`, c.ID, team); err != nil {
			return err
		}
	}
	return nil
}

// known refuses the id of a scope that does not exist.
func known(ctx context.Context, q querier, kind, id string) error {
	var n int
	if err := q.QueryRowContext(ctx, `SELECT count(*) FROM scopes WHERE kind = ? AND id = ?`, kind, id).Scan(&n); err != nil {
		return err
	}
	if n == 0 {
		return fmt.Errorf("%s %q: %w", kind, id, ErrNotFound)
	}
	return nil
}

// owned refuses a key whose user or team does not exist.
func owned(ctx context.Context, q querier, k *Key) error {
	for _, o := range [][2]string{{kindUser, k.UserID}, {kindTeam, k.TeamID}} {
		if o[1] == "" {
			continue
		}
		if err := known(ctx, q, o[0], o[1]); err != nil {
			return err
		}
	}
	return nil
}

// Scopes lists those of a kind by name, or all where the kind is empty.
func (s *Store) Scopes(ctx context.Context, kind string) ([]Scope, error) {
	list, err := scopes(ctx, s.readers, selectScopes+` WHERE (CAST(? AS TEXT) = '' OR kind = ?) ORDER BY kind, name`, kind, kind)
	if err != nil {
		return nil, fmt.Errorf("list scopes: %w", err)
	}
	return list, nil
}

// FindScope is the one of a kind with that id, else with that name.
func (s *Store) FindScope(ctx context.Context, kind, idOrName string) (Scope, error) {
	c, err := findScope(ctx, s.readers, kind, idOrName)
	if err != nil {
		return Scope{}, fmt.Errorf("%s %q: %w", kind, idOrName, err)
	}
	return c, nil
}

func findScope(ctx context.Context, q querier, kind, word string) (Scope, error) {
	list, err := scopes(ctx, q, selectScopes+` WHERE kind = ? AND (id = ? OR name = ?)`, kind, word, word)
	if err != nil {
		return Scope{}, err
	}
	for _, c := range list {
		if c.ID == word || len(list) == 1 {
			return c, nil
		}
	}
	return Scope{}, ErrNotFound
}

func scopes(ctx context.Context, q querier, query string, args ...any) (list []Scope, err error) {
	rows, err := q.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	if list, err = scanScopes(rows); err != nil {
		return nil, err
	}
	users := map[string]int{}
	for i := range list {
		if list[i].Kind == kindUser {
			users[list[i].ID] = i
		}
	}
	if len(users) == 0 {
		return list, nil
	}
	return list, eachMember(ctx, q, func(user, team string) {
		if i, ok := users[user]; ok {
			list[i].Teams = append(list[i].Teams, team)
		}
	})
}

func scanScopes(rows *sql.Rows) (list []Scope, err error) {
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var c Scope
		var created, disabled sql.NullInt64
		if err := rows.Scan(&c.Kind, &c.ID, &c.Name, &c.Description, &c.Email, &c.Limits, &created, &disabled, &c.Declared); err != nil {
			return nil, err
		}
		c.CreatedAt, c.DisabledAt = instant(created), instant(disabled)
		list = append(list, c)
	}
	return list, rows.Err()
}

func eachMember(ctx context.Context, q querier, do func(user, team string)) (err error) {
	rows, err := q.QueryContext(ctx, `SELECT user_id, team_id FROM members ORDER BY user_id, team_id`)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var user, team string
		if err := rows.Scan(&user, &team); err != nil {
			return err
		}
		do(user, team)
	}
	return rows.Err()
}

// UpdateScope changes the one of a kind with that id or name, and returns it as it
// is now. Its kind and id stay.
func (s *Store) UpdateScope(ctx context.Context, kind, idOrName string, do func(*Scope) error) (Scope, error) {
	var c Scope
	err := s.change(ctx, func(tx *sql.Tx) (err error) {
		if c, err = findScope(ctx, tx, kind, idOrName); err != nil {
			return err
		}
		if c.Declared {
			return ErrDeclared
		}
		id, name := c.ID, c.Name
		if err = do(&c); err != nil {
			return err
		}
		c.Kind, c.ID = kind, id
		if c.Name != name {
			if other, err := findScope(ctx, tx, kind, c.Name); err == nil && other.ID != id {
				return fmt.Errorf("%q: %w", c.Name, ErrTaken)
			}
		}
		_, err = tx.ExecContext(ctx, `UPDATE scopes SET name = ?, description = ?, email = ?, limits = ?, disabled_at = ? WHERE kind = ? AND id = ?`,
			c.Name, c.Description, c.Email, c.Limits, nanos(c.DisabledAt), kind, id)
		if err != nil {
			return err
		}
		return join(ctx, tx, c)
	})
	if err != nil {
		return Scope{}, fmt.Errorf("change %s %q: %w", kind, idOrName, err)
	}
	return c, nil
}

// Nobody is where the keys of a deleted team or user may go: they stay valid and
// belong to none.
const Nobody = "none"

// DeleteScope deletes a team, a user or a tag's limits, with its budgets. Keys that
// belong to it and are not revoked move to another of its kind, or to Nobody; with
// an empty moveTo, ErrInUse tells that there are some. It returns how many moved.
func (s *Store) DeleteScope(ctx context.Context, kind, idOrName, moveTo string) (moved int64, err error) {
	err = s.change(ctx, func(tx *sql.Tx) error {
		c, err := findScope(ctx, tx, kind, idOrName)
		if err != nil {
			return err
		}
		if c.Declared {
			return ErrDeclared
		}
		if moved, err = moveKeys(ctx, tx, c, moveTo); err != nil {
			return err
		}
		for _, q := range []string{
			`DELETE FROM budget_rules WHERE scope_kind = ? AND scope_id = ?`,
			`DELETE FROM scopes WHERE kind = ? AND id = ?`,
		} {
			if _, err := tx.ExecContext(ctx, q, kind, c.ID); err != nil {
				return err
			}
		}
		if _, err = tx.ExecContext(ctx, `DELETE FROM members WHERE user_id = ? OR team_id = ?`, c.ID, c.ID); err != nil {
			return err
		}
		return forgetScope(ctx, tx, kind+"/"+c.ID, "")
	})
	if err != nil {
		return 0, fmt.Errorf("delete %s %q: %w", kind, idOrName, err)
	}
	return moved, nil
}

// owners are the columns that tell whose a key is.
var owners = map[string]string{kindUser: "user_id", kindTeam: "team_id"}

func moveKeys(ctx context.Context, tx *sql.Tx, c Scope, moveTo string) (int64, error) {
	column, ok := owners[c.Kind]
	if !ok {
		return 0, nil
	}
	var n int64
	if err := tx.QueryRowContext(ctx, `SELECT count(*) FROM keys WHERE revoked_at IS NULL AND `+column+` = ?`, c.ID).Scan(&n); err != nil || n == 0 { //nolint:gosec // a column of ours
		return 0, err
	}
	to := ""
	switch moveTo {
	case "":
		return n, fmt.Errorf("%w (%d of them)", ErrInUse, n)
	case Nobody:
	default:
		other, err := findScope(ctx, tx, c.Kind, moveTo)
		if err != nil {
			return 0, fmt.Errorf("%s %q: %w", c.Kind, moveTo, err)
		}
		if to = other.ID; to == c.ID {
			return 0, fmt.Errorf("move to another %s", c.Kind)
		}
	}
	_, err := tx.ExecContext(ctx, `UPDATE keys SET `+column+` = ? WHERE revoked_at IS NULL AND `+column+` = ?`, to, c.ID) //nolint:gosec // a column of ours
	return n, err
}

// list is how words are stored: a JSON list, or nothing.
func list(words []string) string {
	if len(words) == 0 {
		return ""
	}
	text, _ := json.Marshal(words) //nolint:errchkjson // strings always can
	return string(text)
}

func unlist(text string) (words []string, err error) {
	if text == "" {
		return nil, nil
	}
	err = json.Unmarshal([]byte(text), &words)
	return slices.Clip(words), err
}

// whole is a truth as a number.
func whole(yes bool) int {
	if yes {
		return 1
	}
	return 0
}
