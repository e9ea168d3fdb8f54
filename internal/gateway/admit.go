package gateway

import "turnpike/internal/llm"

// admit asks whether the request may run. A gateway that is shutting down takes
// no new ones: another replica will.
func (x *exchange) admit() error {
	if x.gw.closing.Load() {
		return &llm.Error{Kind: llm.ErrUnavail, Message: "this gateway is shutting down: try again", RetryAfter: 1e9}
	}
	return nil
}

// enrich takes out of the request what is meant for the gateway, or what only some
// upstreams know, for later.
func (x *exchange) enrich() error {
	if err := x.takeCacheWish(); err != nil {
		return err
	}
	return x.readExtras()
}
