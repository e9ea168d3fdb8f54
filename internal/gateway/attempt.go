package gateway

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"turnpike/internal/llm"
	"turnpike/internal/provider"
)

// prepare makes the target's request.
func (x *exchange) prepare() error {
	if err := x.settlePolicy(); err != nil {
		return err
	}
	if err := x.approach(); err != nil {
		return err
	}
	if err := x.mayBackground(); err != nil {
		return err
	}
	return x.compose()
}

// compose makes the request that is sent.
func (x *exchange) compose() error {
	if err := x.adapt(); err != nil {
		return err
	}
	x.call = &provider.Call{Surface: x.surface, Model: x.target.Model, Stream: x.stream, Body: x.sent, Header: x.forwarded(), Spoke: x.speaker()}
	x.fixes = nil
	x.mend()
	if err := x.strict(); err != nil {
		return err
	}
	x.out.report(x.losses)
	if x.explains() {
		return x.explain()
	}
	return nil
}

// try sends the request and waits for the head of the answer; it sends it once more
// where what the upstream refuses of it can be left out.
func (x *exchange) try() error {
	for {
		res, err := x.dispatch()
		if err != nil {
			return err
		}
		if res.StatusCode >= 200 && res.StatusCode <= 299 {
			x.answer = res
			x.learn()
			x.accepted()
			return nil
		}
		no, err := x.hear(res)
		if err != nil {
			return err
		}
		if !x.heal(no) {
			x.answer = res
			x.accepted()
			if x.moves(no.err) {
				return no.err
			}
			return x.refused(no)
		}
	}
}

// dispatch sends the request and returns the head of the answer.
func (x *exchange) dispatch() (*http.Response, error) {
	req, err := x.target.Provider.NewRequest(x.ctx, x.call)
	if err != nil {
		return nil, x.uncallable(err)
	}
	x.calling(req)
	x.phases = phases{queued: x.gw.opt.Now().Sub(x.begun)}
	x.payload.Call(x.target.Provider.Name(), x.call.Body.Bytes())
	res, err := x.target.Provider.RoundTrip(req)
	if err != nil {
		return nil, x.unreachable(err)
	}
	x.firstByte = x.gw.opt.Now().Sub(x.begun)
	x.payload.Answer(res)
	return res, nil
}

// approach finds out how the target is spoken to.
func (x *exchange) approach() (err error) {
	p := x.target.Provider
	if c, ok := p.(chooser); ok {
		x.surface, err = c.SurfaceFor(x.r.Context(), x.target.Model, x.front.Name())
	} else {
		x.surface, err = p.Surface(x.r.Context(), x.target.Model)
	}
	if e, ok := errors.AsType[*llm.Error](err); ok {
		return e // the account knows better
	}
	if err != nil {
		return &llm.Error{Kind: llm.ErrInvalid, NoRetry: true, Message: fmt.Sprintf("provider %s: %v", p.Name(), err)}
	}
	if x.surface.Called != "" {
		x.target.Model = x.surface.Called
	}
	if spell := x.gw.opt.Spell; spell != nil && x.surface.Dialect == "messages" && x.surface.Narrow == nil {
		x.target.Model = spell(x.target.Model)
	}
	if x.back = x.gw.opt.Backs[x.surface.Dialect]; x.back == nil {
		return &llm.Error{Kind: llm.ErrInternal, Message: "no codec for the dialect " + x.surface.Dialect}
	}
	return nil
}

// hangUp ends the upstream call.
func (x *exchange) hangUp() {
	if x.cancel == nil {
		return
	}
	x.unwatch()
	if x.total != nil {
		x.total.Stop()
		x.total = nil
	}
	x.cancel(nil)
}

// detach gives the upstream call a life of its own: when the client leaves, the
// answer is read on for its usage, within a bound, because the upstream bills it.
func (x *exchange) detach() {
	ctx, cancel := context.WithCancelCause(context.WithoutCancel(x.r.Context()))
	x.ctx, x.cancel = ctx, cancel
	if total := x.target.Provider.Timeouts().Total; total > 0 {
		x.total = time.AfterFunc(total, func() { cancel(context.DeadlineExceeded) })
	}
	drain := x.gw.opt.Drain
	x.unwatch = context.AfterFunc(x.r.Context(), func() {
		x.gone.Store(true)
		time.AfterFunc(drain, func() { cancel(errDrained) })
	})
}

