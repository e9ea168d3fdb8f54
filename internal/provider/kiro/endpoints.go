package kiro

import (
	"net/http"
	"net/url"
	"slices"
	"sync"
	"time"

	"turnpike/internal/llm"
)

// endpoints are the addresses of the API. Each counts requests for itself, so that
// one that is busy says nothing of the others.
type endpoints struct {
	now  func() time.Time
	list []*endpoint
}

// endpoint is an address with when it may be asked again.
type endpoint struct {
	Endpoint

	mu    sync.Mutex
	until time.Time
	row   int // refusals in a row
}

// Cool-downs of an endpoint: short, for others stand behind it.
const (
	coolFirst = 2 * time.Second
	coolMost  = time.Minute
)

func newEndpoints(s *Settings, now func() time.Time) *endpoints {
	e := &endpoints{now: now}
	for _, p := range s.Endpoints {
		e.list = append(e.list, &endpoint{Endpoint: p})
	}
	return e
}

// order lists those that serve a region and take what is sent, in their order: those
// that cool stand behind all others, the first to be well again before the rest.
func (e *endpoints) order(region string, native bool) []*endpoint {
	now := e.now()
	var well, cooling []*endpoint
	until := map[*endpoint]time.Time{}
	for _, p := range e.list {
		if len(p.Regions) > 0 && !slices.Contains(p.Regions, region) || native && !p.Native {
			continue
		}
		if t := p.cooling(); now.Before(t) {
			until[p] = t
			cooling = append(cooling, p)
		} else {
			well = append(well, p)
		}
	}
	slices.SortStableFunc(cooling, func(a, b *endpoint) int { return until[a].Compare(until[b]) })
	return append(well, cooling...)
}

func (p *endpoint) cooling() time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.until
}

func (p *endpoint) url(region string) *url.URL {
	u, err := url.Parse(inRegion(p.URL, region))
	if err != nil { // settings are checked
		return &url.URL{}
	}
	return u
}

// busy notes a refusal.
func (p *endpoint) busy(now time.Time, h http.Header) {
	p.mu.Lock()
	defer p.mu.Unlock()
	rest := min(coolFirst<<min(p.row, 10), coolMost)
	if h != nil {
		if asked := llm.RetryAfter(h, func() time.Time { return now }); asked > 0 {
			rest = min(asked, coolMost)
		}
	}
	p.row++
	p.until = now.Add(rest)
}

func (p *endpoint) fine() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.row, p.until = 0, time.Time{}
}
