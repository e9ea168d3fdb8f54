package gateway

import (
	"time"

	"turnpike/internal/ledger"
	"turnpike/internal/llm"
	"turnpike/internal/store"
	"turnpike/internal/wire"
)

// bytesPerToken is a rough ratio for answers whose upstream never told its
// usage; such figures are marked as estimated.
const bytesPerToken = 4

// settle closes the account of a request, exactly once, whatever happened to it.
func (x *exchange) settle() {
	x.pulse.stop()
	x.hangUp()
	x.account()
	x.vacate()
	x.letGo()
	if x.payload != nil {
		x.gw.opt.Payloads.Keep(x.payload)
	}
	x.measure()
	x.traced()
	x.log()
}

// estimate fills in what the upstream did not tell. Of a stream that never came
// to its end the last figures are missing, whatever was told at its start.
func (x *exchange) estimate() {
	if x.later.open() { // there is nothing to count yet
		x.usage = llm.Usage{}
		return
	}
	cut := x.stream && !x.complete
	if x.usage.Known && !cut || x.answer == nil || x.err != nil && x.outBytes == 0 {
		return
	}
	if !x.usage.Known && x.usage.Input == 0 {
		x.usage.Input = x.bodyLen / bytesPerToken
	}
	x.usage.Estimated = true
	x.usage.Output = max(x.usage.Output, (x.outBytes+bytesPerToken-1)/bytesPerToken)
}

func (x *exchange) attemptRow() store.Attempt {
	a := store.Attempt{
		ID: x.attemptID(), RequestID: x.id, KeyID: x.who.KeyID, TeamID: x.who.Labels.Team, UserID: x.who.Labels.User, Tags: x.who.Tags,
		Session: x.talk, Replica: x.gw.opt.Replica, Number: x.number, At: x.begun,
		Dialect: x.front.Name(), Provider: x.target.Provider.Name(), Surface: x.surface.Dialect,
		RequestedModel: x.model, ServedModel: x.target.Model, Stream: x.stream,
		Stop: string(x.stop), Latency: x.gw.opt.Now().Sub(x.begun), FirstContent: x.sinceBegun(x.firstOut), Losses: len(x.losses),
		Queued: x.queued, FirstByte: x.firstByte,
		Usage: storeUsage(x.usage),
	}
	a.CacheStory = x.story()
	x.charge(&a)
	if x.answer != nil {
		a.Status = x.answer.StatusCode
	}
	if len(x.losses) > 0 {
		a.LossReport = llm.LossHeader(x.losses)
	}
	if x.err != nil {
		a.ErrorClass = string(x.err.Kind)
	}
	return a
}

// attemptID is the one its note has, where there is one.
func (x *exchange) attemptID() string {
	if x.spending != nil && x.spending.attempt != "" {
		return x.spending.attempt
	}
	return ledger.NewID("att")
}

// sinceBegun makes a time that counts from the request's beginning count from the
// attempt's.
func (x *exchange) sinceBegun(d time.Duration) time.Duration {
	if d == 0 {
		return 0
	}
	return max(0, d-x.begun.Sub(x.start))
}

func storeUsage(u llm.Usage) store.Usage {
	return store.Usage{
		Input: u.Input, Output: u.Output, CacheRead: u.CacheRead, CacheWrite5m: u.CacheWrite5m,
		CacheWrite1h: u.CacheWrite1h, Reasoning: u.Reasoning, Estimated: u.Estimated,
	}
}

// accepted gives back the upstream request once its answer has begun. The transport
// keeps what it is still sending.
func (x *exchange) accepted() {
	x.bodyLen = int64(len(x.body.data))
	x.asksUsage = x.wantsUsage()
	x.sent.drop()
	x.sent = nil
}

// shed gives back what is not needed any more once nobody else can be asked: a
// stream may last for minutes. A translated request still looks into the client's
// body.
func (x *exchange) shed() {
	if x.lane.express() {
		x.object = wire.Object{}
		x.body.drop()
		x.body = nil
	}
}

// release gives back the rest.
func (x *exchange) release() {
	x.body.drop()
	x.sent.drop()
}
