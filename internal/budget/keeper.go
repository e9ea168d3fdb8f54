package budget

import (
	"context"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"
)

// The policies for a bank that does not answer, once the leases are spent.
const (
	Refuse = "refuse" // what hard budgets are for
	Allow  = "allow"  // go on, and settle what was spent when it is back
)

const (
	dryFor   = time.Second      // a "no" holds so long
	awayFor  = time.Second      // a bank that failed is left alone so long
	askLimit = 5 * time.Second  // for one question to the bank
	idleFor  = 10 * time.Second // an account not used for so long gives back its lease

	// Lease is how long a lease lasts that nobody touches. A replica stops spending
	// from its own well before, for clocks differ.
	Lease  = 15 * time.Minute
	margin = 5 * time.Minute

	tickEvery  = time.Second
	touchEvery = 20 * time.Second
)

// Options are what a keeper is made of.
type Options struct {
	Bank    Bank
	Replica string // the name of this process
	Home    string // the name of its journal
	OnAway  string // Refuse or Allow
	// Wait bounds how long a request waits for the bank.
	Wait time.Duration
	// Recovered tells whether all that processes before this one spent is in the bank.
	Recovered func() bool
	// Crossed is told when a budget comes to a percentage; nil: nobody is.
	Crossed func(Crossing)
	Log     *slog.Logger
	Now     func() time.Time
}

// Crossing is a budget that has come to a percentage of its limit.
type Crossing struct {
	Rule    Rule
	Who     Who
	Percent int
	Spent   int64
	Limit   int64
	Span    Span
}

// Keeper keeps the budgets of one replica. It is safe for concurrent use.
type Keeper struct {
	opt      Options
	accounts sync.Map // of a budget's id: *shelf
	parked   sync.Map // of an attempt's id: *Hold

	mu      sync.Mutex // of what follows
	touched time.Time  // the last time the bank was heard
	failing bool
}

// shelf is the accounts of one budget.
type shelf struct {
	mu      sync.Mutex
	rule    Rule  // as it was seen last
	seen    *Rule // and where: rules are not changed, only replaced
	current *account
	past    []*account // periods that are over and not settled
}

// New makes a keeper. Run does its work in the background.
func New(opt Options) *Keeper { return &Keeper{opt: opt, touched: opt.Now()} }

// Replica is the name of this process.
func (k *Keeper) Replica() string { return k.opt.Replica }

// account finds the account of a moment.
func (k *Keeper) account(a *Ask, at time.Time) *account {
	v, ok := k.accounts.Load(a.Rule.ID)
	if !ok {
		v, _ = k.accounts.LoadOrStore(a.Rule.ID, &shelf{})
	}
	s := v.(*shelf) //nolint:forcetypeassert // nothing else is put in
	s.mu.Lock()
	defer s.mu.Unlock()
	if c := s.current; c != nil && (s.seen == a.Rule || s.rule == *a.Rule) && c.span.holds(at) {
		s.seen = a.Rule
		return c
	}
	span := a.Rule.Span(at)
	s.rule, s.seen = *a.Rule, a.Rule
	for _, c := range append(s.past, s.current) {
		if c != nil && c.span.Start.Equal(span.Start) && c.span.End.Equal(span.End) {
			return c
		}
	}
	now := k.opt.Now()
	c := &account{id: a.Rule.ID, span: span, rule: a.Rule, who: a.Who, touched: now, since: now}
	switch {
	case s.current == nil:
		s.current = c
	case span.Start.Before(s.current.span.Start): // of a request that was admitted before the period ended
		s.past = append(s.past, c)
	default:
		s.past = append(s.past, s.current)
		s.current = c
	}
	return c
}

// Ask is what a request may come to cost one budget.
type Ask struct {
	Rule   *Rule
	Who    Who
	Amount int64 // in the rule's unit
}

// Who is whose a budget is, for people.
type Who struct{ Kind, Name string }

func (w Who) String() string { return w.Kind + " " + w.Name }

// Reserve holds the worst case of a request in all its budgets, or in none. It
// waits for the bank only where a lease is used up, and no longer than Wait.
func (k *Keeper) Reserve(ctx context.Context, at time.Time, asks []Ask) (*Hold, error) {
	h := k.newHold(at, asks)
	if err := k.reserve(ctx, h); err != nil {
		return nil, err
	}
	return h, nil
}

// Try does so where what is leased already suffices. Where it does not it returns
// nil, at once: Reserve may wait, and tells why.
func (k *Keeper) Try(at time.Time, asks []Ask) *Hold {
	h := k.newHold(at, asks)
	if h.find() != nil {
		return nil
	}
	if short, again := h.take(k.opt.Now()); short != nil || again {
		return nil
	}
	return h
}

func (k *Keeper) newHold(at time.Time, asks []Ask) *Hold {
	h := &Hold{k: k, at: at}
	h.parts = h.room[:0]
	for i := range asks {
		h.parts = append(h.parts, part{ask: asks[i], goal: asks[i].Amount})
	}
	slices.SortFunc(h.parts, func(a, b part) int { return strings.Compare(a.ask.Rule.ID, b.ask.Rule.ID) })
	h.parts = slices.CompactFunc(h.parts, func(a, b part) bool { return a.ask.Rule.ID == b.ask.Rule.ID })
	return h
}

