package signin

import (
	"context"
	"sync"
	"time"
)

// MaxLogins bounds the logins under way.
const MaxLogins = 64

// Table is a Desk of one process, for the command line.
type Table struct {
	now func() time.Time

	mu   sync.Mutex
	open map[string]Begun
}

// NewTable makes it.
func NewTable(now func() time.Time) *Table { return &Table{now: now, open: map[string]Begun{}} }

// Open keeps a new login. Those whose time is over are gone.
func (t *Table) Open(_ context.Context, b Begun) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	for id, o := range t.open {
		if !t.now().Before(o.Expires) {
			delete(t.open, id)
		}
	}
	if len(t.open) >= MaxLogins {
		return ErrTooMany
	}
	b.Version = 1
	t.open[b.ID] = b
	return nil
}

// Find returns one.
func (t *Table) Find(_ context.Context, id string) (Begun, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	b, ok := t.open[id]
	if !ok {
		return b, ErrNoSuchLogin
	}
	return b, nil
}

// Put writes one over its version.
func (t *Table) Put(_ context.Context, b *Begun) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.open[b.ID].Version != b.Version {
		return ErrChanged
	}
	b.Version++
	t.open[b.ID] = *b
	return nil
}
