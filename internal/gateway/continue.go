package gateway

import (
	"errors"
	"slices"

	"turnpike/internal/llm"
	"turnpike/internal/provider"
	"turnpike/internal/stitch"
)

// rounds is the continuation of an answer: each round behind the first is an
// attempt of its own, all of them within the time and the bounds of one.
type rounds struct {
	*stitch.Stitcher
	target *llm.Target
	later  bool      // a round behind the first is under way
	sent   bool      // the account of the round under way is open
	over   llm.Usage // of the rounds before it
}

// prefills are the dialects whose API documents that an answer which was begun is
// gone on with (Anthropic API reference, Bedrock user guide); elsewhere the model
// is asked to.
var prefills = map[string]bool{"messages": true, "converse": true}

// newRounds makes ready for n rounds behind the first. Strict clients get none
// that would add words to theirs.
func newRounds(req *llm.Request, t *llm.Target, n int, dialect string, strict bool) *rounds {
	prefill := prefills[dialect] && t.Caps.Family != "" && !t.Caps.NoPrefill && !req.Thinking.Wanted()
	if strict && !prefill {
		return nil
	}
	return &rounds{Stitcher: stitch.New(req, n, prefill), target: t}
}

// streamRounds carries on a stream whose round has ended. A round that fails
// before it has said anything leaves the answer as it is, cut at its limit; one
// that fails later ends the stream with its error.
func (x *exchange) streamRounds(t *translating, err error) error {
	if err != nil {
		return err
	}
	for x.rounds.Wants() && !x.left() {
		if err = x.nextRound(); err == nil {
			err = x.streamRound(t)
		}
		if err == nil {
			continue
		}
		if x.rounds.sent && (x.rounds.Begun() || x.left()) {
			return err
		}
		x.givenUp(err)
		return x.settleStream(t)
	}
	if x.rounds.Wants() { // the client has left
		return x.settleStream(t)
	}
	return nil
}

// left tells whether the client has.
func (x *exchange) left() bool { return x.gone.Load() || x.r.Context().Err() != nil }

// streamRound passes on the answer of a round.
func (x *exchange) streamRound(t *translating) error {
	round := newTranslating(x)
	round.enc = t.enc
	if isStream(x.answer.Header.Get("Content-Type")) {
		return x.carry(round, x.target.Provider.Frames(x.call, x.answer.Body))
	}
	return x.wholeRound(func(res *llm.Response) error {
		if err := res.Replay(round.event); err != nil {
			return err
		}
		x.send(round.out, true)
		return nil
	})
}

// settleStream ends the answer as the last round left it.
func (x *exchange) settleStream(t *translating) error {
	s, ok := t.enc.(*shaper)
	if !ok {
		return nil
	}
	s.dst = nil
	err := x.rounds.Settle(s.to)
	x.account()
	x.vacate()
	x.send(s.dst, true)
	return err
}

// joined is a whole answer with the rounds that continue it.
func (x *exchange) joined(res *llm.Response) *llm.Response {
	var c llm.Collector
	take := func(r *llm.Response) error {
		return r.Replay(func(e *llm.Event) error { return x.rounds.Event(e, c.Add) })
	}
	err := take(res)
	if err != nil || !x.rounds.Wants() {
		return res
	}
	for err == nil && x.rounds.Wants() && !x.left() {
		if err = x.nextRound(); err == nil {
			err = x.wholeRound(take)
		}
	}
	if err != nil {
		x.givenUp(err)
	}
	if x.rounds.Wants() || err != nil {
		_ = x.rounds.Settle(c.Add) // a collector does not fail
	}
	all, fault := c.Response()
	if fault != nil {
		return res
	}
	x.lost(all.Losses) // of members whose place was in the answer of a round
	all.Tier, all.Extra, all.Losses = res.Tier, res.Extra, res.Losses
	return all
}

// wholeRound reads the answer of a round that comes as a whole.
func (x *exchange) wholeRound(take func(*llm.Response) error) error {
	if isStream(x.answer.Header.Get("Content-Type")) && !x.surface.Streams {
		return x.understand(errors.New("a stream came where none was asked for"))
	}
	b, err := x.whole()
	if err != nil {
		return err
	}
	defer b.drop()
	res, err := x.decode(b.data)
	if err != nil {
		return err
	}
	return take(res)
}

// givenUp notes why an answer stays cut. The error belongs to the account of the
// round that failed, if there is one.
func (x *exchange) givenUp(err error) {
	e, ok := errors.AsType[*llm.Error](err)
	if !ok {
		e = &llm.Error{Kind: llm.ErrInternal, Message: "the answer could not be continued", Cause: err}
	}
	if x.rounds.sent {
		x.err = e
	}
	x.lost([]llm.Loss{{Path: "x-turnpike-continue", Reason: "the answer stays cut: " + e.Message}})
}

// nextRound closes the account of the round that is over and sends the next one.
func (x *exchange) nextRound() error {
	x.rounds.sent = false
	told := slices.Clone(x.losses) // what a round loses was told in the first
	err := x.encode(x.rounds.Next(), x.rounds.target)
	if x.losses = told; err != nil {
		return err
	}
	if err := x.afford(2); err != nil {
		return err
	}
	x.closeRound()
	x.planCache(x.rounds.target)
	if !x.rounds.Prefills() {
		x.lost([]llm.Loss{{Path: "x-turnpike-continue", Reason: "a user's turn was added that asks the model to go on"}})
	}
	x.renew()
	x.bodyLen = int64(len(x.sent.data))
	x.call = &provider.Call{Surface: x.surface, Model: x.target.Model, Stream: x.stream, Body: x.sent, Header: x.forwarded(), Spoke: provider.SpokeAgent}
	told = slices.Clone(x.losses)
	x.mend()
	x.losses = told
	res, err := x.dispatch()
	if err != nil {
		return err
	}
	x.answer = res
	x.sent.drop()
	x.sent = nil
	if res.StatusCode < 200 || res.StatusCode > 299 {
		no, err := x.hear(res)
		if err != nil {
			return err
		}
		return x.refused(no)
	}
	return nil
}

// renew gives the next round a call of its own. All rounds together have the time
// of one.
func (x *exchange) renew() {
	x.hangUp()
	x.detach()
	if x.total != nil {
		x.total.Reset(x.target.Provider.Timeouts().Total - x.gw.opt.Now().Sub(x.start))
	}
	x.pulse.again(x.cancel)
}

// closeRound writes the row of the round that is over and begins a new account.
func (x *exchange) closeRound() {
	x.account()
	x.accounted = false
	x.number++
	x.begun = x.gw.opt.Now()
	x.rounds.later, x.rounds.sent, x.rounds.over = true, true, x.spent()
	x.usage, x.stop, x.complete, x.outBytes, x.firstOut = llm.Usage{}, "", false, 0, 0
	_ = x.answer.Body.Close()
	x.answer = nil
}

// spent is the usage of all rounds, for what counts requests instead of attempts.
func (x *exchange) spent() llm.Usage {
	if x.rounds == nil || !x.rounds.later {
		return x.usage
	}
	return x.rounds.over.Plus(x.usage)
}
