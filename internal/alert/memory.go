package alert

import (
	"context"
	"sync"
	"time"

	"turnpike/internal/store"
)

// memory remembers what was told for as long as the process lives.
type memory struct {
	mu   sync.Mutex
	list map[subject]store.AlertState
}

// Alerts returns all that is remembered.
func (m *memory) Alerts(context.Context) ([]store.AlertState, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	list := make([]store.AlertState, 0, len(m.list))
	for _, s := range m.list {
		list = append(list, s)
	}
	return list, nil
}

// MoveAlert changes a state that is the one it should be.
func (m *memory) MoveAlert(_ context.Context, a store.AlertState, from string) (bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	at := subject{a.Name, a.Subject}
	if m.list[at].State != from {
		return false, nil
	}
	if m.list == nil {
		m.list = map[subject]store.AlertState{}
	}
	m.list[at] = a
	return true, nil
}

// ForgetAlerts forgets those that have been in a state since before a time.
func (m *memory) ForgetAlerts(_ context.Context, state string, before time.Time) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for at, s := range m.list {
		if s.State == state && s.ChangedAt.Before(before) {
			delete(m.list, at)
		}
	}
	return nil
}