func (k *Keeper) reserve(ctx context.Context, h *Hold) error {
	var until time.Time
	for {
		if err := h.find(); err != nil {
			return err
		}
		now := k.opt.Now()
		short, again := h.take(now)
		if again {
			continue
		}
		if short == nil {
			return nil
		}
		if until.IsZero() {
			until = now.Add(k.opt.Wait)
		}
		if err := k.more(ctx, short, until); err != nil {
			return err
		}
	}
}

// find looks up the accounts. A limit of 0 blocks without a look.
func (h *Hold) find() error {
	for i := range h.parts {
		p := &h.parts[i]
		if p.ask.Rule.Limit <= 0 && !p.ask.Rule.Soft {
			return &Refusal{Why: Blocked, Rule: *p.ask.Rule, Who: p.ask.Who, Need: p.ask.Amount}
		}
		if p.acc == nil {
			p.acc = h.k.account(&p.ask, h.at)
		}
	}
	return nil
}

// take reserves in all accounts, or in none: then it returns one that is short. The
// accounts are locked in the order of their names, so that no two requests wait for
// each other.
func (h *Hold) take(now time.Time) (short *part, again bool) {
	for i := range h.parts {
		h.parts[i].acc.mu.Lock()
	}
	defer func() {
		for i := range h.parts {
			if h.parts[i].acc != nil {
				h.parts[i].acc.mu.Unlock()
			}
		}
	}()
	for i := range h.parts {
		p := &h.parts[i]
		a := p.acc
		if a.closed {
			a.mu.Unlock()
			p.acc = nil
			again = true
			continue
		}
		a.rule, a.who = p.ask.Rule, p.ask.Who // what holds may have changed
		if short == nil && !p.forced && a.short(p.due()) {
			short = p
		}
	}
	if again || short != nil {
		return short, again
	}
	for i := range h.parts {
		p := &h.parts[i]
		p.acc.take(p.due())
		p.acc.touched = now
		p.held += p.due()
		if p.acc.low(now) { // so that nobody has to wait for it
			h.k.launch(p.acc, 0, now)
		}
	}
	return nil, false
}

// more waits until the bank has answered for an account that is short.
func (k *Keeper) more(ctx context.Context, p *part, until time.Time) error {
	a, need := p.acc, p.due()
	a.mu.Lock()
	if a.closed || !a.short(need) {
		a.mu.Unlock()
		return nil
	}
	now := k.opt.Now()
	switch {
	case now.Before(a.away):
		defer a.mu.Unlock()
		return k.without(p)
	case a.flight == nil && !a.asOf.IsZero() && now.Sub(a.asOf) < dryFor && need > a.free+max(0, a.grant.Left()):
		defer a.mu.Unlock()
		return a.refusal(p)
	case !now.Before(until):
		defer a.mu.Unlock()
		r := a.refusal(p)
		r.Why = Held
		return r
	}
	if a.flight == nil {
		k.launch(a, need-max(0, a.free), now)
	}
	f := a.flight
	a.wanted += need
	a.mu.Unlock()
	wait := time.NewTimer(until.Sub(now))
	defer wait.Stop()
	var err error
	select {
	case <-f.done:
	case <-wait.C: // the next look says what is to be said
	case <-ctx.Done():
		err = ctx.Err()
	}
	a.mu.Lock()
	a.wanted -= need
	a.mu.Unlock()
	return err
}

// without is what happens while the bank is away and the lease is spent.
func (k *Keeper) without(p *part) error {
	a := p.acc
	if k.opt.OnAway != Allow {
		return &Refusal{Why: Away, Rule: *a.rule, Who: a.who, Need: p.due(), Span: a.span}
	}
	p.forced = true
	return nil
}

// launch asks the bank, in the background. The account is locked.
func (k *Keeper) launch(a *account, need int64, now time.Time) {
	f := &flight{done: make(chan struct{})}
	a.flight = f
	c := &Claim{
		Budget: a.id, Span: a.span, Limit: a.rule.Limit, Replica: k.opt.Replica, Home: k.opt.Home,
		Need: need, Want: need + a.wanted + a.appetite(now), Debt: max(0, -a.free), Now: now, Until: now.Add(Lease),
	}
	if a.rule.Soft {
		c.Need, c.Want, c.Debt = 0, 0, 0
	}
	go k.ask(a, f, c)
}

// ask asks the bank and takes in what it says.
func (k *Keeper) ask(a *account, f *flight, c *Claim) {
	ctx, cancel := context.WithTimeout(context.Background(), askLimit)
	g, err := k.opt.Bank.Lease(ctx, c)
	cancel()
	k.heard(err)
	a.mu.Lock()
	if err == nil {
		a.free += c.Debt + g.Amount
		a.grant = g
	}
	a.mu.Unlock()
	if err == nil && c.Need > 0 && g.Amount == 0 { // what is free here is too little, but may be enough elsewhere
		k.refund(a)
	}
	now := k.opt.Now()
	a.mu.Lock()
	a.flight, f.err = nil, err
	if err != nil {
		a.away = now.Add(awayFor)
	} else {
		a.asOf = now
		if now.Sub(a.since) >= leaseFor {
			a.drawn, a.since = 0, now
		}
	}
	a.mu.Unlock()
	close(f.done)
	if err == nil {
		k.tell(a)
	}
}
