package admin

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"time"

	"turnpike/internal/affinity"
	"turnpike/internal/alert"
	"turnpike/internal/audit"
	"turnpike/internal/catalog"
	"turnpike/internal/identity"
	"turnpike/internal/live"
	"turnpike/internal/operator"
	"turnpike/internal/origin"
	"turnpike/internal/payload"
	"turnpike/internal/peer"
	"turnpike/internal/price"
	"turnpike/internal/roster"
	"turnpike/internal/route"
	"turnpike/internal/store"
	"turnpike/internal/tries"
)

// Options are what the door opens to.
type Options struct {
	Guard    *Guard
	Accounts *identity.Accounts // people and machines that sign in
	Origins  *origin.Allowed    // whose pages may ask
	Members  Members
	Proxies  peer.Proxies   // whose word for an address is taken
	Pins     *affinity.Pins // nil: conversations are not kept together
	Store    *store.Store
	Keys     *roster.Keys
	Sealer   Sealer // of answers that are kept to be repeated
	Table    *route.Table
	Models   *catalog.Catalog
	Prices   *price.Current
	Live     *live.Book // what is declared and set
	// Draft is how to ask a provider for its models that nobody uses yet.
	Draft func(s *live.State, provider string) (func(context.Context) (int, error), error)
	// Declared is whether the configuration has a key of its own.
	Declared bool
	// Settings is the configuration in force, without secrets.
	Settings func() (Settings, error)
	// Reload reads the configuration again.
	Reload func() Reloaded
	// Hide takes secrets out of a text.
	Hide func(string) string
	// Region is the type and the region of a provider.
	Region func(provider string) (kind, region string)
	// Ceiling is the most that prices may be.
	Ceiling price.Rates
	// Sources are the lists that prices are synchronised with.
	Sources []string
	// Rules are the names of the output rules there are.
	Rules []string
	// Channels are the ways to tell people of alerts.
	Channels func() map[string]alert.Channel
	// SignIns are the accounts that live by people's logins; nil where none may be used.
	SignIns *operator.SignIns
	// Health tells how the gateway stands.
	Health func() Health
	// Audit is who did what; nil: nothing is noted.
	Audit *audit.Log
	// Payloads shows what requests said; nil: nothing is kept.
	Payloads *payload.Reader
	// Redact takes out of a text what is secret and what looks like it.
	Redact  func(string) string
	Version string
	Now     func() time.Time
	Log     *slog.Logger
}

// Sealer encrypts what is kept.
type Sealer interface {
	Seal(plaintext []byte, aad string) string
	Unseal(sealed, aad string) ([]byte, error)
}

const (
	// maxBody bounds what an operator may send.
	maxBody = 1 << 20
	// maxCalls bounds the requests to the API under way at once.
	maxCalls = 64
)

// Handler serves what is under /admin/. Nothing there answers without the admin key or a
// token of somebody who has signed in.
func Handler(opt Options) http.Handler {
	mux := http.NewServeMux()
	if opt.Origins == nil {
		opt.Origins = origin.New("", nil)
	}
	d := &door{Options: &opt, room: make(chan struct{}, maxCalls), tries: &tries.Counter{Most: maxTries, Forget: forgetTry, Now: opt.Now}, codes: &tries.Counter{Most: maxCodes, Forget: forgetCode, Now: opt.Now}}
	for _, op := range operations() {
		for _, method := range append([]string{op.method}, op.also...) {
			mux.Handle(method+" "+op.path, d.serve(op))
		}
	}
	mux.HandleFunc("/admin/", func(w http.ResponseWriter, r *http.Request) {
		fail(http.StatusNotFound, "there is nothing at %s %s", r.Method, r.URL.Path).write(w)
	})
	return d.guarded(mux)
}

// door is the API as it runs.
type door struct {
	*Options
	room    chan struct{}
	tries   *tries.Counter
	codes   *tries.Counter
	refused audit.Refusals
}

