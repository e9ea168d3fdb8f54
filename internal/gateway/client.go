package gateway

import (
	"errors"
	"net/http"
	"strconv"
	"sync"
	"time"

	"turnpike/internal/llm"
)

// client is the writing side of an exchange. The relay and the heartbeat both
// write a stream, so its writes are locked; each is whole events.
type client struct {
	x    *exchange
	w    http.ResponseWriter
	conn *corked // nil: it cannot be corked

	mu        sync.Mutex
	streaming bool              // the head of a stream is out
	done      bool              // an answer or an error is out
	torn      bool              // the connection must end as the upstream's did
	encoder   llm.StreamEncoder // for heartbeats and faults; the answer has its own
	request   *llm.Request      // for the encoder
	losses    string            // the report so far, for the head
	cache     string            // what is known of the prompt cache, for the head
	told      string            // what the head said of it
	lastWrite time.Time

	served, toldServed served
	translates         bool // losses may come late
	trailing           bool // the head announced them
}

func newClient(w http.ResponseWriter, x *exchange) *client {
	return &client{w: w, x: x, conn: corkOf(x.r)}
}

// ids puts the request's id where each family of clients looks for it.
func (c *client) ids(h http.Header) {
	h["X-Request-Id"] = []string{c.x.id}
	h["Request-Id"] = h["X-Request-Id"]
}

// head sets what every answer that was served says about itself.
func (c *client) head(h http.Header) {
	c.ids(h)
	if s := &c.served; s.provider != "" {
		both := [2]string{s.provider, s.model}
		h["X-Turnpike-Provider"], h["X-Turnpike-Model"] = both[0:1:1], both[1:2:2]
		h["X-Turnpike-Attempts"] = once
		if s.attempts > 1 {
			h["X-Turnpike-Attempts"] = []string{strconv.Itoa(s.attempts)}
		}
	}
	if c.x.limits != nil {
		c.x.tellLimits(h)
	}
	if c.losses != "" {
		h[lossHeader] = []string{c.losses}
	}
	if c.cache != "" {
		h[headerCache] = []string{c.cache}
	}
}

// lossHeader names the report of losses, in the head and in the trailer.
const lossHeader = "X-Turnpike-Loss"

// trailer says behind a stream what the head could not know yet: losses, and who
// served in the end where a sign of life had opened the stream before.
func (c *client) trailer() {
	if !c.streaming {
		return
	}
	h := c.w.Header()
	if c.losses != c.told {
		name := lossHeader
		if !c.trailing {
			name = http.TrailerPrefix + name
		}
		h[name] = []string{c.losses}
	}
	if c.served != c.toldServed {
		h[http.TrailerPrefix+"X-Turnpike-Provider"] = []string{c.served.provider}
		h[http.TrailerPrefix+"X-Turnpike-Model"] = []string{c.served.model}
		h[http.TrailerPrefix+"X-Turnpike-Attempts"] = []string{strconv.Itoa(c.served.attempts)}
	}
}

// served is who serves, for the head.
type served struct {
	provider, model string // as it is called there
	attempts        int    // so far
}

// once is the header of most answers.
var once = []string{"1"}

// serves sets what the head says of who serves. A heartbeat may send the head while
// the next target is made ready.
func (c *client) serves() {
	x := c.x
	c.mu.Lock()
	defer c.mu.Unlock()
	c.served, c.request, c.translates = served{x.target.Provider.Name(), x.target.Model, x.number}, x.request, x.lane == laneTranslate
}

// report sets what the head says of losses.
func (c *client) report(losses []llm.Loss) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.losses = llm.LossHeader(losses)
}

// cached sets what the head says of the prompt cache.
func (c *client) cached(story string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.cache = story
}

// body sends a whole answer.
func (c *client) body(status int, contentType string, body []byte) {
	c.x.account()
	c.x.vacate()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.done {
		return
	}
	c.done = true
	c.x.status = status
	h := c.w.Header()
	c.head(h)
	h["Content-Type"] = []string{contentType}
	if len(body) >= ownLength {
		h["Content-Length"] = []string{strconv.Itoa(len(body))}
	}
	c.w.WriteHeader(status)
	_, _ = c.w.Write(body)
}

// ownLength is how long an answer is at least whose length net/http does not tell by
// itself. A head with two names less fits a map of half the size.
const ownLength = 2 << 10

// stream sends events, the head of the stream first if it is not out yet. It
// returns an error once the client is gone.
func (c *client) stream(events []byte, now time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.done {
		return nil
	}
	return c.write(events, now)
}

func (c *client) write(events []byte, now time.Time) error {
	if !c.streaming {
		c.open()
	}
	if len(events) == 0 {
		return nil
	}
	c.lastWrite = now
	if len(events) >= corkFrom && c.conn != nil {
		c.conn.cork()
		return errors.Join(c.flush(events), c.conn.uncork())
	}
	return c.flush(events)
}

