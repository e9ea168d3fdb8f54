package gateway

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"turnpike/internal/archive"
	"turnpike/internal/background"
	"turnpike/internal/llm"
	"turnpike/internal/provider"
	"turnpike/internal/route"
	"turnpike/internal/store"
	"turnpike/internal/telemetry"
)

// tails are what comes behind the id of an answer in the path of an operation.
var tails = map[Op]string{Inputs: "/input_items", Cancel: "/cancel"}

// pursue passes on what is asked of an answer that is made in the background to the
// account that makes it. The answers of other keys are none for this one.
func (x *exchange) pursue() error {
	keeper, ok := x.front.(llm.Keeper)
	follow := x.gw.opt.Follow
	if !ok || follow == nil {
		return nil
	}
	id := x.r.PathValue("id")
	row, err := follow.Find(x.r.Context(), x.who.KeyID, id)
	switch {
	case errors.Is(err, background.ErrUnknown):
		return nil
	case err != nil:
		return x.unread(err)
	case row.Status == background.Deleted:
		return keeper.NotKept(id, false)
	}
	p, err := x.gw.maker(&row)
	if err != nil {
		return err
	}
	x.later = &later{row: row, asked: true, over: row.Settled}
	x.target.Provider, x.target.Model, x.model = p, row.ServedModel, row.RequestedModel
	x.surface, x.back, x.lane = provider.Surface{Dialect: row.Surface}, x.gw.opt.Backs[row.Surface], laneBytes
	x.stream = x.ask.Op == Show && x.r.URL.Query().Get("stream") == "true"
	x.request, x.asksUsage = &llm.Request{Model: x.model, Stream: x.stream}, true
	if x.ask.Op == Forget && !row.Settled { // what it cost so far is not told any more afterwards
		ctx, cancel := context.WithTimeout(x.r.Context(), lastLook)
		defer cancel()
		if err := x.gw.look(ctx, row); err != nil {
			x.gw.opt.Log.Debug("a background answer is deleted without a last look at it", "request", x.id, "response", id, "error", err)
		}
	}
	return x.passQuestion(keeper, p)
}

// passQuestion sends the question and passes the answer on as it comes.
func (x *exchange) passQuestion(keeper llm.Keeper, p provider.Backgrounder) error {
	x.out.serves()
	x.detach()
	if x.stream {
		x.pulse = newPulse(x.out, x.gw.opt.Heartbeat, x.gw.opt.Now)
		x.pulse.turn(x.cancel, provider.Timeouts{Idle: p.Timeouts().Idle}, x.gw.opt.Now())
	}
	q := x.r.URL.Query()
	q.Del("api-version") // Azure's, for this gateway
	req, err := p.NewBackgroundRequest(x.ctx, x.r.Method, x.later.row.ID, tails[x.ask.Op], q)
	if err != nil {
		return x.uncallable(err)
	}
	res, err := p.RoundTrip(req)
	if err != nil {
		return x.unreachable(err)
	}
	if res.StatusCode < 200 || res.StatusCode > 299 {
		return x.notAnswered(res, keeper)
	}
	x.answer = res
	defer func() { _ = res.Body.Close() }()
	if x.stream && isStream(res.Header.Get("Content-Type")) {
		err := x.relayStream()
		x.usage = llm.Usage{} // another request's
		if err != nil {
			return err
		}
		return errAnswered
	}
	return x.passReply(keeper)
}

// notAnswered passes on an upstream's error. An answer that it has forgotten is
// shown as it was kept here, where it is complete.
func (x *exchange) notAnswered(res *http.Response, keeper llm.Keeper) error {
	no, err := x.hear(res)
	if err != nil {
		return err
	}
	if res.StatusCode == http.StatusNotFound && x.ask.Op == Forget {
		x.gw.opt.Follow.Forget(x.later.row)
	}
	if res.StatusCode == http.StatusNotFound && x.gw.opt.Archive != nil && !x.stream {
		kept, err := x.gw.opt.Archive.Get(x.r.Context(), x.who.KeyID, x.later.row.ID)
		if err == nil && keeper.State(kept.Answer).Over {
			return nil // to the next stage
		}
	}
	x.answer = no.res
	if err := x.refused(no); err != nil {
		return err
	}
	return errAnswered
}

// passReply passes on a reply that comes as a whole, after what it tells is in the
// ledger.
func (x *exchange) passReply(keeper llm.Keeper) error {
	b, err := x.whole()
	if err != nil {
		return err
	}
	defer b.drop()
	switch x.ask.Op {
	case Forget:
		x.gw.opt.Follow.Forget(x.later.row)
		if x.gw.opt.Archive != nil {
			if err := x.gw.opt.Archive.Forget(x.r.Context(), x.who.KeyID, x.later.row.ID); err != nil && !errors.Is(err, archive.ErrNotKept) {
				return x.unread(err)
			}
		}
	case Show, Cancel:
		x.gw.sight(x.later.row, keeper, b.data)
	default: // tells nothing of the answer
	}
	x.out.body(x.answer.StatusCode, "application/json", b.data)
	return errAnswered
}

// maker is the account that makes an answer.
func (g *Gateway) maker(row *store.Background) (provider.Backgrounder, error) {
	if a := g.opt.Table.Account(row.Provider); a != nil && a.Off == "" {
		if p, ok := a.Provider.(provider.Backgrounder); ok && g.opt.Backs[row.Surface] != nil {
			return p, nil
		}
	}
	return nil, &llm.Error{
		Kind: llm.ErrUnavail, NoRetry: true,
		Message: fmt.Sprintf("provider %s, which makes this answer, is not in use here any more: tell the operator of this gateway", row.Provider),
	}
}

