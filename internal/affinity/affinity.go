// Package affinity remembers where conversations are, so that they stay where
// their prompt cache and their signed thinking are. It knows conversations by a
// string only.
//
// Without a pin a conversation's place is told by its hash (Rank), the same in
// every replica; a pin is needed where it went elsewhere.
package affinity

import (
	"hash/maphash"
	"maps"
	"math"
	"sync"
	"sync/atomic"
	"time"
)

const shards = 16

// Pin is where a conversation is.
type Pin struct {
	Provider string
	Model    string
	// TTFT is how fast the place was when the pin was made, in milliseconds.
	TTFT float64
}

type entry struct {
	Pin
	made, until time.Time
}

// Shared is a store that several gateways have in common. Get and Set must be quick
// and give up by themselves: they stand in the way of a request. Set with no ttl
// lets a conversation go. Release tells the others of a provider or a conversation
// that was let go (see Pins.Released). Where there is no Get and no Set, that is all
// they have in common.
type Shared struct {
	Get     func(conversation string) (p Pin, made time.Time, ok bool)
	Set     func(conversation string, p Pin, made time.Time, ttl time.Duration)
	Release func(what string, at time.Time)
}

// fresh is how long a pin counts without a look at what other replicas say.
const fresh = time.Second

// Pins are the conversations that were seen lately. Their number is bounded.
type Pins struct {
	now    func() time.Time
	shared *Shared
	most   int // of a shard
	seed   maphash.Seed
	shards [shards]shard

	released atomic.Pointer[map[string]time.Time] // what was let go, and when; nil: nothing
}

type shard struct {
	mu sync.RWMutex
	by map[string]entry
}

// New makes room for about most pins; shared may be nil.
func New(most int, now func() time.Time, shared *Shared) *Pins {
	p := &Pins{now: now, shared: shared, most: max(1, most/shards), seed: maphash.MakeSeed()}
	for i := range p.shards {
		p.shards[i].by = map[string]entry{}
	}
	return p
}

func (p *Pins) shard(conversation string) *shard {
	return &p.shards[maphash.String(p.seed, conversation)%shards]
}

// Get tells where a conversation is: the last to pin it, here or in another
// replica, is right.
func (p *Pins) Get(conversation string) (Pin, bool) {
	s, now := p.shard(conversation), p.now()
	s.mu.RLock()
	e, ok := s.by[conversation]
	s.mu.RUnlock()
	ok = ok && now.Before(e.until)
	if p.common() && (!ok || now.Sub(e.made) >= fresh) {
		if pin, made, found := p.shared.Get(conversation); found && (!ok || made.After(e.made)) {
			e.Pin, e.made, ok = pin, made, true
		}
	}
	if !ok || p.gone(conversation, &e) {
		return Pin{}, false
	}
	return e.Pin, true
}

// common tells whether pins are looked up and told elsewhere.
func (p *Pins) common() bool { return p.shared != nil && p.shared.Get != nil }

// gone tells whether a pin was let go after it was made, in this replica or another.
func (p *Pins) gone(conversation string, e *entry) bool {
	released := p.released.Load()
	if released == nil {
		return false
	}
	for _, what := range [...]string{ofProvider + e.Provider, ofConversation + conversation} {
		if at, ok := (*released)[what]; ok && !e.made.After(at) {
			return true
		}
	}
	return false
}

// What can be let go.
const (
	ofProvider     = "provider "
	ofConversation = "conversation "
)

// settling is how long the others may take to say what was let go here.
const settling = 10 * time.Second

// Released takes over what all replicas have let go, and when.
func (p *Pins) Released(all map[string]time.Time) {
	if old := p.released.Load(); old != nil {
		for what, at := range *old {
			if at.After(all[what]) && p.now().Sub(at) < settling {
				all = with(all, what, at)
			}
		}
	}
	if len(all) == 0 {
		p.released.Store(nil)
		return
	}
	p.released.Store(&all)
}

// release lets go what the store of all replicas still holds, and tells the others,
// which may take its time: no lock is held.
func (p *Pins) release(what string) {
	if p.shared == nil {
		return
	}
	var all map[string]time.Time
	if old := p.released.Load(); old != nil {
		all = *old
	}
	all = with(all, what, p.now())
	p.released.Store(&all)
	p.shared.Release(what, p.now())
}

