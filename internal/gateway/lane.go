package gateway

import (
	"context"
	"net/http"
	"strings"

	"turnpike/internal/llm"
	"turnpike/internal/llm/jsontool"
	"turnpike/internal/provider"
	"turnpike/internal/wire"
)

// lane is how faithfully an exchange passes.
type lane string

const (
	laneBytes     lane = "bytes"     // the body but for a few members, the answer as it comes
	laneFrames    lane = "frames"    // the same, with the answer in another framing
	laneTranslate lane = "translate" // decoded and encoded anew
)

// express tells whether the answer passes untouched.
func (l lane) express() bool { return l == laneBytes || l == laneFrames }

// chooser is a provider that speaks several dialects and takes the client's own
// where it can.
type chooser interface {
	SurfaceFor(ctx context.Context, model, dialect string) (provider.Surface, error)
}

// adapt makes the upstream's body of the client's. This is the one place where
// the lane is chosen.
func (x *exchange) adapt() error {
	if err := x.unfold(); err != nil {
		return err
	}
	t := &llm.Target{
		Provider: x.target.Provider.Name(), Model: x.target.Model, Stream: x.stream,
		Compat: x.surface.Compat, Bedrock: x.surface.Bedrock, Vertex: x.surface.Vertex, Kiro: x.surface.Kiro, Narrow: x.surface.Narrow, Keeps: x.keeps(),
	}
	known := x.surface.Model
	if known == "" {
		known = t.Model
	}
	t.Caps = x.gw.opt.Caps(known)
	x.json = nil
	if x.surface.Bedrock && t.Caps.Betas == nil {
		t.Caps.Betas = x.gw.opt.Betas(known)
	}
	x.known = x.gw.opt.Learned.At(t.Provider, t.Model)
	x.surface.Narrow.Refine(&t.Caps)
	x.known.Refine(&t.Caps)
	if p, ok := x.back.(llm.Passer); ok && x.mayPass() {
		if edits, losses, ok := p.Pass(x.object, x.r.Header, t); ok {
			x.pass(edits, losses)
			if err := x.extend(x.extras); err != nil {
				return err
			}
			x.planCache(t)
			return nil
		}
	}
	if err := x.translate(t); err != nil {
		return err
	}
	x.planCache(t)
	return nil
}

// mayPass tells whether nothing speaks against the express lane but what a dialect
// may find deeper down.
func (x *exchange) mayPass() bool {
	return x.front.Name() == x.surface.Dialect && !llm.HasSeal(x.object.Bytes()) && !x.shaped()
}

func (x *exchange) pass(edits []wire.Edit, losses []llm.Loss) {
	x.lane = laneBytes
	if x.surface.Reframed {
		x.lane = laneFrames
	}
	x.losses = append(losses, x.lostInPast()...)
	x.request = &llm.Request{Model: x.model, Stream: x.stream}
	x.sent = newBuffer(x.object.Size(edits...))
	x.sent.data = x.object.AppendTo(x.sent.data, edits...)
}

func (x *exchange) translate(t *llm.Target) error {
	x.lane = laneTranslate
	req, err := x.decoded()
	if err != nil {
		return err
	}
	if x.ask.Model != "" {
		req.Model, req.Stream = x.model, x.stream
	}
	x.losses = append(req.Lost(x.back.Name()), x.lostInPast()...)
	x.request = req
	x.tellKept()
	x.shape(req, t)
	return x.encode(req, t)
}

// decoded is the client's request, decoded once for all targets: none changes it
// deeper down. Each gets a copy, since a heartbeat may look at the one before.
func (x *exchange) decoded() (*llm.Request, error) {
	if x.plain != nil {
		own := *x.plain
		return &own, nil
	}
	req, err := x.front.DecodeRequest(x.r.Header, x.object.Bytes())
	x.plain = req
	return req, err
}

// encode makes the upstream's body of a request.
func (x *exchange) encode(req *llm.Request, t *llm.Target) error {
	sent, err := x.inline(req, t)
	if err != nil {
		return err
	}
	sent, extras := x.bedrockOf(sent)
	body, losses, err := x.back.EncodeRequest(x.formatted(sent, t), t)
	if err != nil {
		return err
	}
	if b, ok := x.back.(llm.Binder); ok {
		x.back = b.Bind(sent, t, len(body))
	}
	x.losses = llm.AddLosses(x.losses, x.placed(losses))
	x.sent = newBuffer(0)
	x.sent.data = append(x.sent.data, body...)
	return x.extend(extras)
}

// formatted asks for structured output by a tool where the model has none itself.
func (x *exchange) formatted(req *llm.Request, t *llm.Target) *llm.Request {
	back, ok := x.back.(llm.Formatter)
	if !ok || req.Format == nil || back.TakesFormat(req.Format, &t.Caps) {
		return req
	}
	asked, plan, loss := jsontool.Apply(req, &t.Caps)
	loss.Kind = llm.LossChanged
	x.json, x.losses = plan, llm.AddLosses(x.losses, x.placed([]llm.Loss{loss}))
	return asked
}

// placed puts the paths of losses into the client's own terms.
func (x *exchange) placed(losses []llm.Loss) []llm.Loss {
	p, ok := x.front.(llm.Placer)
	if !ok || len(losses) == 0 {
		return losses
	}
	place := p.Places(x.object.Bytes())
	for i := range losses {
		losses[i].Path = place(losses[i].Path)
	}
	return losses
}

// strict refuses a request that would lose something, for clients that ask so.
func (x *exchange) strict() error {
	if len(x.losses) == 0 || !x.policy.IsStrict() {
		return nil
	}
	return &llm.Error{
		Kind: llm.ErrInvalid, Code: "unsupported_parameter", Param: x.losses[0].Path, NoRetry: true,
		Message: "strict: provider " + x.target.Provider.Name() + " cannot carry " + llm.LossHeader(x.losses),
	}
}

// forwarded are the client's headers that go on to the upstream: Anthropic's
// own list is open, so all of them do where Claude's own API is spoken.
func (x *exchange) forwarded() http.Header {
	out := http.Header{}
	if x.surface.Narrow != nil {
		defer x.narrow(out)
	}
	if x.byHeader != nil {
		x.byHeader.Headers(out)
	}
	if x.surface.Dialect != "messages" || x.surface.Bedrock {
		return out
	}
	if x.front.Name() == "messages" {
		for name, values := range x.r.Header {
			if strings.HasPrefix(name, "Anthropic-") {
				out[name] = values
			}
		}
	}
	if x.lane == laneTranslate && len(x.request.Betas) > 0 {
		out["Anthropic-Beta"] = []string{strings.Join(x.request.Betas, ",")}
	}
	return out
}
