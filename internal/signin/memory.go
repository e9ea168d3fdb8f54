package signin

import (
	"context"
	"sync"
	"time"
)

// Memory is a Store of one credential that comes from the configuration, so that there
// is nothing to keep beyond the process.
type Memory struct {
	mu   sync.Mutex
	kept Kept
}

// NewMemory makes it.
func NewMemory(c Credential) *Memory { return &Memory{kept: Kept{c, 1}} }

// Load returns the credential.
func (m *Memory) Load(context.Context, string) (Kept, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.kept, nil
}

// Swap writes it.
func (m *Memory) Swap(_ context.Context, _ string, version int64, c Credential) (int64, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.kept.Version != version {
		return 0, ErrChanged
	}
	m.kept = Kept{c, version + 1}
	return m.kept.Version, nil
}

// Lease is always given: there is one process.
func (m *Memory) Lease(context.Context, string, string, time.Duration) (bool, error) {
	return true, nil
}

// Free does nothing.
func (m *Memory) Free(context.Context, string, string) error { return nil }
