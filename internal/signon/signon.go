// Package signon is the door that people sign in by: what is under /auth. It speaks HTTP,
// sets cookies and talks to identity providers; who may sign in is internal/identity's.
package signon

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"time"

	"turnpike/internal/identity"
	"turnpike/internal/origin"
	"turnpike/internal/peer"
	"turnpike/internal/store"
	"turnpike/internal/tries"
)

// Options are what the door opens to.
type Options struct {
	Accounts *identity.Accounts
	Origins  *origin.Allowed
	Proxies  peer.Proxies // whose word for an address is taken
	// Local is whether people may sign in with a password.
	Local bool
	// Public is the gateway's address as browsers see it, such as https://gw.example.org;
	// empty where it is not said.
	Public    string
	Providers []Provider
	// Private tells whether issuers that services name may be at private addresses, as those
	// of Providers may; nil: they may not.
	Private func() bool
	Now     func() time.Time
	Log     *slog.Logger
}

const (
	// maxBody bounds what somebody who is not known may send.
	maxBody = 64 << 10
	// maxCalls bounds the requests under way at once.
	maxCalls = 64
	// usual bounds how long one may take.
	usual = 20 * time.Second

	// prefix is where the routes are, seeds where other gateways have them.
	prefix = "/auth"
	seeds  = "/admin/auth"
)

// What may go wrong, and how soon it is forgotten: by address, by account and address, by
// account from wherever. The last is wide, for anybody can fill it for somebody else.
const (
	addressTries, forgetAddress = 20, 15 * time.Second
	accountTries, forgetAccount = 10, time.Minute
	anywhereTries               = 60
	startTries, forgetStart     = 30, 10 * time.Second
)

// Door is the routes as they run.
type Door struct {
	Options
	providers []*provider
	issuers   *issuers
	room      chan struct{}

	addresses, accounts, anywhere, starts *tries.Counter
	mux                                   *http.ServeMux
}

// route is a row of the table of routes.
type route struct {
	at string
	do func(*call) (any, error)
	on bool // whether it is configured
}

// New makes the door.
func New(o Options) *Door {
	if o.Origins == nil {
		o.Origins = origin.New(o.Public, nil)
	}
	d := &Door{
		Options: o, issuers: newIssuers(&o), room: make(chan struct{}, maxCalls), mux: http.NewServeMux(),
		addresses: &tries.Counter{Most: addressTries, Forget: forgetAddress, Now: o.Now},
		accounts:  &tries.Counter{Most: accountTries, Forget: forgetAccount, Now: o.Now},
		anywhere:  &tries.Counter{Most: anywhereTries, Forget: forgetAccount, Now: o.Now},
		starts:    &tries.Counter{Most: startTries, Forget: forgetStart, Now: o.Now},
	}
	for i := range o.Providers {
		d.providers = append(d.providers, &provider{Provider: o.Providers[i], issuers: d.issuers, now: o.Now})
	}
	for _, r := range d.routes() {
		if r.on {
			d.mux.Handle(r.at, d.serve(r.do))
		}
	}
	for _, at := range Paths() {
		d.mux.Handle(at, d.serve(func(c *call) (any, error) {
			return nil, refuse(http.StatusNotFound, "not_found", "there is nothing at "+c.r.Method+" "+c.r.URL.Path+", or it is not configured (auth)")
		}))
	}
	return d
}

// routes is the table of all routes.
func (d *Door) routes() []route {
	oidc := len(d.providers) > 0
	people := d.Local || oidc
	return append([]route{
		{"GET /auth/methods", getMethods, true},
		{"POST /auth/login", login, d.Local},
		{"POST /auth/totp", second, d.Local},
		{"POST /auth/bootstrap", accept, d.Local}, // and every other link
		{"POST /auth/refresh", refresh, people},
		{"POST /auth/logout", signOut, people},
		{"POST /auth/logout-all", signOutAll, people},
		{"GET /auth/oidc/{name}/start", startHere, oidc},
		{"POST /auth/oidc/{name}/start", start, oidc},
		{"GET /auth/oidc/{name}/callback", callback, oidc},
		{"POST /auth/token", exchange, true},
	}, d.seedRoutes(people)...)
}

