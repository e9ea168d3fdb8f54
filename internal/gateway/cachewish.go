package gateway

import (
	"bytes"
	"strings"

	"turnpike/internal/llm"
	"turnpike/internal/policy"
	"turnpike/internal/wire"
)

// Other names for the cache policy of a request: members of the body, and a header.
// They are for the gateway and never go upstream.
const (
	memberAutoCache = "bedrock_auto_cache"
	memberCacheTTL  = "bedrock_cache_ttl"
	headerAutoCache = "X-Bedrock-Auto-Cache"
)

// cacheWish is what a request says by those names.
type cacheWish struct {
	auto *bool
	ttl  string
}

// takeCacheWish reads the members and takes them out of the body.
func (x *exchange) takeCacheWish() error {
	if v := x.r.Header[headerAutoCache]; len(v) > 0 {
		x.cacheWish.auto = yes(v[0])
	}
	if !x.holdsBedrock() {
		return nil
	}
	if v := x.object.Get(memberAutoCache); v != nil {
		on, err := x.object.Bool(memberAutoCache)
		if err != nil {
			return invalid(err)
		}
		x.cacheWish.auto = &on
	}
	ttl, ok, err := x.object.Str(memberCacheTTL)
	if err != nil {
		return invalid(err)
	}
	if ok && ttl != policy.Cache5m && ttl != policy.Cache1h {
		return &llm.Error{Kind: llm.ErrInvalid, NoRetry: true, Param: memberCacheTTL, Message: memberCacheTTL + `: must be "5m" or "1h"`}
	}
	x.cacheWish.ttl = ttl
	b := newBuffer(len(x.object.Bytes()))
	b.data = x.object.AppendTo(b.data, wire.Edit{Name: memberAutoCache}, wire.Edit{Name: memberCacheTTL})
	return x.replaceBody(b)
}

// holdsBedrock tells whether the body has one of the members.
func (x *exchange) holdsBedrock() bool {
	for _, m := range x.object.Members() {
		if bytes.HasPrefix(m.Name, []byte("bedrock_")) && (string(m.Name) == memberAutoCache || string(m.Name) == memberCacheTTL) {
			return true
		}
	}
	return false
}

// yes reads a switch as it is written in headers: true, 1 and yes are on.
func yes(v string) *bool {
	on := strings.EqualFold(v, "true") || v == "1" || strings.EqualFold(v, "yes")
	return &on
}

// over is the cache policy that comes of the wish: a lifetime alone switches
// nothing on, and a switch alone takes the lifetime beneath, five minutes where
// there is none.
func (w cacheWish) over(under string) string {
	on := under != "" && under != policy.CacheOff
	if w.auto != nil {
		on = *w.auto
	}
	switch {
	case w.auto == nil && w.ttl == "":
		return under
	case !on:
		return policy.CacheOff
	case w.ttl != "":
		return w.ttl
	case under == policy.Cache1h:
		return under
	}
	return policy.Cache5m
}
