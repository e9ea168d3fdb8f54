package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/stdlib"
)

// pgConnector makes connections to PostgreSQL that take statements and values as
// SQLite does, so that those who write SQL need not know which database it is.
type pgConnector struct {
	driver.Connector
	rewrites *rewrites
	// schema is for steps of the schema: they are written otherwise, take as long
	// as they take, and goose's own values are PostgreSQL's already.
	schema bool
}

func (c *pgConnector) Connect(ctx context.Context) (driver.Conn, error) {
	conn, err := c.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	inner, ok := conn.(*stdlib.Conn)
	if !ok {
		return nil, errors.Join(fmt.Errorf("the driver made a %T", conn), conn.Close())
	}
	return &pgConn{Conn: inner, kind: c}, nil
}

// pgConn is one connection. What it does not say itself is the driver's.
type pgConn struct {
	*stdlib.Conn
	kind *pgConnector
}

// statementTimeout bounds a statement whose context has no deadline of its own.
const statementTimeout = 30 * time.Second

func (c *pgConn) bounded(ctx context.Context) (context.Context, context.CancelFunc) {
	if _, ok := ctx.Deadline(); ok || c.kind.schema {
		return ctx, func() {}
	}
	return context.WithTimeout(ctx, statementTimeout)
}

// restTimeout is what a transaction may rest: one whose gateway's machine is gone
// must not keep its rows locked until TCP notices.
const (
	restTimeout = `SET LOCAL idle_in_transaction_session_timeout = '60s'`
	noTimeout   = `SET LOCAL idle_in_transaction_session_timeout = 0` // the lock of the schema rests
)

// BeginTx begins a transaction. One that only reads sees one moment, as in SQLite.
func (c *pgConn) BeginTx(ctx context.Context, opts driver.TxOptions) (driver.Tx, error) {
	if opts.ReadOnly && sql.IsolationLevel(opts.Isolation) == sql.LevelDefault {
		opts.Isolation = driver.IsolationLevel(sql.LevelRepeatableRead)
	}
	tx, err := c.Conn.BeginTx(ctx, opts)
	if err != nil {
		return nil, err
	}
	limit := restTimeout
	if c.kind.schema {
		limit = noTimeout
	}
	if _, err := c.Conn.ExecContext(ctx, limit, nil); err != nil {
		return nil, errors.Join(err, tx.Rollback())
	}
	return tx, nil
}

func (c *pgConn) text(query string) string {
	if c.kind.schema {
		return schemaToPostgres(query)
	}
	return c.kind.rewrites.of(query)
}

// CheckNamedValue turns flags into the integers they are in the tables, and takes
// out of texts what PostgreSQL has no place for: one such name that a client
// chose would hold up the ledger for ever.
func (c *pgConn) CheckNamedValue(v *driver.NamedValue) error {
	if c.kind.schema {
		return c.Conn.CheckNamedValue(v)
	}
	value, err := driver.DefaultParameterConverter.ConvertValue(v.Value)
	if err != nil {
		return err
	}
	switch x := value.(type) {
	case bool:
		v.Value = int64(0)
		if x {
			v.Value = int64(1)
		}
	case string:
		v.Value = strings.ToValidUTF8(strings.ReplaceAll(x, "\x00", "\uFFFD"), "\uFFFD")
	default:
		v.Value = value
	}
	return nil
}

// ExecContext runs a statement.
func (c *pgConn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	ctx, cancel := c.bounded(ctx)
	defer cancel()
	return c.Conn.ExecContext(ctx, c.text(query), args)
}

// QueryContext runs a statement; its time ends with the rows.
func (c *pgConn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	ctx, cancel := c.bounded(ctx)
	rows, err := c.Conn.QueryContext(ctx, c.text(query), args)
	if err != nil {
		cancel()
		return nil, err
	}
	return &pgRows{rows, cancel}, nil
}

type pgRows struct {
	driver.Rows
	cancel context.CancelFunc
}

// Close ends the statement.
func (r *pgRows) Close() error {
	defer r.cancel()
	return r.Rows.Close()
}

// PrepareContext keeps the statement here: the server keeps none, so it does not
// matter which of its processes a pooler in between gives the next one to.
func (c *pgConn) PrepareContext(_ context.Context, query string) (driver.Stmt, error) {
	return &pgStmt{c, query}, nil
}

type pgStmt struct {
	conn  *pgConn
	query string
}

// Close has nothing to do.
func (s *pgStmt) Close() error { return nil }

// NumInput leaves the counting to the server.
func (s *pgStmt) NumInput() int { return -1 }

var errNoContext = errors.New("a statement without a context")

// Exec is the form without a context, which nobody here uses.
func (s *pgStmt) Exec([]driver.Value) (driver.Result, error) { return nil, errNoContext }

// Query is the form without a context, which nobody here uses.
func (s *pgStmt) Query([]driver.Value) (driver.Rows, error) { return nil, errNoContext }

// CheckNamedValue is the connection's.
func (s *pgStmt) CheckNamedValue(v *driver.NamedValue) error { return s.conn.CheckNamedValue(v) }

// ExecContext runs the statement.
func (s *pgStmt) ExecContext(ctx context.Context, args []driver.NamedValue) (driver.Result, error) {
	return s.conn.ExecContext(ctx, s.query, args)
}

// QueryContext runs the statement.
func (s *pgStmt) QueryContext(ctx context.Context, args []driver.NamedValue) (driver.Rows, error) {
	return s.conn.QueryContext(ctx, s.query, args)
}
