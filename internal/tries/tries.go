// Package tries counts what goes wrong by who tried it: wrong keys, wrong passwords. It is
// a bucket for each that empties with time; who has filled theirs must wait.
package tries

import (
	"net/netip"
	"sync"
	"time"
)

// most bounds those who are remembered. Where more try, the new ones share one bucket.
const most = 4096

// ipv6Prefix: who has one address of IPv6 has as many as this leaves.
const ipv6Prefix = 64

// Counter counts tries: one who has Most of them left waits until one is forgotten.
type Counter struct {
	// Most is how many may go wrong, Forget how soon one of them is forgotten.
	Most   int
	Forget time.Duration
	// Now is the clock; nil is the real one.
	Now func() time.Time

	mu sync.Mutex
	by map[string]time.Time // when the bucket will be empty
}

// Network is who an address is, where it is counted.
func Network(a netip.Addr) string {
	bits := a.BitLen()
	if a.Is6() {
		bits = ipv6Prefix
	}
	p, _ := a.Prefix(bits) // of no address: the zero one
	return p.String()
}

// others is the bucket of those who come when there are too many.
const others = ""

func (c *Counter) now() time.Time {
	if c.Now == nil {
		return time.Now()
	}
	return c.Now()
}

// Wait is how long somebody must wait until they may try again.
func (c *Counter) Wait(who string) time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	empty, ok := c.by[who]
	if !ok && len(c.by) >= most {
		empty = c.by[others]
	}
	if empty.IsZero() {
		return 0
	}
	return max(0, empty.Sub(c.now())-time.Duration(c.Most-1)*c.Forget)
}

// Failed counts something that went wrong.
func (c *Counter) Failed(who string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.by == nil {
		c.by = map[string]time.Time{}
	}
	now := c.now()
	if _, ok := c.by[who]; !ok && len(c.by) >= most {
		for old, empty := range c.by {
			if !empty.After(now) {
				delete(c.by, old)
			}
		}
		if len(c.by) >= most {
			who = others
		}
	}
	empty := c.by[who]
	if empty.Before(now) {
		empty = now
	}
	c.by[who] = empty.Add(c.Forget)
}

// Passed forgets what somebody has tried.
func (c *Counter) Passed(who string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.by, who)
}
