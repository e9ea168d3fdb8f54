package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"time"
)

// Attempt is the record of one try at one upstream.
type Attempt struct {
	// ID is the identity of the attempt, made by NewID("att").
	ID string
	// RequestID is the request the attempt belongs to.
	RequestID string
	// KeyID is the key the request came with.
	KeyID string
	// Number counts the attempts of the request from 1 on.
	Number int
	// At is when the attempt began.
	At time.Time
	// Dialect is the dialect of the client.
	Dialect string
	// Provider is the name of the provider that was tried.
	Provider string
	// Surface is the dialect spoken with it.
	Surface string
	// RequestedModel is the model the client named.
	RequestedModel string
	// ServedModel is the model the provider was asked for.
	ServedModel string
	// Stream says that the client asked for a stream.
	Stream bool
	// Status is the HTTP status of the upstream, 0 when there was none.
	Status int
	// ErrorClass is the kind of error, empty when the attempt succeeded.
	ErrorClass string
	// Stop is the canonical reason why the answer ended.
	Stop string
	// Usage is what was counted.
	Usage Usage
	// Latency is the time until the answer's end.
	Latency time.Duration
	// FirstContent is the time until the first content, 0 when none came.
	FirstContent time.Duration
	// Losses is how many things could not be translated.
	Losses int
	// LossReport names them, as the client was told; bounded.
	LossReport string
	// CacheStory says what became of the prompt cache and why, empty where none was in play.
	CacheStory string
	// Charge is what it costs.
	Charge Charge
	// Budgets is what it counts for budgets, as BudgetCharges writes it; empty where
	// there are none. It is kept in a table of its own and not read back.
	Budgets string
}

// Charge is what an attempt costs, and what that depends on beside the rest of
// the attempt.
type Charge struct {
	// Nano is the cost in nano-dollars, if Known.
	Nano int64
	// Unpriced says that the price book has no price for it: the cost is unknown.
	Unpriced bool
	// Version names the book that was asked, empty where none was.
	Version string
	// Model is the model that was priced, empty where it is the served one.
	Model string
	// Kind is the type of the provider.
	Kind string
	// Region is the AWS region of the provider.
	Region string
	// Geo is where the upstream says the attempt ran.
	Geo string
	// Tier is the service tier, empty for the standard one.
	Tier string
	// WebSearches counts searches the upstream ran.
	WebSearches int64
}

// Known tells whether the cost is known.
func (c *Charge) Known() bool { return c.Version != "" && !c.Unpriced }

// Usage counts tokens. Input excludes what was read from and written to the
// cache; Output includes Reasoning.
type Usage struct {
	// Input counts tokens of the request that the cache did not serve.
	Input int64
	// Output counts tokens of the answer.
	Output int64
	// CacheRead counts tokens served by the prompt cache.
	CacheRead int64
	// CacheWrite5m counts tokens written to the cache for five minutes.
	CacheWrite5m int64
	// CacheWrite1h counts tokens written to the cache for an hour.
	CacheWrite1h int64
	// Reasoning counts the tokens of Output that were reasoning.
	Reasoning int64
	// Estimated says that some figure was estimated, not reported.
	Estimated bool
}

const attemptColumns = `id, request_id, key_id, at, dialect, provider, surface, requested_model, served_model, stream,
	status, error_class, stop, input, output, cache_read, cache_write_5m, cache_write_1h, reasoning, estimated,
	latency_ns, first_content_ns, losses, loss_report, cache_story, number,
	cost_nano, unpriced, price_version, price_model, kind, region, geo, tier, web_searches`

// InsertAttempts adds attempts in one transaction: all of them or none. One
// that is already there is left as it is, so a batch may be sent again. The
// keys' last use is noted with them.
func (s *Store) InsertAttempts(ctx context.Context, attempts []Attempt) error {
	if len(attempts) == 0 {
		return nil
	}
	uses := lastUses(attempts)
	err := s.increments(ctx, func(tx *sql.Tx) error {
		if err := chargeBudgets(ctx, tx, attempts); err != nil {
			return err
		}
		if err := insertAttempts(ctx, tx, attempts); err != nil {
			return err
		}
		for _, id := range slices.Sorted(maps.Keys(uses)) {
			_, err := tx.ExecContext(ctx, `UPDATE keys SET last_used_at = max(coalesce(last_used_at, 0), ?) WHERE id = ?`, uses[id], id)
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("record %d attempts: %w", len(attempts), err)
	}
	return nil
}

// rowsPerInsert is how many rows one statement takes: it is the statements that
// cost, and SQLite takes 32,766 parameters in one.
const rowsPerInsert = 16

func insertAttempts(ctx context.Context, tx *sql.Tx, attempts []Attempt) error {
	for _, size := range []int{rowsPerInsert, 1} {
		n, err := insertBySize(ctx, tx, attempts, size)
		if err != nil {
			return err
		}
		attempts = attempts[n:]
	}
	return nil
}

// insertBySize inserts as many whole groups of size rows as there are.
func insertBySize(ctx context.Context, tx *sql.Tx, attempts []Attempt, size int) (done int, err error) {
	if len(attempts) < size {
		return 0, nil
	}
	columns := strings.Count(attemptColumns, ",") + 1
	row := "(" + strings.TrimSuffix(strings.Repeat("?, ", columns), ", ") + ")"
	//nolint:gosec // constants and question marks only
	insert, err := tx.PrepareContext(ctx, `INSERT INTO attempts (`+attemptColumns+`) VALUES `+
		strings.TrimSuffix(strings.Repeat(row+", ", size), ", ")+` ON CONFLICT (id) DO NOTHING`)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, insert.Close()) }()
	args := make([]any, 0, size*columns)
	for ; len(attempts)-done >= size; done += size {
		args = args[:0]
		for i := range size {
			args = appendRow(args, &attempts[done+i])
		}
		if _, err := insert.ExecContext(ctx, args...); err != nil {
			return done, fmt.Errorf("attempts from %s on: %w", attempts[done].ID, err)
		}
	}
	return done, nil
}

