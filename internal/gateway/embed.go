package gateway

import (
	"fmt"
	"io"
	"net/http"

	"turnpike/internal/dialect/embeddings"
	"turnpike/internal/llm"
	"turnpike/internal/provider"
	"turnpike/internal/wire"
)

// embed is the end of the road for embeddings: one client form, several upstream
// ones, nothing streamed.
func (x *exchange) embed() error {
	req, err := embeddings.DecodeRequest(x.object.Bytes())
	if err != nil {
		return err
	}
	req.Model, x.stream = x.model, false
	for i := range x.targets {
		if x.targets[i].Step != x.targets[0].Step {
			x.targets = x.targets[:i] // another model's vectors would lie in another space
			break
		}
	}
	return x.each((*exchange).embeddable, func(x *exchange) error { return x.embedded(req) })
}

// embeddable finds out how the target gives embeddings.
func (x *exchange) embeddable() error {
	if _, form := x.embedder(); form == "" {
		return &llm.Error{
			Kind: llm.ErrInvalid, Param: "model", NoRetry: true,
			Message: fmt.Sprintf("model %q at provider %s gives no embeddings", x.target.Model, x.target.Provider.Name()),
		}
	}
	x.losses = nil
	if x.extras != nil {
		x.lost(x.extras.Elsewhere("embeddings take no such setting"))
	}
	x.surface = provider.Surface{Dialect: "embeddings"}
	x.bodyLen = int64(len(x.object.Bytes()))
	x.call = &provider.Call{Surface: x.surface, Model: x.target.Model}
	return nil
}

// embedder is the target as one that gives embeddings, and in what form; empty
// where it gives none.
func (x *exchange) embedder() (p provider.Embedder, form embeddings.Form) {
	p, ok := x.target.Provider.(provider.Embedder)
	if !ok {
		return nil, ""
	}
	if form = embeddings.Form(p.EmbedForm()); form == bedrockForms {
		form = embeddings.BedrockForm(x.target.Model)
	}
	return p, form
}

// embedded asks for the embeddings and passes them on.
func (x *exchange) embedded(req *embeddings.Request) error {
	p, form := x.embedder()
	if form == embeddings.OpenAI {
		return x.embedOpenAI(p, req)
	}
	return x.embedParts(p, form, req)
}

// bedrockForms is what Bedrock says of its form: the model's id decides.
const bedrockForms = "bedrock"

// embedOpenAI passes the body on but for the model's name. The answer passes too,
// unless it is in another encoding than the client can read.
func (x *exchange) embedOpenAI(p provider.Embedder, req *embeddings.Request) error {
	x.lane = laneBytes
	edit := wire.Edit{Name: "model", Value: wire.AppendString(nil, x.target.Model)}
	body, head, err := x.embedCall(p, x.object.Apply(edit))
	if err != nil || x.err != nil {
		return err
	}
	g, ok := embeddings.Glance(body)
	if !ok {
		return &llm.Error{Kind: llm.ErrUpstream, Upstream: true, Message: fmt.Sprintf("the answer of provider %s is no list of embeddings", p.Name())}
	}
	x.usage, x.served = g.Usage, g.Model
	if g.Vectors != req.Len() || req.Base64 && g.Float || !req.Base64 && g.Base64 {
		res, err := embeddings.OpenAI.Decode(head, body)
		if err == nil {
			err = res.Check(req)
		}
		if err != nil {
			return err
		}
		body = embeddings.EncodeResponse(req, res)
	}
	x.out.body(http.StatusOK, "application/json", body)
	return nil
}

// embedParts makes as many calls as the upstream's form needs.
func (x *exchange) embedParts(p provider.Embedder, form embeddings.Form, req *embeddings.Request) error {
	x.lane = laneTranslate
	var whole *embeddings.Response
	for _, span := range form.Split(req, x.target.Model) {
		body, losses, err := form.Encode(req, x.target.Model, span)
		if err != nil {
			return err
		}
		x.losses = llm.AddLosses(x.losses, losses)
		if err := x.strict(); err != nil {
			return err
		}
		answer, head, err := x.embedCall(p, body)
		if err != nil || x.err != nil {
			return err
		}
		part, err := form.Decode(head, answer)
		if err != nil {
			return err
		}
		if whole == nil {
			whole = part
		} else {
			whole.Append(part)
		}
		x.usage, x.served = whole.Usage, whole.Model
	}
	if whole == nil {
		return &llm.Error{Kind: llm.ErrInvalid, Param: "input", NoRetry: true, Message: "input: give at least one text"}
	}
	if err := whole.Check(req); err != nil {
		return err
	}
	x.out.report(x.losses)
	x.out.body(http.StatusOK, "application/json", embeddings.EncodeResponse(req, whole))
	return nil
}

// embedCall sends one body and reads the answer.
func (x *exchange) embedCall(p provider.Embedder, body []byte) ([]byte, http.Header, error) {
	req, err := p.NewEmbedRequest(x.ctx, x.target.Model, body)
	if err != nil {
		return nil, nil, x.uncallable(err)
	}
	x.calling(req)
	x.payload.Call(p.Name(), body)
	res, err := p.RoundTrip(req)
	if err != nil {
		return nil, nil, x.unreachable(err)
	}
	x.payload.Answer(res)
	x.answer = res
	defer func() { _ = res.Body.Close() }()
	if res.StatusCode < 200 || res.StatusCode > 299 {
		x.back = x.gw.opt.Backs[p.ErrorDialect()]
		no, err := x.hear(res)
		if err != nil {
			return nil, nil, err
		}
		if x.moves(no.err) {
			return nil, nil, no.err
		}
		return nil, nil, x.refused(no)
	}
	answer, err := io.ReadAll(io.LimitReader(res.Body, x.gw.opt.MaxAnswer))
	if err != nil {
		return nil, nil, x.broken(err)
	}
	return answer, res.Header, nil
}
