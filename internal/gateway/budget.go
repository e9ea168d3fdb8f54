package gateway

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"turnpike/internal/budget"
	"turnpike/internal/dialect/counting"
	"turnpike/internal/ledger"
	"turnpike/internal/llm"
	"turnpike/internal/price"
	"turnpike/internal/route"
	"turnpike/internal/store"
)

// spending is what a request has reserved in its budgets, and the note of the
// attempt that spends it.
type spending struct {
	hold    *budget.Hold
	worst   worst  // of the dearest target in play
	attempt string // the id of the attempt under way; empty: nothing is noted
	flight  ledger.Flight
	dirty   bool // an attempt has spent of what is reserved
}

// worst is what an attempt may come to.
type worst struct{ nano, prompt, output int64 }

func (w *worst) tokens() int64 { return w.prompt + w.output }

// ask asks budgets for that, each in its unit.
func (w *worst) ask(asks []budget.Ask) {
	for i := range asks {
		asks[i].Amount = w.nano
		if asks[i].Rule.Unit == budget.Tokens {
			asks[i].Amount = w.tokens()
		}
	}
}

// reserve holds the worst case of the request in all budgets of its chain. Targets
// that would be too dear are left out where a cheaper one fits.
func (x *exchange) reserve() error {
	if x.gw.opt.Budgets == nil || len(x.who.Chain) == 0 || x.ask.Op == Count || x.explains() {
		return nil
	}
	asks := x.asks()
	if len(asks) == 0 {
		return nil
	}
	if x.reserveRoughly(asks) {
		return nil
	}
	costs := x.worstCases()
	levels := slices.Clone(costs)
	slices.SortFunc(levels, func(a, b worst) int { return cmp.Compare(b.nano, a.nano) })
	levels = slices.CompactFunc(levels, func(a, b worst) bool { return a.nano == b.nano })
	for i, level := range levels {
		level.ask(asks)
		hold, err := x.gw.opt.Budgets.Reserve(x.r.Context(), x.start, asks)
		if err == nil {
			x.spending = &spending{hold: hold, worst: level}
			x.leaveOut(costs, level.nano)
			return nil
		}
		refusal, ok := errors.AsType[*budget.Refusal](err)
		if !ok {
			return &llm.Error{Kind: llm.ErrUnavail, Message: "the budgets could not be asked: try again", RetryAfter: time.Second, Cause: err}
		}
		if i == len(levels)-1 || refusal.Why == budget.Blocked || refusal.Why == budget.Away {
			return x.overBudget(refusal)
		}
	}
	return nil
}

// asks are the budgets of the chain.
func (x *exchange) asks() []budget.Ask {
	n := 0
	for _, scope := range x.who.Chain {
		n += len(scope.Budgets)
	}
	if n == 0 {
		return nil
	}
	list := make([]budget.Ask, 0, n)
	for _, scope := range x.who.Chain {
		for i := range scope.Budgets {
			list = append(list, budget.Ask{Rule: &scope.Budgets[i], Who: budget.Who{Kind: scope.Kind, Name: scope.Name}})
		}
	}
	return list
}

// leaveOut takes out the targets that cost more than what was reserved.
func (x *exchange) leaveOut(costs []worst, most int64) {
	left := x.targets[:0:0]
	for i := range x.targets {
		t := &x.targets[i]
		if costs[i].nano <= most {
			left = append(left, *t)
			continue
		}
		x.choice.Excluded = append(slices.Clip(x.choice.Excluded), route.Excluded{
			Provider: t.Provider.Name(), Model: t.Model, Reason: "it may cost " + price.Nano(costs[i].nano).String() + ", more than its budgets have left",
		})
	}
	x.targets = left
}

// worstCases are what an attempt at each target may come to.
func (x *exchange) worstCases() []worst {
	asked, past := x.asked()
	tier := ""
	if asked != nil {
		tier = llm.TierOf([]byte(asked.Tier))
	}
	list := make([]worst, len(x.targets))
	for i := range x.targets {
		if i > 0 && x.targets[i].Model == x.targets[i-1].Model {
			list[i] = list[i-1]
		} else {
			list[i] = x.estimated(x.targets[i].Model, asked, past)
		}
		list[i].nano = x.dearest(&x.targets[i], tier, &list[i])
	}
	return list
}

