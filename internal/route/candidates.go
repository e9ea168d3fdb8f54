package route

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"turnpike/internal/affinity"
	"turnpike/internal/health"
	"turnpike/internal/llm"
	"turnpike/internal/policy"
)

// Ask is what is to be routed.
type Ask struct {
	Model string
	Key   *policy.Routing // what holds for the key; nil: nothing
	// Conversation is who belongs together; empty: nobody.
	Conversation string
}

// Choice is the answer, with what explains it.
type Choice struct {
	Targets  []Target // in the order in which they are to be asked
	Excluded []Excluded
	Alias    string // the alias that matched
	Strategy string
	Kept     bool   // the first target is where the conversation was
	Left     string // why it is not, where it was somewhere
}

func (t *set) Resolve(model string) ([]Target, *llm.Error) {
	c, err := t.candidates(Ask{Model: model}, true)
	return c.Targets, err
}

// candidates makes a choice; pays is for a request, which may cost retries.
func (t *set) candidates(ask Ask, pays bool) (c Choice, err *llm.Error) {
	if ask.Model == "" {
		ask.Model = t.defaultModel
	}
	if ask.Model == "" {
		return c, &llm.Error{Kind: llm.ErrInvalid, Param: "model", Message: "model: name the model you want; GET /v1/models lists them"}
	}
	p := t.plan(ask.Model, ask.Key)
	c.Alias, c.Excluded, c.Strategy = p.alias, slices.Clip(p.out), t.strategy(p, ask.Key)
	if p.err != nil {
		return c, p.err
	}
	if pays {
		t.opt.Budget.Request()
	}
	r := round{table: t, ask: &ask, choice: &c, plan: p, now: t.opt.Now()}
	r.run()
	if len(c.Targets) == 0 {
		return c, r.nobody()
	}
	return c, nil
}

func (t *set) stays(ask *Ask) bool {
	if t.opt.Pins == nil {
		return false
	}
	n := 0
	p := t.plan(cmp.Or(ask.Model, t.defaultModel), ask.Key)
	for i := range p.steps {
		n += len(p.steps[i].spots)
	}
	return n > 1
}

func (t *set) strategy(p *plan, key *policy.Routing) string {
	own := ""
	if key != nil {
		own = key.Strategy
	}
	return cmp.Or(p.strategy, own, t.opt.Strategy, policy.StrategySmart)
}

// round is one choice in the making.
type round struct {
	table  *set
	ask    *Ask
	choice *Choice
	plan   *plan
	now    time.Time
	cold   *spot // the cooling one that is the first to be well again
}

// fewContenders is how many need no memory of their own.
const fewContenders = 8

func (r *round) run() {
	n := 0
	for i := range r.plan.steps {
		n += len(r.plan.steps[i].spots)
	}
	r.choice.Targets = make([]Target, 0, n)
	var few [fewContenders]contender
	for i := range r.plan.steps {
		cs, others := r.admit(few[:0], r.plan.steps[i].spots)
		r.table.order(cs, r.choice.Strategy, r.plan.turn, r.now)
		if r.ask.Conversation != "" && len(r.choice.Targets) == 0 {
			r.settle(cs)
		}
		for j := range cs {
			r.add(cs[j].spot, cs[j].why)
		}
		for _, s := range others {
			r.add(s, s.why)
		}
	}
	r.stay()
	// Nothing is gained by refusing what might be served: the last one is asked
	// although it cools.
	if len(r.choice.Targets) == 0 && r.cold != nil {
		until, class := r.cold.place.Cooling()
		r.add(r.cold, fmt.Sprintf("%s; the only one left, although it cools (%s) until %s", r.cold.why, class, until.UTC().Format(time.TimeOnly)))
		r.choice.Excluded = slices.DeleteFunc(slices.Clone(r.choice.Excluded), func(x Excluded) bool {
			return x.Provider == r.cold.name() && x.Model == r.cold.model
		})
	}
}

func (r *round) add(s *spot, why string) {
	r.choice.Targets = append(r.choice.Targets, target(s, why))
}

func target(s *spot, why string) Target {
	a := s.account
	return Target{Provider: a.Provider, Model: s.model, Why: why, Policy: a.Policy, Step: s.step, Gate: s.gate, place: s.place}
}

// admit finds the spots that may be asked now: one for each account competes,
// its other spellings of the model stand behind.
func (r *round) admit(cs []contender, spots []*spot) (_ []contender, others []*spot) {
	var has *Account
	for _, s := range spots {
		if why := forbids(r.ask.Key, s.name(), r.ask.Model, &s.names); why != "" {
			r.exclude(s, why, time.Time{})
			continue
		}
		if s.place.State(r.now) == health.Open {
			until, class := s.place.Cooling()
			r.exclude(s, "cooling: "+class.String(), until)
			if r.cold == nil || r.coolsUntil(r.cold).After(until) {
				r.cold = s
			}
			continue
		}
		// Where a request would have to wait it goes when nobody else takes it.
		if s.account == has || s.gate.Busy() {
			others = append(others, s)
			continue
		}
		has = s.account
		cs = append(cs, contender{spot: s})
	}
	return cs, others
}

