// Package learned is what upstreams have taught about models: refusals that were
// healed, and what doctor found. It is read from memory on every request, kept in
// the store, and shared with other processes through it.
package learned

import (
	"context"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"turnpike/internal/catalog"
	"turnpike/internal/heal"
	"turnpike/internal/llm"
	"turnpike/internal/store"
)

// Keep is how long a lesson holds unless it says otherwise: upstreams change.
const Keep = 7 * 24 * time.Hour

// Bounds of what is learned of one model, and of what is kept of an upstream's words.
const (
	maxFixes    = 32
	maxPlaces   = 1024
	maxEvidence = 300
	maxModel    = 256
)

type place struct{ provider, model string }

// Known is what is known of a model at a provider. It must not be changed.
type Known struct {
	Fixes []heal.Fix
	caps  []func(*llm.Caps)
	until time.Time // when the first of it is forgotten
	rows  []store.Learned
}

// Refine lays what is known over what the catalog says.
func (k *Known) Refine(caps *llm.Caps) {
	if k == nil {
		return
	}
	for _, set := range k.caps {
		set(caps)
	}
}

// Book holds all of it. A nil Book knows nothing and learns nothing.
type Book struct {
	now   func() time.Time
	page  atomic.Pointer[map[place]*Known]
	write sync.Mutex // of who replaces the page
	queue chan store.Learned
}

// maxQueue bounds what waits for the store.
const maxQueue = 64

// New makes an empty book.
func New(now func() time.Time) *Book {
	b := &Book{now: now, queue: make(chan store.Learned, maxQueue)}
	b.page.Store(&map[place]*Known{})
	return b
}

// At is what is known of a model at a provider, nil for nothing.
func (b *Book) At(provider, model string) *Known {
	if b == nil {
		return nil
	}
	page := *b.page.Load()
	if len(page) == 0 {
		return nil
	}
	k := page[place{provider, model}]
	if k == nil || b.now().Before(k.until) {
		return k
	}
	return open(k.rows, b.now())
}

// Learn notes a fix that made a model's request acceptable. It never waits: what
// the store cannot take in time holds in this process alone.
func (b *Book) Learn(provider, model string, f heal.Fix, evidence string) {
	life, kept := f.Kept()
	if b == nil || !kept || f.Check() != nil || len(model) > maxModel {
		return
	}
	if life == 0 {
		life = Keep
	}
	now := b.now()
	row := Row(provider, model, f.Do, f.To, evidence, now)
	row.ExpiresAt = now.Add(life)
	if !b.add(row) {
		return
	}
	select {
	case b.queue <- row:
	default:
	}
}

// Row makes a row that holds as long as lessons do.
func Row(provider, model, what, value, evidence string, now time.Time) store.Learned {
	if len(evidence) > maxEvidence {
		evidence = strings.ToValidUTF8(evidence[:maxEvidence], "") + "..."
	}
	return store.Learned{Provider: provider, Model: model, What: what, Value: value, Evidence: evidence, LearnedAt: now, ExpiresAt: now.Add(Keep)}
}

// add puts a row into memory.
func (b *Book) add(row store.Learned) bool {
	b.write.Lock()
	defer b.write.Unlock()
	page := maps.Clone(*b.page.Load())
	at := place{row.Provider, row.Model}
	var rows []store.Learned
	if k := page[at]; k != nil {
		rows = slices.DeleteFunc(slices.Clone(k.rows), func(r store.Learned) bool { return r.What == row.What && r.Value == row.Value })
	}
	if len(rows) >= maxFixes || page[at] == nil && len(page) >= maxPlaces {
		return false
	}
	k := open(append(rows, row), b.now())
	if k == nil {
		return false
	}
	page[at] = k
	b.page.Store(&page)
	return true
}

