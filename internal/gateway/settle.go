package gateway

import (
	"turnpike/internal/ledger"
	"turnpike/internal/llm"
	"turnpike/internal/store"
)

// bytesPerToken is a rough ratio for answers whose upstream never told its
// usage; such figures are marked as estimated.
const bytesPerToken = 4

// settle closes the account of a request, exactly once, whatever happened to it.
func (x *exchange) settle() {
	x.pulse.stop()
	if x.cancel != nil {
		x.unwatch()
		if x.total != nil {
			x.total.Stop()
		}
		x.cancel(nil)
	}
	if x.call != nil {
		x.estimate()
		x.gw.opt.Ledger.Add(x.attemptRow())
	}
	x.log()
}

// estimate fills in what the upstream did not tell.
func (x *exchange) estimate() {
	if x.usage.Known || x.answer == nil || x.err != nil && x.outBytes == 0 {
		return
	}
	x.usage.Estimated = true
	if x.usage.Input == 0 {
		x.usage.Input = int64(len(x.object.Bytes())) / bytesPerToken
	}
	if x.usage.Output == 0 {
		x.usage.Output = (x.outBytes + bytesPerToken - 1) / bytesPerToken
	}
}

func (x *exchange) attemptRow() store.Attempt {
	a := store.Attempt{
		ID: ledger.NewID("att"), RequestID: x.id, KeyID: x.who.KeyID, At: x.start,
		Dialect: x.front.Name(), Provider: x.target.Provider.Name(), Surface: x.surface.Dialect,
		RequestedModel: x.model, ServedModel: x.target.Model, Stream: x.stream,
		Stop: string(x.stop), Latency: x.gw.opt.Now().Sub(x.start), FirstContent: x.firstOut, Losses: len(x.losses),
		Usage: storeUsage(x.usage),
	}
	if x.answer != nil {
		a.Status = x.answer.StatusCode
	}
	if x.err != nil {
		a.ErrorClass = string(x.err.Kind)
	}
	return a
}

func storeUsage(u llm.Usage) store.Usage {
	return store.Usage{Input: u.Input, Output: u.Output, CacheRead: u.CacheRead, CacheWrite5m: u.CacheWrite5m,
		CacheWrite1h: u.CacheWrite1h, Reasoning: u.Reasoning, Estimated: u.Estimated}
}

// release gives back what the exchange held.
func (x *exchange) release() {
	x.body.drop()
	x.sent.drop()
}
