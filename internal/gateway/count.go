package gateway

import (
	"errors"
	"io"
	"net/http"

	"turnpike/internal/dialect/counting"
	"turnpike/internal/llm"
	"turnpike/internal/provider"
	"turnpike/internal/wire"
)

// count is the end of the road for counting a prompt: the upstream's own count
// where it has one, else an estimate that leans to the high side and says so.
func (x *exchange) count() error {
	x.target = x.targets[0]
	x.out.serves()
	if err := x.unwrap(); err != nil {
		return err
	}
	if err := x.approach(); err != nil {
		return err
	}
	if err := x.unfold(); err != nil {
		return err
	}
	if err := x.countable(); err != nil {
		return err
	}
	if c, ok := x.target.Provider.(provider.Counter); ok && c.CountAPI(x.surface) != "" {
		n, err := x.countUpstream(c)
		if err == nil {
			return x.counted(n)
		}
		if errors.Is(err, errAnswered) {
			return err
		}
		x.gw.opt.Log.Debug("a prompt is counted by estimate", "request", x.id, "provider", c.Name(), "error", err)
	}
	req, err := x.front.DecodeRequest(x.r.Header, x.object.Bytes())
	if err != nil {
		return err
	}
	known := x.surface.Model
	if known == "" {
		known = x.target.Model
	}
	x.out.w.Header().Set("X-Turnpike-Estimated", "true")
	return x.counted(counting.EstimateFor(req, known))
}

// unwrap takes the body that is to be counted out of what some APIs put around
// it: Bedrock's input.invokeModel.body (base64) or input.converse, Gemini's
// generateContentRequest.
func (x *exchange) unwrap() error {
	inner, invoke, err := counting.Inner(x.object)
	if err != nil {
		return err
	}
	if inner == nil {
		return nil
	}
	if invoke && x.ask.Invoke != nil {
		x.front = x.ask.Invoke
	}
	b := newBuffer(len(inner))
	b.data = append(b.data, inner...)
	return x.replaceBody(b)
}

func (x *exchange) replaceBody(b *buffer) error {
	o, err := wire.ParseObject(b.data)
	if err != nil {
		b.drop()
		return invalid(err)
	}
	x.body.drop()
	x.body, x.object, x.plain = b, o, nil
	return nil
}

// countable gives a Messages body the max_tokens that counting does without.
func (x *exchange) countable() error {
	if x.front.Name() != "messages" {
		return nil
	}
	edits := counting.EditsForMessages(x.object)
	if len(edits) == 0 {
		return nil
	}
	b := newBuffer(x.object.Size(edits...))
	b.data = x.object.AppendTo(b.data, edits...)
	return x.replaceBody(b)
}

func (x *exchange) counted(n int64) error {
	x.out.body(http.StatusOK, "application/json", x.countAPI().Answer(n))
	return nil
}

// countAPI is the form the client wants the count in.
func (x *exchange) countAPI() counting.API {
	if x.ask.Count != "" {
		return counting.API(x.ask.Count)
	}
	return counting.Anthropic
}

// maxCount bounds the answer of a count.
const maxCount = 1 << 20

func (x *exchange) countUpstream(c provider.Counter) (int64, error) {
	if err := x.adapt(); err != nil {
		return 0, err
	}
	api := counting.API(c.CountAPI(x.surface))
	body, err := x.countBody(api)
	if err != nil {
		return 0, err
	}
	x.detach()
	req, err := c.NewCountRequest(x.ctx, x.target.Model, body, x.forwarded())
	if err != nil {
		return 0, err
	}
	res, err := c.RoundTrip(req)
	if err != nil {
		return 0, err
	}
	defer func() { _ = res.Body.Close() }()
	answer, err := io.ReadAll(io.LimitReader(res.Body, maxCount))
	if err != nil {
		return 0, err
	}
	if res.StatusCode != http.StatusOK {
		return 0, x.notCounted(res, answer)
	}
	return api.Read(answer)
}

// countBody makes the body of a count of the body of a request.
func (x *exchange) countBody(api counting.API) ([]byte, error) {
	o, err := wire.ParseObject(x.sent.Bytes())
	if err != nil {
		return nil, err
	}
	switch {
	case api == counting.Bedrock && x.surface.Bedrock:
		return counting.BedrockInvoke(o.Bytes()), nil
	case api == counting.Bedrock:
		return counting.BedrockConverse(o), nil
	case api == counting.GoogleGemini:
		return counting.Gemini(x.target.Model, o), nil
	case api == counting.Responses:
		return o.Apply(counting.EditsForResponsesCount(o)...), nil
	}
	return o.Apply(counting.EditsForAnthropicCount(o)...), nil
}

// notCounted is an upstream that would not count. What is wrong with the request
// itself the client of the upstream's own API is told in its words; a model that
// cannot be counted is estimated.
func (x *exchange) notCounted(res *http.Response, body []byte) error {
	e := x.back.DecodeError(res.StatusCode, res.Header, body)
	e.Upstream, e.UpstreamStatus = true, res.StatusCode
	if e.Kind == llm.ErrInvalid && x.passable(res, body) {
		x.err = e
		x.passError(res, body)
		return errAnswered
	}
	return e
}
