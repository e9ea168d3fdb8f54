// Package store keeps what must outlive the process: keys, the record of
// attempts, settings. All SQL of the gateway is here; the rest of it sees
// plain Go types. The database is one SQLite file in WAL mode, with one
// connection that writes and a few that read, or one of PostgreSQL's. SQL is
// written once, for SQLite; rewrite.go says what to keep to.
package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	_ "modernc.org/sqlite" // the database/sql driver "sqlite"
)

// Errors that callers tell apart.
var (
	// ErrNotFound says that nothing has that name.
	ErrNotFound = errors.New("not found")
	// ErrAmbiguous says that several things have that name.
	ErrAmbiguous = errors.New("the name fits several keys; use the id")
	// ErrTaken says that something has that name, or that secret, already.
	ErrTaken = errors.New("there is one already")
	// ErrRevoked says that a key was revoked.
	ErrRevoked = errors.New("the key was revoked; make a new one")
	// ErrInUse says that keys belong to what is to be deleted.
	ErrInUse = errors.New("keys belong to it")
	// ErrNewerSchema says that a newer version of the gateway wrote the file.
	ErrNewerSchema = errors.New("the database was written by a newer turnpike")
)

// FileName is the name of the database in the data folder.
const FileName = "turnpike.db"

const (
	// busyTimeout is how long a statement waits for another process's write.
	busyTimeout = 10 * time.Second
	// maxReaders bounds the connections that read at the same time.
	maxReaders = 4
)

// Store is the open database. It is safe for concurrent use.
type Store struct {
	writer  *sql.DB // one connection: SQLite has one writer at a time
	readers *sql.DB

	postgres bool // writer and readers are one pool then
	version  dataVersion
	labels   labels
	inserts  inserts // of attempts
	charges  chargeLabels
}

// Open opens the database file, creating it (mode 0600) if it is absent, and
// brings its schema up to date. The folder is made by the caller.
func Open(ctx context.Context, path string) (*Store, error) {
	s, err := open(ctx, path)
	if err != nil {
		return nil, fmt.Errorf("open database %s: %w", path, err)
	}
	return s, nil
}

func open(ctx context.Context, path string) (*Store, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	if err := private(abs); err != nil {
		return nil, err
	}
	writer, err := connect(abs, 1, "_txlock", "immediate")
	if err != nil {
		return nil, err
	}
	if err := migrate(ctx, writer, abs); err != nil {
		return nil, errors.Join(err, writer.Close())
	}
	readers, err := connect(abs, maxReaders, "_query_only", "1")
	if err != nil {
		return nil, errors.Join(err, writer.Close())
	}
	return &Store{writer: writer, readers: readers, labels: labels{now: time.Now}}, nil
}

// connect makes a pool of at most n connections. A commit waits for the disk: what
// is committed is taken out of the ledger's journal, so a power loss must not undo
// it, and in WAL mode synchronous=NORMAL would let it
// (https://sqlite.org/pragma.html#pragma_synchronous). No request waits for a commit
// of attempts. The pragmas run on every
// connection in this order: the busy timeout comes first, so that switching to
// WAL already waits for other processes.
func connect(path string, n int, extra ...string) (*sql.DB, error) {
	query := url.Values{"_pragma": {
		fmt.Sprintf("busy_timeout(%d)", busyTimeout.Milliseconds()),
		"journal_mode(WAL)",
		"synchronous(FULL)",
		"foreign_keys(1)",
	}}
	for i := 0; i+1 < len(extra); i += 2 {
		query.Set(extra[i], extra[i+1])
	}
	db, err := sql.Open("sqlite", fileURI(path)+"?"+query.Encode())
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(n)
	db.SetMaxIdleConns(n)
	return db, nil
}

// fileURI is the path as SQLite's URI form, which allows any character in it.
func fileURI(path string) string {
	path = filepath.ToSlash(path)
	if !strings.HasPrefix(path, "/") { // a drive letter
		path = "/" + path
	}
	return (&url.URL{Scheme: "file", Path: path}).String()
}

