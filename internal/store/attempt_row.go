package store

import (
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// rowColumns are those of an attempt beside its label, in the order of appendRow.
const rowColumns = `at, id, request_id, label, number, status, stop, input, output, latency_ns, queued_ns, first_byte_ns, first_content_ns, cost_nano`

// rareColumns are those that most attempts leave empty, in the order of appendRare, and
// what stands in them then.
const (
	rareColumns = `error_class, cache_read, cache_write_5m, cache_write_1h, reasoning, web_searches, estimated, more`
	rareValues  = `'', 0, 0, 0, 0, 0, 0, ''`
)

// selectAttempts reads attempts with their labels, in the order of scanAttempt.
const selectAttempts = `SELECT at, attempts.id, request_id, number, status, error_class, stop, input, output, cache_read, cache_write_5m, cache_write_1h,
	reasoning, web_searches, estimated, latency_ns, queued_ns, first_byte_ns, first_content_ns, cost_nano, more, ` + labelColumns + `
	FROM attempts JOIN attempt_labels ON attempt_labels.id = attempts.label`

// appendRow appends the values of rowColumns.
func appendRow(args []any, a *Attempt, label int64) []any {
	var cost any
	if a.Charge.Known() {
		cost = a.Charge.Nano
	}
	return append(args, a.At.UnixNano(), a.ID, a.RequestID, label, int64(a.Number), int64(a.Status), a.Stop, a.Usage.Input, a.Usage.Output,
		int64(a.Latency), int64(a.Queued), int64(a.FirstByte), int64(a.FirstContent), cost)
}

// appendRare appends the values of rareColumns.
func appendRare(args []any, a *Attempt) []any {
	u := &a.Usage
	return append(args, a.ErrorClass, u.CacheRead, u.CacheWrite5m, u.CacheWrite1h, u.Reasoning, a.Charge.WebSearches, bit(u.Estimated), moreOf(a))
}

// rare tells whether any of rareColumns has a value.
func rare(a *Attempt) bool {
	u := &a.Usage
	return a.ErrorClass != "" || u.CacheRead|u.CacheWrite5m|u.CacheWrite1h|u.Reasoning|a.Charge.WebSearches != 0 || u.Estimated ||
		a.Session != "" || a.Losses != 0 || a.LossReport != "" || a.CacheStory != ""
}

func anyRare(attempts []Attempt) bool {
	for i := range attempts {
		if rare(&attempts[i]) {
			return true
		}
	}
	return false
}

func bit(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

// scanAttempts reads rows of selectAttempts and closes them.
func scanAttempts(rows *sql.Rows) (attempts []Attempt, err error) {
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var a Attempt
		if err := scanAttempt(rows, &a); err != nil {
			return nil, fmt.Errorf("read attempts: %w", err)
		}
		attempts = append(attempts, a)
	}
	return attempts, rows.Err()
}

func scanAttempt(rows *sql.Rows, a *Attempt) error {
	var (
		at, estimated int64
		cost          sql.NullInt64
		rest          string
		l             label
	)
	u, c := &a.Usage, &a.Charge
	err := rows.Scan(append([]any{
		&at, &a.ID, &a.RequestID, &a.Number, &a.Status, &a.ErrorClass, &a.Stop, &u.Input, &u.Output, &u.CacheRead, &u.CacheWrite5m,
		&u.CacheWrite1h, &u.Reasoning, &c.WebSearches, &estimated, &a.Latency, &a.Queued, &a.FirstByte, &a.FirstContent, &cost, &rest,
	}, l.fields()...)...)
	if err != nil {
		return err
	}
	l.put(a)
	a.At, u.Estimated = time.Unix(0, at).UTC(), estimated != 0
	c.Nano, c.Unpriced = cost.Int64, !cost.Valid && c.Version != ""
	if err := readMore(a, rest); err != nil {
		return fmt.Errorf("%s: %w", a.ID, err)
	}
	return nil
}

// more is what most attempts have nothing to say of.
type more struct {
	Session    string `json:"session,omitempty"`
	Losses     int    `json:"losses,omitempty"`
	LossReport string `json:"loss_report,omitempty"`
	CacheStory string `json:"cache_story,omitempty"`
}

func moreOf(a *Attempt) string {
	m := more{a.Session, a.Losses, a.LossReport, a.CacheStory}
	if m == (more{}) {
		return ""
	}
	b, _ := json.Marshal(m) //nolint:errchkjson // texts and a number
	return string(b)
}

func readMore(a *Attempt, text string) error {
	if text == "" {
		return nil
	}
	var m more
	if err := json.Unmarshal([]byte(text), &m); err != nil {
		return err
	}
	a.Session, a.Losses, a.LossReport, a.CacheStory = m.Session, m.Losses, m.LossReport, m.CacheStory
	return nil
}