// sight looks at an answer as its upstream shows it, and settles it at its end.
func (g *Gateway) sight(row store.Background, keeper llm.Keeper, body []byte) {
	s := keeper.State(body)
	if row.Settled || s.ID != row.ID || !s.Over {
		return
	}
	m := g.opt.Backs[row.Surface].NewMeter()
	m.Body(body)
	g.finish(row, keeper, s, m.Result())
}

// finish settles an answer whose end is seen. One that tells no usage, as those that
// were cancelled may not, is counted by estimate, but for one that failed without a
// word.
func (g *Gateway) finish(row store.Background, keeper llm.Keeper, s llm.State, seen llm.MeterResult) {
	if row.Settled {
		return
	}
	g.keepFinished(&row, keeper, s)
	a := g.opt.Follow.Attempt(&row)
	a.Status, a.Stop = http.StatusOK, string(seen.Stop)
	u := seen.Usage
	if seen.Fault != nil {
		a.ErrorClass = string(seen.Fault.Kind)
	}
	const empty = int64(len("[]"))
	if !u.Known && (seen.Fault == nil || s.Output > empty) {
		u.Estimated, u.Input = true, row.Input
		u.Output = (max(s.Output, empty) - empty + bytesPerToken - 1) / bytesPerToken
	}
	a.Usage = storeUsage(u)
	g.chargeLater(&row, &a, u)
	if g.opt.Follow.Settle(row, s.Status, a) {
		g.opt.Metrics.Spend(&telemetry.Attempt{Provider: row.Provider, Model: row.ServedModel, Cost: a.Charge.Nano, Unpriced: a.Charge.Unpriced}, &u)
	}
}

// chargeLater prices the attempt that tells what an answer cost. It is priced as it
// was begun: that is when the request was made.
func (g *Gateway) chargeLater(row *store.Background, a *store.Attempt, u llm.Usage) {
	nano := int64(0)
	if account := g.opt.Table.Account(row.Provider); account != nil {
		x := &exchange{gw: g, id: row.RequestID, begun: row.At, usage: u, target: route.Target{Provider: account.Provider, Model: row.ServedModel}}
		x.charge(a)
		nano = x.cost
	}
	g.spendLater(row, a, nano)
}

// keepFinished keeps the whole of an answer whose beginning is kept, so that it can
// be gone on from anywhere.
func (g *Gateway) keepFinished(row *store.Background, keeper llm.Keeper, s llm.State) {
	if g.opt.Archive == nil {
		return
	}
	answer, ok := keeper.Answer(s.Answer)
	if !ok {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), archiveWait)
	defer cancel()
	begun, err := g.opt.Archive.Get(ctx, row.KeyID, row.ID)
	if err != nil || keeper.State(begun.Answer).Over {
		if err != nil && !errors.Is(err, archive.ErrNotKept) {
			g.opt.Log.Warn("the end of a background answer could not be kept", "response", row.ID, "error", err)
		}
		return
	}
	kept := keeper.Kept(begun.Previous, begun.Input, answer)
	kept.Home = begun.Home
	g.opt.Archive.Keep(row.KeyID, kept)
}

// lastLook bounds the last question about an answer that is to be deleted.
const lastLook = 10 * time.Second

// archiveWait bounds the look at what is kept of an answer.
const archiveWait = 5 * time.Second

// Pursue follows answers that are made in the background until ctx ends.
func (g *Gateway) Pursue(ctx context.Context) {
	if g.opt.Follow != nil {
		g.opt.Follow.Run(ctx, g.look)
	}
}

// look asks once how far an answer has come.
func (g *Gateway) look(ctx context.Context, row store.Background) error {
	p, err := g.maker(&row)
	if err != nil {
		return err
	}
	keeper := g.keeperOf(row.Dialect)
	if keeper == nil {
		return fmt.Errorf("no client API keeps answers of %s", row.Dialect)
	}
	req, err := p.NewBackgroundRequest(ctx, http.MethodGet, row.ID, "", nil)
	if err != nil {
		return err
	}
	res, err := p.RoundTrip(req)
	if err != nil {
		return err
	}
	defer func() { _ = res.Body.Close() }()
	switch {
	case res.StatusCode == http.StatusNotFound:
		return background.ErrGone
	case res.StatusCode != http.StatusOK:
		return fmt.Errorf("status %d", res.StatusCode)
	}
	b := newBuffer(0)
	defer b.drop()
	if err := b.fill(res.Body, res.ContentLength, g.opt.MaxAnswer); err != nil {
		return err
	}
	g.sight(row, keeper, b.data)
	return nil
}

// keeperOf is the client's dialect of that name, nil where it keeps nothing.
func (g *Gateway) keeperOf(dialect string) llm.Keeper {
	for i := range g.opt.Routes {
		if k, ok := g.opt.Routes[i].Dialect.(llm.Keeper); ok && k.Name() == dialect {
			return k
		}
	}
	return nil
}

// findHome looks for what a request goes on from among the answers made in the
// background, of which no more may be kept than that. What belongs to another key
// does not pass.
func (x *exchange) findHome(k *keeping) error {
	follow := x.gw.opt.Follow
	if follow == nil {
		return nil
	}
	id := k.asked.Previous
	row, err := follow.Find(x.r.Context(), x.who.KeyID, id)
	switch {
	case err == nil && row.Status != background.Deleted:
		k.home = row.Provider
		return nil
	case err == nil:
		return k.keeper.NotKept(id, true)
	case !errors.Is(err, background.ErrUnknown):
		return x.unread(err)
	}
	others, err := follow.Others(x.r.Context(), x.who.KeyID, id)
	if err != nil {
		return x.unread(err)
	}
	if others {
		return k.keeper.NotKept(id, true)
	}
	return nil
}