// Close closes the database. The writer goes last, since the last connection
// folds the write-ahead log into the file.
func (s *Store) Close() error {
	if s.postgres {
		return s.writer.Close()
	}
	return errors.Join(s.readers.Close(), s.writer.Close())
}

// Ping says whether the database can be read.
func (s *Store) Ping(ctx context.Context) error {
	var n int
	if err := s.readers.QueryRowContext(ctx, `SELECT count(*) FROM settings WHERE name = ''`).Scan(&n); err != nil {
		return fmt.Errorf("database: %w", err)
	}
	return nil
}

// dataVersion remembers which connection the last version was read from.
type dataVersion struct {
	own atomic.Int64 // changes by this process that it must notice itself

	mu    sync.Mutex
	conn  any
	epoch int64
}

// DataVersion returns a number that changes when another process has changed
// the database, and when this one has changed what gateways have in memory (change).
// It costs no reading of tables:
// ask it every second, and read the keys again when it differs.
//
// PRAGMA data_version counts commits of other connections and has a meaning on
// one connection only. It is asked on the writing connection, so that own
// writes do not count, but those that are counted here; should that connection ever be replaced, the number
// changes too.
func (s *Store) DataVersion(ctx context.Context) (int64, error) {
	if s.postgres {
		return s.changes(ctx)
	}
	conn, err := s.writer.Conn(ctx)
	if err != nil {
		return 0, fmt.Errorf("data version: %w", err)
	}
	defer func() { _ = conn.Close() }()
	var version int64
	if err := conn.QueryRowContext(ctx, `PRAGMA data_version`).Scan(&version); err != nil {
		return 0, fmt.Errorf("data version: %w", err)
	}
	epoch, err := s.version.epochOf(conn)
	if err != nil {
		return 0, fmt.Errorf("data version: %w", err)
	}
	return epoch<<40 + version + s.version.own.Load()<<20, nil
}

// epochOf counts the connections seen.
func (v *dataVersion) epochOf(conn *sql.Conn) (int64, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	err := conn.Raw(func(driverConn any) error {
		if v.conn != driverConn {
			v.conn = driverConn
			v.epoch++
		}
		return nil
	})
	return v.epoch, err
}

// transaction runs do in one transaction on the writing connection. Transactions
// are as if one ran after the other: SQLite has one writer, PostgreSQL finds out
// that two would not be, and do runs again. So do begins anew each time: what it
// returns through variables it sets, and does not add to.
func (s *Store) transaction(ctx context.Context, do func(*sql.Tx) error) error {
	return s.transact(ctx, sql.LevelSerializable, do)
}

// increments runs do like transaction, but for statements that are right each by
// itself whatever others do meanwhile: new rows, and sums that grow (n = n + ?). On
// PostgreSQL several run at once and wait for each other's rows instead of running
// again. Rows are taken in the order of their keys, or two wait for each other.
func (s *Store) increments(ctx context.Context, do func(*sql.Tx) error) error {
	return s.transact(ctx, sql.LevelReadCommitted, do)
}

func (s *Store) transact(ctx context.Context, level sql.IsolationLevel, do func(*sql.Tx) error) error {
	if !s.postgres {
		return s.once(ctx, nil, do)
	}
	return again(ctx, func(ctx context.Context) error {
		return s.once(ctx, &sql.TxOptions{Isolation: level}, do)
	})
}

func (s *Store) once(ctx context.Context, how *sql.TxOptions, do func(*sql.Tx) error) error {
	tx, err := s.writer.BeginTx(ctx, how)
	if err != nil {
		return err
	}
	if err := do(tx); err != nil {
		// An ended context has rolled back already.
		if undo := tx.Rollback(); undo != nil && !errors.Is(undo, sql.ErrTxDone) {
			return errors.Join(err, undo)
		}
		return err
	}
	return tx.Commit()
}
