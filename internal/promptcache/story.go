package promptcache

import (
	"strconv"
	"strings"
	"time"

	"turnpike/internal/llm"
)

// Sent is what one request sent, as far as the next one of its conversation is
// compared with it.
type Sent struct {
	at       time.Time
	life     time.Duration // of its points
	model    string
	provider string
	up       fingerprint // the upstream's body
	client   fingerprint // the client's
	depth    int         // how many pieces its last point covers
	kept     int64       // tokens that its prefix has in the cache
}

// fingerprint is the hashes of a prompt.
type fingerprint struct {
	tools, system, settings uint64
	turns                   []uint64
}

func (p *Prompt) fingerprint() fingerprint {
	out := fingerprint{tools: p.tools.hash, system: p.system.hash, settings: p.settings, turns: make([]uint64, len(p.turns))}
	for i := range p.turns {
		out.turns[i] = p.turns[i].hash
	}
	return out
}

// depth is how many pieces the last point covers; all of them where the dialect
// has no points and caches by itself.
func (p *Plan) depth() int {
	if p.prompt.form.style == styleNone || p.prompt.whole != nil {
		return atTurns + len(p.prompt.turns)
	}
	last := -1
	for i := range atTurns + len(p.prompt.turns) {
		seg := p.prompt.at(i)
		if len(seg.marks) > 0 {
			last = i
			continue
		}
		for _, q := range p.points {
			if q.spot == seg.spot || q.spot == seg.plain {
				last = i
			}
		}
	}
	return last + 1
}

// Lives of cache entries; each read renews them (Anthropic prompt caching guide).
// OpenAI keeps a prefix for five to ten minutes without use.
const (
	lifeShort = 5 * time.Minute
	lifeLong  = time.Hour
)

// Sent notes what is about to be sent. client is the client's own body where it
// was translated, nil where the upstream gets it as it is.
func (p *Plan) Sent(at time.Time, provider, model string, client *Prompt) *Sent {
	s := &Sent{at: at, provider: provider, model: model, life: lifeShort, up: p.prompt.fingerprint(), depth: p.depth()}
	if p.Hour() {
		s.life = lifeLong
	}
	s.client = s.up
	if client != nil {
		s.client = client.fingerprint()
	}
	return s
}

// Opening is the hash of the first turn, which tells conversations apart that have
// no name.
func (p *Prompt) Opening() uint64 {
	if len(p.turns) == 0 {
		return p.system.hash
	}
	return p.turns[0].hash
}

// opens tells whether two requests open with the same turn.
func (s *Sent) opens(next *Sent) bool {
	return len(s.client.turns) > 0 && len(next.client.turns) > 0 && s.client.turns[0] == next.client.turns[0]
}

// likeness is how many pieces two requests of a conversation share, 0 where they
// have nothing to do with each other: an agent's helpers share its session, and
// may share its tools, but not what they are told.
func (s *Sent) likeness(next *Sent) (n int) {
	if s.client.tools == next.client.tools {
		n++
	}
	if s.client.system == next.client.system {
		n++
	}
	if n < 2 && !s.opens(next) {
		return 0
	}
	for i := range min(len(s.client.turns), len(next.client.turns)) {
		if s.client.turns[i] == next.client.turns[i] {
			n++
		}
	}
	return n
}

// Tale says what to expect of the cache, and why.
type Tale struct {
	first    bool          // nothing of the conversation is remembered
	switched string        // provider or model
	idle     time.Duration // since the last request, where that was too long
	life     time.Duration
	changed  string // the first piece that is not as it was
	by       string // who changed it
	kept     int64  // tokens the last request left in the cache
}

// compare finds out what became of the prefix that the last request wrote.
func (s *Sent) compare(next *Sent) Tale {
	t := Tale{kept: s.kept}
	switch {
	case s.provider != next.provider:
		t.switched = "provider"
	case s.model != next.model:
		t.switched = "model"
	}
	if idle := next.at.Sub(s.at); idle > s.life {
		t.idle, t.life = idle, s.life
	}
	t.changed, t.by = s.difference(next)
	return t
}

// difference is the first piece, of those a point covered, that is not what it was.
func (s *Sent) difference(next *Sent) (piece, by string) {
	who := func(same bool) string {
		if same {
			return byGateway
		}
		return byClient
	}
	switch {
	case s.depth > atTools && s.up.tools != next.up.tools:
		return "tools", who(s.client.tools == next.client.tools)
	case s.depth > atSystem && s.up.system != next.up.system:
		return "system", who(s.client.system == next.client.system)
	case s.depth > atTurns && s.up.settings != next.up.settings:
		return "settings", who(s.client.settings == next.client.settings)
	}
	for i := range min(s.depth-atTurns, len(s.up.turns)) {
		if i >= len(next.up.turns) || s.up.turns[i] != next.up.turns[i] {
			return "turn-" + strconv.Itoa(i), who(begins(next.client.turns, s.client.turns))
		}
	}
	return "", ""
}

// begins tells whether a list begins with another.
func begins(list, with []uint64) bool {
	if len(with) > len(list) {
		return false
	}
	for i := range with {
		if list[i] != with[i] {
			return false
		}
	}
	return true
}

// Hit tells whether a hit is to be expected.
func (t *Tale) Hit() bool { return !t.first && t.switched == "" && t.idle == 0 && t.changed == "" }

// Head is what is known before the answer: expected-hit, expected-miss with the
// reasons, or first.
func (t *Tale) Head() string {
	switch {
	case t.first:
		return "first"
	case t.Hit():
		return "expected-hit"
	}
	return "expected-miss" + t.reasons()
}

func (t *Tale) reasons() string {
	var b strings.Builder
	if t.switched != "" {
		b.WriteString("; switched=" + t.switched)
	}
	if t.idle > 0 {
		b.WriteString("; idle=" + t.idle.Round(time.Second).String() + "; lifetime=" + t.life.String())
	}
	if t.changed != "" {
		b.WriteString("; first-change=" + t.changed + "; by=" + t.by)
	}
	return b.String()
}

// Told is the whole story, with what the answer's usage says: hit, partial (less
// was read than the last request left), miss, first (there was no last request), or
// none (the prompt is shorter than what the model caches).
func (t *Tale) Told(u llm.Usage, least int64) string {
	read, wrote := u.CacheRead, u.CacheWrite()
	counts := ""
	if read > 0 {
		counts += "; read=" + strconv.FormatInt(read, 10)
	}
	if wrote > 0 {
		counts += "; written=" + strconv.FormatInt(wrote, 10)
	}
	switch {
	case read == 0 && wrote == 0 && u.Prompt() < least:
		return "none; prompt=" + strconv.FormatInt(u.Prompt(), 10) + "; minimum=" + strconv.FormatInt(least, 10)
	case read > 0 && (t.first || t.Hit() && read*2 >= t.kept):
		return "hit" + counts
	case t.first:
		return "first" + counts
	}
	word := "miss"
	if read > 0 {
		word = "partial"
	}
	if t.Hit() { // the same prefix came in time
		return word + counts + "; by=" + byUpstream
	}
	return word + counts + t.reasons()
}
