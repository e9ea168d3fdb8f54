package price

import (
	"sync"
	"sync/atomic"
)

// Current is the book in force, replaced as a whole.
type Current struct {
	book atomic.Pointer[Book]

	mu   sync.Mutex
	told map[unpriced]bool
}

// unpriced is what is told once.
type unpriced struct{ provider, model, tier string }

// maxTold bounds what is remembered of that: models are the clients' own words.
const maxTold = 1000

// NewCurrent starts with a book.
func NewCurrent(b *Book) *Current {
	c := &Current{}
	c.Set(b)
	return c
}

// Book is the book in force.
func (c *Current) Book() *Book { return c.book.Load() }

// Set puts another book in force.
func (c *Current) Set(b *Book) {
	c.book.Store(b)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.told = map[unpriced]bool{}
}

// FirstUnpriced tells whether an attempt without a price is the first of its
// model at its provider since the book came into force: whoever watches wants to
// know once.
func (c *Current) FirstUnpriced(a *Attempt) bool {
	key := unpriced{a.Provider, a.Model, a.Tier}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.told[key] || len(c.told) >= maxTold {
		return false
	}
	c.told[key] = true
	return true
}