func (r *round) coolsUntil(s *spot) time.Time {
	until, _ := s.place.Cooling()
	return until
}

func (r *round) exclude(s *spot, reason string, until time.Time) {
	r.choice.Excluded = append(r.choice.Excluded, Excluded{Provider: s.name(), Model: s.model, Reason: reason, Until: until})
}

const forbidden = "the key may not use this "

// forbids says why a key may not use a place, empty where it may. Its list of
// models means a model by what was asked for and by any name it goes by there.
func forbids(k *policy.Routing, provider, asked string, names *[3]string) string {
	switch {
	case k == nil:
	case len(k.Providers) > 0 && !slices.Contains(k.Providers, provider):
		return forbidden + "provider"
	case len(k.Models) > 0 && !policy.MatchAny(k.Models, asked) && !policy.MatchAny(k.Models, names[0]) &&
		!policy.MatchAny(k.Models, names[1]) && !policy.MatchAny(k.Models, names[2]):
		return forbidden + "model"
	}
	return ""
}

// settle gives a conversation that is nowhere yet the place its hash tells, the
// same in every replica, where the strategy leaves it to chance anyway.
func (r *round) settle(cs []contender) {
	byWeight := r.choice.Strategy == policy.StrategySmart || r.choice.Strategy == policy.StrategyWeighted
	if len(cs) < 2 || r.table.opt.Pins == nil || !byWeight {
		return
	}
	at, top := -1, 0.0
	for i := range cs {
		if rank := affinity.Rank(r.ask.Conversation, cs[i].name(), cs[i].weight()); rank > top {
			at, top = i, rank
		}
	}
	if at <= 0 || r.choice.Strategy == policy.StrategySmart && poor(cs, at) {
		return
	}
	own := cs[at]
	copy(cs[1:at+1], cs[:at])
	cs[0] = own
}

// poor tells whether a place is so much worse than another one that a
// conversation should not begin there.
func poor(cs []contender, at int) bool {
	const much = 4
	own := cs[at].score / max(cs[at].weight(), 1)
	for i := range cs {
		if cs[i].score/max(cs[i].weight(), 1) > much*own {
			return true
		}
	}
	return false
}

// stay puts the place where a conversation is first, unless it has become slow.
func (r *round) stay() {
	pins := r.table.opt.Pins
	if pins == nil || r.ask.Conversation == "" {
		return
	}
	pin, ok := pins.Get(r.ask.Conversation)
	if !ok || pin.Provider == "" {
		return
	}
	ts := r.choice.Targets
	at := slices.IndexFunc(ts, func(t Target) bool { return t.Provider.Name() == pin.Provider && t.Model == pin.Model })
	if at < 0 {
		r.choice.Left = "its place " + pin.Provider + " may not serve it now"
		return
	}
	if ts[at].Step != ts[0].Step {
		r.choice.Left = "its place " + pin.Provider + " stood in for another, which is well again"
		return
	}
	now, best := ts[at].place.TTFT(r.now), 0.0
	for i := range ts {
		if v := ts[i].place.TTFT(r.now); i != at && v > 0 && (best == 0 || v < best) {
			best = v
		}
	}
	if len(ts) > 1 && pin.Slow(now, best) {
		r.choice.Left = fmt.Sprintf("its place %s has become slow: %.0f ms to the first token", pin.Provider, now)
		if at == 0 {
			ts[0], ts[1] = ts[1], ts[0]
		}
		return
	}
	own := ts[at]
	copy(ts[1:at+1], ts[:at])
	ts[0] = own
	r.choice.Kept = true
}

func (t *set) keep(conversation string, at *Target, ttl time.Duration) {
	if t.opt.Pins == nil || conversation == "" || at.place == nil {
		return
	}
	t.opt.Pins.Set(conversation, affinity.Pin{Provider: at.Provider.Name(), Model: at.Model, TTFT: at.place.TTFT(t.opt.Now())}, ttl)
}

// nobody is the error for a model that is served, and not for this request.
func (r *round) nobody() *llm.Error {
	var reasons []string
	allForbidden := true
	for _, x := range r.choice.Excluded {
		reasons = append(reasons, x.Provider+": "+x.Reason)
		allForbidden = allForbidden && strings.HasPrefix(x.Reason, forbidden)
	}
	if allForbidden {
		return &llm.Error{
			Kind: llm.ErrForbidden, Code: "model_not_allowed", Param: "model", NoRetry: true,
			Message: fmt.Sprintf("model %q: this key may not use it; GET /v1/models lists what it may", r.ask.Model),
		}
	}
	return &llm.Error{
		Kind: llm.ErrUnavail, Param: "model", RetryAfter: time.Second,
		Message: fmt.Sprintf("model %q: nobody may serve this request now (%s)", r.ask.Model, strings.Join(reasons, "; ")),
	}
}
