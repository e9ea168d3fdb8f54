package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/url"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
)

// Postgres says which PostgreSQL database to open, and how.
type Postgres struct {
	// URL is postgres://user:password@host:port/name?sslmode=…
	URL string
	// MaxConns bounds the connections; 0 is DefaultMaxConns.
	MaxConns int
	// Wait is how long a database that cannot be reached is waited for.
	Wait time.Duration
	// Away is told once why it is waited for; nil tells nobody.
	Away func(error)
}

// DefaultMaxConns is how many connections there are at most.
const DefaultMaxConns = 10

// minServer is the oldest server: 15, in the form of server_version_num.
const minServer = 150000

const (
	connectTimeout = 10 * time.Second
	connMaxIdle    = 5 * time.Minute
	connMaxLife    = time.Hour // a server that moved is found again
	retryEvery     = time.Second
)

// OpenPostgres opens a PostgreSQL database and brings its schema up to date.
func OpenPostgres(ctx context.Context, p Postgres) (*Store, error) {
	cfg, err := pgConfig(p.URL)
	if err != nil {
		return nil, err
	}
	where := fmt.Sprintf("%s on %s:%d", cfg.Database, cfg.Host, cfg.Port)
	if err := waitFor(ctx, p, cfg); err != nil {
		return nil, fmt.Errorf("open database %s: %w", where, err)
	}
	if err := migratePostgres(ctx, cfg); err != nil {
		return nil, fmt.Errorf("open database %s: %w", where, err)
	}
	db := pgPool(cfg, false)
	n := p.MaxConns
	if n <= 0 {
		n = DefaultMaxConns
	}
	db.SetMaxOpenConns(n)
	db.SetMaxIdleConns(n)
	db.SetConnMaxIdleTime(connMaxIdle)
	db.SetConnMaxLifetime(connMaxLife)
	return &Store{writer: db, readers: db, postgres: true, labels: labels{now: time.Now}}, nil
}

// pgConfig reads the URL. Its errors repeat nothing of it: there is a password in it.
func pgConfig(text string) (*pgx.ConnConfig, error) {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "postgres" && u.Scheme != "postgresql" {
		return nil, errors.New("database.url is no PostgreSQL address: write postgres://user:password@host:5432/name")
	}
	cfg, err := pgx.ParseConfig(text)
	if err != nil {
		var reason *pgconn.ParseConfigError
		if errors.As(err, &reason) && errors.Unwrap(reason) != nil {
			err = errors.Unwrap(reason)
		}
		return nil, fmt.Errorf("database.url cannot be used: %w", err)
	}
	// Nothing is kept on the server under a name, so a pooler may stand in between.
	cfg.DefaultQueryExecMode = pgx.QueryExecModeCacheDescribe
	cfg.ConnectTimeout = connectTimeout
	return cfg, nil
}

func pgPool(cfg *pgx.ConnConfig, schema bool) *sql.DB {
	return sql.OpenDB(&pgConnector{Connector: stdlib.GetConnector(*cfg), rewrites: &rewrites{}, schema: schema})
}

// unhealing are classes and codes of errors that waiting does not mend: who may
// come in, no such database, no right.
var unhealing = []string{"28000", "28P01", "3D000", "42501"}

// waitFor returns when the server answers, or says why it does not.
func waitFor(ctx context.Context, p Postgres, cfg *pgx.ConnConfig) error {
	limit, cancel := context.WithTimeout(ctx, max(p.Wait, connectTimeout))
	defer cancel()
	until := time.Now().Add(p.Wait)
	for told := false; ; told = true {
		err := probe(limit, cfg)
		var said *pgconn.PgError
		switch {
		case err == nil || errors.Is(err, errOldServer):
			return err
		case ctx.Err() != nil:
			return errors.Join(ctx.Err(), err)
		case errors.As(err, &said) && slices.Contains(unhealing, said.Code), !time.Now().Add(retryEvery).Before(until):
			return fmt.Errorf("it cannot be reached; database.url says where it is: %w", err)
		}
		if !told && p.Away != nil {
			p.Away(err)
		}
		select {
		case <-limit.Done():
		case <-time.After(retryEvery):
		}
	}
}

var errOldServer = errors.New("the server is older than PostgreSQL 15")

func probe(ctx context.Context, cfg *pgx.ConnConfig) error {
	conn, err := pgx.ConnectConfig(ctx, cfg)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	var server int
	if err := conn.QueryRow(ctx, `SELECT current_setting('server_version_num')::int`).Scan(&server); err != nil {
		return err
	}
	if server < minServer {
		return fmt.Errorf("%w: %d", errOldServer, server/10000)
	}
	return nil
}

// migrationLock is the number gateways that start agree on.
const migrationLock = 0x7475726e70696b65 // "turnpike"

const lockPause = 100 * time.Millisecond

// migratePostgres brings the schema up to date. The lock is a transaction's, not a
// session's: behind a pooler that hands out transactions it holds all the same.
func migratePostgres(ctx context.Context, cfg *pgx.ConnConfig) (err error) {
	db := pgPool(cfg, true)
	defer func() { err = errors.Join(err, db.Close()) }()
	lock, err := lockSchema(ctx, db)
	if err != nil {
		return fmt.Errorf("wait for another turnpike that is starting: %w", err)
	}
	defer func() { err = errors.Join(err, lock.Rollback()) }()
	if err := bringUp(ctx, goose.DialectPostgres, db); err != nil {
		return err
	}
	return watch(ctx, db)
}

// lockSchema takes the lock. Who does not get it lets go of the connection and
// comes again: waiting in line, all together could hold a pooler's last one, which
// the holder of the lock needs.
func lockSchema(ctx context.Context, db *sql.DB) (*sql.Tx, error) {
	for {
		tx, err := db.BeginTx(ctx, nil)
		if err != nil {
			return nil, err
		}
		var mine bool
		err = tx.QueryRowContext(ctx, `SELECT pg_try_advisory_xact_lock($1)`, int64(migrationLock)).Scan(&mine)
		if err == nil && mine {
			return tx, nil
		}
		if err = errors.Join(err, tx.Rollback()); err != nil {
			return nil, err
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(lockPause/2 + rand.N(lockPause)): //nolint:gosec // Any spread will do.
		}
	}
}

// clash tells whether a transaction lost against another and may be tried again:
// a serialization failure or a deadlock.
func clash(err error) bool {
	var said *pgconn.PgError
	return errors.As(err, &said) && (said.Code == "40001" || said.Code == "40P01")
}

const (
	maxClashes      = 30
	clashPause      = 2 * time.Millisecond
	maxClashPause   = 100 * time.Millisecond
	transactionTime = time.Minute // of a transaction whose context has no deadline
)

// again runs a transaction until it does not clash with another one any more.
func again(ctx context.Context, try func(context.Context) error) error {
	if _, ok := ctx.Deadline(); !ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, transactionTime)
		defer cancel()
	}
	pause := clashPause
	for n := 1; ; n++ {
		err := try(ctx)
		if !clash(err) || n == maxClashes {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(pause/2 + rand.N(pause)): //nolint:gosec // Any spread will do.
		}
		pause = min(2*pause, maxClashPause)
	}
}
