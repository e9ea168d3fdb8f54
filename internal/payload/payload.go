// Package payload keeps what requests of some keys say: what the client sent, what went
// upstream and what came back. It is off unless the operator and the key ask for it.
//
// Texts are cut at a size, cleared of secrets, compressed and sealed with the data key
// of the tenant, behind the road: a request never waits for it. What there is no room
// for is not kept; that is counted, and its row says so.
package payload

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"sync"
	"time"
	"unicode/utf8"

	"turnpike/internal/store"
)

// Store is where payloads lie.
type Store interface {
	InsertPayloads(ctx context.Context, list []store.Payload) error
	Payload(ctx context.Context, requestID string) (store.Payload, error)
	PrunePayloads(ctx context.Context, before time.Time, bytes int64) (size int64, err error)
}

// Sealer seals for a tenant.
type Sealer interface {
	SealFor(ctx context.Context, scope string, plaintext []byte, aad string) (string, error)
	UnsealFor(ctx context.Context, scope, sealed, aad string) ([]byte, error)
}

// Options are what a recorder is made of.
type Options struct {
	Store  Store
	Sealer Sealer
	// Redact takes secrets out of a text.
	Redact func([]byte) []byte
	Log    *slog.Logger
	Now    func() time.Time
	// Part is the longest text that is kept of each part.
	Part int
	// Keep is how long payloads are kept, Bytes how much in all.
	Keep  time.Duration
	Bytes int64
	// Dropped counts what was not kept; nil: nobody counts.
	Dropped func()
}

// Bounds of what waits to be written. Of what comes on top the texts are dropped; rows
// that say so have room of their own.
const (
	maxWaiting      = 256
	maxWaitingRows  = 4096
	maxWaitingBytes = 64 << 20
	maxCalls        = 4
	slack           = 4 << 10 // is looked at with what is kept, so that no secret is cut in two
)

// Draft is a request under way. It belongs to one goroutine at a time.
type Draft struct {
	Request, Key, Scope string
	part                int
	client              Text
	calls               []*call
	more                int // calls that were left out
}

// Text is a part as far as it is kept.
type Text struct {
	Text []byte
	Size int64 // of all of it
}

type call struct {
	provider   string
	status     int
	sent, came Text
}

// Begin begins a draft with what the client sent.
func (r *Recorder) Begin(request, key, scope string, body []byte) *Draft {
	d := &Draft{Request: request, Key: key, Scope: scope, part: r.opt.Part + slack}
	d.client.add(body, d.part)
	return d
}

func (t *Text) add(b []byte, most int) {
	t.Size += int64(len(b))
	if room := most - len(t.Text); room > 0 {
		t.Text = append(t.Text, b[:min(room, len(b))]...)
	}
}

// Call notes a body that is sent upstream. A nil draft keeps nothing.
func (d *Draft) Call(provider string, body []byte) {
	if d == nil {
		return
	}
	if len(d.calls) == maxCalls {
		d.calls = d.calls[1:] // the last ones matter most
		d.more++
	}
	c := &call{provider: provider}
	c.sent.add(body, d.part)
	d.calls = append(d.calls, c)
}

// Answer listens to what comes back of the last call.
func (d *Draft) Answer(res *http.Response) {
	if d == nil {
		return
	}
	c := d.calls[len(d.calls)-1]
	c.status = res.StatusCode
	res.Body = &listening{res.Body, c, d.part}
}

type listening struct {
	io.ReadCloser
	c    *call
	most int
}

func (l *listening) Read(b []byte) (int, error) {
	n, err := l.ReadCloser.Read(b)
	if n > 0 {
		l.c.came.add(b[:n], l.most)
	}
	return n, err
}

func (d *Draft) size() int {
	n := cap(d.client.Text)
	for _, c := range d.calls {
		n += cap(c.sent.Text) + cap(c.came.Text)
	}
	return n
}

// Recorder is safe for concurrent use.
type Recorder struct {
	opt  Options
	wake chan struct{}
	done chan struct{}

	mu     sync.Mutex
	queue  []*Draft
	full   int // of them, those with texts
	bytes  int
	closed bool

	size int64 // in the store, as far as the writer knows
}

// New makes a recorder and starts its writer. Close ends it.
func New(opt Options) *Recorder {
	if opt.Dropped == nil {
		opt.Dropped = func() {}
	}
	r := &Recorder{opt: opt, wake: make(chan struct{}, 1), done: make(chan struct{})}
	go r.run()
	return r
}

// Keep takes a draft that is complete. It waits for nothing.
func (r *Recorder) Keep(d *Draft) {
	size := d.size()
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case r.closed || len(r.queue) >= maxWaitingRows:
		r.opt.Dropped()
		return
	case r.full >= maxWaiting || r.bytes+size > maxWaitingBytes:
		r.opt.Dropped()
		d.client.Text, d.calls, d.part = nil, nil, 0
	default:
		r.full++
		r.bytes += size
	}
	r.queue = append(r.queue, d)
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

// Close writes what is waiting, until ctx ends.
func (r *Recorder) Close(ctx context.Context) error {
	if r == nil {
		return nil
	}
	r.mu.Lock()
	r.closed = true
	r.mu.Unlock()
	select {
	case r.wake <- struct{}{}:
	default:
	}
	select {
	case <-r.done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Part is a text as it is shown.
type Part struct {
	Text string `json:"text,omitempty"`
	// Base64 is what is no text.
	Base64 []byte `json:"base64,omitempty"`
	// Size is how much it was, Cut whether there was more than is here.
	Size int64 `json:"bytes"`
	Cut  bool  `json:"cut,omitempty"`
}

// Call is one call upstream.
type Call struct {
	Provider string `json:"provider"`
	Status   int    `json:"status"`
	Sent     Part   `json:"sent"`
	Came     Part   `json:"came"`
}

// Record is what is kept of a request.
type Record struct {
	Client Part   `json:"client"`
	Calls  []Call `json:"calls"`
	// Omitted are calls before these.
	Omitted int `json:"omitted_calls,omitempty"`
}

// clean is a part without secrets, cut at its length.
func (r *Recorder) clean(t Text) Part {
	p := Part{Size: t.Size}
	text := t.Text
	if r.opt.Redact != nil {
		text = r.opt.Redact(text)
	}
	p.Cut = int64(len(t.Text)) < t.Size
	if len(text) > r.opt.Part {
		text, p.Cut = text[:r.opt.Part], true
	}
	whole := text
	for n := 0; p.Cut && n < utf8.UTFMax && !utf8.Valid(whole) && len(whole) > 0; n++ { // a letter that was cut
		whole = whole[:len(whole)-1]
	}
	if utf8.Valid(whole) {
		p.Text = string(whole)
	} else {
		p.Base64 = text
	}
	return p
}

func (r *Recorder) record(d *Draft) Record {
	out := Record{Client: r.clean(d.client), Calls: []Call{}, Omitted: d.more}
	for _, c := range d.calls {
		out.Calls = append(out.Calls, Call{c.provider, c.status, r.clean(c.sent), r.clean(c.came)})
	}
	return out
}
