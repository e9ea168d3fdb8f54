package promptcache

import (
	"container/list"
	"sync"
	"time"

	"turnpike/internal/llm"
)

// Bounds of what is remembered.
const (
	maxConversations = 4096
	maxThreads       = 4       // of one conversation: an agent and its helpers
	maxHashes        = 1 << 20 // over all: 8 MiB
	rememberFor      = time.Hour
)

// Memory remembers what the conversations sent last. It is one process's: what
// another replica sent is not known here.
type Memory struct {
	mu     sync.Mutex
	byName map[uint64]*list.Element // of *conversation
	recent list.List                // the last used first
	hashes int
}

type conversation struct {
	name    uint64
	threads []*Sent // the last one first
}

// NewMemory makes an empty memory.
func NewMemory() *Memory { return &Memory{byName: map[uint64]*list.Element{}} }

// Look tells what to expect of a request, without remembering it.
func (m *Memory) Look(name uint64, next *Sent) Tale {
	m.mu.Lock()
	defer m.mu.Unlock()
	if e := m.byName[name]; e != nil {
		c := e.Value.(*conversation) //nolint:forcetypeassert // nothing else is put in
		if i := c.thread(next); i >= 0 && next.at.Sub(c.threads[i].at) <= rememberFor {
			return c.threads[i].compare(next)
		}
	}
	return Tale{first: true}
}

// thread is the one that a request goes on with, -1 for none.
func (c *conversation) thread(next *Sent) int {
	best, most := -1, 0
	for i, s := range c.threads {
		if n := s.likeness(next); n > most {
			best, most = i, n
		}
	}
	return best
}

// Keep remembers a request that was answered, with what its answer used.
func (m *Memory) Keep(name uint64, sent *Sent, u llm.Usage) {
	sent.kept = u.CacheRead + u.CacheWrite()
	m.mu.Lock()
	defer m.mu.Unlock()
	e := m.byName[name]
	if e == nil {
		e = m.recent.PushFront(&conversation{name: name})
		m.byName[name] = e
	}
	m.recent.MoveToFront(e)
	c := e.Value.(*conversation) //nolint:forcetypeassert // nothing else is put in
	i := c.thread(sent)
	switch {
	case i >= 0 && c.threads[i].opens(sent):
		if c.threads[i].at.After(sent.at) { // a later request was quicker
			return
		}
	case len(c.threads) == maxThreads:
		i = maxThreads - 1
	default:
		i = -1
	}
	if i >= 0 {
		m.hashes -= c.threads[i].weight()
		c.threads = append(c.threads[:i], c.threads[i+1:]...)
	}
	c.threads = append([]*Sent{sent}, c.threads...)
	m.hashes += sent.weight()
	for m.recent.Len() > maxConversations || m.hashes > maxHashes && m.recent.Len() > 1 {
		m.forget(m.recent.Back())
	}
}

func (m *Memory) forget(e *list.Element) {
	c := m.recent.Remove(e).(*conversation) //nolint:forcetypeassert // nothing else is put in
	delete(m.byName, c.name)
	for _, s := range c.threads {
		m.hashes -= s.weight()
	}
}

// weight is how many hashes are kept for a request.
func (s *Sent) weight() int { return len(s.up.turns) + len(s.client.turns) }

// Len is how many conversations are remembered.
func (m *Memory) Len() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.recent.Len()
}
