package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
)

// unwatched are the tables that no gateway has in memory. All others are watched
// on PostgreSQL: a change of them, by whomever, is counted in the table changes in
// the same transaction, and other gateways read them again. A table that is
// written for every request must be here, or all who write it wait for one row.
var unwatched = []string{
	"account_sessions", "accounts", "admin_answers", "alerts", "attempt_charges", "attempt_labels", "attempts", "audit", "audit_head", "background", "begun_logins",
	"budget_accounts", "budget_charges", "budget_events", "budget_forgotten", "budget_leases",
	"changes", "charge_labels", "charges_swept", "goose_db_version", "group_mappings", "identities", "invitations", "leases", "logins", "payloads", "price_books", "price_sources", "refresh_tokens", "response_items",
	"responses", "services", "sign_flows", "signing_keys", "usage_quarters", "usage_stale",
}

// idle are columns of watched tables whose changes nobody must notice.
const idle = `'last_used_at'`

// countChange is the function behind the triggers. A transaction counts once.
const countChange = `CREATE OR REPLACE FUNCTION turnpike_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO changes AS c (topic, version, tx) VALUES (TG_TABLE_NAME, 1, txid_current())
	ON CONFLICT (topic) DO UPDATE SET version = c.version + 1, tx = excluded.tx WHERE c.tx <> excluded.tx;
	RETURN NULL;
END $$`

// unguarded lists the tables of the schema that have no triggers yet.
const unguarded = `SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
	WHERE c.relkind = 'r' AND n.nspname = current_schema()
	AND NOT EXISTS (SELECT FROM pg_trigger t WHERE t.tgrelid = c.oid AND t.tgname = 'turnpike_updated')
	ORDER BY c.relname`

// watch makes the triggers that are missing. It runs behind the steps of the
// schema, so a new table needs no step of its own for it.
func watch(ctx context.Context, db *sql.DB) error {
	tables, err := firstColumn(ctx, db, unguarded)
	if err != nil {
		return fmt.Errorf("look for tables to watch: %w", err)
	}
	tables = slices.DeleteFunc(tables, func(name string) bool { return slices.Contains(unwatched, name) })
	if len(tables) == 0 {
		return nil
	}
	statements := []string{countChange}
	for _, t := range tables {
		statements = append(
			statements,
			`CREATE OR REPLACE TRIGGER turnpike_changed AFTER INSERT OR DELETE ON `+t+` FOR EACH ROW EXECUTE FUNCTION turnpike_changed()`,
			`CREATE OR REPLACE TRIGGER turnpike_updated AFTER UPDATE ON `+t+` FOR EACH ROW
				WHEN (to_jsonb(OLD) - `+idle+` IS DISTINCT FROM to_jsonb(NEW) - `+idle+`) EXECUTE FUNCTION turnpike_changed()`,
		)
	}
	for _, s := range statements {
		if _, err := db.ExecContext(ctx, s); err != nil {
			return fmt.Errorf("watch tables for changes: %w", err)
		}
	}
	return nil
}

// firstColumn reads rows of one text.
func firstColumn(ctx context.Context, db *sql.DB, query string) (list []string, err error) {
	rows, err := db.QueryContext(ctx, query)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			return nil, err
		}
		list = append(list, name)
	}
	return list, rows.Err()
}

// changes is DataVersion on PostgreSQL: own changes count too.
func (s *Store) changes(ctx context.Context) (version int64, err error) {
	err = s.readers.QueryRowContext(ctx, `SELECT coalesce(sum(version), 0) FROM changes`).Scan(&version)
	if err != nil {
		return 0, fmt.Errorf("data version: %w", err)
	}
	return version, nil
}
