package gateway

import (
	"log/slog"

	"turnpike/internal/llm"
	"turnpike/internal/stitch"
)

// shaped tells whether an answer is to be changed on its way, which only
// translation can.
func (x *exchange) shaped() bool {
	x.filter, x.rounds = nil, nil
	if len(x.policy.Rules) == 0 && x.policy.Rounds() == 0 {
		return false
	}
	if len(x.policy.Rules) > len(x.gw.treatment.Load().rules.Unknown(x.policy.Rules)) {
		return true
	}
	if x.policy.Rounds() == 0 || x.later != nil { // nobody goes on with an answer that is not there
		return false
	}
	req, err := x.front.DecodeRequest(x.r.Header, x.object.Bytes())
	return err == nil && stitch.Fits(req)
}

// shape makes ready what changes the answer: the output rules and the rounds of
// its continuation that the policy wants.
func (x *exchange) shape(req *llm.Request, t *llm.Target) {
	x.filter, x.rounds = nil, nil
	if names := x.policy.Rules; len(names) > 0 {
		x.filter = x.gw.treatment.Load().rules.Filter(names, req)
		for _, name := range x.gw.treatment.Load().rules.Unknown(names) {
			x.gw.unknownRule(name, x.who.KeyID)
		}
	}
	if n := x.policy.Rounds(); n > 0 && stitch.Fits(req) {
		x.rounds = newRounds(req, t, n, x.surface.Dialect, x.policy.IsStrict())
	}
}

// unknownRule warns once of a rule that a key names and nobody wrote.
func (g *Gateway) unknownRule(name, key string) {
	if _, warned := g.warned.LoadOrStore(name, true); !warned {
		g.opt.Log.Warn("no output rule has this name: it is ignored", "rule", name, "key", key)
	}
}

// encoder makes the encoder of a stream, behind what changes its events.
func (x *exchange) encoder() llm.StreamEncoder {
	enc := x.keptEncoder()
	if x.filter == nil && x.rounds == nil {
		return enc
	}
	s := &shaper{StreamEncoder: enc}
	s.to = func(e *llm.Event) error { return s.odd.Give(e, s.encode) }
	if f := x.filter; f != nil {
		encode := s.to
		s.to = func(e *llm.Event) error { return f.Event(e, encode) }
	}
	s.from = s.to
	if r := x.rounds; r != nil {
		s.from = func(e *llm.Event) error { return r.Event(e, s.to) }
	}
	return s
}

// shaper is an encoder behind the rounds and the rules: upstream, rounds, rules,
// encoder.
type shaper struct {
	llm.StreamEncoder
	from, to llm.Yield // the way of the upstream's events; of those of the one answer
	dst      []byte
	odd      llm.OddHold // what comes with events that are changed on the way
}

// encode is the end of the way. Encoders do not fail.
func (s *shaper) encode(e *llm.Event) error {
	s.dst = s.StreamEncoder.Append(s.dst, e)
	return nil
}

// Append appends what becomes of e.
func (s *shaper) Append(dst []byte, e *llm.Event) []byte {
	s.dst = dst
	s.odd.Take(e)
	_ = s.from(e) // encoders do not fail
	return s.dst
}

// finished is what a whole answer becomes.
func (x *exchange) finished(res *llm.Response) *llm.Response {
	if x.rounds != nil {
		res = x.joined(res)
	}
	if x.filter != nil {
		x.filter.Response(res)
		x.ruled()
	}
	return res
}

// ruled takes over what the rules lost.
func (x *exchange) ruled() {
	if x.filter == nil {
		return
	}
	if lost := x.filter.Losses(); len(lost) > 0 {
		x.lost(lost)
	}
}

// goOn follows a stream that has come to its end: the rounds that continue it.
func (x *exchange) goOn(s streamer, err error) error {
	if t, ok := s.(*translating); ok && x.rounds != nil {
		err = x.streamRounds(t, err)
	}
	return err
}

// shapedAttrs are what the log says of all this.
func (x *exchange) shapedAttrs(attrs []slog.Attr) []slog.Attr {
	if x.filter != nil {
		if hits := x.filter.Hits(); hits != "" {
			attrs = append(attrs, slog.String("rules", hits))
		}
	}
	if x.rounds != nil && x.rounds.Round() > 0 {
		attrs = append(attrs, slog.Int("continued", x.rounds.Round()))
	}
	return attrs
}