// serve does what a row says.
func (d *door) serve(op *operation) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c := &call{Options: d.Options, w: w, r: r, who: callerOf(r.Context()), codes: d.codes}
		if !c.who.May(op.may) {
			if op.act != "" && c.who != nil {
				c.ctx = r.Context()
				_ = c.note(audit.Event{Kind: op.act, Subject: c.subject(op, nil), Outcome: audit.Refused, Note: "it needs the permission " + string(op.may)})
			}
			fail(http.StatusForbidden, "that needs the permission %s", op.may).write(w)
			return
		}
		if !op.listed && c.who.limited(op.may) {
			fail(http.StatusForbidden, "that needs the permission %s for all; your scopes list some", op.may).write(w)
			return
		}
		if r.Header.Get("If-Match") != "" && !op.edits() { // to pass over it would do what was not to be done
			fail(http.StatusBadRequest, "If-Match holds for edits alone (PATCH): send this without it").write(w)
			return
		}
		select {
		case d.room <- struct{}{}:
			defer func() { <-d.room }()
		default:
			w.Header().Set("Retry-After", "1")
			fail(http.StatusServiceUnavailable, "too many requests to the admin API are under way").write(w)
			return
		}
		ctx, cancel := context.WithTimeout(r.Context(), op.limit)
		defer cancel()
		c.ctx = ctx
		defer bound(w, op.limit)()
		if err := c.take(min(op.limit, usual)); err != nil {
			c.problem(err)
			return
		}
		if key := r.Header.Get("Idempotency-Key"); key != "" && op.creates {
			c.once(op, key)
			return
		}
		status, answer, err := c.do(op)
		c.tell(status, answer, err)
	})
}

// bound keeps a client that reads too slowly from holding a place for ever. It returns what
// lets the connection be used again.
func bound(w http.ResponseWriter, limit time.Duration) (release func()) {
	rc := http.NewResponseController(w)
	_ = rc.SetWriteDeadline(time.Now().Add(limit + usual)) // where it cannot be set there is no connection
	return func() { _ = rc.SetWriteDeadline(time.Time{}) }
}

// take reads the body before anything is done, for so long. Behind it no deadline may be left:
// net/http goes on reading, and would take its end for the client's.
func (c *call) take(within time.Duration) error {
	if c.r.ContentLength == 0 {
		return nil
	}
	rc := http.NewResponseController(c.w)
	_ = rc.SetReadDeadline(time.Now().Add(within))
	c.r.Body = http.MaxBytesReader(c.w, c.r.Body, maxBody)
	body, err := readAll(c.r)
	if err != nil {
		return err
	}
	_ = rc.SetReadDeadline(time.Time{})
	c.r.Body = io.NopCloser(bytes.NewReader(body))
	return nil
}

// run does what an operation does; the answer is JSON, or a file.
func (c *call) run(op *operation) (status int, answer any, err error) {
	c.r.Body = http.MaxBytesReader(c.w, c.r.Body, maxBody)
	answer, err = op.serve(c)
	if err != nil {
		return 0, nil, err
	}
	if f, ok := answer.(*file); ok {
		return op.status, f, nil
	}
	if c.file != nil {
		return op.status, c.file, nil
	}
	text, err := json.Marshal(answer)
	return op.status, json.RawMessage(text), err
}

// tell writes what came of an operation.
func (c *call) tell(status int, answer any, err error) {
	if err != nil {
		c.problem(err)
		return
	}
	switch a := answer.(type) {
	case *file:
		c.w.Header().Set("Content-Type", a.media)
		c.w.Header().Set("Content-Disposition", `attachment; filename="`+a.name+`"`)
		if err := a.write(c.w); err != nil && !errors.Is(err, context.Canceled) {
			c.Log.Warn("an export broke off", "path", c.r.URL.Path, "error", err)
			panic(http.ErrAbortHandler) // its end must not look like one
		}
	case json.RawMessage:
		if tag := c.w.Header().Get("ETag"); tag != "" && c.r.Method == http.MethodGet && c.r.Header.Get("If-None-Match") == tag {
			c.w.WriteHeader(http.StatusNotModified)
			return
		}
		c.w.Header().Set("Content-Type", "application/json")
		c.w.WriteHeader(status)
		_, _ = c.w.Write(append(bytes.TrimSpace(a), '\n'))
	}
}

