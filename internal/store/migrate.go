package store

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"

	"github.com/pressly/goose/v3"
)

//go:embed migrations/*.sql
var migrations embed.FS

// migrate brings the schema up to date. Each step is a transaction of its own;
// a lock keeps other processes out meanwhile. A schema that is newer than the
// binary is refused, since writing to it could destroy what it means.
//
// Several versions may be on one database while it is upgraded, the newest first:
// a step adds, and takes nothing away that the version before it reads or writes.
// A new column has a default; a column or table goes one release after its last use.
func migrate(ctx context.Context, db *sql.DB, path string) (err error) {
	unlock, err := lockMigration(ctx, path+".lock")
	if err != nil {
		return fmt.Errorf("wait for another turnpike that is starting: %w", err)
	}
	defer func() { err = errors.Join(err, unlock()) }()
	return bringUp(ctx, goose.DialectSQLite3, db)
}

// bringUp runs the steps the schema lacks; a lock is held.
func bringUp(ctx context.Context, dialect goose.Dialect, db *sql.DB) error {
	provider, err := steps(dialect, db)
	if err != nil {
		return fmt.Errorf("read the schema steps: %w", err)
	}
	current, known, err := provider.GetVersions(ctx)
	if err != nil {
		return fmt.Errorf("read the schema version: %w", err)
	}
	if current > known {
		return fmt.Errorf("%w: its schema is %d, this version knows %d; run the newer version or restore a backup",
			ErrNewerSchema, current, known)
	}
	if current == known {
		return nil
	}
	if _, err := provider.Up(ctx); err != nil {
		return fmt.Errorf("bring the schema from %d to %d: %w", current, known, err)
	}
	return nil
}

// steps are the steps of the schema, for one kind of database.
func steps(dialect goose.Dialect, db *sql.DB) (*goose.Provider, error) {
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return nil, err
	}
	return goose.NewProvider(dialect, db, files, goose.WithDisableGlobalRegistry(true))
}

// lockMigration takes a lock that other processes see and that ends with this
// one, whatever happens: an exclusive transaction on an empty database beside
// the real one. It is the one kind of file lock that works alike on every
// system SQLite runs on.
func lockMigration(ctx context.Context, path string) (unlock func() error, err error) {
	if err := private(path); err != nil {
		return nil, err
	}
	query := fmt.Sprintf("?_pragma=busy_timeout(%d)", busyTimeout.Milliseconds())
	db, err := sql.Open("sqlite", fileURI(path)+query)
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(1)
	conn, err := db.Conn(ctx)
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	if _, err := conn.ExecContext(ctx, `BEGIN EXCLUSIVE`); err != nil {
		return nil, errors.Join(err, conn.Close(), db.Close())
	}
	return func() error { return errors.Join(conn.Close(), db.Close()) }, nil
}
