package store

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/binary"
	"fmt"
	"maps"
	"math"
	"strconv"
	"strings"
	"sync"
	"time"
)

// chargeLabel is what many attempts count for: budgets, each with the beginning of its
// period, and the process that counts. A row names it by its id.
type chargeLabel struct {
	id   int64
	keys []leaseKey
}

// chargeKeys reads the text of a label: what BudgetCharges writes, without the amounts.
// It is false for what that would not write.
func chargeKeys(text string) (keys []leaseKey, ok bool) {
	replica, rest, _ := strings.Cut(text, " ")
	for word := range strings.SplitSeq(rest, " ") {
		budget, at, _ := strings.Cut(word, "@")
		period, err := strconv.ParseInt(at, 10, 64)
		if err != nil || budget == "" {
			return nil, false
		}
		for i := range keys {
			if keys[i].budget == budget {
				return nil, false
			}
		}
		keys = append(keys, leaseKey{budget, period, replica})
	}
	return keys, true
}

// chargesIn puts the amounts of a row to the budgets of its label.
func chargesIn(label, amounts string) []BudgetCharge {
	keys, _ := chargeKeys(label)
	list := make([]BudgetCharge, 0, len(keys))
	for _, k := range keys {
		var word string
		word, amounts, _ = strings.Cut(amounts, " ")
		n, err := strconv.ParseInt(word, 10, 64)
		if err != nil {
			return list
		}
		list = append(list, BudgetCharge{Budget: k.budget, Period: time.Unix(0, k.period), Amount: n})
	}
	return list
}

// chargeLabels remembers labels that are in the database. It forgets them after a day,
// as labels does.
type chargeLabels struct {
	mu    sync.Mutex
	known map[string]*chargeLabel
	since time.Time
}

func (s *chargeLabels) get(text []byte, now time.Time) *chargeLabel {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.known != nil && now.Sub(s.since) > rememberLabels {
		s.known = nil
	}
	return s.known[string(text)]
}

// keep remembers labels that were committed.
func (s *chargeLabels) keep(fresh map[string]*chargeLabel, now time.Time) {
	if len(fresh) == 0 {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.known == nil || len(s.known)+len(fresh) > maxLabels {
		s.known, s.since = make(map[string]*chargeLabel, len(fresh)), now
	}
	maps.Copy(s.known, fresh)
}

// writeChargeLabel adds a label unless it is there, and notes its use.
func writeChargeLabel(ctx context.Context, tx *sql.Tx, text string, now time.Time) (int64, error) {
	for try := range byte(maxTries) {
		sum := sha256.Sum256(append([]byte{try}, text...))
		id := max(1, int64(binary.BigEndian.Uint64(sum[:])&math.MaxInt64)) //nolint:gosec // its highest bit is cleared
		// What is there is touched by the same statement, so that nobody deletes it meanwhile.
		_, err := tx.ExecContext(ctx, `INSERT INTO charge_labels (id, used_at, label) VALUES (?, ?, ?)
			ON CONFLICT (id) DO UPDATE SET used_at = max(charge_labels.used_at, excluded.used_at)`, id, now.UnixNano(), text)
		if err != nil {
			return 0, fmt.Errorf("label of what attempts count for budgets: %w", err)
		}
		var there string
		if err := tx.QueryRowContext(ctx, `SELECT label FROM charge_labels WHERE id = ?`, id).Scan(&there); err != nil {
			return 0, fmt.Errorf("label of what attempts count for budgets: %w", err)
		}
		if there == text {
			return id, nil
		}
	}
	return 0, errDigests
}

// purgeChargeLabels deletes labels that no attempt has whose charges are not summed up.
func (s *Store) purgeChargeLabels(ctx context.Context, limit int) (deleted int64, err error) {
	swept, err := sweptBefore(ctx, s.readers)
	if err != nil {
		return 0, err
	}
	before := swept - int64(unusedLabels)
	res, err := s.writer.ExecContext(ctx, `DELETE FROM charge_labels WHERE used_at < ? AND id IN
		(SELECT id FROM charge_labels WHERE used_at < ? ORDER BY used_at LIMIT ?)`, before, before, limit)
	if err == nil {
		deleted, err = res.RowsAffected()
	}
	return deleted, err
}