// with is a map and one entry more.
func with(m map[string]time.Time, what string, at time.Time) map[string]time.Time {
	m = maps.Clone(m)
	if m == nil {
		m = map[string]time.Time{}
	}
	m[what] = at
	return m
}

// Set pins a conversation for as long as its cache lives; each use makes it
// live anew, as upstreams do with their caches.
func (p *Pins) Set(conversation string, pin Pin, ttl time.Duration) {
	now := p.now()
	s := p.shard(conversation)
	s.mu.Lock()
	old, known := s.by[conversation]
	if known && old.Provider == pin.Provider && old.Model == pin.Model && now.Before(old.until) {
		pin.TTFT = old.TTFT // of its best days, not of yesterday's trouble
	}
	if !known && len(s.by) >= p.most {
		s.evict()
	}
	s.by[conversation] = entry{pin, now, now.Add(ttl)}
	s.mu.Unlock()
	if p.common() {
		p.shared.Set(conversation, pin, now, ttl)
	}
}

// evict drops the one of a few that would end first.
func (s *shard) evict() {
	const look = 8
	victim, n := "", 0
	for k, e := range s.by { // in no order
		if n == 0 || e.until.Before(s.by[victim].until) {
			victim = k
		}
		if n++; n == look {
			break
		}
	}
	delete(s.by, victim)
}

// Unpin lets a conversation go; false where it was not held here.
func (p *Pins) Unpin(conversation string) bool {
	s := p.shard(conversation)
	s.mu.Lock()
	_, ok := s.by[conversation]
	delete(s.by, conversation)
	s.mu.Unlock()
	if p.common() {
		p.shared.Set(conversation, Pin{}, time.Time{}, 0)
	}
	p.release(ofConversation + conversation)
	return ok
}

// UnpinAll lets all conversations of a provider go and tells how many there were here.
func (p *Pins) UnpinAll(provider string) (n int) {
	for i := range p.shards {
		s := &p.shards[i]
		s.mu.Lock()
		for k, e := range s.by {
			if e.Provider == provider {
				delete(s.by, k)
				n++
			}
		}
		s.mu.Unlock()
	}
	p.release(ofProvider + provider)
	return n
}

// Counts are the numbers of conversations that are kept at each provider.
func (p *Pins) Counts() map[string]int {
	counts, now := map[string]int{}, p.now()
	for i := range p.shards {
		s := &p.shards[i]
		s.mu.RLock()
		for _, e := range s.by {
			if now.Before(e.until) {
				counts[e.Provider]++
			}
		}
		s.mu.RUnlock()
	}
	return counts
}

// Len is the number of pins, those that have ended included.
func (p *Pins) Len() (n int) {
	for i := range p.shards {
		p.shards[i].mu.RLock()
		n += len(p.shards[i].by)
		p.shards[i].mu.RUnlock()
	}
	return n
}

// Rank is how much a conversation belongs to a place: the place with the highest
// rank is its own (weighted rendezvous hashing). Conversations spread over places
// by weight; when a place comes or goes, only its own conversations move.
func Rank(conversation, place string, weight float64) float64 {
	if weight <= 0 {
		return 0
	}
	h := mix(fnv(fnv(14695981039346656037, conversation)*1099511628211, place))
	u := (float64(h>>11) + 0.5) / (1 << 53)
	return -weight / math.Log(u)
}

// fnv is FNV-1a: every replica must come to the same number.
func fnv(h uint64, s string) uint64 {
	for i := range len(s) {
		h = (h ^ uint64(s[i])) * 1099511628211
	}
	return h
}

// mix spreads what FNV leaves alike in the upper bits (the finalizer of MurmurHash3).
func mix(h uint64) uint64 {
	h = (h ^ h>>33) * 0xff51afd7ed558ccd
	h = (h ^ h>>33) * 0xc4ceb9fe1a85ec53
	return h ^ h>>33
}

// When a place is so slow that a conversation is better off without its cache:
// slower than slow, and so many times slower than it was or than the others are.
const (
	slow   = 5000 // milliseconds
	slower = 3
)

// Slow tells whether a conversation should leave a place for its speed. now is
// the place's time to first token, best the best of the others; 0: not known.
func (p Pin) Slow(now, best float64) bool {
	if now < slow {
		return false
	}
	if best == 0 {
		best = p.TTFT
	}
	return best > 0 && now > slower*best
}
