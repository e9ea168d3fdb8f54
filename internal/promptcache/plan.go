package promptcache

import (
	"cmp"
	"slices"

	"turnpike/internal/llm"
	"turnpike/internal/wire"
)

// Wishes of the operator; anything else places nothing.
const (
	Auto = "auto" // where a conversation goes on
	Min5 = "5m"
	Hour = "1h"
)

// maxPoints is what Claude and Converse take where the table does not say.
const maxPoints = 4

// bytesPerToken estimates a prefix for the model's minimum. It is on the low side:
// a point too many is ignored and costs nothing, one too few is never cached.
const bytesPerToken = 3

// Plan is where cache points go in one body.
type Plan struct {
	prompt *Prompt
	points []point
}

// point is one that is put in.
type point struct {
	spot spot
	hour bool
}

// Place plans cache points beside those that are there, which always win and are
// counted first. They go to the newest turn, the system prompt, the turn of the
// user before the last answer, and the last tool, as far as the model's limit
// reaches, in this order: the first is written for the next request, the second
// serves every conversation, the third finds what the last request wrote even
// behind many blocks, the fourth serves other system prompts. A piece that the
// client has marked itself gets none.
//
// Auto places them only where a conversation goes on or may: tools are offered or
// the assistant has spoken. A question on its own pays nothing for a cache that
// nobody reads.
func (p *Prompt) Place(want string, caps *llm.Caps) *Plan {
	plan := &Plan{prompt: p}
	if p.form.style == styleElement && caps.CachePoints == 0 {
		return plan // a model nobody knows may refuse them
	}
	if p.form.style == styleNone || caps.NoCache || want != Auto && want != Min5 && want != Hour || want == Auto && !p.talks() {
		return plan
	}
	budget := cmp.Or(caps.CachePoints, maxPoints) - p.marks()
	for _, at := range p.places() {
		if budget <= 0 {
			break
		}
		seg := p.at(at)
		s := seg.spot
		if p.form.style == styleElement && caps.Family != familyClaude {
			s = seg.plain
		}
		if !s.ok || len(seg.marks) > 0 || !taken(caps, at) || p.prefix(at)/bytesPerToken < int(caps.CacheMin) {
			continue
		}
		plan.points = append(plan.points, point{s, p.tier(at, want == Hour && (caps.Cache1h || caps.Family == ""))})
		budget--
	}
	slices.SortFunc(plan.points, func(a, b point) int { return cmp.Compare(a.spot.at, b.spot.at) })
	return plan
}

const familyClaude = "claude"

// Pieces of a prompt in its order; turns follow.
const (
	atTools = iota
	atSystem
	atTurns
)

func (p *Prompt) at(i int) *segment {
	switch i {
	case atTools:
		return &p.tools
	case atSystem:
		return &p.system
	}
	return &p.turns[i-atTurns]
}

// places are the pieces worth a point, the most useful first.
func (p *Prompt) places() []int {
	newest := p.last(roleUser, len(p.turns))
	previous := p.last(roleUser, p.last(roleAssistant, newest))
	out := make([]int, 0, maxPoints)
	if newest >= 0 && p.whole == nil {
		out = append(out, atTurns+newest)
	}
	out = append(out, atSystem)
	if previous >= 0 {
		out = append(out, atTurns+previous)
	}
	return append(out, atTools)
}

// last is the last turn of a role before a turn, -1 where there is none.
func (p *Prompt) last(r role, before int) int {
	for i := before - 1; i >= 0; i-- {
		if p.turns[i].role == r {
			return i
		}
	}
	return -1
}

// taken tells whether the model takes a point there.
func taken(caps *llm.Caps, at int) bool {
	if caps.CacheSpots == nil {
		return true
	}
	where := "messages"
	switch at {
	case atTools:
		where = "tools"
	case atSystem:
		where = "system"
	}
	return slices.Contains(caps.CacheSpots, where)
}

// prefix is the length of the prompt up to the end of a piece.
func (p *Prompt) prefix(at int) int {
	n := p.tools.size
	if at >= atSystem {
		n += p.system.size
	}
	for i := atTurns; i <= at; i++ {
		n += p.turns[i-atTurns].size
	}
	return n
}

