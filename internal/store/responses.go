package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

// Response is one exchange of the Responses API as it is kept for the client
// that goes on from it.
type Response struct {
	// KeyID is the key the response was made with; no other sees it.
	KeyID string
	// ID is the response's own, as the client knows it.
	ID string
	// Previous is the response it goes on from; empty for none.
	Previous string
	// Home is the provider that keeps the response too; empty for none.
	Home string
	// At is when the response was made.
	At time.Time
	// Body is what was said, sealed.
	Body string
	// Items are the ids of the items in its answer.
	Items []string
}

// Bounds limit what is kept of responses.
type Bounds struct {
	// UsedSince is when a conversation must have been used to be kept on.
	UsedSince time.Time
	// Rows and Bytes are how much is kept in all; the least recently used goes
	// first.
	Rows, Bytes int64
}

// Bounds of one conversation: no model reads more, and no client can make a
// request cost more than this to look up.
const (
	maxChain      = 2_000
	maxChainBytes = 128 << 20
)

// ErrTooLong says that a conversation is over these bounds.
var ErrTooLong = errors.New("the conversation is too long")

// InsertResponses keeps responses, all of them or none, in the order they were
// made. One that is already there is replaced. A conversation that is gone on
// with counts as used in all its parts.
func (s *Store) InsertResponses(ctx context.Context, list []Response) error {
	err := s.transaction(ctx, func(tx *sql.Tx) error {
		for i := range list {
			if err := insertResponse(ctx, tx, &list[i]); err != nil {
				return fmt.Errorf("response %s: %w", list[i].ID, err)
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("keep %d responses: %w", len(list), err)
	}
	return nil
}

const (
	saveResponse = `INSERT INTO responses (key_id, id, previous, home, chain, at, used_at, size, body) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (key_id, id) DO UPDATE SET previous = excluded.previous, home = excluded.home, chain = excluded.chain,
		at = excluded.at, used_at = excluded.used_at, size = excluded.size, body = excluded.body`
	saveResponseItem = `INSERT INTO response_items (key_id, item_id, response_id) VALUES (?, ?, ?)
		ON CONFLICT (key_id, item_id) DO UPDATE SET response_id = excluded.response_id`
)

func insertResponse(ctx context.Context, tx *sql.Tx, r *Response) error {
	chain, at := r.ID, r.At.UnixNano()
	if r.Previous != "" {
		err := tx.QueryRowContext(ctx, `SELECT chain FROM responses WHERE key_id = ? AND id = ?`, r.KeyID, r.Previous).Scan(&chain)
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return err
		}
		if _, err := tx.ExecContext(ctx, `UPDATE responses SET used_at = max(used_at, ?) WHERE key_id = ? AND chain = ?`, at, r.KeyID, chain); err != nil {
			return err
		}
	}
	if _, err := tx.ExecContext(ctx, `DELETE FROM response_items WHERE key_id = ? AND response_id = ?`, r.KeyID, r.ID); err != nil {
		return err
	}
	_, err := tx.ExecContext(ctx, saveResponse, r.KeyID, r.ID, r.Previous, r.Home, chain, at, at, len(r.Body), r.Body)
	if err != nil {
		return err
	}
	for _, item := range r.Items {
		_, err := tx.ExecContext(ctx, saveResponseItem, r.KeyID, item, r.ID)
		if err != nil {
			return err
		}
	}
	return nil
}

const responseChain = `
	WITH RECURSIVE chain (id, depth) AS (
		SELECT CAST(?2 AS TEXT), 0
		UNION ALL
		SELECT r.previous, c.depth + 1 FROM chain c JOIN responses r ON r.key_id = ?1 AND r.id = c.id
		WHERE r.previous <> '' AND c.depth < ?3
	)
	SELECT c.id, r.previous, r.home, r.at, r.body FROM chain c LEFT JOIN responses r ON r.key_id = ?1 AND r.id = c.id
	ORDER BY c.depth DESC`

// ResponseChain returns a response of a key with all that it goes on from,
// oldest first. ErrNotFound says that one of them is not kept.
func (s *Store) ResponseChain(ctx context.Context, keyID, id string) ([]Response, error) {
	list, err := s.responses(ctx, keyID, responseChain, keyID, id, maxChain)
	if err == nil && len(list) > maxChain {
		err = ErrTooLong
	}
	return list, err
}

// Response returns a response of a key by itself.
func (s *Store) Response(ctx context.Context, keyID, id string) (Response, error) {
	return s.response(ctx, keyID, `SELECT id, previous, home, at, body FROM responses WHERE key_id = ? AND id = ?`, keyID, id)
}

const responseOfItem = `
	SELECT r.id, r.previous, r.home, r.at, r.body FROM response_items i
	JOIN responses r ON r.key_id = i.key_id AND r.id = i.response_id
	WHERE i.key_id = ? AND i.item_id = ?`

// ResponseOfItem returns the response of a key whose answer holds an item.
func (s *Store) ResponseOfItem(ctx context.Context, keyID, item string) (Response, error) {
	return s.response(ctx, keyID, responseOfItem, keyID, item)
}

func (s *Store) response(ctx context.Context, keyID, query string, args ...any) (Response, error) {
	list, err := s.responses(ctx, keyID, query, args...)
	if err != nil {
		return Response{}, err
	}
	if len(list) == 0 {
		return Response{}, ErrNotFound
	}
	return list[0], nil
}

// HasResponse tells whether a response is kept for any key, or was until its
// client deleted it.
func (s *Store) HasResponse(ctx context.Context, id string) (has bool, err error) {
	err = s.readers.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM responses WHERE id = ?)`, id).Scan(&has)
	if err != nil {
		return false, fmt.Errorf("look for a response: %w", err)
	}
	return has, nil
}

// HasResponseItem is HasResponse for an item of an answer.
func (s *Store) HasResponseItem(ctx context.Context, item string) (has bool, err error) {
	err = s.readers.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM response_items WHERE item_id = ?)`, item).Scan(&has)
	if err != nil {
		return false, fmt.Errorf("look for an item: %w", err)
	}
	return has, nil
}

