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

// enrich puts in what the operator sets for everyone.
func (x *exchange) enrich() error { return nil }