// appendRow appends the values of attemptColumns.
func appendRow(args []any, a *Attempt) []any {
	u := &a.Usage
	return append(args, a.ID, a.RequestID, a.KeyID, a.At.UnixNano(), a.Dialect, a.Provider, a.Surface,
		a.RequestedModel, a.ServedModel, a.Stream, a.Status, a.ErrorClass, a.Stop, u.Input, u.Output, u.CacheRead,
		u.CacheWrite5m, u.CacheWrite1h, u.Reasoning, u.Estimated, int64(a.Latency), int64(a.FirstContent), a.Losses, a.LossReport, a.CacheStory, a.Number,
		sql.NullInt64{Int64: a.Charge.Nano, Valid: a.Charge.Known()}, a.Charge.Unpriced, a.Charge.Version, a.Charge.Model, a.Charge.Kind,
		a.Charge.Region, a.Charge.Geo, a.Charge.Tier, a.Charge.WebSearches)
}

func lastUses(attempts []Attempt) map[string]int64 {
	uses := map[string]int64{}
	for i := range attempts {
		if a := &attempts[i]; a.KeyID != "" {
			uses[a.KeyID] = max(uses[a.KeyID], a.At.UnixNano())
		}
	}
	return uses
}

const listAttempts = `SELECT ` + attemptColumns + ` FROM attempts ORDER BY at DESC LIMIT ?`

// ListAttempts returns the newest attempts, newest first, at most limit.
func (s *Store) ListAttempts(ctx context.Context, limit int) ([]Attempt, error) {
	rows, err := s.readers.QueryContext(ctx, listAttempts, limit)
	if err != nil {
		return nil, fmt.Errorf("list attempts: %w", err)
	}
	return scanAttempts(rows)
}

// Attempts returns those of the attempts with these ids that are there, in no
// order. A statement takes 32,766 ids.
func (s *Store) Attempts(ctx context.Context, ids []string) ([]Attempt, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	args := make([]any, len(ids))
	for i, id := range ids {
		args[i] = id
	}
	//nolint:gosec // constants and question marks only
	rows, err := s.readers.QueryContext(ctx, `SELECT `+attemptColumns+` FROM attempts WHERE id IN (?`+strings.Repeat(", ?", len(ids)-1)+`)`, args...)
	if err != nil {
		return nil, fmt.Errorf("read attempts: %w", err)
	}
	return scanAttempts(rows)
}

// scanAttempts reads rows of attemptColumns and closes them.
func scanAttempts(rows *sql.Rows) (attempts []Attempt, err error) {
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var a Attempt
		var at int64
		var cost sql.NullInt64
		u, c := &a.Usage, &a.Charge
		err := rows.Scan(&a.ID, &a.RequestID, &a.KeyID, &at, &a.Dialect, &a.Provider, &a.Surface, &a.RequestedModel,
			&a.ServedModel, &a.Stream, &a.Status, &a.ErrorClass, &a.Stop, &u.Input, &u.Output, &u.CacheRead,
			&u.CacheWrite5m, &u.CacheWrite1h, &u.Reasoning, &u.Estimated, &a.Latency, &a.FirstContent, &a.Losses, &a.LossReport, &a.CacheStory, &a.Number,
			&cost, &c.Unpriced, &c.Version, &c.Model, &c.Kind, &c.Region, &c.Geo, &c.Tier, &c.WebSearches)
		if err != nil {
			return nil, fmt.Errorf("read attempts: %w", err)
		}
		a.At, c.Nano = time.Unix(0, at).UTC(), cost.Int64
		attempts = append(attempts, a)
	}
	return attempts, rows.Err()
}

// Sum is the total of the attempts of one key at one provider and model.
type Sum struct {
	// KeyID, Provider and Model (the served one) say what is summed.
	KeyID, Provider, Model string
	// Attempts counts all attempts, Errors those with an error class.
	Attempts, Errors int64
	// Usage is the total; Estimated when any part of it is.
	Usage Usage
}

const sumAttempts = `
	SELECT key_id, provider, served_model, count(*), count(nullif(error_class, '')), sum(input), sum(output),
		sum(cache_read), sum(cache_write_5m), sum(cache_write_1h), sum(reasoning), max(estimated)
	FROM attempts
	WHERE at >= ? AND at < ?
	GROUP BY key_id, provider, served_model
	ORDER BY key_id, provider, served_model`

// SumAttempts totals the attempts begun in [from, to) by key, provider and
// served model. A zero from or to leaves that end open.
func (s *Store) SumAttempts(ctx context.Context, from, to time.Time) (sums []Sum, err error) {
	since, until := int64(math.MinInt64), int64(math.MaxInt64)
	if !from.IsZero() {
		since = from.UnixNano()
	}
	if !to.IsZero() {
		until = to.UnixNano()
	}
	rows, err := s.readers.QueryContext(ctx, sumAttempts, since, until)
	if err != nil {
		return nil, fmt.Errorf("sum attempts: %w", err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var x Sum
		u := &x.Usage
		err := rows.Scan(&x.KeyID, &x.Provider, &x.Model, &x.Attempts, &x.Errors, &u.Input, &u.Output,
			&u.CacheRead, &u.CacheWrite5m, &u.CacheWrite1h, &u.Reasoning, &u.Estimated)
		if err != nil {
			return nil, fmt.Errorf("sum attempts: %w", err)
		}
		sums = append(sums, x)
	}
	return sums, rows.Err()
}