// uncallable is a request that could not even be made.
func (x *exchange) uncallable(err error) error {
	if e, ok := errors.AsType[*llm.Error](err); ok {
		return e // the account knows better
	}
	return &llm.Error{
		Kind: llm.ErrUpstream, NoRetry: true, Cause: err,
		Message: fmt.Sprintf("provider %s could not be called: %s", x.target.Provider.Name(), publicCause(err)),
	}
}

// publicCause keeps addresses and credentials out of what clients are told.
func publicCause(err error) string {
	if s, _, ok := strings.Cut(err.Error(), ":"); ok {
		return s
	}
	return err.Error()
}

// unreachable is an upstream that gave no answer at all.
func (x *exchange) unreachable(err error) error {
	if e, ok := errors.AsType[*llm.Error](err); ok {
		return e // the account knows better
	}
	e := &llm.Error{
		Kind: llm.ErrUpstream, Upstream: true, Cause: err,
		Message: fmt.Sprintf("provider %s could not be reached", x.target.Provider.Name()),
	}
	var timeout interface{ Timeout() bool }
	switch cause := context.Cause(x.ctx); {
	case errors.Is(cause, errIdle), errors.Is(cause, errSlow), errors.Is(cause, context.DeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		e.Kind, e.Message = llm.ErrTimeout, fmt.Sprintf("provider %s did not answer in time", x.target.Provider.Name())
	}
	return e
}

// maxError bounds an upstream's error body.
const maxError = 1 << 20

// refusal is an answer that is an error: as it came, and what it means.
type refusal struct {
	res  *http.Response
	body []byte
	err  *llm.Error
}

// hear reads a refusal to its end.
func (x *exchange) hear(res *http.Response) (*refusal, error) {
	body, err := io.ReadAll(io.LimitReader(res.Body, maxError))
	_ = res.Body.Close()
	if err != nil {
		x.answer = res
		return nil, x.unreachable(err)
	}
	body = x.gw.hide(body)
	e := x.back.DecodeError(res.StatusCode, res.Header, body)
	e.Upstream, e.UpstreamStatus = true, res.StatusCode
	return &refusal{res, body, e}, nil
}

// refused tells the client. Clients of the upstream's own dialect get the answer
// as it is, since they know its very words; others get it translated.
func (x *exchange) refused(no *refusal) error {
	e := no.err
	if e.Kind != llm.ErrAuth && x.passable(no.res, no.body) {
		x.err = e
		x.passError(no.res, no.body)
		return nil
	}
	return x.ours(e)
}

// ours is what an upstream's error is to a client whose key is fine: it is the
// operator's that was refused.
func (x *exchange) ours(e *llm.Error) *llm.Error {
	if e.Kind != llm.ErrAuth {
		return e
	}
	own := *e
	own.Kind, own.Status, own.NoRetry = llm.ErrUpstream, http.StatusBadGateway, true
	own.Message = fmt.Sprintf("provider %s refused the credentials it is configured with: %s", x.target.Provider.Name(), e.Message)
	return &own
}

// passable tells whether an error may go to the client untouched.
func (x *exchange) passable(res *http.Response, body []byte) bool {
	_, titled := x.front.(llm.Titled)
	return x.lane == laneBytes && !titled && !x.out.opened() && res.StatusCode >= 400 &&
		strings.Contains(res.Header.Get("Content-Type"), "json") && len(body) > 0 && len(body) < maxError
}

func (x *exchange) passError(res *http.Response, body []byte) {
	h := x.out.w.Header()
	for _, name := range []string{"Retry-After", "Retry-After-Ms", "X-Should-Retry"} {
		if v := res.Header[name]; len(v) > 0 {
			h[name] = v
		}
	}
	h["X-Turnpike-Error-Source"] = []string{"upstream"}
	if res.StatusCode == http.StatusTooManyRequests && h.Get("Retry-After") == "" {
		h["Retry-After"] = []string{seconds(max(x.err.RetryAfter, time.Second))} // Gemini tells it in the body
	}
	x.out.body(res.StatusCode, res.Header.Get("Content-Type"), body)
}
