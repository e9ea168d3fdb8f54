package budget

import (
	"context"
	"time"
)

// Thresholds are the percentages of a limit that are told of.
var Thresholds = []int{50, 80, 100}

// KeepCharges is how long it is known which attempt counted what. It is longer than a
// journal waits for its database.
const KeepCharges = 35 * 24 * time.Hour

// Run keeps leases alive, gives back what is not used, and tells of thresholds,
// until ctx ends. Close comes after it.
func (k *Keeper) Run(ctx context.Context) {
	tick := time.NewTicker(tickEvery)
	defer tick.Stop()
	reclaimed, touched, swept := false, k.opt.Now(), time.Time{}
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		now := k.opt.Now()
		if !reclaimed && k.opt.Recovered() {
			reclaimed = k.bank(func(ctx context.Context) error { return k.opt.Bank.Reclaim(ctx, k.opt.Home, k.opt.Replica) })
		}
		if now.Sub(touched) >= touchEvery {
			touched = now
			k.bank(func(ctx context.Context) error { return k.opt.Bank.Touch(ctx, k.opt.Replica, now.Add(Lease)) })
		}
		sweep := now.Sub(swept) >= time.Hour
		if sweep {
			swept = now
			k.bank(func(ctx context.Context) error { return k.opt.Bank.SweepCharges(ctx, now.Add(-KeepCharges)) })
		}
		k.lapse(now)
		k.tidy(now, sweep)
	}
}

// bank does something with the bank, within a bound.
func (k *Keeper) bank(do func(context.Context) error) bool {
	ctx, cancel := context.WithTimeout(context.Background(), askLimit)
	defer cancel()
	err := do(ctx)
	k.heard(err)
	return err == nil
}

// heard notes how the bank is, and tells when that changes.
func (k *Keeper) heard(err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if err == nil {
		k.touched = k.opt.Now()
	}
	if (err != nil) == k.failing {
		return
	}
	k.failing = err != nil
	if k.failing {
		k.opt.Log.Warn("budgets cannot be leased: what is leased is spent, then the policy holds", "on_store_away", k.opt.OnAway, "error", err)
	} else {
		k.opt.Log.Info("budgets can be leased again")
	}
}

// Failing tells since the last answer whether the bank fails.
func (k *Keeper) Failing() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.failing
}

// lapse stops spending from leases that the bank may have given to others.
func (k *Keeper) lapse(now time.Time) {
	k.mu.Lock()
	gone := now.Sub(k.touched) >= Lease-margin
	k.mu.Unlock()
	if !gone {
		return
	}
	k.each(func(_ *shelf, a *account) {
		a.mu.Lock()
		defer a.mu.Unlock()
		if a.free > 0 && !a.rule.Soft {
			a.lost, a.free = a.lost+a.free, 0
		}
	})
}

// each visits all accounts.
func (k *Keeper) each(do func(*shelf, *account)) {
	k.accounts.Range(func(_, v any) bool {
		s := v.(*shelf) //nolint:forcetypeassert // nothing else is put in
		s.mu.Lock()
		list := append([]*account(nil), s.past...)
		if s.current != nil {
			list = append(list, s.current)
		}
		s.mu.Unlock()
		for _, a := range list {
			do(s, a)
		}
		return true
	})
}

// tidy gives back leases nobody uses, forgets accounts, and looks how those stand
// that are in use.
func (k *Keeper) tidy(now time.Time, sweep bool) {
	k.each(func(s *shelf, a *account) {
		a.mu.Lock()
		window := a.rule.Window // 0 but for a rolling one
		a.mu.Unlock()
		if sweep && window > 0 {
			before := a.span.Since.Add(-window)
			k.bank(func(ctx context.Context) error { return k.opt.Bank.Sweep(ctx, a.id, before) })
		}
		a.mu.Lock()
		after := idleFor
		if a.over(now) {
			after = 0
		}
		rest := a.idle(now, after)
		if !rest && a.flight == nil && !now.Before(a.away) && now.Sub(a.asOf) >= leaseFor {
			k.launch(a, 0, now) // for what others have spent meanwhile
		}
		a.mu.Unlock()
		if rest {
			k.giveBack(s, a)
		}
	})
}

