package gateway

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"turnpike/internal/llm"
	"turnpike/internal/wire"
)

// relay brings the answer to the client.
func (x *exchange) relay() error {
	if x.err != nil { // the error was passed on as it came
		return nil
	}
	defer func() {
		if x.answer != nil { // a round of a continuation got none
			_ = x.answer.Body.Close()
		}
	}()
	streamed := isStream(x.answer.Header.Get("Content-Type"))
	switch {
	case x.stream && streamed:
		return x.relayStream()
	case x.stream:
		return x.replay()
	case streamed && !x.surface.Streams:
		return &llm.Error{Kind: llm.ErrUpstream, Upstream: true, Message: fmt.Sprintf("provider %s answered with a stream that was not asked for", x.target.Provider.Name())}
	}
	return x.relayBody()
}

func isStream(contentType string) bool {
	return strings.HasPrefix(contentType, "text/event-stream") || strings.HasPrefix(contentType, "application/vnd.amazon.eventstream")
}

// relayBody passes on an answer that comes as a whole.
func (x *exchange) relayBody() error {
	b, err := x.whole()
	if err != nil {
		return err
	}
	defer b.drop()
	if x.lane.express() {
		m := x.meter()
		m.Body(b.data)
		x.took(m.Result())
		if x.err != nil {
			return x.err
		}
		x.firstOut = x.gw.opt.Now().Sub(x.start)
		x.tell()
		x.out.body(x.answer.StatusCode, "application/json", b.data)
		return nil
	}
	res, err := x.decode(b.data)
	if err != nil {
		return err
	}
	x.firstOut = x.gw.opt.Now().Sub(x.start)
	res = x.finished(res)
	known := len(res.Losses)
	body := x.front.EncodeResponse(x.request, res)
	x.keepAnswer(body)
	x.lost(res.Losses[known:])
	x.tell()
	x.out.body(200, "application/json", body)
	return nil
}

// replay gives a client that asked for a stream an answer that came as a whole.
func (x *exchange) replay() error {
	b, err := x.whole()
	if err != nil {
		return err
	}
	defer b.drop()
	res, err := x.decode(b.data)
	if err != nil {
		return err
	}
	res = x.finished(res)
	enc := x.encoder()
	var out []byte
	err = res.Replay(func(e *llm.Event) error { out = enc.Append(out, e); return nil })
	if err != nil {
		return err
	}
	x.lost(enc.Losses())
	x.firstOut = x.gw.opt.Now().Sub(x.start)
	x.tell()
	x.account()
	x.vacate()
	if x.out.stream(out, x.gw.opt.Now()) != nil {
		x.gone.Store(true)
	}
	x.out.end()
	return nil
}

// whole reads the body of the answer, bounded.
func (x *exchange) whole() (*buffer, error) {
	b := newBuffer(0)
	err := b.fill(x.patiently(), x.answer.ContentLength, x.gw.opt.MaxAnswer)
	if err == nil {
		return b, nil
	}
	b.drop()
	if errors.Is(err, errTooLarge) {
		return nil, &llm.Error{
			Kind: llm.ErrUpstream, Upstream: true,
			Message: fmt.Sprintf("the answer of provider %s is larger than %d MiB", x.target.Provider.Name(), x.gw.opt.MaxAnswer>>20),
		}
	}
	return nil, x.broken(err)
}

func (x *exchange) decode(body []byte) (*llm.Response, error) {
	res, err := x.back.DecodeResponse(body)
	if err != nil {
		if e, ok := errors.AsType[*llm.Error](err); ok {
			return nil, e
		}
		return nil, &llm.Error{
			Kind: llm.ErrUpstream, Upstream: true, Cause: err,
			Message: fmt.Sprintf("the answer of provider %s could not be understood", x.target.Provider.Name()),
		}
	}
	if res.Created == 0 {
		res.Created = x.start.Unix()
	}
	if x.json != nil {
		x.json.Response(res)
	}
	res.Usage = x.lifetimes(res.Usage)
	x.usage, x.stop, x.served, x.outBytes, x.complete = res.Usage, res.Stop, res.Model, spoken(res.Parts), true
	x.lost(res.Losses)
	return res, nil
}

// lost adds to the report.
func (x *exchange) lost(losses []llm.Loss) {
	if len(losses) == 0 {
		return
	}
	x.losses = llm.AddLosses(x.losses, losses)
	x.out.report(x.losses)
}

// spoken is how much text an answer holds.
func spoken(parts []llm.Part) (n int64) {
	for _, p := range parts {
		switch p := p.(type) {
		case *llm.Text:
			n += int64(len(p.Text))
		case *llm.Thinking:
			n += int64(len(p.Text))
		case *llm.Refusal:
			n += int64(len(p.Text))
		case *llm.ToolCall:
			n += int64(len(p.Input) + len(p.Broken))
		}
	}
	return n
}

// broken is an answer that stopped before its end.
func (x *exchange) broken(err error) *llm.Error {
	name := x.target.Provider.Name()
	e := &llm.Error{Kind: llm.ErrUpstream, Upstream: true, Torn: true, Cause: err, Message: fmt.Sprintf("the answer of provider %s broke off", name)}
	switch cause := context.Cause(x.ctx); {
	case errors.Is(cause, errSlow):
		e.Kind, e.Message = llm.ErrTimeout, fmt.Sprintf("provider %s did not begin its answer in time", name)
	case errors.Is(cause, errIdle), errors.Is(cause, context.DeadlineExceeded):
		e.Kind, e.Message = llm.ErrTimeout, fmt.Sprintf("provider %s stopped sending its answer", name)
	case errors.Is(err, wire.ErrEventStream), errors.Is(err, wire.ErrFrameTooLarge):
		e.Message = fmt.Sprintf("the answer of provider %s is damaged", name)
	case errors.Is(err, io.ErrNoProgress):
		e.Message = fmt.Sprintf("the answer of provider %s does not go on", name)
	}
	return e
}

// took takes over what a meter saw.
func (x *exchange) took(m llm.MeterResult) {
	x.usage, x.stop, x.served, x.outBytes, x.complete = m.Usage, m.Stop, m.Model, m.OutputBytes, m.Complete
	if m.Fault != nil {
		x.err = m.Fault
	}
}
