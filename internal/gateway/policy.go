package gateway

import (
	"net/http"
	"strconv"

	"turnpike/internal/llm"
	"turnpike/internal/policy"
	"turnpike/internal/rules"
)

// Headers by which a client says how one request is to be treated.
const (
	headerStrict   = "X-Turnpike-Strict"
	headerCache    = "X-Turnpike-Cache"
	headerContinue = "X-Turnpike-Continue"
)

// treatment is how requests are treated where nobody says otherwise.
type treatment struct {
	policy policy.Policy
	rules  *rules.Book
}

// Treat changes that while the gateway runs.
func (g *Gateway) Treat(p policy.Policy, r *rules.Book) { g.treatment.Store(&treatment{p, r}) }

// settlePolicy finds out how the request is treated at its target: by its own
// headers, else by its key, the target's provider, the gateway.
func (x *exchange) settlePolicy() error {
	asked, err := askedPolicy(x.r.Header)
	if err != nil {
		return err
	}
	x.policy = asked.Over(x.who.Policy).Over(x.target.Policy).Over(x.gw.treatment.Load().policy)
	if asked.Cache == "" {
		x.policy.Cache = x.cacheWish.over(x.policy.Cache)
	}
	return nil
}

// askedPolicy reads a request's own headers.
func askedPolicy(h http.Header) (p policy.Policy, err error) {
	if v := h.Get(headerStrict); v != "" {
		strict, err := strconv.ParseBool(v)
		if err != nil {
			return p, wrongHeader(headerStrict, "true or false")
		}
		p.Strict = &strict
	}
	if v := h.Get(headerContinue); v != "" {
		n, err := strconv.Atoi(v)
		if err != nil {
			return p, wrongHeader(headerContinue, "a number of rounds, 0 for none")
		}
		p.Continue = &n
	}
	p.Cache = h.Get(headerCache)
	if err := p.Check(); err != nil {
		return p, &llm.Error{Kind: llm.ErrInvalid, NoRetry: true, Message: "an x-turnpike header: " + err.Error()}
	}
	return p, nil
}

func wrongHeader(name, want string) error {
	return &llm.Error{Kind: llm.ErrInvalid, NoRetry: true, Message: "the header " + name + " must be " + want}
}
