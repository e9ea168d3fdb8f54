package gateway

import (
	"turnpike/internal/dialect/bedrock"
	"turnpike/internal/llm"
)

// readExtras takes what only Bedrock has out of the request, so that no codec
// meets it.
func (x *exchange) readExtras() error {
	extras, edits, err := bedrock.Read(x.object, x.r.Header)
	if err != nil || len(edits) == 0 {
		x.extras = extras
		return err
	}
	x.extras = extras
	b := newBuffer(x.object.Size(edits...))
	b.data = x.object.AppendTo(b.data, edits...)
	return x.replaceBody(b)
}

// bedrockOf puts what every API has in some way where encoders look for it, and
// tells what is left.
func (x *exchange) bedrockOf(req *llm.Request) (*llm.Request, *bedrock.Extras) {
	e := x.extras
	if x.surface.Bedrock {
		req, e = bedrock.ForInvoke(req, e)
	}
	if e == nil {
		return req, nil
	}
	return e.Onto(req)
}

// extend puts what only Bedrock has into the body that is sent, and tells what of
// it the target has no place for.
func (x *exchange) extend(e *bedrock.Extras) (err error) {
	if x.byHeader = nil; e == nil {
		return nil
	}
	body := x.sent.data
	var losses []llm.Loss
	switch {
	case x.surface.Bedrock:
		body, losses, err = e.Invoke(body)
		x.byHeader = e
	case x.surface.Dialect == "converse":
		body, losses, err = e.Converse(body, x.stream)
	default:
		losses = e.Elsewhere("only Bedrock has such a setting")
	}
	if err != nil {
		return invalid(err)
	}
	x.losses = llm.AddLosses(x.losses, losses)
	x.sent.data = body
	return nil
}
