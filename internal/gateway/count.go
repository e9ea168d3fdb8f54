package gateway

import (
	"context"
	"errors"
	"io"
	"net/http"
	"time"

	"turnpike/internal/dialect/counting"
	"turnpike/internal/llm"
	"turnpike/internal/provider"
	"turnpike/internal/retry"
	"turnpike/internal/wire"
)

// How long counting may take. Whoever counts wants to know now, and an estimate is
// at hand, so nobody is waited for and nobody is asked twice.
const (
	countFor  = 10 * time.Second // one upstream
	maxCounts = 3                // upstreams
)

// count is the end of the road for counting a prompt: an upstream's own count where
// one has it, else an estimate that leans to the high side and says so.
//
// Counts do not pass the account's limits (limits): upstreams count them apart from
// answers (Anthropic, Token counting: "separate and independent rate limits"). A
// client's burst of them costs an estimate at the worst, and never a 429.
func (x *exchange) count() error {
	x.stream = false
	if err := x.unwrap(); err != nil {
		return err
	}
	n, ok, err := x.countAnywhere()
	if err != nil {
		return err
	}
	if ok {
		return x.counted(n)
	}
	return x.countByEstimate()
}

// countAnywhere asks the targets that count, one after the other. Another model of
// an alias's chain has another tokenizer: it is not asked. ok is false where nobody
// counted.
func (x *exchange) countAnywhere() (n int64, ok bool, err error) {
	for asked := 0; x.at < len(x.targets) && asked < maxCounts; x.at++ {
		if x.targets[x.at].Step != x.targets[0].Step {
			break
		}
		x.target = x.targets[x.at]
		if err := x.countHere(); err != nil {
			return 0, false, err
		}
		c, counts := x.target.Provider.(provider.Counter)
		if !counts || c.CountAPI(x.surface) == "" {
			continue
		}
		if asked++; asked > 1 {
			x.number++
		}
		x.begun = x.gw.opt.Now()
		x.out.serves()
		n, err := x.countUpstream(c)
		if err == nil {
			return n, true, nil
		}
		if errors.Is(err, errAnswered) || !x.countMoves(err) {
			return 0, false, answeredOnly(err)
		}
	}
	return 0, false, nil
}

// answeredOnly is the error that ends the road: all others end in an estimate.
func answeredOnly(err error) error {
	if errors.Is(err, errAnswered) {
		return err
	}
	return nil
}

// countHere finds out how the target is spoken to, and makes the body one that can
// be counted.
func (x *exchange) countHere() error {
	if err := x.approach(); err != nil {
		return err
	}
	if err := x.unfold(); err != nil {
		return err
	}
	return x.countable()
}

// countMoves tells whether another upstream may count after one would not, and what
// the failure says of that account. It never waits for the same one.
func (x *exchange) countMoves(err error) bool {
	x.gw.opt.Log.Debug("an upstream did not count a prompt", "request", x.id, "provider", x.target.Provider.Name(), "error", err)
	e, ok := errors.AsType[*llm.Error](err)
	if !ok || x.left() {
		return false
	}
	x.target.Heard(e, x.begun, x.gw.opt.Now())
	moves := x.moves(err) && x.step.Do == retry.Next
	if moves {
		x.tried = append(x.tried, tried{x.target.Provider.Name(), x.target.Model, e, x.step.Why})
	}
	x.step = nil
	return moves
}

// countByEstimate answers without an upstream, for the first target's model.
func (x *exchange) countByEstimate() error {
	x.at, x.target = 0, x.targets[0]
	if err := x.countHere(); err != nil {
		return err
	}
	x.out.serves()
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
	x.sent.drop()
	x.sent = nil
	if err != nil {
		return 0, err
	}
	x.detach()
	defer x.hangUp()
	ctx, cancel := context.WithTimeout(x.ctx, countFor)
	defer cancel()
	req, err := c.NewCountRequest(ctx, x.target.Model, body, x.forwarded())
	if err != nil {
		return 0, err
	}
	res, err := c.RoundTrip(req)
	if err != nil {
		return 0, x.unreachable(err)
	}
	defer func() { _ = res.Body.Close() }()
	if res.StatusCode != http.StatusOK {
		return 0, x.notCounted(res)
	}
	answer, err := io.ReadAll(io.LimitReader(res.Body, maxCount))
	if err != nil {
		return 0, x.unreachable(err)
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
func (x *exchange) notCounted(res *http.Response) error {
	no, err := x.hear(res)
	if err != nil {
		return err
	}
	if no.err.Kind == llm.ErrInvalid && x.passable(res, no.body) {
		x.err = no.err
		x.passError(res, no.body)
		return errAnswered
	}
	return no.err
}
