package price

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"
	"strings"
	"time"
)

// Attempt is what the price of an attempt depends on.
type Attempt struct {
	Model    string // as the provider was asked for it
	Kind     string // of the provider
	Provider string // its name
	Region   string // AWS
	Geo      string // where the upstream says it ran; empty: what the model's id says
	Tier     string // as it was served
	At       time.Time
	Usage    Usage
}

// Book is a set of prices. It is not changed once it is made.
type Book struct {
	// Version names the book by what is in it.
	Version string
	ceiling Rates
	entries []*Entry
	named   map[string][]*Entry // by model
	globs   []*Entry
}

// versionLen is how much of the digest names a book.
const versionLen = 12

// New makes a book. Attempts without a price count with the ceiling.
func New(entries []Entry, ceiling Rates) *Book {
	b := &Book{ceiling: ceiling, named: map[string][]*Entry{}, entries: make([]*Entry, 0, len(entries))}
	for i := range entries {
		e := entries[i]
		e.Model = strings.ToLower(e.Model)
		b.entries = append(b.entries, &e)
	}
	slices.SortStableFunc(b.entries, before)
	for _, e := range b.entries {
		if strings.Contains(e.Model, "*") {
			b.globs = append(b.globs, e)
		} else {
			b.named[e.Model] = append(b.named[e.Model], e)
		}
	}
	b.Version = b.digest()[:versionLen]
	return b
}

// digest is of all that decides a price.
func (b *Book) digest() string {
	h := sha256.New()
	enc := json.NewEncoder(h)
	for _, e := range b.entries {
		_ = enc.Encode([]any{e.Model, e.Kind, e.Provider, e.Region, e.Geo, e.Tier, e.From.UTC(), e.To.UTC(), e.Rates, e.Long, e.Rank})
	}
	return hex.EncodeToString(h.Sum(nil))
}

// Entries are the rows, in the order in which they count.
func (b *Book) Entries() []*Entry { return b.entries }

// Find is the row that prices an attempt, nil if none does: the operator's own
// before the upstream's list before imported files before what came with this
// version; then a name before a pattern, a snapshot's own before its model's,
// and the one that says more of where and whose before the one that says less.
func (b *Book) Find(a *Attempt) *Entry {
	geo, base := Split(a.Model)
	if a.Geo != "" {
		geo = a.Geo
	}
	best := first(b.named[base], a, geo)
	if plain := Undated(base); plain != base {
		if e := first(b.named[plain], a, geo); e != nil && (best == nil || e.Rank > best.Rank) {
			best = e
		}
	}
	for _, e := range b.globs {
		if best != nil && e.Rank <= best.Rank {
			break
		}
		if e.fits(a, geo) && matches(e.Model, base) {
			return e
		}
	}
	return best
}

func first(list []*Entry, a *Attempt, geo string) *Entry {
	for _, e := range list {
		if e.fits(a, geo) {
			return e
		}
	}
	return nil
}

// Price is what an attempt costs, without the lines of the sum. What used
// nothing costs nothing, whatever the price.
func (b *Book) Price(a *Attempt) Cost {
	if a.Usage.nothing() {
		return Cost{Version: b.Version}
	}
	return b.by(b.Find(a), a)
}

// by is what an attempt costs by a row, nil for none.
func (b *Book) by(e *Entry, a *Attempt) Cost {
	c := Cost{Version: b.Version}
	if a.Usage.nothing() {
		return c
	}
	c.Entry = e
	if c.Entry == nil {
		c.Missing = "the model at this provider and tier"
		return b.unpriced(c, a)
	}
	n, missing, ok := c.Entry.rates(a.Usage.Prompt()).total(&a.Usage)
	if !ok {
		c.Missing = classNames[missing]
		return b.unpriced(c, a)
	}
	c.Nano = n
	return c
}

// Sum is Price with the lines of the sum.
func (b *Book) Sum(a *Attempt) Cost {
	c := b.Price(a)
	if c.Entry != nil && !c.Unpriced {
		c.Lines = c.Entry.rates(a.Usage.Prompt()).lines(&a.Usage)
	}
	return c
}

// unpriced counts with the ceiling. A class the ceiling does not name counts as
// input.
func (b *Book) unpriced(c Cost, a *Attempt) Cost {
	c.Unpriced = true
	var s sum
	for class := range Classes {
		p, ok := b.ceiling.Get(class)
		if !ok && class.tokens() {
			p, _ = b.ceiling.Get(Input)
		}
		s.add(a.Usage[class], p)
	}
	c.Nano = s.nano()
	return c
}

// Range is between what and what a request will cost: the prompt all read from a
// cache and an answer of nothing, or all of it written to a cache and the longest
// answer. The prices are those of the step its prompt falls in.
func (b *Book) Range(a *Attempt, prompt, output int64) (least, most Cost) {
	e, one := b.Find(a), *a
	one.Usage = Usage{Input: prompt}
	least = b.by(e, &one)
	one.Usage = Usage{Input: prompt, Output: output}
	most = b.by(e, &one)
	if least.Unpriced || most.Unpriced {
		return least, most
	}
	r := most.Entry.rates(prompt)
	input, _ := r.charge(Input)
	for _, c := range []Class{CacheRead, CacheWrite5m, CacheWrite1h} {
		p, ok := r.Get(c)
		if !ok {
			continue
		}
		u := Usage{}
		u[c] = prompt
		if n, _, _ := r.total(&u); p < input {
			least.Nano = min(least.Nano, n)
		}
		u[Output] = output
		if n, _, _ := r.total(&u); p > input {
			most.Nano = max(most.Nano, n)
		}
	}
	return least, most
}