// responses reads rows of id, previous, home, at, body.
func (s *Store) responses(ctx context.Context, keyID, query string, args ...any) (list []Response, err error) {
	rows, err := s.readers.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, fmt.Errorf("read responses: %w", err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	size := 0
	for rows.Next() {
		r := Response{KeyID: keyID}
		var previous, home, body sql.NullString
		var at sql.NullInt64
		if err := rows.Scan(&r.ID, &previous, &home, &at, &body); err != nil {
			return nil, fmt.Errorf("read responses: %w", err)
		}
		if body.String == "" {
			return nil, ErrNotFound
		}
		if size += len(body.String); size > maxChainBytes {
			return nil, ErrTooLong
		}
		r.Previous, r.Home, r.Body, r.At = previous.String, home.String, body.String, time.Unix(0, at.Int64).UTC()
		list = append(list, r)
	}
	return list, rows.Err()
}

// DeleteResponse forgets what was said in a response of a key; ErrNotFound says
// that there is none.
func (s *Store) DeleteResponse(ctx context.Context, keyID, id string) error {
	res, err := s.writer.ExecContext(ctx, `UPDATE responses SET body = '', size = 0 WHERE key_id = ? AND id = ? AND body <> ''`, keyID, id)
	if err != nil {
		return fmt.Errorf("delete response: %w", err)
	}
	n, err := res.RowsAffected()
	if err == nil && n == 0 {
		err = ErrNotFound
	}
	return err
}

const pruneResponses = `
	DELETE FROM responses WHERE (key_id, id) IN (
		SELECT key_id, id FROM (
			SELECT key_id, id, used_at,
				row_number() OVER recent AS n, sum(size) OVER recent AS total
			FROM responses WINDOW recent AS (ORDER BY used_at DESC, at DESC, id DESC, key_id)
		) AS ranked WHERE used_at < ? OR n > ? OR total > ?
	)`

// PruneResponses forgets what is over the bounds and returns how much is left.
func (s *Store) PruneResponses(ctx context.Context, b Bounds) (rows, size int64, err error) {
	if _, err := s.writer.ExecContext(ctx, pruneResponses, b.UsedSince.UnixNano(), b.Rows, b.Bytes); err != nil {
		return 0, 0, fmt.Errorf("prune responses: %w", err)
	}
	err = s.readers.QueryRowContext(ctx, `SELECT count(*), coalesce(sum(size), 0) FROM responses`).Scan(&rows, &size)
	if err != nil {
		return 0, 0, fmt.Errorf("prune responses: %w", err)
	}
	return rows, size, nil
}
