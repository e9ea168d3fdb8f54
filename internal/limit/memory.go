package limit

import (
	"hash/maphash"
	"sync"
	"sync/atomic"
)

// shards keep requests of different scopes out of each other's way.
const shards = 64

// Memory counts within one process, exactly.
type Memory struct {
	seed   maphash.Seed
	born   atomic.Uint64
	shards [shards]shard
}

type shard struct {
	mu      sync.Mutex
	entries map[Key]*entry
	sweepAt int // entries at which those that are idle go
	_       [40]byte
}

// entry is how one key stands.
type entry struct {
	key  Key
	rank uint64       // entries are locked in this order
	refs atomic.Int64 // tickets that hold it; one more only under the shard's lock

	mu               sync.Mutex
	requests, tokens int64 // levels at the time
	rpm, tpm         int64 // by what they leaked last
	at               int64 // in milliseconds
	open             int64 // requests under way
}

// NewMemory makes an empty one.
func NewMemory() *Memory {
	m := &Memory{seed: maphash.MakeSeed()}
	for i := range m.shards {
		m.shards[i].entries, m.shards[i].sweepAt = map[Key]*entry{}, firstSweep
	}
	return m
}

// firstSweep is how many entries a shard has before it is swept.
const firstSweep = 64

func (m *Memory) shard(k Key) *shard {
	return &m.shards[maphash.Comparable(m.seed, k)%shards]
}

// hold finds a key's entry and keeps it from being swept.
func (m *Memory) hold(k Key, now int64) *entry {
	s := m.shard(k)
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.entries[k]
	if e == nil {
		if len(s.entries) >= s.sweepAt {
			s.sweep(now)
		}
		e = &entry{key: k, rank: m.born.Add(1), at: now}
		s.entries[k] = e
	}
	e.refs.Add(1)
	return e
}

// sweep forgets entries that are as good as new. What no ticket holds nobody changes.
func (s *shard) sweep(now int64) {
	for k, e := range s.entries {
		if e.refs.Load() == 0 && leak(e.requests, e.rpm, now-e.at) == 0 && leak(e.tokens, e.tpm, now-e.at) == 0 {
			delete(s.entries, k)
		}
	}
	s.sweepAt = max(firstSweep, 2*len(s.entries))
}

// len is how many keys are known.
func (m *Memory) len() (n int) {
	for i := range m.shards {
		m.shards[i].mu.Lock()
		n += len(m.shards[i].entries)
		m.shards[i].mu.Unlock()
	}
	return n
}

// pass lets time pass for an entry.
func (e *entry) pass(c *Claim, now int64) {
	elapsed := max(0, now-e.at)
	e.rpm, e.tpm = c.max[RPM], c.max[TPM]
	e.requests, e.tokens = leak(e.requests, e.rpm, elapsed), leak(e.tokens, e.tpm, elapsed)
	e.at += elapsed
}

// lock takes the entries of all claims, in one order for everybody.
func (t *Ticket) lock() []*entry {
	list := t.locked[:0]
	for i := range t.Claims {
		e := t.Claims[i].entry
		list = append(list, e)
		for k := len(list) - 1; k > 0 && list[k-1].rank > e.rank; k-- {
			list[k], list[k-1] = list[k-1], e
		}
	}
	for _, e := range list {
		e.mu.Lock()
	}
	return list
}

// admit takes room within all claims, or none.
func (m *Memory) admit(t *Ticket, now int64) bool {
	for i := range t.Claims {
		t.Claims[i].entry = m.hold(t.Claims[i].Key, now)
	}
	list := t.lock()
	for i := range t.Claims {
		c := &t.Claims[i]
		c.entry.pass(c, now)
		c.requests, c.tokens, c.open = c.entry.requests, c.entry.tokens, c.entry.open
	}
	ok := t.judge()
	if ok {
		for i := range t.Claims {
			t.Claims[i].take()
		}
	}
	for _, e := range list {
		e.mu.Unlock()
	}
	if !ok {
		m.release(t)
	}
	return ok
}

// take counts a request in.
func (c *Claim) take() {
	e := c.entry
	if c.max[RPM] >= 0 {
		e.requests += part
	}
	e.tokens += c.took * part
	e.open++
	c.requests, c.tokens, c.open = e.requests, e.tokens, e.open
}

// settle counts a request out and corrects what it took.
func (m *Memory) settle(t *Ticket, tokens int64, void bool, now int64) {
	for i := range t.Claims {
		c := &t.Claims[i]
		e := c.entry
		e.mu.Lock()
		e.pass(c, now)
		e.open--
		if c.max[TPM] >= 0 {
			e.tokens = max(0, e.tokens+c.owes(tokens)*part)
		}
		if void && c.max[RPM] >= 0 {
			e.requests = max(0, e.requests-part)
		}
		e.mu.Unlock()
	}
	m.release(t)
}

// owes is how far the truth is from what was reserved.
func (c *Claim) owes(tokens int64) int64 {
	if tokens == Keep || c.max[TPM] < 0 {
		return 0
	}
	return tokens - c.took
}

func (m *Memory) release(t *Ticket) {
	for i := range t.Claims {
		t.Claims[i].entry.refs.Add(-1)
		t.Claims[i].entry = nil
	}
}
