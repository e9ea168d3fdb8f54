package otel

import (
	"net/http"
	"net/url"
	"strconv"
	"time"

	"turnpike/internal/llm"
)

// Trace is a request on its way. A nil Trace tells nothing.
type Trace struct {
	to       *Tracer
	ctx      Context // of the request's own span
	parent   [8]byte // the client's; zero where the trace begins here
	calling  call    // under way
	attempts []Attempt
	asked    *Settings
}

// call is an attempt whose outcome is not known yet.
type call struct {
	span [8]byte
	host string
	port int64
}

// Settings are what a client asked for beside the content; nil for what it did not.
type Settings struct {
	MaxTokens, TopK   *int64
	Temperature, TopP *float64
	Stop              []string
	Output            string // what kind of answer: OutputText or OutputJSON; empty where nothing was said
}

// Values of gen_ai.output.type.
const (
	OutputText = "text"
	OutputJSON = "json"
)

// Attempt is one call to an upstream, when it is over.
type Attempt struct {
	Number       int
	At           time.Time
	Took         time.Duration
	FirstContent time.Duration // 0 for none
	Provider     string        // the account
	Kind         string        // its type
	Model        string        // as it was asked for
	Served       string        // as the upstream says
	Stream       bool
	Status       int    // 0 for none
	Error        string // its class, empty for success
	Stop         llm.Stop
	Usage        llm.Usage
	call
}

// Request is what is told of a request when it is over.
type Request struct {
	ID           string
	Key          string // its id
	Pattern      string // method and route
	Operation    string
	Conversation string // as the client names it
	Model        string // as the client names it
	Start        time.Time
	Took         time.Duration
	FirstContent time.Duration
	Chunks       int64 // of content in a stream
	Output       int64 // tokens of all attempts
	Status       int
	Error        string
	Losses       int

	trace    *Trace
	attempts []Attempt
}

// Start begins the trace of a request, or goes on with its client's.
func (t *Tracer) Start(h http.Header) *Trace {
	if t == nil {
		return nil
	}
	tr := &Trace{to: t}
	if c, ok := From(h); ok {
		tr.ctx, tr.parent = c, c.Span
		if t.queue == nil { // nobody is told: the client's own context goes on
			return tr
		}
	} else if t.queue == nil {
		return nil
	} else {
		tr.ctx.Trace, tr.ctx.Sampled = newTrace(), t.samples()
	}
	tr.ctx.Span = newSpan()
	return tr
}

// ID is the id of the trace, for logs.
func (t *Trace) ID() string { return t.ctx.ID() }

// Sampled tells whether spans will be made of it.
func (t *Trace) Sampled() bool { return t != nil && t.ctx.Sampled && t.to.queue != nil }

// Ask notes the client's settings.
func (t *Trace) Ask(s *Settings) { t.asked = s }

// Asked tells whether they are noted.
func (t *Trace) Asked() bool { return t.asked != nil }

// Call begins an attempt with the request that is about to be sent.
func (t *Trace) Call(u *url.URL, h http.Header) {
	if t == nil {
		return
	}
	c := t.ctx
	if t.to.queue != nil {
		t.calling = call{span: newSpan(), host: u.Hostname(), port: port(u)}
		c.Span = t.calling.span
	}
	if t.to.opt.Forward {
		c.set(h)
	}
}

func port(u *url.URL) int64 {
	if n, err := strconv.ParseInt(u.Port(), 10, 64); err == nil {
		return n
	}
	if u.Scheme == "http" {
		return 80
	}
	return 443
}

// maxAttempts bounds what is told of one request.
const maxAttempts = 64

// Attempt ends the attempt under way.
func (t *Trace) Attempt(a *Attempt) {
	if t == nil || t.to.queue == nil || len(t.attempts) >= maxAttempts {
		return
	}
	done := *a
	if done.call = t.calling; done.span == [8]byte{} { // nothing was sent
		done.span = newSpan()
	}
	t.calling = call{}
	t.attempts = append(t.attempts, done)
}

// End hands the request over. It never waits.
func (t *Trace) End(r *Request) {
	if t == nil || t.to.queue == nil {
		return
	}
	done := *r
	done.trace, done.attempts = t, t.attempts
	t.to.hand(&done)
}
