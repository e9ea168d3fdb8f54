package gateway

import (
	"net/http"
	"time"

	"turnpike/internal/llm"
	"turnpike/internal/store"
	"turnpike/internal/telemetry"
)

// record adds an attempt to the ledger, the metrics and the trace. It is the one way
// an attempt gets there.
func (x *exchange) record(a *store.Attempt) {
	x.spend(a)
	x.enter(a)
	x.tokens += counts(&x.usage)
	x.landed()
	x.heard.provider, x.heard.model = a.Provider, a.ServedModel
	if x.heard.first == 0 {
		x.heard.first = x.firstOut
	}
	x.traceAttempt(a)
	if x.gw.opt.Metrics == nil {
		return
	}
	m := telemetry.Attempt{
		Provider: a.Provider, Model: a.ServedModel, Status: a.Status,
		Limited: a.Status == http.StatusTooManyRequests || a.ErrorClass == string(llm.ErrRate),
	}
	if x.usage != (llm.Usage{}) { // else there is nothing to pay, or it was counted before
		m.Cost, m.Unpriced = a.Charge.Nano, a.Charge.Unpriced
	}
	x.gw.opt.Metrics.Attempt(&m)
}

// heard is what of a request only metrics and traces look at.
type heard struct {
	provider     string        // of the last attempt; empty if there was none
	model        string        // as it was asked for there
	first        time.Duration // until the first content of all rounds
	chunks       int64         // of content in a stream
	output       int64         // tokens of all attempts
	conversation string        // as the client names it; only where the trace wants it
}

// measure adds the request to the metrics.
func (x *exchange) measure() {
	if x.gw.opt.Metrics == nil {
		return
	}
	r := telemetry.Request{
		Provider: x.heard.provider, Model: x.heard.model, Status: x.status, Took: x.gw.opt.Now().Sub(x.start), Usage: x.spent(), Losses: x.losses,
	}
	if x.stream {
		r.FirstContent, r.Chunks = x.heard.first, x.heard.chunks
	}
	x.gw.opt.Metrics.Count(&r)
}

// reading is how the gateway stands, for the metrics that are read.
func (g *Gateway) reading() telemetry.Reading {
	s := g.opt.Ledger.State()
	r := telemetry.Reading{
		InFlight: g.inflight.Load(),
		Journal:  telemetry.Journal{Waiting: s.Waiting, Bytes: s.Bytes, InMemory: s.Stranded, Lost: s.Lost},
	}
	if sent, dropped, failed, ok := g.opt.Traces.Counts(); ok {
		r.OTLP = &telemetry.Delivery{Sent: sent, Dropped: dropped, Failed: failed}
	}
	if l := g.limitState(); l.Redis {
		r.Redis = &telemetry.Redis{Up: l.Away.IsZero(), Replicas: l.Replicas, Fallbacks: l.Fallbacks, Waiting: l.Waiting, Lost: l.Lost}
	}
	if !s.Away.IsZero() {
		r.Journal.Away = g.opt.Now().Sub(s.Away)
	}
	for _, a := range g.opt.Table.Summaries() {
		r.Providers = append(r.Providers, telemetry.Provider{
			Name: a.Provider, Healthy: a.Healthy, InFlight: a.Inflight, Waiting: a.Waiting, Cooling: a.Cooling, Cooldowns: a.Cooldowns,
		})
	}
	return r
}