// asked is the request, nil where it holds no conversation, and the tokens of what
// it goes on from.
func (x *exchange) asked() (req *llm.Request, past int64) {
	if x.keep != nil {
		for _, e := range x.keep.past {
			past += int64(len(e.Input)+len(e.Answer)) / denseBytes
		}
	}
	if x.ask.Op == Embed {
		return nil, 0
	}
	req, err := x.decoded()
	if err != nil { // the upstream may know it better
		x.plain = nil
		return nil, past
	}
	return req, past
}

const (
	// denseBytes is how few bytes of a text may be a token where it is not counted.
	denseBytes = 2
	// headroom is the part by which an estimated prompt may be longer.
	headroom = 8
)

// estimated is how long prompt and answer may become. An answer without a limit of
// its own has the model's, or what the operator supposes.
func (x *exchange) estimated(model string, asked *llm.Request, past int64) worst {
	if asked == nil && x.ask.Op == Embed {
		return worst{prompt: int64(len(x.object.Bytes())) / denseBytes}
	}
	if asked == nil {
		w := worst{output: x.longest(model, nil)}
		w.prompt = int64(len(x.object.Bytes()))/denseBytes + past
		return w
	}
	w := worst{prompt: counting.EstimateFor(asked, model), output: x.longest(model, asked.MaxTokens)}
	w.prompt += w.prompt/headroom + past
	w.output *= min(max(1, asked.Answers), maxAnswers)
	return w
}

// longest is how long one answer may become: as long as the client says, or the model can.
func (x *exchange) longest(model string, stated *int64) int64 {
	most := x.gw.opt.Caps(model).MaxOutput
	if stated != nil && (most == 0 || *stated < most) {
		return max(0, *stated)
	}
	return cmp.Or(most, x.gw.opt.AssumeOutput)
}

// maxAnswers bounds a factor that clients choose (OpenAI takes 128 at most).
const maxAnswers = 128

// dearest is what that costs at a target, at the step of the price its prompt falls
// in; without a price, at the ceiling.
func (x *exchange) dearest(t *route.Target, tier string, w *worst) int64 {
	if x.gw.opt.Price == nil {
		return 0
	}
	was := x.target
	x.target = *t
	a := x.priced(llm.Usage{Tier: tier})
	x.target = was
	_, most := x.gw.opt.Price.Book().Range(&a, w.prompt, w.output)
	return int64(most.Nano)
}

// afford makes sure that so many attempts can be paid, those under way included.
func (x *exchange) afford(attempts int64) error {
	s := x.spending
	if s == nil || attempts == 1 && !s.dirty {
		return nil
	}
	err := s.hold.Ready(x.r.Context(), attempts)
	if err == nil {
		s.dirty = false
		return nil
	}
	if refusal, ok := errors.AsType[*budget.Refusal](err); ok {
		return x.overBudget(refusal)
	}
	return &llm.Error{Kind: llm.ErrUnavail, Message: "the budgets could not be asked", Cause: err}
}

// spend settles what an attempt costs, and writes it into its row.
func (x *exchange) spend(a *store.Attempt) {
	s := x.spending
	if s == nil {
		return
	}
	tokens := allTokens(&a.Usage)
	var room [roomCharges]budget.Charge
	a.Budgets = x.chargesText(s.hold.AppendCharges(room[:0], x.cost, tokens))
	s.hold.Spend(x.cost, tokens)
	s.dirty = s.dirty || x.cost > 0 || tokens > 0
}

func allTokens(u *store.Usage) int64 {
	return u.Input + u.Output + u.CacheRead + u.CacheWrite5m + u.CacheWrite1h
}

// roomCharges is how many budgets most requests count for at most.
const roomCharges = 4

func (x *exchange) chargesText(list []budget.Charge) string {
	var room [roomCharges]store.BudgetCharge
	out := room[:0]
	for i := range list {
		c := &list[i]
		out = append(out, store.BudgetCharge{Budget: c.Budget, Period: c.Period, Amount: c.Amount})
	}
	return store.BudgetCharges(x.gw.opt.Budgets.Replica(), out)
}

