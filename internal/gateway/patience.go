package gateway

import (
	"io"
	"time"
)

// patience reads a whole answer and ends the call when that falls silent: the timer
// that bounds the call rings earlier meanwhile. Streams have a pulse for this.
type patience struct {
	x    *exchange
	body io.Reader
	idle time.Duration
}

// patiently is the body of the answer, bounded where the provider has a bound.
func (x *exchange) patiently() io.Reader {
	t := x.target.Provider.Timeouts()
	if x.pulse != nil || x.total == nil || t.Idle <= 0 || t.Idle >= t.Total {
		return x.answer.Body
	}
	x.quiet = patience{x, x.answer.Body, t.Idle}
	return &x.quiet
}

// Read reads what comes within the bound.
func (p *patience) Read(b []byte) (int, error) {
	p.x.total.Reset(min(p.idle, p.x.timeLeft()))
	n, err := p.body.Read(b)
	if err != nil {
		p.x.total.Reset(p.x.timeLeft())
	}
	return n, err
}

// timeLeft is what the call may still take, a moment at least.
func (x *exchange) timeLeft() time.Duration {
	return max(x.target.Provider.Timeouts().Total-x.gw.opt.Now().Sub(x.begun), time.Millisecond)
}
