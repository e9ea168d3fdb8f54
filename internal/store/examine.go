package store

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/pressly/goose/v3"
)

// Exam is what a database is like to a version that has not touched it yet.
type Exam struct {
	// Schema is its own, 0 where there is none; Known is the newest that this version knows.
	Schema, Known int64
	// RoundTrip is how long a question takes that needs no work.
	RoundTrip time.Duration
	// Clock is the server's time, between when it was asked and when it had answered; zero
	// for a file.
	Clock, Asked, Answered time.Time
}

// ExamineFile looks at a database file and changes nothing.
func ExamineFile(ctx context.Context, path string) (*Exam, error) {
	db, err := connect(path, 1, "mode", "ro")
	if err != nil {
		return nil, err
	}
	defer func() { _ = db.Close() }()
	return examine(ctx, db, goose.DialectSQLite3)
}

// ExaminePostgres looks at a PostgreSQL database and changes nothing.
func ExaminePostgres(ctx context.Context, url string) (*Exam, error) {
	cfg, err := pgConfig(url)
	if err != nil {
		return nil, err
	}
	if err := probe(ctx, cfg); err != nil {
		return nil, err
	}
	db := pgPool(cfg, false)
	db.SetMaxOpenConns(1)
	defer func() { _ = db.Close() }()
	x, err := examine(ctx, db, goose.DialectPostgres)
	if err != nil {
		return nil, err
	}
	var millis int64
	x.Asked = time.Now()
	err = db.QueryRowContext(ctx, `SELECT `+postgresClock).Scan(&millis)
	x.Answered, x.Clock = time.Now(), time.UnixMilli(millis)
	return x, err
}

func examine(ctx context.Context, db *sql.DB, dialect goose.Dialect) (*Exam, error) {
	x := &Exam{}
	provider, err := steps(dialect, db)
	if err != nil {
		return nil, err
	}
	for _, s := range provider.ListSources() {
		x.Known = max(x.Known, s.Version)
	}
	if err := db.PingContext(ctx); err != nil {
		return nil, err
	}
	from := time.Now()
	var one int
	if err := db.QueryRowContext(ctx, `SELECT 1`).Scan(&one); err != nil {
		return nil, err
	}
	x.RoundTrip = time.Since(from)
	table := `SELECT count(*) FROM sqlite_master WHERE name = 'goose_db_version'`
	if dialect == goose.DialectPostgres {
		table = `SELECT count(*) FROM information_schema.tables WHERE table_schema = current_schema() AND table_name = 'goose_db_version'`
	}
	var there int
	if err := db.QueryRowContext(ctx, table).Scan(&there); err != nil || there == 0 {
		return x, err
	}
	err = db.QueryRowContext(ctx, `SELECT version_id FROM goose_db_version WHERE is_applied ORDER BY version_id DESC LIMIT 1`).Scan(&x.Schema)
	if errors.Is(err, sql.ErrNoRows) {
		err = nil
	}
	return x, err
}