// underWay notes an attempt that is about to be sent, so that a crash does not make
// it free where a budget must hold.
func (x *exchange) underWay() {
	s := x.spending
	if s == nil || s.attempt != "" || !s.hold.Hard() {
		return
	}
	var room [roomCharges]budget.Charge
	a := store.Attempt{
		ID: ledger.NewID("att"), RequestID: x.id, KeyID: x.who.KeyID, TeamID: x.who.Labels.Team, UserID: x.who.Labels.User, Tags: x.who.Tags,
		Session: x.talk, Replica: x.gw.opt.Replica, Number: x.number, At: x.begun,
		Dialect: x.front.Name(), Provider: x.target.Provider.Name(), Surface: x.surface.Dialect,
		RequestedModel: x.model, ServedModel: x.target.Model, Stream: x.stream,
		Usage:   store.Usage{Input: s.worst.prompt, Output: s.worst.output, Estimated: true},
		Budgets: x.chargesText(s.hold.AppendWorst(room[:0])),
	}
	id := a.ID
	x.supposeCharge(&a, s.worst.nano)
	flight, err := x.gw.opt.Ledger.Begin(&a)
	if err != nil {
		x.gw.opt.Log.Warn("an attempt is sent without a note: a crash now would forget what it costs", "request", x.id, "error", err)
		return
	}
	s.attempt, s.flight = id, flight
}

// supposeCharge prices an attempt with what is reserved for it.
func (x *exchange) supposeCharge(a *store.Attempt, nano int64) {
	if x.gw.opt.Price == nil {
		return
	}
	p := x.priced(llm.Usage{Input: a.Usage.Input, Output: a.Usage.Output})
	c := x.gw.opt.Price.Book().Price(&p)
	a.Charge = store.Charge{Unpriced: c.Unpriced, Version: c.Version, Kind: p.Kind, Region: p.Region}
	if !c.Unpriced {
		a.Charge.Nano = nano
	}
}

// landed ends the note of an attempt: it is in the journal.
func (x *exchange) landed() {
	if s := x.spending; s != nil && s.attempt != "" {
		x.gw.opt.Ledger.Landed(s.flight)
		s.attempt, s.flight = "", ledger.Flight{}
	}
}

// letGo gives back what is reserved and was not spent. An answer that is made in
// the background keeps it until its end is seen.
func (x *exchange) letGo() {
	s := x.spending
	if s == nil {
		return
	}
	x.gw.opt.Ledger.Recall(s.flight) // of one that was not recorded
	if x.later.open() {
		return
	}
	if x.later.begun() {
		x.gw.opt.Budgets.Take(x.later.row.AttemptID)
	}
	s.hold.Close()
}

// promise keeps what is reserved for an attempt that tells later what an answer made
// in the background costs. It returns what is remembered of the budgets: as an
// attempt's row has it, with the unit where an amount will stand.
func (x *exchange) promise(attempt string) string {
	if x.spending == nil {
		return ""
	}
	x.gw.opt.Budgets.Park(attempt, x.spending.hold)
	list := x.spending.hold.AppendCharges(nil, 0, 0)
	text := x.chargesText(list)
	for _, c := range list {
		open := fmt.Sprintf("%s@%d=", c.Budget, c.Period.UnixNano())
		text = strings.Replace(text, open+"0", open+c.Unit, 1)
	}
	return text
}

// spendLater settles an answer that was made in the background.
func (g *Gateway) spendLater(row *store.Background, a *store.Attempt, nano int64) {
	if row.Budgets == "" || g.opt.Budgets == nil {
		return
	}
	tokens := allTokens(&a.Usage)
	a.Budgets = strings.NewReplacer("="+budget.Dollars, fmt.Sprintf("=%d", nano), "="+budget.Tokens, fmt.Sprintf("=%d", tokens)).Replace(row.Budgets)
	if hold := g.opt.Budgets.Take(row.AttemptID); hold != nil {
		hold.Spend(nano, tokens)
		hold.Close()
	}
}
