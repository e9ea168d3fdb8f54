package kiro

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"sync"
	"testing"
	"time"

	"turnpike/internal/provider"
	"turnpike/internal/provider/kiro/kirotest"
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

// memory is a TokenStore for one test.
type memory struct {
	clock  *clock
	mu     sync.Mutex
	rows   map[string]Kept
	holder string
	until  time.Time
	fail   error
	swaps  int
	freed  chan struct{}
	taken  chan struct{} // closed when somebody was refused the lease
	once   sync.Once
}

func newMemory(c *clock) *memory {
	return &memory{clock: c, rows: map[string]Kept{}, freed: make(chan struct{}), taken: make(chan struct{})}
}

func (m *memory) Load(_ context.Context, account string) (Kept, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	k, ok := m.rows[account]
	if !ok {
		return k, ErrNoLogin
	}
	return k, nil
}

func (m *memory) Swap(_ context.Context, account string, version int64, c Credential) (int64, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.fail != nil {
		return 0, m.fail
	}
	if m.rows[account].Version != version {
		return 0, ErrChanged
	}
	m.swaps++
	m.rows[account] = Kept{Credential: c, Version: version + 1}
	return version + 1, nil
}

func (m *memory) Lease(_ context.Context, account, holder string, hold time.Duration) (bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := m.clock.now()
	if _, ok := m.rows[account]; !ok {
		return false, nil
	}
	if m.holder != "" && m.holder != holder && now.Before(m.until) {
		m.once.Do(func() { close(m.taken) })
		return false, nil
	}
	m.holder, m.until = holder, now.Add(hold)
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
	*kirotest.Service
	t     *testing.T
	clock *clock
	store *memory
	set   *Settings
}

func newHouse(t *testing.T) *house {
	t.Helper()
	c := newClock()
	h := &house{Service: kirotest.New(t), t: t, clock: c, store: newMemory(c)}
	var err error
	if h.set, err = ReadSettings(h.Settings()); err != nil {
		t.Fatal(err)
	}
	return h
}

// account is a replica of the account.
func (h *house) account(change ...func(*Options)) *Account {
	h.t.Helper()
	o := Options{Options: provider.Options{Name: "kiro", UserAgent: "turnpike/test"}, Settings: h.set, Now: h.clock.now, Pause: h.store.pause}
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

// signIn puts a login into the store, good for a time.
func (h *house) signIn(kind string, life time.Duration) Credential {
	h.t.Helper()
	c := Credential{Expires: h.clock.now().Add(life)}
	switch kind {
	case BuilderID, IdentityCenter:
		c.Access, c.Refresh, c.ClientID, c.ClientSecret = h.Login("idc")
		c.Region = "us-east-1"
	case Social:
		c.Access, c.Refresh, _, _ = h.Login("social")
	}
	c.Kind = kind
	if err := Keep(h.t.Context(), h.store, "kiro", c); err != nil {
		h.t.Fatal(err)
	}
	return c
}

const hello = `{"conversationState":{"agentTaskType":"vibe","chatTriggerType":"MANUAL","currentMessage":{"userInputMessage":{"content":"hi","modelId":"claude-sonnet-4.5","origin":"CLI"}},"conversationId":"00000000-0000-4000-8000-000000000000"}}`

// send sends a request and returns the status and the body.
func send(t *testing.T, a *Account, body string) (*http.Response, []byte, error) {
	t.Helper()
	r, err := a.NewRequest(t.Context(), &provider.Call{Model: "claude-sonnet-4.5", Stream: true, Body: provider.Plain(body)})
	if err != nil {
		return nil, nil, err
	}
	res, err := a.RoundTrip(r)
	if err != nil {
		return nil, nil, err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res, text, nil
}

// fine sends a request that is to be answered.
func fine(t *testing.T, a *Account, body string) {
	t.Helper()
	res, text, err := send(t, a, body)
	if err != nil {
		t.Fatal(err)
	}
	if res.StatusCode != 200 || !bytes.Contains(text, []byte("Hel")) {
		t.Fatalf("%d %s %v", res.StatusCode, text, res.Header)
	}
}

func throttled(reason string) kirotest.Answer {
	body, _ := json.Marshal(map[string]string{"message": "no", "reason": reason})
	return kirotest.Answer{Status: 429, Header: map[string]string{"X-Amzn-ErrorType": "ThrottlingException"}, Body: string(body)}
}
