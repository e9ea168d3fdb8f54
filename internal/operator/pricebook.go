package operator

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"turnpike/internal/price"
	"turnpike/internal/store"
)

// storedPrices is how the prices of a row are kept.
type storedPrices struct {
	Rates price.Rates  `json:"prices"`
	Long  []price.Long `json:"long,omitempty"`
}

func entryOf(r store.PriceRow) (price.Entry, error) {
	var p storedPrices
	if err := json.Unmarshal([]byte(r.Rates), &p); err != nil {
		return price.Entry{}, fmt.Errorf("the price %s of %s: %w", r.ID, r.Model, err)
	}
	return price.Entry{
		ID: r.ID, Model: r.Model, Kind: r.Kind, Provider: r.Provider, Region: r.Region, Geo: r.Geo, Tier: r.Tier,
		From: r.From, To: r.To, Rates: p.Rates, Long: p.Long,
		Rank: price.Rank(r.Rank), Source: r.Source, Checked: r.Checked, Confidence: r.Confidence,
	}, nil
}

func rowOf(e price.Entry, now time.Time) (store.PriceRow, error) {
	text, err := json.Marshal(storedPrices{e.Rates, e.Long})
	if err != nil {
		return store.PriceRow{}, err
	}
	return store.PriceRow{
		ID: store.NewID("prc"), Source: e.Source, Rank: int(e.Rank), Model: e.Model, Kind: e.Kind, Provider: e.Provider,
		Region: e.Region, Geo: e.Geo, Tier: e.Tier, From: e.From, To: e.To, Rates: string(text),
		Checked: e.Checked, Confidence: e.Confidence, CreatedAt: now,
	}, nil
}

// storedEntries are the rows of the book in the store.
func storedEntries(ctx context.Context, db *store.Store) ([]price.Entry, error) {
	rows, err := db.PriceRows(ctx)
	if err != nil {
		return nil, err
	}
	out := make([]price.Entry, 0, len(rows))
	for _, r := range rows {
		e, err := entryOf(r)
		if err != nil {
			return nil, err
		}
		out = append(out, e)
	}
	return out, nil
}

// LoadBook makes the book of what came with this version and what is stored.
func LoadBook(ctx context.Context, db *store.Store, ceiling price.Rates) (*price.Book, error) {
	stored, err := storedEntries(ctx, db)
	if err != nil {
		return nil, err
	}
	b := price.New(append(stored, price.Embedded()...), ceiling)
	return b, db.NoteBook(ctx, b.Version, len(b.Entries()), time.Now())
}

// ApplyPrices brings a source's rows in the store to what it tells now.
func ApplyPrices(ctx context.Context, db *store.Store, source string, fresh []price.Entry, now time.Time, correct, dry bool) (price.Change, error) {
	stored, err := storedEntries(ctx, db)
	if err != nil {
		return price.Change{}, err
	}
	var old []price.Entry
	for _, e := range stored {
		if e.Source == source {
			old = append(old, e)
		}
	}
	for i := range fresh {
		fresh[i].Source = source
	}
	c := price.Merge(old, fresh, now, correct)
	if dry || c.Empty() {
		return c, nil
	}
	step := store.PriceChange{At: now}
	for _, e := range c.Add {
		row, err := rowOf(e, now)
		if err != nil {
			return c, err
		}
		step.Add = append(step.Add, row)
	}
	for _, e := range c.End {
		step.End = append(step.End, e.ID)
	}
	for _, e := range c.Drop {
		step.Delete = append(step.Delete, e.ID)
	}
	return c, db.ChangePrices(ctx, step)
}
