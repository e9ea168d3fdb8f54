package gateway

import (
	"errors"
	"fmt"

	"turnpike/internal/llm"
	"turnpike/internal/provider"
	"turnpike/internal/wire"
)

// compact is the end of the road for a conversation that is to be made shorter:
// what comes of it only the upstream that made it can read, so it passes, or is
// not to be had.
func (x *exchange) compact() error {
	x.stream = false
	return x.each((*exchange).compactable, (*exchange).compacted)
}

// compactable makes the target's request.
func (x *exchange) compactable() error {
	if err := x.settlePolicy(); err != nil {
		return err
	}
	if err := x.approach(); err != nil {
		return err
	}
	p, ok := x.target.Provider.(provider.Compactor)
	if !ok || x.surface.Dialect != x.front.Name() || !p.Compacts(x.surface) {
		return &llm.Error{
			Kind: llm.ErrInvalid, Param: "model", Code: "unsupported_model", NoRetry: true,
			Message: fmt.Sprintf("provider %s has no way to compact a conversation for model %s: ask for a summary with an ordinary request, "+
				"or name a model of a provider of type openai that is spoken to by its Responses API", x.target.Provider.Name(), x.target.Model),
		}
	}
	if err := x.unfold(); err != nil {
		return err
	}
	x.pass([]wire.Edit{{Name: "model", Value: wire.AppendString(nil, x.target.Model)}}, nil)
	x.call = &provider.Call{Surface: x.surface, Model: x.target.Model, Body: x.sent}
	return nil
}

// compacted sends the request and passes the answer on.
func (x *exchange) compacted() error {
	p, ok := x.target.Provider.(provider.Compactor)
	if !ok {
		return x.uncallable(errors.New("no way to compact"))
	}
	req, err := p.NewCompactRequest(x.ctx, x.call)
	if err != nil {
		return x.uncallable(err)
	}
	x.calling(req)
	x.payload.Call(x.target.Provider.Name(), x.call.Body.Bytes())
	res, err := p.RoundTrip(req)
	if err != nil {
		return x.unreachable(err)
	}
	x.payload.Answer(res)
	x.answer = res
	if res.StatusCode < 200 || res.StatusCode > 299 {
		no, err := x.hear(res)
		if err != nil {
			return err
		}
		if x.moves(no.err) {
			return no.err
		}
		return x.refused(no)
	}
	x.accepted()
	return x.relay()
}
