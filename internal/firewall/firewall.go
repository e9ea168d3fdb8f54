// Package firewall is a small firewall for requests, for gateways that have no other
// before them: how many requests an address may make, and shapes of attacks on the
// operators' paths. It never looks at what is said to models.
package firewall

import (
	"crypto/sha256"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"time"
)

// Tier is a bound on requests.
type Tier struct {
	// Name is what it is called where something is refused.
	Name string
	// Most is how many requests there may be in the window; 0 bounds nothing.
	Most int
	// Paths are the beginnings of the paths it is about; none: all.
	Paths []string
}

// Options are what a firewall is made of.
type Options struct {
	// Tiers are looked at in their order; a request counts in each that it is in.
	Tiers  []Tier
	Window time.Duration
	// Address is where a request comes from, proxies taken into account.
	Address func(*http.Request) netip.Addr
	// Key tells whose key a request bears, "" where it bears none that is valid. Who has a
	// key is counted by it, so that people behind one address do not share a bound.
	Key func(*http.Request) string
	Now func() time.Time
}

// Bounds of what is remembered. Where too many ask at once, the new ones share one
// counter.
const (
	maxCounted = 65536
	ipv6Prefix = 64 // who has one address of IPv6 has as many as this leaves
)

// Refusal says why a request is not let in.
type Refusal struct {
	// Status is 429 or 403.
	Status int
	// Wait is how long until there is room again.
	Wait time.Duration
	// Say is for whoever asked.
	Say string
}

// Firewall is safe for concurrent use.
type Firewall struct {
	opt Options

	mu    sync.Mutex
	by    map[who]*window
	swept time.Time
}

// who is counted: a hash, so that keys and addresses take the same room.
type who struct {
	tier int
	id   [16]byte
}

// window counts in two halves that slide: the one before counts for the share of it
// that still lies within the window.
type window struct {
	at          int64 // the number of the window
	now, before int
}

// New makes a firewall.
func New(opt Options) *Firewall { return &Firewall{opt: opt, by: map[who]*window{}} }

// Check looks at a request; nil lets it in.
func (f *Firewall) Check(r *http.Request) *Refusal {
	if why := Attack(r.URL); why != "" {
		return &Refusal{Status: http.StatusForbidden, Say: "the firewall of this gateway refuses this request: its address has " + why}
	}
	id, byKey := f.caller(r)
	now := f.opt.Now()
	f.mu.Lock()
	defer f.mu.Unlock()
	f.sweep(now)
	for i := range f.opt.Tiers {
		t := &f.opt.Tiers[i]
		if t.Most == 0 || !t.has(r.URL.Path) {
			continue
		}
		wait := f.count(who{i, id}, t.Most, now)
		if wait == 0 {
			continue
		}
		say := "too many requests from your address (" + t.Name + "): wait, or send a key"
		if byKey {
			say = "too many requests with this key (" + t.Name + "): wait"
		}
		return &Refusal{http.StatusTooManyRequests, wait, say}
	}
	return nil
}

func (t *Tier) has(path string) bool {
	for _, p := range t.Paths {
		if strings.HasPrefix(path, p) {
			return true
		}
	}
	return len(t.Paths) == 0
}

func (f *Firewall) caller(r *http.Request) (id [16]byte, byKey bool) {
	if key := f.opt.Key(r); key != "" {
		sum := sha256.Sum256([]byte("key " + key))
		return [16]byte(sum[:16]), true
	}
	a := f.opt.Address(r)
	bits := a.BitLen()
	if a.Is6() {
		bits = ipv6Prefix
	}
	p, _ := a.Prefix(bits) // of no address: the zero one
	sum := sha256.Sum256([]byte("address " + p.String()))
	return [16]byte(sum[:16]), false
}

// count adds a request and returns 0, or how long there is no room for it. What is
// refused does not count: who waits is let in.
func (f *Firewall) count(k who, most int, now time.Time) time.Duration {
	number, into := now.UnixNano()/int64(f.opt.Window), time.Duration(now.UnixNano()%int64(f.opt.Window))
	w := f.by[k]
	if w == nil {
		if len(f.by) >= maxCounted {
			k.id = [16]byte{}
			w = f.by[k]
		}
		if w == nil {
			w = &window{at: number}
			f.by[k] = w
		}
	}
	switch number - w.at {
	case 0:
	case 1:
		w.before, w.now = w.now, 0
	default:
		w.before, w.now = 0, 0
	}
	w.at = number
	left := f.opt.Window - into
	used := float64(w.before)*float64(left)/float64(f.opt.Window) + float64(w.now)
	if used+1 <= float64(most) {
		w.now++
		return 0
	}
	if w.now >= most || w.before == 0 { // only the next window has room
		return left
	}
	over := used + 1 - float64(most)
	return max(time.Second, time.Duration(over/float64(w.before)*float64(f.opt.Window)))
}

// sweep forgets who has not asked for two windows.
func (f *Firewall) sweep(now time.Time) {
	if now.Sub(f.swept) < f.opt.Window {
		return
	}
	f.swept = now
	number := now.UnixNano() / int64(f.opt.Window)
	for k, w := range f.by {
		if number-w.at > 1 {
			delete(f.by, k)
		}
	}
}
