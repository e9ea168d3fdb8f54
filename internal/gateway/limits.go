package gateway

import (
	"fmt"
	"strings"
	"time"

	"turnpike/internal/limit"
	"turnpike/internal/llm"
	"turnpike/internal/policy"
	"turnpike/internal/tenancy"
)

// light are the operations that ask no model for an answer. They have limits of their
// own: Claude Code counts 35 prompts at once when it opens /context, and that must not
// use up what is meant for messages.
var light = map[Op]bool{Count: true, Show: true, Inputs: true, Forget: true, Cancel: true}

// The limits of light operations: a multiple of the others, and never few. They use no
// tokens. 0 blocks them too.
const (
	lightTimes      = 10
	lightLeast      = 100 // in a minute
	lightConcurrent = 50
)

// limit asks for room within the limits of everybody the request counts for.
func (x *exchange) limit() error {
	if !limits(x.who.Chain) || x.gw.opt.Limits == nil {
		return nil
	}
	t := &limit.Ticket{}
	x.claims(t)
	if len(t.Claims) == 0 {
		return nil
	}
	tokens := int64(0)
	if t.Counts() {
		tokens = x.foreseen()
	}
	x.limits = t
	if x.gw.opt.Limits.Admit(x.r.Context(), t, tokens) {
		return nil
	}
	r := &t.Refusal
	x.gw.opt.Metrics.Limited(r.Claim.Kind, r.Kind.String())
	return refusedBy(r)
}

// limits tells whether anybody of a chain has limits.
func limits(chain tenancy.Chain) bool {
	for _, s := range chain {
		if len(s.Models) > 0 || !s.Limits.Unlimited() {
			return true
		}
	}
	return false
}

// claims fills the ticket with the rules that hold.
func (x *exchange) claims(t *limit.Ticket) {
	apart := light[x.ask.Op]
	for _, s := range x.who.Chain {
		t.Claim(limit.Key{Kind: s.Kind, ID: s.ID, Light: apart}, nameOf(s), x.ruleFor(s.Limits, apart))
		for i := range s.Models {
			if m := &s.Models[i]; x.asksFor(m.Match) {
				t.Claim(limit.Key{Kind: s.Kind, ID: s.ID, Match: m.Match, Light: apart}, nameOf(s), x.ruleFor(m.Limits, apart))
			}
		}
	}
}

func nameOf(s *tenancy.Scope) string {
	if s.Name != "" {
		return s.Name
	}
	return s.ID
}

// asksFor tells whether the model asked for fits a pattern, with the name of a
// provider before it or without: that must not be a way around a limit.
func (x *exchange) asksFor(pattern string) bool {
	model := x.model
	if model == "" {
		model = x.gw.opt.Table.Default()
	}
	if policy.Match(pattern, model) {
		return true
	}
	_, behind, ok := strings.Cut(model, "/")
	return ok && policy.Match(pattern, behind)
}

func (x *exchange) ruleFor(r limit.Rule, apart bool) limit.Rule {
	if !apart {
		return r
	}
	return limit.Rule{RPM: times(r.RPM, lightLeast), Concurrent: times(r.Concurrent, lightConcurrent)}
}

func times(v *int64, least int64) *int64 {
	if v == nil || *v == 0 {
		return v
	}
	return new(max(least, min(*v, 1<<40)*lightTimes))
}

// vacate gives back the room of a request that is over, once: before the answer's last
// byte where there is one, so that a client may go on at once, else when the road ends.
func (x *exchange) vacate() {
	switch t := x.limits; {
	case t == nil:
	case x.declined:
		t.Void()
	case x.later.open(): // what it will use is not known: the estimate stands
		t.Close(limit.Keep)
	default:
		t.Close(x.tokens)
	}
}

// counts are the tokens of an attempt that limits know of. What is read from a cache
// is left out, whatever the upstream: it is what Anthropic and Bedrock do, and else a
// long conversation would count anew with each of its turns.
func counts(u *llm.Usage) int64 { return u.Input + u.CacheWrite() + u.Output }

// refusedBy is our own 429.
func refusedBy(r *limit.Refusal) *llm.Error {
	c := r.Claim
	whose := c.Kind + " " + c.Name
	if c.Match != "" {
		whose += " for models " + c.Match
	}
	e := &llm.Error{Kind: llm.ErrRate, Code: codeLimit, RetryAfter: r.Wait}
	if r.Kind == limit.TPM {
		e.Type = "tokens"
	}
	if r.Never {
		e.NoRetry, e.RetryAfter = true, 0
		e.Message = fmt.Sprintf("%s may not be used: its limit %s is 0. Ask the operator of this gateway to raise it", whose, r.Kind)
		return e
	}
	again := fmt.Sprintf("Please try again in %ss", seconds(r.Wait))
	switch n := c.Max(r.Kind); r.Kind {
	case limit.RPM:
		e.Message = fmt.Sprintf("rate limit of this gateway: %s may make %d requests in a minute (rpm). %s", whose, n, again)
	case limit.TPM:
		e.Message = fmt.Sprintf("rate limit of this gateway: %s may use %d tokens in a minute (tpm), %d are left now. %s", whose, n, c.Left(limit.TPM), again)
	default:
		e.Message = fmt.Sprintf("rate limit of this gateway: %s may have %d requests under way at once (concurrent). %s, or when one has ended", whose, n, again)
	}
	return e
}

// codeLimit tells our limits from an upstream's, whose code is rate_limit_exceeded.
const codeLimit = "gateway_rate_limit_exceeded"

// precise is what of a wait its header in milliseconds says.
func precise(wait time.Duration) int64 {
	return int64((wait + time.Millisecond - 1) / time.Millisecond)
}