// Set replaces all with what the store holds.
func (b *Book) Set(rows []store.Learned) {
	b.write.Lock()
	defer b.write.Unlock()
	by := map[place][]store.Learned{}
	for _, r := range rows {
		at := place{r.Provider, r.Model}
		if len(by[at]) < maxFixes && (by[at] != nil || len(by) < maxPlaces) {
			by[at] = append(by[at], r)
		}
	}
	page := make(map[place]*Known, len(by))
	for at, list := range by {
		if k := open(list, b.now()); k != nil {
			page[at] = k
		}
	}
	b.page.Store(&page)
}

// open makes the rows that have not expired ready for use; nil where none is.
// What another version wrote and this one cannot read is passed over.
func open(rows []store.Learned, now time.Time) *Known {
	k := &Known{}
	for _, r := range rows {
		if !now.Before(r.ExpiresAt) {
			continue
		}
		if f := (heal.Fix{Do: r.What, To: r.Value}); f.Check() == nil {
			k.Fixes = append(k.Fixes, f)
			if spot := barred(f); spot != "" {
				k.caps = append(k.caps, func(c *llm.Caps) { bar(c, spot) })
			}
		} else if set, err := catalog.Setter(r.What, r.Value); err == nil {
			k.caps = append(k.caps, set)
		} else {
			continue
		}
		if k.until.IsZero() || r.ExpiresAt.Before(k.until) {
			k.until = r.ExpiresAt
		}
		k.rows = append(k.rows, r)
	}
	if len(k.rows) == 0 {
		return nil
	}
	return k
}

// spots are the places of cache points by the member of a body that they are in.
var spots = map[string]string{"toolConfig": "tools", "system": "system", "messages": "messages"}

// barred is the place where a model takes no cache points, if that is what a fix
// teaches: none of ours must be put there only to be taken out again.
func barred(f heal.Fix) string {
	top, rest, _ := strings.Cut(f.To, ".")
	if f.Do != "drop" || !strings.HasSuffix(rest, "cachePoint") {
		return ""
	}
	return spots[top]
}

func bar(c *llm.Caps, spot string) {
	left := []string{}
	for _, s := range []string{"tools", "system", "messages"} {
		if s != spot && (c.CacheSpots == nil || slices.Contains(c.CacheSpots, s)) {
			left = append(left, s)
		}
	}
	c.CacheSpots = left
}

// Store is where lessons are kept.
type Store interface {
	DataVersion(ctx context.Context) (int64, error)
	Learned(ctx context.Context, now time.Time) ([]store.Learned, error)
	SaveLearned(ctx context.Context, now time.Time, rows ...store.Learned) error
}

const (
	pollEvery = time.Second
	storeWait = 5 * time.Second
)

// Load reads what the store holds.
func (b *Book) Load(ctx context.Context, s Store) error {
	rows, err := s.Learned(ctx, b.now())
	if err != nil {
		return err
	}
	b.Set(rows)
	return nil
}

// Run keeps what is learned here, and takes over what other processes learned,
// until ctx ends. A store that is away costs nothing but the sharing.
func (b *Book) Run(ctx context.Context, s Store, log *slog.Logger) {
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	last := int64(-1)
	for {
		var err error
		select {
		case <-ctx.Done():
			return
		case row := <-b.queue:
			err = b.keep(ctx, s, row)
		case <-tick.C:
			err = b.poll(ctx, s, &last)
		}
		if err != nil && ctx.Err() == nil {
			log.Debug("what was learned of models cannot be shared", "error", err)
		}
	}
}

func (b *Book) keep(ctx context.Context, s Store, row store.Learned) error {
	ctx, cancel := context.WithTimeout(ctx, storeWait)
	defer cancel()
	return s.SaveLearned(ctx, b.now(), row)
}

// poll reads the store again when another process has changed it. Own lessons
// that still wait for it must not be lost by that.
func (b *Book) poll(ctx context.Context, s Store, last *int64) error {
	ctx, cancel := context.WithTimeout(ctx, storeWait)
	defer cancel()
	v, err := s.DataVersion(ctx)
	if err != nil || v == *last || len(b.queue) > 0 {
		return err
	}
	if err := b.Load(ctx, s); err != nil {
		return err
	}
	*last = v
	return nil
}