func (c *call) problem(err error) {
	p, known := problemOf(err)
	if !known {
		c.Log.Error("the admin API could not do that", "method", c.r.Method, "path", c.r.URL.Path, "error", err)
	}
	p.write(c.w)
}

// How many wrong keys an address may send, and how soon one is forgotten.
const (
	maxTries  = 20
	forgetTry = 15 * time.Second
	// The same for somebody who is signed in and tries passwords and codes.
	maxCodes   = 5
	forgetCode = time.Minute
)

// guarded lets nobody in without the key or a token of a sign-in, nor a browser that
// another site sends.
func (d *door) guarded(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		secure(w.Header())
		r = withRequest(w, r)
		if d.Origins.Share(w.Header(), r) {
			w.WriteHeader(http.StatusNoContent)
			return
		}
		if d.Origins.Foreign(r) {
			fail(http.StatusForbidden, "the admin API answers no page of another origin").write(w)
			return
		}
		who, err := d.caller(w.Header(), r)
		if err != nil {
			p, known := problemOf(err)
			if !known {
				d.Log.Error("the admin API could not tell who asks", "error", err)
			}
			p.write(w)
			return
		}
		next.ServeHTTP(w, r.WithContext(withCaller(r.Context(), who)))
	})
}

// caller is who asks: the admin key, or somebody who has signed in.
func (d *door) caller(h http.Header, r *http.Request) (*Caller, error) {
	if token := bearer(r); d.Accounts != nil && strings.HasPrefix(token, "eyJ") && strings.Count(token, ".") == 2 { // a JWT: nobody guesses one
		ctx, cancel := context.WithTimeout(r.Context(), usual)
		defer cancel()
		who, err := d.Accounts.Check(ctx, token)
		if errors.Is(err, identity.ErrToken) {
			h.Set("WWW-Authenticate", `Bearer realm="turnpike admin", error="invalid_token"`)
			return nil, fail(http.StatusUnauthorized, "%s", err.Error())
		}
		if err != nil {
			return nil, err
		}
		return callerFor(&who), nil
	}
	from := tries.Network(d.Proxies.Address(r))
	if wait := d.tries.Wait(from); wait > 0 {
		h.Set("Retry-After", strconv.Itoa(int(wait/time.Second)+1))
		return nil, fail(http.StatusTooManyRequests, "too many requests from your address had a wrong key")
	}
	if !d.Guard.Opens(r) {
		d.tries.Failed(from)
		d.refuse(r)
		h.Set("WWW-Authenticate", `Bearer realm="turnpike admin"`)
		return nil, fail(http.StatusUnauthorized, "send the admin key (auth.admin_key, or the one printed at the first start) as Authorization: Bearer KEY, or sign in")
	}
	return &Caller{Name: "admin key", Role: identity.Owner, Owner: true}, nil
}

// refuse notes that somebody had no key, or a wrong one.
func (d *door) refuse(r *http.Request) {
	if d.Audit == nil {
		return
	}
	left, ok := d.refused.Next(d.Now())
	if !ok {
		return
	}
	e := audit.Event{Kind: "login.refused", Actor: "unknown", Subject: r.URL.Path, Outcome: audit.Refused}
	if left > 0 {
		e.Note = strconv.Itoa(left) + " more were not written"
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), auditTime)
	defer cancel()
	_ = add(ctx, d.Options, r, e)
}

// secure sets the headers that keep browsers from doing anything with an answer.
func secure(h http.Header) {
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=()")
}

type callerKey struct{}

func withCaller(ctx context.Context, c *Caller) context.Context {
	return context.WithValue(ctx, callerKey{}, c)
}

func callerOf(ctx context.Context) *Caller {
	c, _ := ctx.Value(callerKey{}).(*Caller)
	return c
}
