// Package signintest has what tests of accounts that live by logins need: a time that
// only they move, and a store that replicas share.
package signintest

import (
	"context"
	"sync"
	"time"

	"turnpike/internal/signin"
)

// Clock is a time that only tests move.
type Clock struct {
	mu sync.Mutex
	at time.Time
}

// NewClock makes it.
func NewClock() *Clock { return &Clock{at: time.Unix(1_800_000_000, 0).UTC()} }

// Now is the time.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

// On lets time pass.
func (c *Clock) On(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

// Set makes it a time.
func (c *Clock) Set(at time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = at
}

// Store is a signin.Store that replicas share, with one lease, which holds as long as
// the clock says.
type Store struct {
	// Fail is what writing fails with, Rows what is kept. Tests that use them have
	// nothing under way.
	Fail error
	Rows map[string]signin.Kept
	// Refused is closed when somebody was refused the lease.
	Refused chan struct{}

	clock  *Clock
	mu     sync.Mutex
	holder string
	until  time.Time
	freed  chan struct{}
	once   sync.Once
}

// NewStore makes it.
func NewStore(c *Clock) *Store {
	return &Store{clock: c, Rows: map[string]signin.Kept{}, Refused: make(chan struct{}), freed: make(chan struct{})}
}

// Load returns what is kept.
func (s *Store) Load(_ context.Context, account string) (signin.Kept, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	k, ok := s.Rows[account]
	if !ok {
		return k, signin.ErrNoLogin
	}
	return k, nil
}

// Swap writes over a version.
func (s *Store) Swap(_ context.Context, account string, version int64, c signin.Credential) (int64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.Fail != nil {
		return 0, s.Fail
	}
	if s.Rows[account].Version != version {
		return 0, signin.ErrChanged
	}
	s.Rows[account] = signin.Kept{Credential: c, Version: version + 1}
	return version + 1, nil
}

// Forget deletes a login.
func (s *Store) Forget(_ context.Context, account string) (bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, there := s.Rows[account]
	delete(s.Rows, account)
	return there, nil
}

// Lease gives the lease to a holder.
func (s *Store) Lease(_ context.Context, _, holder string, hold time.Duration) (bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.clock.Now()
	if s.holder != "" && s.holder != holder && now.Before(s.until) {
		s.once.Do(func() { close(s.Refused) })
		return false, nil
	}
	s.holder, s.until = holder, now.Add(hold)
	return true, nil
}

// Free ends it.
func (s *Store) Free(_ context.Context, _, holder string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.holder == holder {
		s.holder = ""
		close(s.freed)
		s.freed = make(chan struct{})
	}
	return nil
}

// Pause waits until the lease is free instead of for a time.
func (s *Store) Pause(ctx context.Context, _ time.Duration) error {
	s.mu.Lock()
	freed, held := s.freed, s.holder != ""
	s.mu.Unlock()
	if !held {
		return nil
	}
	select {
	case <-freed:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
