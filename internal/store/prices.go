package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

// PriceRow is a row of the price book.
type PriceRow struct {
	ID string
	// Source is who says so: the operator, a file, an address.
	Source string
	// Rank is how much that counts.
	Rank int
	// Model and the five below are what the price is for; empty is any.
	Model, Kind, Provider, Region, Geo, Tier string
	// From and To are when it holds, To itself not; zero is open.
	From, To time.Time
	// Rates is JSON, as package price writes it.
	Rates string
	// Checked and Confidence are the source's own words on it.
	Checked, Confidence string
	// CreatedAt is when the row was made.
	CreatedAt time.Time
}

const priceColumns = `id, source, rank, model, kind, provider, region, geo, tier, from_at, to_at, rates, checked, confidence, created_at`

// PriceRows returns all rows of the book.
func (s *Store) PriceRows(ctx context.Context) (list []PriceRow, err error) {
	rows, err := s.readers.QueryContext(ctx, `SELECT `+priceColumns+` FROM prices ORDER BY id`)
	if err != nil {
		return nil, fmt.Errorf("list prices: %w", err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var p PriceRow
		var from, to, created int64
		err := rows.Scan(&p.ID, &p.Source, &p.Rank, &p.Model, &p.Kind, &p.Provider, &p.Region, &p.Geo, &p.Tier,
			&from, &to, &p.Rates, &p.Checked, &p.Confidence, &created)
		if err != nil {
			return nil, fmt.Errorf("list prices: %w", err)
		}
		p.From, p.To, p.CreatedAt = moment(from), moment(to), moment(created)
		list = append(list, p)
	}
	return list, rows.Err()
}

// moment and unix are times in the book: the zero time is 0.
func moment(n int64) time.Time {
	if n == 0 {
		return time.Time{}
	}
	return time.Unix(0, n).UTC()
}

func unix(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixNano()
}

// PriceChange is what becomes of the book in one step.
type PriceChange struct {
	// Add are new rows.
	Add []PriceRow
	// End are the ids of rows that hold only until At.
	End []string
	At  time.Time
	// Delete are the ids of rows that are taken out, as if they had never been.
	Delete []string
}

// pricesChanged is the setting that is another after every change of the book.
const pricesChanged = "prices_changed"

// PricesVersion is another text after every change of the book, by whomever.
func (s *Store) PricesVersion(ctx context.Context) (string, error) {
	v, _, err := s.Setting(ctx, pricesChanged)
	return v, err
}

// ChangePrices changes the book, all of it or nothing.
func (s *Store) ChangePrices(ctx context.Context, c PriceChange) error {
	err := s.transaction(ctx, func(tx *sql.Tx) error {
		for _, id := range c.Delete {
			if _, err := tx.ExecContext(ctx, `DELETE FROM prices WHERE id = ?`, id); err != nil {
				return err
			}
		}
		for _, id := range c.End {
			if _, err := tx.ExecContext(ctx, `UPDATE prices SET to_at = ? WHERE id = ?`, unix(c.At), id); err != nil {
				return err
			}
		}
		if err := addPrices(ctx, tx, c.Add); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, `INSERT INTO settings (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value`,
			pricesChanged, NewID("chg"))
		return err
	})
	if err != nil {
		return fmt.Errorf("change prices: %w", err)
	}
	return nil
}

func addPrices(ctx context.Context, tx *sql.Tx, rows []PriceRow) (err error) {
	if len(rows) == 0 {
		return nil
	}
	insert, err := tx.PrepareContext(ctx, `INSERT INTO prices (`+priceColumns+`) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, insert.Close()) }()
	for i := range rows {
		p := &rows[i]
		_, err := insert.ExecContext(ctx, p.ID, p.Source, p.Rank, p.Model, p.Kind, p.Provider, p.Region, p.Geo, p.Tier,
			unix(p.From), unix(p.To), p.Rates, p.Checked, p.Confidence, unix(p.CreatedAt))
		if err != nil {
			return fmt.Errorf("%s: %w", p.Model, err)
		}
	}
	return nil
}

// NoteBook remembers a book that attempts are priced with.
func (s *Store) NoteBook(ctx context.Context, version string, rows int, at time.Time) error {
	_, err := s.writer.ExecContext(ctx, `INSERT INTO price_books (version, rows, made_at) VALUES (?, ?, ?) ON CONFLICT (version) DO NOTHING`,
		version, rows, unix(at))
	if err != nil {
		return fmt.Errorf("note the price book: %w", err)
	}
	return nil
}

// PriceSource is what was fetched from a source last.
type PriceSource struct {
	Source, ETag, Digest string
	// FetchedAt is when it was asked last, ChangedAt when it last told something new.
	FetchedAt, ChangedAt time.Time
	// Problem is why the last try failed, empty if it did not.
	Problem string
}

// PriceSource returns what is known of a source, its zero value if nothing is.
func (s *Store) PriceSource(ctx context.Context, source string) (PriceSource, error) {
	p := PriceSource{Source: source}
	var fetched, changed int64
	err := s.readers.QueryRowContext(ctx, `SELECT etag, digest, fetched_at, changed_at, problem FROM price_sources WHERE source = ?`, source).
		Scan(&p.ETag, &p.Digest, &fetched, &changed, &p.Problem)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return p, fmt.Errorf("read price source: %w", err)
	}
	p.FetchedAt, p.ChangedAt = moment(fetched), moment(changed)
	return p, nil
}

// SetPriceSource stores what is known of a source.
func (s *Store) SetPriceSource(ctx context.Context, p PriceSource) error {
	_, err := s.writer.ExecContext(ctx, `INSERT INTO price_sources (source, etag, digest, fetched_at, changed_at, problem) VALUES (?, ?, ?, ?, ?, ?)
		ON CONFLICT (source) DO UPDATE SET etag = excluded.etag, digest = excluded.digest, fetched_at = excluded.fetched_at,
		changed_at = excluded.changed_at, problem = excluded.problem`, p.Source, p.ETag, p.Digest, unix(p.FetchedAt), unix(p.ChangedAt), p.Problem)
	if err != nil {
		return fmt.Errorf("store price source: %w", err)
	}
	return nil
}
