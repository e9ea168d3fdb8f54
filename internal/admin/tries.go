package admin

import (
	"net/netip"
	"sync"
	"time"
)

// How many wrong keys an address may send, and how soon one is forgotten.
const (
	maxTries   = 20
	forgetTry  = 15 * time.Second
	maxTriers  = 4096
	ipv6Prefix = 64 // who has one address of IPv6 has as many as this leaves
)

// tries counts wrong keys by address: a bucket of maxTries that empties by one every
// forgetTry. Where too many addresses try, the new ones share one bucket.
type tries struct {
	now func() time.Time
	mu  sync.Mutex
	by  map[netip.Prefix]time.Time // when the bucket will be empty
}

func newTries(now func() time.Time) *tries {
	if now == nil {
		now = time.Now
	}
	return &tries{now: now, by: map[netip.Prefix]time.Time{}}
}

func networkOf(a netip.Addr) netip.Prefix {
	bits := a.BitLen()
	if a.Is6() {
		bits = ipv6Prefix
	}
	p, _ := a.Prefix(bits) // of no address: the zero one
	return p
}

// wait is how long the address must wait until it may try again.
func (t *tries) wait(from netip.Addr) time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	empty, ok := t.by[networkOf(from)]
	if !ok && len(t.by) >= maxTriers {
		empty = t.by[netip.Prefix{}]
	}
	if empty.IsZero() {
		return 0
	}
	return max(0, empty.Sub(t.now())-(maxTries-1)*forgetTry)
}

// failed counts a wrong key.
func (t *tries) failed(from netip.Addr) {
	t.mu.Lock()
	defer t.mu.Unlock()
	now, who := t.now(), networkOf(from)
	if _, ok := t.by[who]; !ok && len(t.by) >= maxTriers {
		for old, empty := range t.by {
			if !empty.After(now) {
				delete(t.by, old)
			}
		}
		if len(t.by) >= maxTriers {
			who = netip.Prefix{}
		}
	}
	empty := t.by[who]
	if empty.Before(now) {
		empty = now
	}
	t.by[who] = empty.Add(forgetTry)
}
