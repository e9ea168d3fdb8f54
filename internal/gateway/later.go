package gateway

import (
	"net/http"
	"time"

	"turnpike/internal/background"
	"turnpike/internal/ledger"
	"turnpike/internal/llm"
	"turnpike/internal/provider"
	"turnpike/internal/store"
	"turnpike/internal/wire"
)

// later is an answer that is made in the background: one that this request begins,
// or one that it asks for.
type later struct {
	row    store.Background // without an id: the upstream has not begun it
	asked  bool             // it was begun by another request
	over   bool             // its end was seen
	status string
}

// pursued tells whether the answer was begun by another request.
func (l *later) pursued() bool { return l != nil && l.asked }

// begun tells whether an upstream makes the answer already: then nobody else is
// asked for it.
func (l *later) begun() bool { return l != nil && (l.asked || l.row.ID != "") }

// open tells whether this request has only begun the answer.
func (l *later) open() bool { return l != nil && !l.asked && l.row.ID != "" && !l.over }

// mayBackground refuses what is to be made in the background where the target cannot,
// or where the answer could not be found again as it was asked for.
func (x *exchange) mayBackground() error {
	x.later = nil
	if x.keep == nil || !x.keep.asked.Background {
		return nil
	}
	x.later = &later{}
	refuse := func(why string) error {
		return &llm.Error{Kind: llm.ErrInvalid, Param: "background", NoRetry: true, Message: "background: " + why}
	}
	const instead = ": leave it out and stream an answer that takes long, or "
	p, ok := x.target.Provider.(provider.Backgrounder)
	switch {
	case x.gw.opt.Follow == nil:
		return refuse("answers are given at once here" + instead + "ask another gateway")
	case !ok || !p.Backgrounds(x.surface) || x.front.Name() != x.surface.Dialect:
		return refuse("provider " + x.target.Provider.Name() + " makes no answers in the background for this API and model" + instead +
			"name a model of a provider of type openai or azure that is spoken to by its Responses API")
	case !x.mayPass():
		return refuse("the request holds proofs of another provider, or output rules hold for its key, which an answer that is fetched later would escape" + instead +
			"send the request without them")
	case !x.gw.opt.Follow.Room():
		return &llm.Error{Kind: llm.ErrRate, RetryAfter: unaccountable, Message: "too many answers are being made in the background: fetch those, and try again later"}
	}
	return nil
}

// laterMeter looks on while an answer is begun, or is fetched as a stream.
type laterMeter struct {
	llm.Meter
	x *exchange
}

func (m *laterMeter) Frame(f wire.Frame) llm.FrameClass {
	class := m.Meter.Frame(f)
	if class == llm.FrameEnd || class == llm.FrameError || m.x.later.row.ID == "" {
		m.x.advance(f.Data, m.Result())
	}
	return class
}

func (m *laterMeter) Body(body []byte) {
	m.Meter.Body(body)
	m.x.advance(body, m.Result())
}

// advance notes how far the answer has come.
func (x *exchange) advance(data []byte, seen llm.MeterResult) {
	l := x.later
	keeper, ok := x.front.(llm.Keeper)
	if !ok {
		return
	}
	s := keeper.State(data)
	if l.row.ID == "" && plainID(s.ID) {
		x.begin(s)
	}
	if l.row.ID != s.ID || !s.Over || l.over {
		return
	}
	l.over, l.status = true, s.Status
	if l.asked {
		x.gw.finish(l.row, keeper, s, seen)
	}
}

// begin remembers an answer before its client knows of it.
func (x *exchange) begin(s llm.State) {
	l := x.later
	l.status = s.Status
	l.row = store.Background{
		KeyID: x.who.KeyID, TeamID: x.who.Labels.Team, UserID: x.who.Labels.User, Tags: x.who.Tags, ID: s.ID, AttemptID: ledger.NewID("att"), RequestID: x.id, Number: x.number + 1,
		Dialect: x.front.Name(), Provider: x.target.Provider.Name(), Surface: x.surface.Dialect,
		RequestedModel: x.model, ServedModel: x.target.Model, Input: x.bodyLen / bytesPerToken, At: x.begun, Status: s.Status,
	}
	l.row.Budgets = x.promise(l.row.AttemptID)
	x.gw.opt.Follow.Begin(l.row)
	if x.keeps() && !s.Over {
		k := x.keep
		kept := k.keeper.Kept(k.asked.Previous, k.own, s.Answer)
		kept.Home = l.row.Provider // who goes on from it before it is there can do so nowhere else
		x.gw.opt.Archive.Keep(x.who.KeyID, kept)
	}
}

// plainID tells whether an upstream's id can stand in a path as one step of it.
func plainID(id string) bool {
	for _, c := range []byte(id) {
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '-', c == '_':
		default:
			return false
		}
	}
	return id != "" && len(id) <= 256
}

// enter puts the attempt into the ledger. One that only began an answer in the
// background counts nothing: the attempt with the next number will, once it is known
// what there is to count. Where the end came while the client was listening, the
// attempt is that one itself.
func (x *exchange) enter(a *store.Attempt) {
	if l := x.later; l != nil && l.row.ID != "" {
		x.enterLater(a)
		return
	}
	x.gw.opt.Ledger.Add(a)
}

// enterLater adds an attempt that began an answer in the background, or saw its end.
func (x *exchange) enterLater(a *store.Attempt) {
	l := x.later
	if l.over {
		if !x.gw.opt.Follow.Settle(l.row, l.status, *a) {
			x.usage = llm.Usage{} // counted by who saw the end before
		}
		return
	}
	a.Stop = background.Stop
	x.gw.opt.Ledger.Add(a)
	x.gw.opt.Follow.Release(l.row)
}

// forgetsAfter is how long an upstream keeps an answer at least (OpenAI: "roughly 10
// minutes" for those made in the background, 30 days for others). Where it denies a
// younger one, that was not age, and its word stands.
const forgetsAfter = 10 * time.Minute

// retold makes a request whole whose home has forgotten what it goes on from, which
// the gateway still has, so that it can be sent once more.
func (x *exchange) retold(no *refusal) bool {
	k := x.keep
	if no.err.Code != notFoundThere || k == nil || k.whole || k.lost != nil || len(k.past) == 0 || len(x.fixes) > 0 {
		return false
	}
	if x.gw.opt.Now().Sub(k.past[len(k.past)-1].At) < forgetsAfter {
		return false
	}
	row := x.attemptRow()
	row.Status, row.ErrorClass = no.res.StatusCode, string(no.err.Kind)
	old := x.sent
	if err := x.makeWhole(); err != nil {
		return false
	}
	k.again = true
	if err := x.compose(); err != nil {
		x.gw.opt.Log.Warn("a request could not be made whole", "request", x.id, "error", err)
		return false
	}
	old.drop()
	x.record(&row)
	x.number++
	x.begun = x.gw.opt.Now()
	x.out.serves()
	return true
}

// notFoundThere is OpenAI's code for a previous_response_id that it does not know.
const notFoundThere = "previous_response_not_found"

// notThere is the error for going on elsewhere from an answer that is still being made.
func notThere(id string) error {
	return &llm.Error{
		Kind: llm.ErrInvalid, Param: "previous_response_id", Status: http.StatusBadRequest, NoRetry: true,
		Message: "previous_response_id: '" + clipped(id) + "' is not complete: wait for it, or ask the provider that makes it",
	}
}
