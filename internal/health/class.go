package health

import (
	"net/http"
	"strings"
	"time"

	"turnpike/internal/llm"
)

// Class is what the end of a request tells of the place it was sent to.
type Class uint8

// Classes of outcome.
const (
	Fine     Class = iota // it answered
	Untold                // nothing: our own error, the caller's, or the caller left
	Rate                  // 429: too fast
	Overload              // 503, 529: the upstream is too busy
	Failure               // no connection, no answer in time, 5xx
	Quota                 // the account's money or allowance is spent
	Auth                  // the account's credentials were refused
	Absent                // the account has no such model
)

// rule says how a class cools a place.
type rule struct {
	name  string
	first time.Duration // the first cool-down; each one after it is twice as long
	most  time.Duration
	told  time.Duration // the longest wait an upstream may ask for; 0: it is not asked
	// account: it concerns all models of the account.
	account bool
}

// rules is the table of cool-downs. A Failure cools only when failures come in a
// row or are many (see Breaker); what an overloaded upstream asks for is a guess
// of its own and is kept short.
var rules = [...]rule{
	Fine:     {name: "fine"},
	Untold:   {name: "untold"},
	Rate:     {name: "rate limit", first: 2 * time.Second, most: time.Minute, told: 10 * time.Minute},
	Overload: {name: "overloaded", first: 3 * time.Second, most: time.Minute, told: 30 * time.Second},
	Failure:  {name: "failing", first: 5 * time.Second, most: 2 * time.Minute},
	Quota:    {name: "quota spent", first: 10 * time.Minute, most: time.Hour, told: 24 * time.Hour, account: true},
	Auth:     {name: "credentials refused", first: 10 * time.Minute, most: 10 * time.Minute, account: true},
	Absent:   {name: "no such model", first: time.Minute, most: 10 * time.Minute},
}

// String is the class in words for people.
func (c Class) String() string { return rules[c].name }

// Cools are the classes that begin cool-downs.
var Cools = [...]Class{Rate, Overload, Failure, Quota, Auth, Absent}

// Classify tells what an error says of the upstream. Errors of ours and of the
// caller say nothing: only an upstream that could not be reached, took too long,
// refused for load or money, has no such model, or failed has shown something of
// itself.
func Classify(e *llm.Error) Class {
	switch {
	case e == nil:
		return Fine
	case !e.Upstream && e.Kind != llm.ErrUpstream: // that kind is of the upstream by its name
		return Untold
	case e.Kind == llm.ErrAuth, e.UpstreamStatus == http.StatusUnauthorized:
		return Auth
	case absent(e):
		return Absent
	}
	switch e.Kind {
	case llm.ErrRate:
		return Rate
	case llm.ErrBilling:
		return Quota
	case llm.ErrOverloaded, llm.ErrUnavail:
		return Overload
	case llm.ErrTimeout, llm.ErrInternal:
		return Failure
	case llm.ErrUpstream:
		if e.UpstreamStatus >= 400 && e.UpstreamStatus < 500 {
			return Untold // a 4xx that was dressed as ours: the request's fault
		}
		return Failure
	default:
		return Untold
	}
}

// absent tells whether a refusal is about the model's name, not about anything else
// that a request names, by the words of the upstreams (recorded): OpenAI's code,
// Azure's, "model: x" (Anthropic), "models/x is not found" (Gemini), "The provided
// model identifier is invalid" (Bedrock, with 400).
func absent(e *llm.Error) bool {
	switch {
	case e.Code == "model_not_found", e.Code == "DeploymentNotFound":
		return true
	case e.Kind == llm.ErrNotFound:
		return strings.HasPrefix(e.Message, "model: ") || strings.HasPrefix(e.Message, "models/") || strings.HasPrefix(e.Message, "The model ")
	case e.Kind == llm.ErrInvalid:
		return e.Message == "The provided model identifier is invalid."
	}
	return false
}