// Paths are what the door answers. Under /admin/auth are routes of the admin API too, so
// each of the door's is named.
func Paths() []string {
	list := []string{prefix + "/"}
	for _, k := range kinds {
		list = append(list, seeds+"/"+k.word+"/")
	}
	for _, word := range []string{"refresh", "revoke", "revoke-all", "me"} {
		list = append(list, seeds+"/"+word)
	}
	return list
}

// ServeHTTP answers what is at Paths.
func (d *Door) ServeHTTP(w http.ResponseWriter, r *http.Request) { d.mux.ServeHTTP(w, r) }

// call is one request.
type call struct {
	*Door
	ctx context.Context //nolint:containedctx // of the one thing that is done
	w   http.ResponseWriter
	r   *http.Request
	// from is who the client's address is, where it is counted.
	from string
}

// elsewhere is an answer that sends the browser on.
type elsewhere string

// serve does what stands in front of every route.
func (d *Door) serve(do func(*call) (any, error)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		secure(w.Header())
		if d.Origins.Share(w.Header(), r) {
			w.WriteHeader(http.StatusNoContent)
			return
		}
		if problem := d.Origins.Check(r); problem != "" && r.URL.Path != prefix+"/token" { // machines have neither cookies nor pages
			refuse(http.StatusForbidden, problem, "a page of another origin cannot sign anybody in or out; send "+origin.Header+" from a page of this one").write(w)
			return
		}
		select {
		case d.room <- struct{}{}:
			defer func() { <-d.room }()
		default:
			w.Header().Set("Retry-After", "1")
			refuse(http.StatusServiceUnavailable, "busy", "too many people are signing in").write(w)
			return
		}
		ctx, cancel := context.WithTimeout(r.Context(), usual)
		defer cancel()
		from := d.Proxies.Address(r)
		c := &call{Door: d, w: w, r: r, from: tries.Network(from)}
		c.ctx = identity.WithClient(ctx, identity.Client{Address: from.String(), Agent: r.UserAgent()})
		r.Body = http.MaxBytesReader(w, r.Body, maxBody)
		answer, err := do(c)
		c.tell(answer, err)
	})
}

func (c *call) tell(answer any, err error) {
	if err != nil {
		p := c.problem(err)
		if p.wait > 0 {
			c.w.Header().Set("Retry-After", strconv.Itoa(int(p.wait/time.Second)+1))
		}
		p.write(c.w)
		return
	}
	if _, ok := answer.(done); ok {
		return
	}
	if to, ok := answer.(elsewhere); ok {
		c.w.Header().Set("Location", string(to))
		c.w.WriteHeader(http.StatusSeeOther)
		return
	}
	text, err := json.Marshal(answer)
	if err != nil { // texts, numbers and times: it cannot
		text = []byte("{}")
	}
	c.w.Header().Set("Content-Type", "application/json")
	_, _ = c.w.Write(append(text, '\n'))
}

// Problem is an error as RFC 9457 has it, with a word for programs.
type Problem struct {
	Title  string `json:"title"`
	Status int    `json:"status"`
	Code   string `json:"code"`
	Detail string `json:"detail"`

	wait time.Duration
}

func (p *Problem) Error() string { return p.Detail }

func refuse(status int, code, detail string) *Problem {
	return &Problem{Title: http.StatusText(status), Status: status, Code: code, Detail: detail}
}

func (p *Problem) write(w http.ResponseWriter) {
	text, err := json.Marshal(p)
	if err != nil { // texts and numbers: it cannot
		text = []byte("{}")
	}
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(p.Status)
	_, _ = w.Write(append(text, '\n'))
}

