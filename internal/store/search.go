package store

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
)

// AttemptQuery says which attempts are looked for. What is zero does not matter.
type AttemptQuery struct {
	From, To time.Time
	// KeyID, TeamID, UserID, Provider, Dialect, ServedModel and RequestedModel are those of the
	// attempt; Model is either of the latter.
	KeyID, TeamID, UserID, Provider, Dialect, Model string
	RequestID, Session                              string
	// Status is the upstream's, ErrorClass the class of the error.
	Status     int
	ErrorClass string
	// Failed, when it is set, is whether there was an error.
	Failed *bool
	// Losing are those that lost something in translation.
	Losing bool
	// Unpriced are those whose cost is not known.
	Unpriced bool
	// LeastCost is what they cost at least, in nano-dollars.
	LeastCost int64
	// Of are ids of keys and teams, nil for all: attempts of others are not found.
	Of []string
	// Before is the attempt behind which the list goes on.
	Before Ref
	// Limit is how many at most.
	Limit int
}

// maxOf bounds a list of ids.
const maxOf = 400

// letters makes letters of what LIKE takes for patterns; ! is its escape then.
var letters = strings.NewReplacer("!", "!!", "%", "!%", "_", "!_")

// errMark refuses texts that stand otherwise in JSON.
var errMark = errors.New("has a character that no session and no request has in its id")

// conditions are the query in SQL.
func (q *AttemptQuery) conditions() (text string, args []any, err error) {
	since, until := span(q.From, q.To)
	where := []string{"at >= ?", "at < ?"}
	args = []any{since, until}
	add := func(condition string, values ...any) {
		where, args = append(where, condition), append(args, values...)
	}
	for _, c := range []struct{ column, value string }{
		{"key_id", q.KeyID},
		{"team_id", q.TeamID},
		{"user_id", q.UserID},
		{"provider", q.Provider},
		{"dialect", q.Dialect},
		{"request_id", q.RequestID},
		{"error_class", q.ErrorClass},
	} {
		if c.value != "" {
			add(c.column+" = ?", c.value)
		}
	}
	if q.Model != "" {
		add("(served_model = ? OR requested_model = ?)", q.Model, q.Model)
	}
	if q.Session != "" {
		if strings.ContainsAny(q.Session, `"\`) {
			return "", nil, fmt.Errorf("the session %w", errMark)
		}
		add("more LIKE ? ESCAPE '!'", `%"session":"`+letters.Replace(q.Session)+`"%`)
	}
	if q.Status != 0 {
		add("status = ?", q.Status)
	}
	if q.Failed != nil {
		add(map[bool]string{true: "error_class <> ''", false: "error_class = ''"}[*q.Failed])
	}
	if q.Losing {
		add("more LIKE ?", `%"losses":%`)
	}
	if q.Unpriced {
		add("cost_nano IS NULL AND price_version <> ''")
	}
	if q.LeastCost > 0 {
		add("cost_nano >= ?", q.LeastCost)
	}
	if q.Of != nil {
		ids := make([]any, 0, len(q.Of))
		for _, id := range q.Of[:min(len(q.Of), maxOf)] {
			ids = append(ids, id)
		}
		in := "IN (''" + strings.Repeat(", ?", len(ids)) + ") AND "
		add("(key_id "+in+"key_id <> '' OR team_id "+in+"team_id <> '')", append(ids, ids...)...)
	}
	if q.Before.ID != "" {
		at := q.Before.At.UnixNano()
		add("at <= ?", at)
		add("(at < ? OR attempts.id < ?)", at, q.Before.ID)
	}
	return strings.Join(where, " AND "), append(args, q.Limit), nil
}

// SearchAttempts returns the attempts that fit, the newest first.
func (s *Store) SearchAttempts(ctx context.Context, q *AttemptQuery) ([]Attempt, error) {
	where, args, err := q.conditions()
	if err != nil {
		return nil, err
	}
	//nolint:gosec // constants and question marks only
	rows, err := s.readers.QueryContext(ctx, selectAttempts+` WHERE `+where+` ORDER BY at DESC, attempts.id DESC LIMIT ?`, args...)
	if err != nil {
		return nil, fmt.Errorf("search attempts: %w", err)
	}
	return scanAttempts(rows)
}
