package admin

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"turnpike/internal/operator"
	"turnpike/internal/price"
)

// PriceList is a page of the price book.
type PriceList struct {
	Version string               `json:"version" say:"of the book in force"`
	Prices  []operator.PriceView `json:"prices" say:"dollars for a million tokens; of web searches for one"`
	Total   int                  `json:"total"`
	Next    string               `json:"next,omitempty"`
}

type priceQuery struct {
	Paging
	Model    string `query:"model" say:"a part of the name"`
	Provider string `query:"provider" say:"a provider or a type"`
	All      bool   `query:"all" say:"prices that are over or still to come too"`
}

var priceOrder = order[operator.PriceView]{
	by: map[string]func(*operator.PriceView) string{
		"model":  func(p *operator.PriceView) string { return p.Model },
		"source": func(p *operator.PriceView) string { return p.Source },
		"from":   func(p *operator.PriceView) string { return moment(p.From) },
	},
	id: func(p *operator.PriceView) string {
		return strings.Join([]string{p.Model, p.Kind, p.Provider, p.Region, p.Geo, p.Tier, p.Rank, p.Source, moment(p.From), moment(p.To)}, " ")
	},
	first: "model",
}

// book is the book with what was changed a moment ago.
func (c *call) book() (*price.Book, error) { return operator.LoadBook(c.ctx, c.Store, c.Ceiling) }

func listPrices(c *call, q *priceQuery, _ *nothing) (PriceList, error) {
	b, err := c.book()
	if err != nil {
		return PriceList{}, err
	}
	list := operator.Prices(b, operator.PriceQuery{Model: q.Model, Provider: q.Provider, All: q.All}, c.Now())
	part, next, err := page(list, &q.Paging, priceOrder)
	return PriceList{b.Version, part, len(list), next}, err
}

// PriceFor says what a price is for.
type PriceFor struct {
	Model    string `json:"model" query:"model"`
	Kind     string `json:"type,omitempty" query:"type" say:"for providers of one type, such as openai"`
	Provider string `json:"provider,omitempty" query:"provider"`
	Region   string `json:"region,omitempty" query:"region"`
	Geo      string `json:"geo,omitempty" query:"geo" say:"global, regional (all others), us, eu ..."`
	Tier     string `json:"tier,omitempty" query:"tier" say:"batch, flex, priority, latency, fast"`
}

// PriceSet is a price that is set by hand. It wins over all others.
type PriceSet struct {
	PriceFor
	Prices    map[string]string `json:"prices" say:"dollars for a million tokens: input, output, cache_read, cache_write_5m, cache_write_1h; web_search for one"`
	LongAbove int64             `json:"long_above,omitempty" say:"tokens of a prompt, above which all of a request is at the long prices"`
	Long      map[string]string `json:"long,omitempty"`
	From      string            `json:"from,omitempty" say:"date from which it holds; left out: always, in the place of what was set before"`
	To        string            `json:"to,omitempty" say:"date until which it holds"`
}

func (f *PriceFor) entry() price.Entry {
	return price.Entry{
		Model: strings.ToLower(strings.TrimSpace(f.Model)), Kind: f.Kind, Provider: f.Provider, Region: f.Region, Geo: f.Geo, Tier: f.Tier,
		Rank: price.Override, Source: operator.OverrideSource,
	}
}

func (s *PriceSet) entry() (e price.Entry, err error) {
	e = s.PriceFor.entry()
	if e.From, err = price.ParseDate(s.From); err != nil {
		return e, badField("from", err)
	}
	if e.To, err = price.ParseDate(s.To); err != nil {
		return e, badField("to", err)
	}
	if e.Rates, err = readRates("prices", s.Prices); err != nil {
		return e, err
	}
	if len(s.Long) > 0 {
		r, err := readRates("long", s.Long)
		if err != nil {
			return e, err
		}
		e.Long = []price.Long{{Above: s.LongAbove, Rates: r}}
	}
	if err := e.Check(); err != nil {
		return e, badFields([]FieldError{{Pointer: "#", Detail: err.Error()}})
	}
	return e, nil
}

func readRates(member string, texts map[string]string) (r price.Rates, err error) {
	classes := map[string]price.Class{}
	var known []string
	for class := range price.Classes {
		classes[class.String()] = class
		known = append(known, class.String())
	}
	for name, text := range texts {
		class, ok := classes[name]
		if !ok {
			return r, badField(member+"."+name, errors.New("is not known"+didYouMean(name, known)))
		}
		p, err := price.ParseClass(class, text)
		if err != nil {
			return r, badField(member+"."+name, fmt.Errorf("%q %w", text, err))
		}
		r.Set(class, p)
	}
	return r, nil
}