// known are errors that callers bring about.
var known = []struct {
	err    error
	status int
	code   string
}{
	{identity.ErrWrong, http.StatusUnauthorized, "wrong"},
	{identity.ErrCode, http.StatusUnauthorized, "wrong_code"},
	{identity.ErrSession, http.StatusUnauthorized, "session_over"},
	{identity.ErrStolen, http.StatusUnauthorized, "session_revoked"},
	{identity.ErrToken, http.StatusUnauthorized, "invalid_token"},
	{identity.ErrNoAccess, http.StatusForbidden, "no_access"},
	{identity.ErrLinked, http.StatusConflict, "linked_elsewhere"},
	{identity.ErrHasAccount, http.StatusConflict, "has_account"},
	{identity.ErrCrowded, http.StatusServiceUnavailable, "busy"},
	{store.ErrBusy, http.StatusServiceUnavailable, "busy"},
	{store.ErrSpent, http.StatusGone, "link_spent"},
	{store.ErrTaken, http.StatusConflict, "taken"},
	{store.ErrLastOwner, http.StatusConflict, "last_owner"},
	{context.DeadlineExceeded, http.StatusServiceUnavailable, "timeout"},
	{context.Canceled, http.StatusServiceUnavailable, "timeout"},
}

// problem is an error for the caller. What is ours is told in the log alone.
func (c *call) problem(err error) *Problem {
	if p, ok := errors.AsType[*Problem](err); ok {
		return p
	}
	for _, k := range known {
		if errors.Is(err, k.err) {
			return refuse(k.status, k.code, k.err.Error())
		}
	}
	c.Log.Error("signing in did not work", "method", c.r.Method, "path", c.r.URL.Path, "error", err)
	return refuse(http.StatusInternalServerError, "internal", "that did not work; the gateway's log tells why")
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

// bound bounds how long a body may take; where it cannot be set there is no connection. It is
// for what net/http reads behind it too.
func (c *call) bound() { _ = http.NewResponseController(c.w).SetReadDeadline(time.Now().Add(usual)) }

// read reads a body of JSON. Members nobody knows are refused.
func (c *call) read(into any) error {
	if media, _, _ := strings.Cut(c.r.Header.Get("Content-Type"), ";"); media != "" && !strings.EqualFold(strings.TrimSpace(media), "application/json") {
		return refuse(http.StatusUnsupportedMediaType, "media_type", "send JSON, as application/json")
	}
	c.bound()
	text, err := io.ReadAll(c.r.Body)
	if _, large := errors.AsType[*http.MaxBytesError](err); large {
		return refuse(http.StatusRequestEntityTooLarge, "too_large", "the body is too large")
	}
	if err != nil {
		return refuse(http.StatusBadRequest, "body", "the body could not be read")
	}
	if len(strings.TrimSpace(string(text))) == 0 {
		return nil
	}
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.DisallowUnknownFields()
	err = oneObject(text)
	if err == nil {
		err = dec.Decode(into)
	}
	if err != nil {
		return refuse(http.StatusBadRequest, "body", fmt.Sprintf("the body is not what belongs here: %v", err))
	}
	return nil
}

// oneObject tells whether a text is an object and no more, each member of which is said once:
// encoding/json takes the last, others the first.
func oneObject(text []byte) error {
	dec := json.NewDecoder(bytes.NewReader(text))
	if first, err := dec.Token(); !json.Valid(text) || err != nil || first != json.Delim('{') {
		return errors.New("it is no object of JSON")
	}
	said := map[string]bool{}
	for dec.More() {
		token, err := dec.Token()
		var value json.RawMessage
		if err = errors.Join(err, dec.Decode(&value)); err != nil {
			return err
		}
		name, _ := token.(string)
		if name = strings.ToLower(name); said[name] {
			return errors.New("a member is said twice")
		}
		said[name] = true
	}
	return nil
}

// limited refuses who must wait.
func limited(c *tries.Counter, who, why string) error {
	wait := c.Wait(who)
	if wait <= 0 {
		return nil
	}
	p := refuse(http.StatusTooManyRequests, "rate_limited", why)
	p.wait = wait
	return p
}
