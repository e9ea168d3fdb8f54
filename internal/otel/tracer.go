// Package otel tells an OpenTelemetry collector of requests: spans and metrics in
// the words of the GenAI conventions, by OTLP over HTTP. It also carries W3C trace
// context from clients to upstreams.
package otel

import (
	"context"
	"encoding/hex"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Options are what a Tracer is made of.
type Options struct {
	Endpoint string            // the collector's base address; empty: nobody is told
	Headers  map[string]string // sent with everything
	Percent  int               // of traces that begin here and are sent; a client's own say wins
	Names    string            // Stable or Latest
	Forward  bool              // upstreams get the trace context too

	Service string
	Version string
	Known   func(model string) bool  // models that metrics may name
	Clean   func(text string) string // takes secrets out of names that come from outside; nil: nothing
	Log     *slog.Logger
	Now     func() time.Time
	Client  http.RoundTripper // nil: one of our own
}

// Bounds: what waits, what goes in one message, and how long.
const (
	maxQueue    = 4096
	maxBatch    = 256
	batchFor    = 5 * time.Second
	metricsFor  = time.Minute
	callFor     = 10 * time.Second
	maxTries    = 3
	firstPause  = time.Second
	longestWait = 10 * time.Second
)

// Tracer follows requests and tells the collector. A nil Tracer does nothing.
type Tracer struct {
	opt      Options
	names    *naming
	instance string
	queue    chan *Request // nil: nobody is told
	client   http.RoundTripper

	closing chan struct{}
	closed  chan struct{}
	once    sync.Once
	stop    context.CancelFunc
	ctx     context.Context //nolint:containedctx // ends what the one goroutine waits for

	sent, dropped, failed atomic.Int64
	complained            bool // the last message was not taken
}

// New makes a Tracer and starts to send; nil where there is nothing to do.
func New(opt Options) *Tracer {
	if opt.Endpoint == "" && !opt.Forward {
		return nil
	}
	id := newTrace()
	t := &Tracer{opt: opt, names: namings[opt.Names], instance: hex.EncodeToString(id[:]), client: opt.Client}
	if t.names == nil {
		t.names = namings[Stable]
	}
	if opt.Endpoint == "" {
		return t
	}
	t.opt.Endpoint = strings.TrimRight(opt.Endpoint, "/")
	if t.client == nil {
		t.client = &http.Transport{Proxy: http.ProxyFromEnvironment, MaxIdleConnsPerHost: 2, IdleConnTimeout: 2 * metricsFor, TLSHandshakeTimeout: callFor}
	}
	t.queue, t.closing, t.closed = make(chan *Request, maxQueue), make(chan struct{}), make(chan struct{})
	t.ctx, t.stop = context.WithCancel(context.Background())
	go t.run()
	return t
}

// samples draws whether a trace that begins here is sent.
func (t *Tracer) samples() bool {
	return t.opt.Percent >= 100 || rand.IntN(100) < t.opt.Percent //nolint:gosec // chance, no secret
}

// hand puts a request into the queue; where that is full it is dropped and counted.
func (t *Tracer) hand(r *Request) {
	select {
	case t.queue <- r:
	default:
		t.dropped.Add(1)
	}
}

// Counts tells what became of requests: told, dropped since the queue was full, or
// not taken by the collector. ok is false where nobody is told.
func (t *Tracer) Counts() (sent, dropped, failed int64, ok bool) {
	if t == nil || t.queue == nil {
		return 0, 0, 0, false
	}
	return t.sent.Load(), t.dropped.Load(), t.failed.Load(), true
}

// Close sends what waits, until ctx ends.
func (t *Tracer) Close(ctx context.Context) error {
	if t == nil || t.queue == nil {
		return nil
	}
	t.once.Do(func() { close(t.closing) })
	select {
	case <-t.closed:
		return nil
	case <-ctx.Done():
		t.stop()
		<-t.closed
		return ctx.Err()
	}
}

// run is the one goroutine that sends.
func (t *Tracer) run() {
	defer close(t.closed)
	defer t.stop()
	m := &meter{names: t.names, known: t.opt.Known, start: t.opt.Now(), series: map[labels]*series{}}
	var batch []*Request
	flush := func() {
		if len(batch) > 0 {
			t.sendSpans(batch)
			clear(batch)
			batch = batch[:0]
		}
	}
	take := func(r *Request) {
		t.clean(r)
		m.take(r)
		if r.trace.ctx.Sampled {
			if batch = append(batch, r); len(batch) >= maxBatch {
				flush()
			}
		}
	}
	spans, metrics := time.NewTicker(batchFor), time.NewTicker(metricsFor)
	defer spans.Stop()
	defer metrics.Stop()
	for {
		select {
		case r := <-t.queue:
			take(r)
		case <-spans.C:
			flush()
		case <-metrics.C:
			t.sendMetrics(m)
		case <-t.closing:
			for len(t.queue) > 0 {
				take(<-t.queue)
			}
			flush()
			t.sendMetrics(m)
			return
		}
	}
}

// clean takes secrets out of names that clients and upstreams choose.
func (t *Tracer) clean(r *Request) {
	if t.opt.Clean == nil {
		return
	}
	r.Model, r.Conversation = t.opt.Clean(r.Model), t.opt.Clean(r.Conversation)
	for i := range r.attempts {
		a := &r.attempts[i]
		a.Model, a.Served = t.opt.Clean(a.Model), t.opt.Clean(a.Served)
	}
	if s := r.trace.asked; s != nil {
		for i := range s.Stop {
			s.Stop[i] = t.opt.Clean(s.Stop[i])
		}
	}
}

func (t *Tracer) sendSpans(batch []*Request) {
	body := t.envelope(func(scope *msg) {
		for _, r := range batch {
			t.spans(scope, r)
		}
	})
	n := int64(len(batch))
	if t.send("/v1/traces", body) {
		t.sent.Add(n)
		return
	}
	t.failed.Add(n)
}

func (t *Tracer) sendMetrics(m *meter) {
	if len(m.series) > 0 {
		t.send("/v1/metrics", t.envelope(func(scope *msg) { m.append(scope, t.opt.Now()) }))
	}
}
