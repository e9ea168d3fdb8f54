package store

import (
	"context"
	"errors"
	"fmt"
	"math"
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
	// TeamID and UserID are whom the key belongs to, empty for nobody.
	TeamID, UserID string
	// Tags are the key's, sorted, as a JSON array of texts; empty for none.
	Tags string
	// Session is the digest of the conversation, empty where it did not matter which.
	Session string
	// Replica is the gateway that made the attempt.
	Replica string
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
	// Queued is the time until the request was on its way: making it, and waiting for
	// room within the account's limits.
	Queued time.Duration
	// FirstByte is the time until the head of the answer, 0 when none came.
	FirstByte time.Duration
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

const listAttempts = selectAttempts + ` ORDER BY at DESC, attempts.id DESC LIMIT ?`

// ListAttempts returns the newest attempts, newest first, at most limit.
func (s *Store) ListAttempts(ctx context.Context, limit int) ([]Attempt, error) {
	rows, err := s.readers.QueryContext(ctx, listAttempts, limit)
	if err != nil {
		return nil, fmt.Errorf("list attempts: %w", err)
	}
	return scanAttempts(rows)
}

// Ref is what an attempt is found by.
type Ref struct {
	At time.Time
	ID string
}

// Ref is what the attempt is found by.
func (a *Attempt) Ref() Ref { return Ref{a.At, a.ID} }

// Attempts returns those of the attempts that are there, in no order. A statement
// takes 16,383 of them.
func (s *Store) Attempts(ctx context.Context, refs []Ref) ([]Attempt, error) {
	if len(refs) == 0 {
		return nil, nil
	}
	args := make([]any, 2*len(refs))
	for i, r := range refs {
		args[i], args[len(refs)+i] = r.At.UnixNano(), r.ID
	}
	marks := "(?" + strings.Repeat(", ?", len(refs)-1) + ")"
	//nolint:gosec // constants and question marks only
	rows, err := s.readers.QueryContext(ctx, selectAttempts+` WHERE at IN `+marks+` AND attempts.id IN `+marks, args...)
	if err != nil {
		return nil, fmt.Errorf("read attempts: %w", err)
	}
	return scanAttempts(rows)
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
	FROM attempts JOIN attempt_labels ON attempt_labels.id = attempts.label
	WHERE at >= ? AND at < ?
	GROUP BY key_id, provider, served_model
	ORDER BY key_id, provider, served_model`

// span is a period as the database counts time: a zero end is open.
func span(from, to time.Time) (since, until int64) {
	since, until = math.MinInt64, math.MaxInt64
	if !from.IsZero() {
		since = from.UnixNano()
	}
	if !to.IsZero() {
		until = to.UnixNano()
	}
	return since, until
}

// SumAttempts totals the attempts begun in [from, to) by key, provider and
// served model. A zero from or to leaves that end open.
func (s *Store) SumAttempts(ctx context.Context, from, to time.Time) (sums []Sum, err error) {
	since, until := span(from, to)
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