func setPrice(c *call, _ *nothing, b *PriceSet) (PriceList, error) {
	e, err := b.entry()
	if err != nil {
		return PriceList{}, err
	}
	if !c.who.reachesModel(e.Model) {
		return PriceList{}, badField("model", errors.New("must be one that your scopes list"))
	}
	if err := operator.SetPrice(c.ctx, c.Store, e, c.Now().UTC()); err != nil {
		return PriceList{}, err
	}
	return c.pricesOf(e.Model)
}

func (c *call) pricesOf(model string) (PriceList, error) {
	b, err := c.book()
	if err != nil {
		return PriceList{}, err
	}
	list := operator.Prices(b, operator.PriceQuery{Model: model, All: true}, c.Now())
	list = slices.DeleteFunc(list, func(p operator.PriceView) bool { return p.Model != model })
	return PriceList{Version: b.Version, Prices: list, Total: len(list)}, nil
}

func removePrice(c *call, q *PriceFor, _ *nothing) (PriceList, error) {
	e := q.entry()
	if e.Model == "" {
		return PriceList{}, badParameter("model", errors.New("is needed"))
	}
	if !c.who.reachesModel(e.Model) {
		return PriceList{}, badParameter("model", errors.New("must be one that your scopes list"))
	}
	if err := operator.RemovePrice(c.ctx, c.Store, e); err != nil {
		return PriceList{}, err
	}
	return c.pricesOf(e.Model)
}

// Synced is what came of asking for price lists.
type Synced struct {
	Sources []SyncedSource `json:"sources"`
}

// SyncedSource is what came of asking for one.
type SyncedSource struct {
	Source    string `json:"source"`
	Problem   string `json:"problem,omitempty" say:"why it could not be taken: what it told last stays in force"`
	Added     int    `json:"added"`
	Ended     int    `json:"ended"`
	Unchanged int    `json:"unchanged"`
}

// syncPrices asks the sources of the configuration: not addresses that callers give.
func syncPrices(c *call, _ *nothing, _ *nothing) (Synced, error) {
	if len(c.Sources) == 0 {
		return Synced{}, fail(409, "the configuration names no source (prices.sources)")
	}
	out := Synced{Sources: []SyncedSource{}}
	for _, address := range c.Sources {
		done, err := operator.SyncPrices(c.ctx, c.Store, address, "turnpike/"+c.Version, c.Now().UTC())
		s := SyncedSource{Source: address, Added: len(done.Change.Add), Ended: len(done.Change.End), Unchanged: done.Change.Same}
		if err != nil {
			s.Problem = c.Hide(err.Error())
		}
		out.Sources = append(out.Sources, s)
	}
	return out, nil
}

type rerateBody struct {
	From string `json:"from" say:"of the first attempt: 2026-11-01 or 2026-11-01T15:04:05Z"`
	To   string `json:"to,omitempty" say:"before which the last one began; left out: now"`
	Dry  bool   `json:"dry_run,omitempty" say:"show what would change, and change nothing"`
}

// Rerating is a period before and after it was priced anew.
type Rerating struct {
	Version string              `json:"version"`
	From    time.Time           `json:"from"`
	To      time.Time           `json:"to"`
	Dry     bool                `json:"dry_run"`
	Models  []*operator.Rerated `json:"models"`
}

func ratePrices(c *call, _ *nothing, b *rerateBody) (Rerating, error) {
	from, err := price.ParseDate(b.From)
	if err != nil || from.IsZero() {
		return Rerating{}, badField("from", errors.New("must be a date such as 2026-11-01 or 2026-11-01T15:04:05Z"))
	}
	to, err := price.ParseDate(b.To)
	if err != nil {
		return Rerating{}, badField("to", err)
	}
	if to.IsZero() {
		to = c.Now()
	}
	if !from.Before(to) {
		return Rerating{}, badField("from", errors.New("must be before to"))
	}
	book, err := c.book()
	if err != nil {
		return Rerating{}, err
	}
	list, err := operator.Rerate(c.ctx, c.Store, book, c.Region, from, to, b.Dry)
	return Rerating{book.Version, from, to, b.Dry, append([]*operator.Rerated{}, list...)}, err
}