func (c *client) flush(events []byte) error {
	if _, err := c.w.Write(events); err != nil { //nolint:gosec // events, and its Content-Type says so
		return err
	}
	if f, ok := c.w.(http.Flusher); ok {
		f.Flush()
	}
	return nil
}

func (c *client) open() {
	c.streaming = true
	c.x.status = http.StatusOK
	h := c.w.Header()
	c.head(h)
	h["Date"] = dateOf(c.x.gw.opt.Now())
	h["Content-Type"] = []string{streamType(c.x.front)}
	h["Cache-Control"] = []string{"no-cache, no-transform"}
	h["X-Accel-Buffering"] = []string{"no"}
	if c.trailing = c.translates; c.trailing {
		h["Trailer"] = []string{lossHeader}
	}
	c.w.WriteHeader(http.StatusOK)
	c.told, c.toldServed = c.losses, c.served
	if c.trailing {
		delete(h, lossHeader) // from here on it is the trailer
	}
}

func streamType(front llm.Front) string {
	if f, ok := front.(llm.Framer); ok {
		return f.StreamType()
	}
	return "text/event-stream; charset=utf-8"
}

// heartbeat sends a sign of life when nothing was sent since the given time.
func (c *client) heartbeat(since, now time.Time) (sent bool, last time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.done || c.lastWrite.After(since) {
		return false, c.lastWrite
	}
	beat := c.coder().Heartbeat(nil)
	if len(beat) == 0 { // the framing has no room for one
		return false, now
	}
	_ = c.write(beat, now)
	return true, now
}

// end closes the stream: from here on nothing is written, heartbeats included.
func (c *client) end() {
	c.mu.Lock()
	c.done = true
	c.trailer()
	c.mu.Unlock()
}

// coder writes the front's own events where the answer itself passes as bytes.
func (c *client) coder() llm.StreamEncoder {
	if c.encoder == nil { // the request was set before anything could be sent
		c.encoder = c.x.front.NewStreamEncoder(c.request)
	}
	return c.encoder
}

// opened tells whether the head of a stream is out.
func (c *client) opened() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.streaming
}

// fail sends an error: as an HTTP answer if nothing was sent, else inside the
// stream, which then ends without its success terminator.
func (c *client) fail(e *llm.Error) {
	e.Message = string(c.x.gw.hide([]byte(e.Message)))
	c.x.account()
	c.x.vacate()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.done {
		return
	}
	c.done = true
	if _, framed := c.x.front.(llm.Framer); c.streaming && e.Torn && (framed || c.x.later != nil) {
		// Clients of this framing try again after a torn connection, as they would have had it from the upstream
		// itself; an exception they take for the upstream's last word. So is an answer that is made in the background
		// taken up again where it broke off; it has not failed.
		c.torn = true
		return
	}
	if c.streaming {
		c.trailer()
		_ = c.write(c.coder().Append(nil, &llm.Event{Kind: llm.EventFault, Err: e}), c.lastWrite)
		return
	}
	c.head(c.w.Header())
	c.x.status = writeError(c.w, c.x.front, e, c.x.id)
}

// writeError sends an error in a dialect, with what clients read beside it.
func writeError(w http.ResponseWriter, front llm.Front, e *llm.Error, id string) int {
	status, body := front.EncodeError(e, id)
	h := w.Header()
	h["X-Request-Id"] = []string{id}
	h["Request-Id"] = h["X-Request-Id"]
	h["Content-Type"] = []string{"application/json"}
	h["Content-Length"] = []string{strconv.Itoa(len(body))}
	source := "gateway"
	if e.Upstream {
		source = "upstream"
	}
	h["X-Turnpike-Error-Source"] = []string{source}
	if e.UpstreamStatus != 0 {
		h["X-Turnpike-Upstream-Status"] = []string{strconv.Itoa(e.UpstreamStatus)}
	}
	if wait := retryAfter(e, status); wait > 0 {
		h["Retry-After"] = []string{seconds(wait)}
		if e.Code == codeLimit {
			h["Retry-After-Ms"] = []string{strconv.FormatInt(precise(wait), 10)}
		}
	}
	if e.NoRetry {
		h["X-Should-Retry"] = []string{"false"}
	}
	if t, ok := front.(llm.Titled); ok {
		name, value := t.ErrorHeader(e)
		h.Set(name, value)
	}
	w.WriteHeader(status)
	_, _ = w.Write(body) //nolint:gosec // JSON, and its Content-Type says so
	return status
}

// retryAfter is what the upstream said, or a second on a 429 that says nothing:
// some clients give up at once on a 429 without it.
func retryAfter(e *llm.Error, status int) time.Duration {
	if e.RetryAfter > 0 {
		return e.RetryAfter
	}
	if status == http.StatusTooManyRequests && !e.NoRetry {
		return time.Second
	}
	return 0
}

// seconds are whole ones, for Retry-After.
func seconds(wait time.Duration) string {
	return strconv.FormatInt(int64((wait+time.Second-1)/time.Second), 10)
}
