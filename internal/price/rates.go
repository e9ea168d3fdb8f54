package price

import (
	"encoding/json"
	"fmt"
)

// Class is a kind of thing that is paid for.
type Class uint8

// The classes. They are disjoint: input is what no cache served or kept.
const (
	Input Class = iota
	Output
	CacheRead
	CacheWrite5m // also writes whose lifetime is not told
	CacheWrite1h
	WebSearch // a search the upstream ran for the model
	Classes   // how many there are
)

var classNames = [Classes]string{"input", "output", "cache_read", "cache_write_5m", "cache_write_1h", "web_search"}

func (c Class) String() string { return classNames[c] }

// tokens tells whether the class counts tokens.
func (c Class) tokens() bool { return c <= CacheWrite1h }

// ClassNamed finds a class by its name.
func ClassNamed(name string) (Class, bool) {
	for c, n := range classNames {
		if n == name {
			return Class(c), true //nolint:gosec // there are six
		}
	}
	return 0, false
}

// Usage is how much of each class was used.
type Usage [Classes]int64

// Prompt is all tokens of the request, however they were served.
func (u *Usage) Prompt() int64 {
	return u[Input] + u[CacheRead] + u[CacheWrite5m] + u[CacheWrite1h]
}

func (u *Usage) nothing() bool { return *u == Usage{} }

// Rates are the prices of the classes; a class without one has no price, which
// is not a price of zero.
type Rates struct {
	price [Classes]Price
	known uint8
}

// Set gives a class a price.
func (r *Rates) Set(c Class, p Price) { r.price[c], r.known = p, r.known|1<<c }

// Get is the price of a class, where there is one.
func (r *Rates) Get(c Class) (Price, bool) { return r.price[c], r.known&(1<<c) != 0 }

// Empty tells whether no class has a price.
func (r *Rates) Empty() bool { return r.known == 0 }

// charge is what a class is charged at. Upstreams that name no price of cached
// tokens charge them as input; writes that live for an hour are dearer wherever
// they exist, so they are never guessed.
func (r *Rates) charge(c Class) (Price, bool) {
	if p, ok := r.Get(c); ok {
		return p, true
	}
	if c == CacheRead || c == CacheWrite5m {
		return r.Get(Input)
	}
	return 0, false
}

// Long is what a request with a long prompt costs instead, all of it: the prompt
// has more tokens than Above, cached ones included.
type Long struct {
	Above int64 `json:"above"`
	Rates Rates `json:"prices"`
}

// MarshalJSON writes whole nano-dollars for a million.
func (r Rates) MarshalJSON() ([]byte, error) { return json.Marshal(r.Map()) }

// UnmarshalJSON reads what MarshalJSON wrote.
func (r *Rates) UnmarshalJSON(b []byte) error {
	var m map[string]Price
	if err := json.Unmarshal(b, &m); err != nil {
		return err
	}
	*r = Rates{}
	for name, p := range m {
		c, ok := ClassNamed(name)
		if !ok {
			return fmt.Errorf("there is no class %q", name)
		}
		if p < 0 || p > maxPrice {
			return fmt.Errorf("%s: %d %w", name, p, ErrTooHigh)
		}
		r.Set(c, p)
	}
	return nil
}

// Map is the prices by the names of their classes.
func (r *Rates) Map() map[string]Price {
	m := map[string]Price{}
	for c := range Classes {
		if p, ok := r.Get(c); ok {
			m[c.String()] = p
		}
	}
	return m
}
