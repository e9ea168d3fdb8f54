package copilot

import (
	"context"
	"io"
	"net/http"
	"sync"
	"testing"
	"time"

	"turnpike/internal/provider"
	"turnpike/internal/provider/copilot/copilottest"
	"turnpike/internal/signin"
)

// clock is a time that only tests move.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func newClock() *clock { return &clock{at: time.Unix(1_800_000_000, 0).UTC()} }

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) on(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

// memory is a Store that replicas share, for one test.
type memory struct {
	mu     sync.Mutex
	rows   map[string]signin.Kept
	holder string
	freed  chan struct{}
	taken  chan struct{} // closed when somebody was refused the lease
	once   sync.Once
}

func newMemory() *memory {
	return &memory{rows: map[string]signin.Kept{}, freed: make(chan struct{}), taken: make(chan struct{})}
}

func (m *memory) Load(_ context.Context, account string) (signin.Kept, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	k, ok := m.rows[account]
	if !ok {
		return k, signin.ErrNoLogin
	}
	return k, nil
}

func (m *memory) Swap(_ context.Context, account string, version int64, c signin.Credential) (int64, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.rows[account].Version != version {
		return 0, signin.ErrChanged
	}
	m.rows[account] = signin.Kept{Credential: c, Version: version + 1}
	return version + 1, nil
}

func (m *memory) Lease(_ context.Context, _, holder string, _ time.Duration) (bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.holder != "" && m.holder != holder {
		m.once.Do(func() { close(m.taken) })
		return false, nil
	}
	m.holder = holder
	return true, nil
}

func (m *memory) Free(_ context.Context, _, holder string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.holder == holder {
		m.holder = ""
		close(m.freed)
		m.freed = make(chan struct{})
	}
	return nil
}

// pause waits until a lease is free instead of for a time.
func (m *memory) pause(ctx context.Context, _ time.Duration) error {
	m.mu.Lock()
	freed, held := m.freed, m.holder != ""
	m.mu.Unlock()
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

// house is a service with accounts at it.
type house struct {
	*copilottest.Service
	t     *testing.T
	clock *clock
	store *memory
	set   *Settings
}

func newHouse(t *testing.T) *house {
	t.Helper()
	c := newClock()
	h := &house{Service: copilottest.New(t, c.now), t: t, clock: c, store: newMemory()}
	var err error
	if h.set, err = ReadSettings(h.Settings(), ""); err != nil {
		t.Fatal(err)
	}
	return h
}

// account is a replica of an account.
func (h *house) account(change ...func(*Options)) *Account {
	h.t.Helper()
	o := Options{Options: provider.Options{Name: "mine", UserAgent: "turnpike/test"}, Settings: h.set, Now: h.clock.now, Pause: h.store.pause}
	for _, c := range change {
		c(&o)
	}
	a, err := New(o)
	if err != nil {
		h.t.Fatal(err)
	}
	a.Keep(h.store)
	return a
}

// signIn puts a login into the store, as it is before the first exchange.
func (h *house) signIn(account string) (token string) {
	h.t.Helper()
	token = h.Person()
	if err := signin.Keep(h.t.Context(), h.store, account, signin.Credential{Kind: Kind, Refresh: token}); err != nil {
		h.t.Fatal(err)
	}
	return token
}

// send sends a request for an answer and returns what comes.
func send(t *testing.T, a *Account, name, client, body string) (*http.Response, string, error) {
	t.Helper()
	s, err := a.SurfaceFor(t.Context(), name, client)
	if err != nil {
		return nil, "", err
	}
	r, err := a.NewRequest(t.Context(), &provider.Call{Surface: s, Model: s.Called, Body: provider.Plain(body), Header: http.Header{}})
	if err != nil {
		return nil, "", err
	}
	res, err := a.RoundTrip(r)
	if err != nil {
		return nil, "", err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res, string(text), nil
}

const hello = `{"model":"gpt-4o","messages":[{"role":"user","content":"hi"}]}`

// fine sends a request that is to be answered.
func fine(t *testing.T, a *Account) {
	t.Helper()
	res, text, err := send(t, a, copilottest.Legacy, chat, hello)
	if err != nil {
		t.Error(err)
		return
	}
	if res.StatusCode != http.StatusOK {
		t.Errorf("%d %s", res.StatusCode, text)
	}
}
