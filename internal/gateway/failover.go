package gateway

import (
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"turnpike/internal/health"
	"turnpike/internal/llm"
	"turnpike/internal/retry"
	"turnpike/internal/telemetry"
	"turnpike/internal/throttle"
)

// tried is an attempt that failed before the client had content.
type tried struct {
	provider, model string
	err             *llm.Error
	next            string // why there is another one
}

// visit is the attempt under way, for those who count what is under way.
type visit struct {
	open   bool
	handle health.Handle
	pass   throttle.Pass
}

// serve asks for an answer.
func (x *exchange) serve() error { return x.each((*exchange).prepare, (*exchange).generate) }

// generate sends the request and brings the answer to the client.
func (x *exchange) generate() error {
	if err := x.try(); err != nil {
		return err
	}
	return x.relay()
}

// each asks the targets, one after the other, until one answers. What the client
// gets is of one of them alone: once it has content, nobody else is asked. prepare
// makes a target's request and sends nothing.
func (x *exchange) each(prepare, ask func(*exchange) error) error {
	var failed error
	for x.at < len(x.targets) {
		if err := x.arrive(prepare); err != nil {
			if errors.Is(err, errAnswered) || x.left() {
				return err
			}
			if failed == nil {
				failed = err
			}
			x.at++ // nothing was sent: another one may take it
			continue
		}
		err := ask(x)
		if err == nil || !x.moves(err) {
			return err
		}
		failed = x.retire(err)
		if x.afford(1) != nil || !x.pause() {
			break
		}
	}
	return failed
}

// arrive makes the target's request and finds room for it. An error means that
// nothing was sent and nothing is to be accounted for.
func (x *exchange) arrive(prepare func(*exchange) error) (err error) {
	x.target = x.targets[x.at]
	defer func() {
		if err != nil {
			x.call = nil
			x.sent.drop()
			x.sent = nil
		}
	}()
	if err := prepare(x); err != nil {
		return err
	}
	x.out.serves()
	if x.stream && x.pulse == nil {
		x.pulse = newPulse(x.out, x.gw.opt.Heartbeat, x.gw.opt.Now)
	}
	if err := x.visit(); err != nil {
		return err
	}
	if len(x.tried) > 0 {
		x.number++
		x.begun = x.gw.opt.Now()
		x.out.serves()
	}
	x.detach()
	x.pulse.turn(x.cancel, x.target.Provider.Timeouts(), x.gw.opt.Now())
	return nil
}

// visit counts the request in where it goes.
func (x *exchange) visit() error {
	var pass throttle.Pass
	if g := x.target.Gate; g != nil {
		var full *llm.Error
		if pass, full = g.Enter(x.r.Context(), x.who.KeyID, int64(len(x.object.Bytes()))/bytesPerToken); full != nil {
			if full.Kind == llm.ErrRate {
				x.gw.opt.Metrics.RateLimited(telemetry.LimitAccount, x.target.Provider.Name())
			}
			return full
		}
	}
	handle, ok := x.target.Begin(x.gw.opt.Now, x.at == len(x.targets)-1)
	if !ok {
		pass.Leave(0)
		return &llm.Error{Kind: llm.ErrUnavail, Message: fmt.Sprintf("provider %s does not work at the moment: try again", x.target.Provider.Name())}
	}
	x.visiting = visit{true, handle, pass}
	return nil
}

// leave counts the request out and tells how it went.
func (x *exchange) leave() {
	v := &x.visiting
	if !v.open {
		return
	}
	v.open = false
	v.handle.Done(x.err, x.err != nil && x.left())
	v.pass.Leave(x.weighed())
}

// weighed is what limits of tokens count, below zero where it is not known.
// Anthropic and Bedrock leave out what is read from a cache, OpenAI does not (their
// documents on rate limits and quotas).
func (x *exchange) weighed() int64 {
	u := x.usage
	switch {
	case !u.Known:
		return -1
	case x.surface.Dialect == "messages", x.surface.Dialect == "converse":
		return u.Input + u.CacheWrite() + u.Output
	}
	return u.Input + u.CacheRead + u.CacheWrite() + u.Output
}

// moves decides, once for an attempt that failed, whether there is another one.
func (x *exchange) moves(err error) bool {
	if x.step == nil {
		e, ok := errors.AsType[*llm.Error](err)
		if !ok {
			return false
		}
		now := x.gw.opt.Now()
		step := x.gw.opt.Table.Next(retry.State{
			Err: e, Attempt: x.number, Elapsed: now.Sub(x.start), Others: x.at+1 < len(x.targets),
			Sent: x.spoke || x.accounted || x.later.begun(), Gone: x.left(),
		})
		x.step = &step
	}
	return x.step.Do != retry.Stop
}

// retire closes the account of an attempt that failed, and makes ready for the next
// one. It returns what the client is told if there is none after all.
func (x *exchange) retire(err error) error {
	e, _ := errors.AsType[*llm.Error](err)
	x.err = e
	if x.step.Do == retry.Next {
		x.gw.opt.Metrics.Failover(x.target.Provider.Name(), health.Classify(e).String())
	}
	x.tried = append(x.tried, tried{x.target.Provider.Name(), x.target.Model, e, x.step.Why})
	x.account()
	x.hangUp()
	x.sent.drop()
	x.sent, x.call, x.answer, x.err, x.accounted = nil, nil, nil, nil, false
	x.usage, x.stop, x.served, x.complete, x.outBytes, x.firstOut = llm.Usage{}, "", "", false, 0, 0
	return x.ours(e)
}

// pause goes on to the next target, or waits for the same one. It is false when the
// client leaves meanwhile.
func (x *exchange) pause() bool {
	step := x.step
	x.step = nil
	if step.Do == retry.Next {
		x.at++
		return true
	}
	wait := time.NewTimer(step.After)
	defer wait.Stop()
	select {
	case <-wait.C:
		return true
	case <-x.r.Context().Done():
		return false
	}
}

// first notes the first content: from here on the answer is this target's.
func (x *exchange) first(now time.Time) {
	if x.spoke {
		return
	}
	x.spoke = true
	x.firstOut = now.Sub(x.start)
	x.visiting.handle.FirstContent(now.Sub(x.begun))
	x.pulse.spoken()
	x.shed()
}

// triedAttrs are what the log says of attempts that failed before the last one.
func (x *exchange) triedAttrs(attrs []slog.Attr) []slog.Attr {
	if x.number > 1 {
		attrs = append(attrs, slog.Int("attempts", x.number))
	}
	if len(x.tried) == 0 {
		return attrs
	}
	var b strings.Builder
	for i, t := range x.tried {
		if i > 0 {
			b.WriteString(", ")
		}
		fmt.Fprintf(&b, "%s/%s: %s", t.provider, t.model, t.err.Kind)
		if t.err.UpstreamStatus != 0 {
			fmt.Fprintf(&b, " %d", t.err.UpstreamStatus)
		}
		b.WriteString(" (" + t.next + ")")
	}
	return append(attrs, slog.String("failed", b.String()))
}
