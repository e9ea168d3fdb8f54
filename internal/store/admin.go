package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"
)

// AdminAnswer is what the admin API answered to a request that may be sent again.
type AdminAnswer struct {
	// ID is the digest of whose request it is, and of its Idempotency-Key.
	ID string
	// Request is the digest of what was asked.
	Request string
	// Status is that of the answer; 0 while the request is under way.
	Status int
	// Answer is the answer itself, sealed.
	Answer string
	// MadeAt is when the request came.
	MadeAt time.Time
}

// ClaimAnswer notes that a request is under way. Where one with its id came since a
// time, that one is returned, and mine is false; older ones are forgotten, and those
// that were begun before stuck and have no answer.
func (s *Store) ClaimAnswer(ctx context.Context, a AdminAnswer, since, stuck time.Time) (there AdminAnswer, mine bool, err error) {
	err = s.transaction(ctx, func(tx *sql.Tx) error {
		mine = false
		_, err := tx.ExecContext(ctx, `DELETE FROM admin_answers WHERE made_at < ? OR (status = 0 AND made_at < ?)`, since.UnixNano(), stuck.UnixNano())
		if err != nil {
			return err
		}
		var at int64
		err = tx.QueryRowContext(ctx, `SELECT id, request, status, answer, made_at FROM admin_answers WHERE id = ?`, a.ID).
			Scan(&there.ID, &there.Request, &there.Status, &there.Answer, &at)
		if !errors.Is(err, sql.ErrNoRows) {
			there.MadeAt = time.Unix(0, at).UTC()
			return err
		}
		mine = true
		_, err = tx.ExecContext(ctx, `INSERT INTO admin_answers (id, request, status, answer, made_at) VALUES (?, ?, 0, '', ?)`, a.ID, a.Request, a.MadeAt.UnixNano())
		return err
	})
	if err != nil {
		return there, false, fmt.Errorf("claim an answer: %w", err)
	}
	return there, mine, nil
}

// KeepAnswer keeps the answer of a request that was claimed.
func (s *Store) KeepAnswer(ctx context.Context, a AdminAnswer) error {
	_, err := s.writer.ExecContext(ctx, `UPDATE admin_answers SET status = ?, answer = ? WHERE id = ?`, a.Status, a.Answer, a.ID)
	if err != nil {
		return fmt.Errorf("keep an answer: %w", err)
	}
	return nil
}

// DropAnswer gives the claim up: the request has failed, and may be made again.
func (s *Store) DropAnswer(ctx context.Context, id string) error {
	if _, err := s.writer.ExecContext(ctx, `DELETE FROM admin_answers WHERE id = ?`, id); err != nil {
		return fmt.Errorf("drop an answer: %w", err)
	}
	return nil
}

// SwitchProvider switches a provider off for a reason, or on again where that is empty.
func (s *Store) SwitchProvider(ctx context.Context, provider, reason string, now time.Time) error {
	err := s.change(ctx, func(tx *sql.Tx) error {
		if reason == "" {
			_, err := tx.ExecContext(ctx, `DELETE FROM provider_switches WHERE provider = ?`, provider)
			return err
		}
		_, err := tx.ExecContext(ctx, `INSERT INTO provider_switches (provider, reason, changed_at) VALUES (?, ?, ?)
			ON CONFLICT (provider) DO UPDATE SET reason = excluded.reason, changed_at = excluded.changed_at`, provider, reason, now.UnixNano())
		return err
	})
	if err != nil {
		return fmt.Errorf("switch provider %s: %w", provider, err)
	}
	return nil
}

// ModelSwitch is under which name a model of a provider is switched: names of providers have no
// slash.
func ModelSwitch(provider, model string) string { return provider + "/" + model }

// ModelsOff are the models of each provider that are switched off, of all switches.
func ModelsOff(off map[string]string) map[string]map[string]string {
	out := map[string]map[string]string{}
	for name, reason := range off {
		provider, model, ok := strings.Cut(name, "/")
		if !ok {
			continue
		}
		if out[provider] == nil {
			out[provider] = map[string]string{}
		}
		out[provider][model] = reason
	}
	return out
}

// ProviderSwitches are the providers that are switched off, with the reasons, and the models
// under the names of ModelSwitch.
func (s *Store) ProviderSwitches(ctx context.Context) (off map[string]string, err error) {
	rows, err := s.readers.QueryContext(ctx, `SELECT provider, reason FROM provider_switches`)
	if err != nil {
		return nil, fmt.Errorf("read the switches of providers: %w", err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	off = map[string]string{}
	for rows.Next() {
		var provider, reason string
		if err := rows.Scan(&provider, &reason); err != nil {
			return nil, fmt.Errorf("read the switches of providers: %w", err)
		}
		off[provider] = reason
	}
	return off, rows.Err()
}
