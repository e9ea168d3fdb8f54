package gateway

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"hash/maphash"

	"turnpike/internal/llm"
	"turnpike/internal/policy"
	"turnpike/internal/promptcache"
	"turnpike/internal/session"
	"turnpike/internal/wire"
)

// caching is what is known of the prompt cache of one request. It is nil for
// traffic that has nothing to do with it.
type caching struct {
	sent   *promptcache.Sent
	tale   promptcache.Tale
	name   uint64 // of the conversation
	least  int64  // tokens the model caches at least
	hour   bool   // all points are for an hour
	points []promptcache.Point
}

// planCache puts cache points into the body that is about to be sent, where the
// policy asks for them, and finds out what to expect of the cache, where there are
// points in it. It runs after every encoding of a request: what it looks at is
// what the upstream gets.
func (x *exchange) planCache(t *llm.Target) {
	if x.caching != nil { // of an encoding before
		x.caching = nil
		x.out.cached("")
	}
	want := x.policy.Cache
	asked := want != "" && want != policy.CacheOff
	switch x.surface.Dialect {
	case "messages", "converse":
		if !asked && !mayHoldPoint(x.sent.data, x.surface.Dialect) {
			return
		}
	case "chat", "responses":
		if !asked {
			return
		}
		if !x.surface.Compat {
			x.nameCache()
			want = policy.CacheOff // it caches by itself and takes no points
		} else if t.Caps.Family != familyClaude {
			return
		}
	default:
		return
	}
	p := promptcache.Read(x.sent.data, x.surface.Dialect)
	if p == nil {
		return
	}
	plan := p.Place(want, &t.Caps)
	if plan.Len() == 0 && !p.Marked() && (x.surface.Dialect == "messages" || x.surface.Dialect == "converse") {
		return
	}
	x.foretell(p, plan, t.Caps.CacheMin)
	if plan.Len() > 0 {
		with := newBuffer(plan.Size())
		with.data = plan.AppendTo(with.data)
		x.sent.drop()
		x.sent = with
	}
}

// mayHoldPoint looks for the rarest letters of the name of a cache point: that is
// ten times as fast in JSON as to look for all of it, quotes first.
func mayHoldPoint(body []byte, dialect string) bool {
	if dialect == "converse" {
		return bytes.Contains(body, []byte(`Point"`))
	}
	return bytes.Contains(body, []byte(`_control"`))
}

// familyClaude is the family that takes cache points wherever it is served.
const familyClaude = "claude"

// foretell compares the request with the last one of its conversation.
func (x *exchange) foretell(p *promptcache.Prompt, plan *promptcache.Plan, least int64) {
	c := &caching{least: least, hour: plan.Hour()}
	if x.explains() {
		c.points = plan.Points()
	}
	var client *promptcache.Prompt
	if x.lane == laneTranslate {
		client = promptcache.Read(x.object.Bytes(), x.front.Name())
	}
	c.sent = plan.Sent(x.gw.opt.Now(), x.target.Provider.Name(), x.target.Model, client)
	if client == nil {
		client = p
	}
	c.name = x.conversation(client)
	c.tale = x.gw.memory.Look(c.name, c.sent)
	x.caching = c
	x.out.cached(c.tale.Head())
}

// conversation names the conversation for the memory: as the client names it, else
// by its first turn. The system prompt and the tools are left out of it, so that a
// change of them is seen as one.
func (x *exchange) conversation(client *promptcache.Prompt) uint64 {
	name := session.Named(x.r.Header, x.object)
	if name == "" {
		return client.Opening() ^ maphash.String(cacheSeed, x.who.KeyID)
	}
	return maphash.String(cacheSeed, x.who.KeyID+"\x00"+name)
}

var cacheSeed = maphash.MakeSeed()

// cacheKey is the member by which OpenAI keeps requests of one prompt together
// (OpenAI prompt caching guide); it says nothing of the client.
const cacheKey = "prompt_cache_key"

// nameCache gives OpenAI a key of the conversation where the client gave none.
func (x *exchange) nameCache() {
	o, err := wire.ParseObject(x.sent.data)
	if err != nil || o.Get(cacheKey) != nil {
		return
	}
	sum := sha256.Sum256([]byte("turnpike prompt cache\x00" + session.Of(x.who.KeyID, x.r.Header, x.object)))
	edit := wire.Edit{Name: cacheKey, Value: wire.AppendString(nil, "tp-"+hex.EncodeToString(sum[:16]))}
	with := newBuffer(o.Size(edit))
	with.data = o.AppendTo(with.data, edit)
	x.sent.drop()
	x.sent = with
}

// story is the whole of it, once the answer has told its usage.
func (x *exchange) story() string {
	c := x.caching
	if c == nil {
		return ""
	}
	if !x.usage.Known {
		return c.tale.Head()
	}
	return c.tale.Told(x.usage, c.least)
}

// tell puts the whole story into the head of an answer that is known to its end.
func (x *exchange) tell() {
	if x.caching != nil {
		x.out.cached(x.story())
	}
}

// lifetimes gives what was written to a cache the lifetime that the request asked
// for, where the upstream does not tell it.
func (x *exchange) lifetimes(u llm.Usage) llm.Usage {
	if !u.LifeUntold || x.caching == nil {
		return u
	}
	return promptcache.Lifetimes(u, x.caching.hour)
}

// settleCache remembers what was sent, once it was answered.
func (x *exchange) settleCache() {
	c := x.caching
	if c == nil || x.answer == nil || x.err != nil || !x.usage.Known {
		return
	}
	x.usage = x.lifetimes(x.usage)
	if x.rounds == nil || !x.rounds.later { // the client's next request goes on from its own words
		x.gw.memory.Keep(c.name, c.sent, x.usage)
	}
}

// explainCache lists the cache points of the body.
func (x *exchange) explainCache(w *wire.Writer) {
	w.Key("cache_points")
	w.List()
	if x.caching != nil {
		for _, p := range x.caching.points {
			w.Object()
			w.StrField("path", p.Path)
			w.StrField("ttl", p.TTL)
			w.StrField("by", p.By)
			w.EndObject()
		}
	}
	w.EndList()
}
