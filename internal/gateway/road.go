package gateway

import (
	"context"
	"net/http"
	"slices"
	"sync/atomic"
	"time"

	"turnpike/internal/dialect/bedrock"
	"turnpike/internal/fetch"
	"turnpike/internal/heal"
	"turnpike/internal/keyring"
	"turnpike/internal/learned"
	"turnpike/internal/ledger"
	"turnpike/internal/limit"
	"turnpike/internal/llm"
	"turnpike/internal/llm/jsontool"
	"turnpike/internal/otel"
	"turnpike/internal/payload"
	"turnpike/internal/policy"
	"turnpike/internal/provider"
	"turnpike/internal/retry"
	"turnpike/internal/route"
	"turnpike/internal/rules"
	"turnpike/internal/wire"
)

// stage is one step of the road.
type stage struct {
	name string
	run  func(*exchange) error
}

// Every operation begins alike and cannot leave out a step of this.
var approach = []stage{
	{"identify", (*exchange).identify}, // key -> principal, from memory
	{"read", (*exchange).read},         // bounded body, indexed; model and stream found
	{"admit", (*exchange).admit},       // may this request run at all
	{"enrich", (*exchange).enrich},     // what only some upstreams know
	{"recall", (*exchange).recall},     // what the client goes on from
	{"route", (*exchange).route},       // model -> targets
	{"reserve", (*exchange).reserve},   // the worst case fits all budgets
}

// roads are the stages between the first byte of a request and the last of its
// answer, by operation. observe surrounds them and settle comes last, whatever
// happened.
var roads = map[Op][]stage{
	Generate: append(slices.Clip(approach),
		stage{"serve", (*exchange).serve}, // adapt, sign, send, relay; the next target while nothing was sent
	),
	Embed: append(slices.Clip(approach),
		stage{"embed", (*exchange).embed}, // the calls an upstream's form needs, joined
	),
	Count: append(slices.Clip(approach),
		stage{"count", (*exchange).count}, // the upstream's count, or an estimate
	),
	Compact: append(slices.Clip(approach),
		stage{"compact", (*exchange).compact}, // the upstream's summary of a conversation
	),
	Show:   append(slices.Clip(byID), stage{"show", (*exchange).show}),
	Inputs: append(slices.Clip(byID), stage{"inputs", (*exchange).inputs}),
	Forget: append(slices.Clip(byID), stage{"forget", (*exchange).forget}),
	Cancel: append(slices.Clip(byID), stage{"cancel", (*exchange).cancelKept}),
}

// What is asked of a kept answer needs no model.
var byID = []stage{
	{"identify", (*exchange).identify},
	{"admit", (*exchange).admit},
	{"pursue", (*exchange).pursue}, // an answer that is made in the background is its upstream's affair
}

// exchange is one request on its way, and what has been learned of it.
type exchange struct {
	gw    *Gateway
	front llm.Front
	ask   Ask
	r     *http.Request
	out   *client
	trace *otel.Trace // nil: nobody is told
	id    string
	start time.Time

	who       *keyring.Principal // identify
	body      *buffer            // read
	object    wire.Object
	model     string // as asked for
	stream    bool
	bodyLen   int64           // of the request
	asksUsage bool            // the client wants usage frames
	extras    *bedrock.Extras // enrich; nil for none
	cacheWish cacheWish       // enrich

	payload *payload.Draft // read; nil: nothing of it is kept

	limits   *limit.Ticket // admit; nil: there are none
	declined bool          // admit: refused behind the limits, for the budget
	tokens   int64         // of all attempts, as limits count them

	keep    *keeping       // recall; nil where nothing is kept or gone on from
	later   *later         // an answer made in the background; nil for all others
	targets []route.Target // route
	choice  route.Choice   // with what explains it
	talk    string         // the conversation, where it matters which
	at      int            // of the targets, the one that is asked

	// attempt
	ctx      context.Context // of the upstream call: lives on when the client goes
	cancel   context.CancelCauseFunc
	total    *time.Timer // bounds the call
	unwatch  func() bool // ends the watch over the client's connection
	gone     atomic.Bool // the client has left
	target   route.Target
	policy   policy.Policy
	caching  *caching // nil where no prompt cache is in play
	surface  provider.Surface
	back     llm.Back
	lane     lane
	request  *llm.Request // decoded; on the express lane only its outline
	plain    *llm.Request // decoded, for the next target
	call     *provider.Call
	sent     *buffer
	answer   *http.Response
	losses   []llm.Loss
	unsaid   int             // losses of the client's encoder that are among them
	byHeader *bedrock.Extras // of the target, InvokeModel
	fetched  *fetch.Batch    // media that were given by URL
	json     *jsontool.Plan  // structured output by a tool; nil where it is not
	filter   *rules.Filter   // output rules in force; nil: none
	rounds   *rounds         // the answer may be continued; nil: not
	known    *learned.Known  // of the model at the target, nil for nothing
	number   int             // of the attempt, from 1 on
	begun    time.Time       // the attempt
	visiting visit           // the target
	step     *retry.Step     // what follows the attempt, once it has failed
	tried    []tried         // attempts that failed before
	fixes    []heal.Fix      // made after a refusal; learned when they help
	evidence string          // the words of that refusal

	// relay
	pulse    *pulse
	quiet    patience
	usage    llm.Usage
	stop     llm.Stop
	served   string
	spoke    bool          // the client has content
	firstOut time.Duration // until the first content, 0 if there was none
	phases
	heard    heard
	outBytes int64
	complete bool // the answer came to its end

	accounted bool // the attempt is in the ledger

	spending *spending // of budgets; nil: none holds
	cost     int64     // of the attempt that was priced last, in nano-dollars; unpriced, at the ceiling

	status int // of the answer
	err    *llm.Error
}

// phases are the beginnings of an attempt, counted from when it began.
type phases struct {
	queued    time.Duration // until the request was sent
	firstByte time.Duration // until the head of the answer, 0 if there was none
}

// serve takes a request down the road.
func (g *Gateway) serve(f *Front, w http.ResponseWriter, r *http.Request) {
	x := g.begin(f, w, r)
	if x == nil {
		g.lost(w, r)
		return
	}
	x.observe(x.travel)
	if x.out.torn {
		panic(http.ErrAbortHandler) // net/http's way to close a connection in the middle of an answer
	}
}

// begin makes an exchange of a request, nil where its path tells of no operation.
// It is no part of serve because what it needs of the stack would be held as long
// as a stream lasts.
func (g *Gateway) begin(f *Front, w http.ResponseWriter, r *http.Request) *exchange {
	x := &exchange{gw: g, front: f.Dialect, r: r, start: g.opt.Now(), id: ledger.NewID("req"), number: 1}
	if f.Ask != nil {
		var ok bool
		if x.ask, ok = f.Ask(r); !ok {
			return nil
		}
	}
	if x.ask.Front != nil {
		x.front = x.ask.Front
	}
	x.begun = x.start
	x.out = newClient(w, x)
	return x
}

// travel goes down the road.
func (x *exchange) travel() {
	for _, s := range roads[x.ask.Op] {
		if err := s.run(x); err != nil {
			x.fail(err)
			return
		}
	}
}