// tier is the lifetime of a point of ours. Lifetimes must not rise from the
// beginning of a prompt to its end, so ours takes over the client's: that of its
// points behind, else of the last one before.
func (p *Prompt) tier(at int, hour bool) bool {
	for i := range at {
		if marks := p.at(i).marks; len(marks) > 0 {
			hour = marks[len(marks)-1].hour
		}
	}
	behind, found := false, false
	for i := at + 1; i < atTurns+len(p.turns); i++ {
		for _, m := range p.at(i).marks {
			behind, found = behind || m.hour, true
		}
	}
	if p.whole != nil {
		behind, found = behind || p.whole.hour, true
	}
	if found {
		return behind
	}
	return hour
}

// Len is how many points are put in.
func (p *Plan) Len() int { return len(p.points) }

// room is an upper bound of what one point adds.
const room = 96

// Size is an upper bound of the length of the body with the points.
func (p *Plan) Size() int { return len(p.prompt.body) + room*len(p.points) }

// AppendTo appends the body with the points put in; every other byte is as it was.
func (p *Plan) AppendTo(dst []byte) []byte {
	body, from := p.prompt.body, 0
	for i := range p.points {
		s := &p.points[i].spot
		if s.wrap {
			dst = append(append(dst, body[from:s.from]...), `[{"type":"text","text":`...)
			from = s.from
		}
		dst = append(dst, body[from:s.at]...)
		from = s.at
		if s.null {
			from += len("null")
		}
		dst = p.points[i].appendTo(dst, p.prompt.form.style)
	}
	return append(dst, body[from:]...)
}

func (p *point) appendTo(dst []byte, st style) []byte {
	if st == styleElement {
		dst = append(dst, `,{"cachePoint":{"type":"default"`...)
	} else {
		if !p.spot.null {
			dst = append(dst, `,"cache_control":`...)
		}
		dst = append(dst, `{"type":"ephemeral"`...)
	}
	if p.hour {
		dst = append(dst, `,"ttl":"1h"`...)
	}
	dst = append(dst, '}')
	switch {
	case st == styleElement:
		dst = append(dst, '}')
	case p.spot.wrap:
		dst = append(dst, "}]"...)
	}
	return dst
}

// Point tells of one cache point.
type Point struct {
	Path string // of the block, as it stood before points were put in
	TTL  string
	By   string // client or gateway
}

// Points lists all cache points of the body, for people.
func (p *Plan) Points() []Point {
	type placed struct {
		at int
		Point
	}
	var all []placed
	add := func(at int, hour bool, by string) {
		ttl := Min5
		if hour {
			ttl = Hour
		}
		all = append(all, placed{at, Point{wire.PathAt(p.prompt.body, at), ttl, by}})
	}
	for i := range atTurns + len(p.prompt.turns) {
		for _, m := range p.prompt.at(i).marks {
			add(m.at, m.hour, byClient)
		}
	}
	if m := p.prompt.whole; m != nil {
		add(m.at, m.hour, byClient)
	}
	for _, q := range p.points {
		add(q.spot.from, q.hour, byGateway)
	}
	slices.SortStableFunc(all, func(a, b placed) int { return cmp.Compare(a.at, b.at) })
	out := make([]Point, len(all))
	for i := range all {
		out[i] = all[i].Point
	}
	return out
}

// Who put a point in, or changed a prompt.
const (
	byClient   = "client"
	byGateway  = "gateway"
	byUpstream = "upstream"
)

// Hour tells whether all points, the client's and ours, are for an hour.
func (p *Plan) Hour() bool {
	short, long := false, false
	see := func(hour bool) { short, long = short || !hour, long || hour }
	for i := range atTurns + len(p.prompt.turns) {
		for _, m := range p.prompt.at(i).marks {
			see(m.hour)
		}
	}
	if p.prompt.whole != nil {
		see(p.prompt.whole.hour)
	}
	for _, q := range p.points {
		see(q.hour)
	}
	return long && !short
}

// Lifetimes gives writes whose lifetime the upstream did not tell the one that all
// points of the request have. Where they differ it stays as it is: the hour's
// points stand first, and what a conversation writes is mostly its end.
func Lifetimes(u llm.Usage, hour bool) llm.Usage {
	if u.LifeUntold && hour {
		u.CacheWrite1h += u.CacheWrite5m
		u.CacheWrite5m = 0
	}
	return u
}