// refund returns what is free of a lease. What the bank does not take for sure is
// spent by nobody until the journal's next process reclaims it: the bank may have
// heard, and given it to others.
func (k *Keeper) refund(a *account) {
	a.mu.Lock()
	n := a.lost
	if !a.rule.Soft {
		n += max(0, a.free)
		a.free = min(0, a.free)
	}
	a.lost = 0
	a.mu.Unlock()
	if n == 0 {
		return
	}
	k.bank(func(ctx context.Context) error {
		return k.opt.Bank.Return(ctx, &Refund{Budget: a.id, Period: a.span.Start, Replica: k.opt.Replica, Amount: n})
	})
	a.mu.Lock()
	a.grant.Mine -= n
	a.grant.Held -= n
	a.mu.Unlock()
}

// giveBack returns what is free of a lease and forgets the account, unless somebody
// has come to use it.
func (k *Keeper) giveBack(s *shelf, a *account) {
	a.mu.Lock()
	idle := a.idle(k.opt.Now(), 0)
	if idle && a.free < 0 { // a debt is told first
		k.launch(a, 0, k.opt.Now())
		idle = false
	}
	a.mu.Unlock()
	if !idle {
		return
	}
	k.refund(a)
	s.mu.Lock()
	defer s.mu.Unlock()
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.free != 0 || a.lost != 0 || !a.idle(k.opt.Now(), 0) {
		return
	}
	a.closed = true
	s.forget(a)
}

// forget takes an account from its shelf.
func (s *shelf) forget(a *account) {
	if s.current == a {
		s.current = nil
		return
	}
	for i, p := range s.past {
		if p == a {
			s.past = append(s.past[:i:i], s.past[i+1:]...)
			return
		}
	}
}

// tell tells of thresholds that the budget has come to.
func (k *Keeper) tell(a *account) {
	a.mu.Lock()
	spent, limit, rule, who, told := a.spent(), a.grant.Limit, *a.rule, a.who, a.told
	a.mu.Unlock()
	if k.opt.Crossed == nil || limit <= 0 {
		return
	}
	for _, percent := range Thresholds {
		if percent <= told || float64(spent)*100 < float64(limit)*float64(percent) {
			continue
		}
		first := false
		if !k.bank(func(ctx context.Context) (err error) {
			first, err = k.opt.Bank.Tell(ctx, a.id, a.span.Start, percent)
			return err
		}) {
			return
		}
		a.mu.Lock()
		a.told = max(a.told, percent)
		a.mu.Unlock()
		if first {
			k.opt.Crossed(Crossing{Rule: rule, Who: who, Percent: percent, Spent: spent, Limit: limit, Span: a.span})
		}
	}
}

// Close gives back every lease. No request is under way any more.
func (k *Keeper) Close() {
	k.quiet()
	k.each(func(s *shelf, a *account) { k.giveBack(s, a) })
}

// quiet waits for the questions that are under way, each of which has its bound.
func (k *Keeper) quiet() {
	k.each(func(_ *shelf, a *account) {
		a.mu.Lock()
		f := a.flight
		a.mu.Unlock()
		if f != nil {
			<-f.done
		}
	})
}

// Standing is how a budget stands for a request.
type Standing struct {
	Ask   Ask
	Limit int64
	Spent int64
	Left  int64 // what nobody has spent or leased, and what is free here
	Span  Span
}

// Look tells how budgets stand at a moment, and takes nothing. It asks the bank.
func (k *Keeper) Look(ctx context.Context, at time.Time, asks []Ask) ([]Standing, error) {
	list := make([]Standing, 0, len(asks))
	for i := range asks {
		r := asks[i].Rule
		span := r.Span(at)
		g, err := k.opt.Bank.Lease(ctx, &Claim{Budget: r.ID, Span: span, Limit: r.Limit, Replica: k.opt.Replica, Home: k.opt.Home, Now: at, Until: at.Add(Lease)})
		if err != nil {
			return nil, err
		}
		a := k.account(&asks[i], at)
		a.mu.Lock()
		s := Standing{Ask: asks[i], Limit: g.Limit, Span: span, Spent: g.Others + g.Mine, Left: g.Left()}
		if !r.Soft {
			s.Spent, s.Left = s.Spent-a.free-a.reserved-a.lost, s.Left+a.free
		}
		a.mu.Unlock()
		list = append(list, s)
	}
	return list, nil
}
