package gateway

import (
	"time"

	"turnpike/internal/llm"
)

// admit asks whether the request may run. A gateway that is shutting down takes
// no new ones: another replica will. Neither does one that cannot account for them.
func (x *exchange) admit() error {
	if x.gw.closing.Load() {
		return &llm.Error{Kind: llm.ErrUnavail, Message: "this gateway is shutting down: try again", RetryAfter: 1e9}
	}
	if err := x.gw.opt.Ledger.Ready(); err != nil {
		return &llm.Error{
			Kind: llm.ErrUnavail, RetryAfter: unaccountable, Cause: err,
			Message: "this gateway cannot keep account of requests now (" + err.Error() + "): tell its operator, or try again later",
		}
	}
	return x.limit()
}

// unaccountable is how long clients are asked to wait while the ledger takes nothing.
const unaccountable = 10 * time.Second

// enrich takes out of the request what is meant for the gateway, or what only some
// upstreams know, for later.
func (x *exchange) enrich() error {
	if err := x.takeCacheWish(); err != nil {
		return err
	}
	return x.readExtras()
}
