package operator

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"turnpike/internal/price"
	"turnpike/internal/store"
)

// PriceView is a price as lists show it.
type PriceView struct {
	Model      string            `json:"model"`
	Kind       string            `json:"type,omitempty"`
	Provider   string            `json:"provider,omitempty"`
	Region     string            `json:"region,omitempty"`
	Geo        string            `json:"geo,omitempty"`
	Tier       string            `json:"tier,omitempty"`
	Prices     map[string]string `json:"prices"`
	Long       []LongView        `json:"long,omitempty"`
	From       time.Time         `json:"from,omitzero"`
	To         time.Time         `json:"to,omitzero"`
	Rank       string            `json:"rank"`
	Source     string            `json:"source"`
	Checked    string            `json:"checked,omitempty"`
	Confidence string            `json:"confidence,omitempty"`
}

// LongView is the prices of long prompts as lists show them.
type LongView struct {
	Above  int64             `json:"above"`
	Prices map[string]string `json:"prices"`
}

func shownRates(r *price.Rates) map[string]string {
	out := map[string]string{}
	for c := range price.Classes {
		if p, ok := r.Get(c); ok {
			out[c.String()] = price.Show(c, p)
		}
	}
	return out
}

// OverrideSource is what prices set by hand say of where they are from.
const OverrideSource = "set by hand"

// PriceQuery says which prices are meant.
type PriceQuery struct {
	Model    string // a part of the name
	Provider string // a provider or a type; empty: any
	All      bool   // those that are over or still to come too
}

// Prices lists those of a book, by model.
func Prices(b *price.Book, q PriceQuery, now time.Time) []PriceView {
	lines := []PriceView{}
	for _, e := range b.Entries() {
		over := !e.To.IsZero() && !e.To.After(now) || e.From.After(now)
		if over && !q.All || !strings.Contains(e.Model, strings.ToLower(q.Model)) || q.Provider != "" && q.Provider != e.Provider && q.Provider != e.Kind {
			continue
		}
		l := PriceView{e.Model, e.Kind, e.Provider, e.Region, e.Geo, e.Tier, shownRates(&e.Rates), nil, e.From, e.To, e.Rank.String(), e.Source, e.Checked, e.Confidence}
		for i := range e.Long {
			l.Long = append(l.Long, LongView{e.Long[i].Above, shownRates(&e.Long[i].Rates)})
		}
		lines = append(lines, l)
	}
	slices.SortStableFunc(lines, func(a, b PriceView) int { return strings.Compare(a.Model, b.Model) })
	return lines
}

// ErrNoOverride says that there is nothing set by hand to take out.
var ErrNoOverride = errors.New("no such price was set by hand")

// SetPrice puts a price that is set by hand in the place of those it was set to before.
func SetPrice(ctx context.Context, db *store.Store, e price.Entry, now time.Time) error {
	row, err := rowOf(e, now)
	if err != nil {
		return err
	}
	return changeOverride(ctx, db, e, store.PriceChange{At: e.From, Add: []store.PriceRow{row}}, false)
}

// RemovePrice takes out what was set by hand for the same.
func RemovePrice(ctx context.Context, db *store.Store, e price.Entry) error {
	return changeOverride(ctx, db, e, store.PriceChange{At: e.From}, true)
}

func changeOverride(ctx context.Context, db *store.Store, e price.Entry, step store.PriceChange, remove bool) error {
	stored, err := storedEntries(ctx, db)
	if err != nil {
		return err
	}
	for _, old := range stored {
		same := old.Rank == price.Override && old.Model == e.Model && old.Kind == e.Kind && old.Provider == e.Provider &&
			old.Region == e.Region && old.Geo == e.Geo && old.Tier == e.Tier
		switch {
		case !same || !old.To.IsZero() && !old.To.After(e.From) && !remove:
		case remove || e.From.IsZero() || !old.From.Before(e.From):
			step.Delete = append(step.Delete, old.ID)
		default:
			step.End = append(step.End, old.ID)
		}
	}
	if remove && len(step.Delete) == 0 {
		return ErrNoOverride
	}
	return db.ChangePrices(ctx, step)
}
