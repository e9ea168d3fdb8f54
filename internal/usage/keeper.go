package usage

import (
	"context"
	"log/slog"
	"time"

	"turnpike/internal/store"
)

// Store is what a keeper works on.
type Store interface {
	StaleQuarters(ctx context.Context, before time.Time, limit int) ([]store.StaleQuarter, error)
	SumQuarter(ctx context.Context, q store.StaleQuarter) (bool, error)
	PurgeQuarter(ctx context.Context, before time.Time) (bool, error)
	PurgeSums(ctx context.Context, before time.Time) error
	PurgeLabels(ctx context.Context, limit int) (int64, error)
}

// Options say how usage is kept.
type Options struct {
	Store Store
	Log   *slog.Logger
	Now   func() time.Time
	// Keep is how long attempts are kept, KeepSums how long their sums are; 0 is for ever.
	Keep, KeepSums time.Duration
	// Leads says whether this replica is the one to work; nil: it is the only one.
	// Two that work at once do no harm.
	Leads func() bool
}

// Keeper sums attempts and deletes old ones.
type Keeper struct {
	opt     Options
	failing bool
}

// NewKeeper makes a keeper; Run lets it work.
func NewKeeper(opt Options) *Keeper { return &Keeper{opt: opt} }

const (
	// every is how often the keeper looks for work.
	every = time.Minute
	// settle is how long after its end a quarter is summed: most attempts that began in
	// it are over by then, and a late one costs summing it again.
	settle = 10 * time.Minute
	// perStep bounds the quarters of one step: a day's.
	perStep = 96
	// labelsPerStep bounds the labels that one deletes.
	labelsPerStep = 1000
	// stepLimit bounds its time.
	stepLimit = 5 * time.Minute
)

// Run works until ctx ends.
func (k *Keeper) Run(ctx context.Context) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		more := false
		if k.opt.Leads == nil || k.opt.Leads() {
			more = k.step(ctx)
		}
		if more {
			continue
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// step works once and reports what fails, once. It tells whether there is more to do.
func (k *Keeper) step(ctx context.Context) bool {
	limited, cancel := context.WithTimeout(ctx, stepLimit)
	defer cancel()
	more, err := k.Step(limited)
	switch {
	case ctx.Err() != nil:
		return false
	case err != nil && !k.failing:
		k.opt.Log.Warn("usage cannot be summed or tidied up; it is told from the attempts meanwhile", "error", err)
	case err == nil && k.failing:
		k.opt.Log.Info("usage can be summed again")
	}
	k.failing = err != nil
	return more && err == nil
}

// Step sums what is to be summed and deletes what is too old, up to a bound; more tells
// that there is more of it.
func (k *Keeper) Step(ctx context.Context) (more bool, err error) {
	now := k.opt.Now()
	list, err := k.opt.Store.StaleQuarters(ctx, now.Add(-settle), perStep)
	if err != nil {
		return false, err
	}
	summed := 0
	for _, q := range list {
		done, err := k.opt.Store.SumQuarter(ctx, q)
		if err != nil {
			return false, err
		}
		if done {
			summed++
		}
	}
	more = len(list) == perStep && summed > 0
	if k.opt.Keep > 0 {
		for n := 0; ; n++ {
			done, err := k.opt.Store.PurgeQuarter(ctx, now.Add(-k.opt.Keep))
			if err != nil {
				return false, err
			}
			if !done {
				break
			}
			if n == perStep {
				return true, nil
			}
		}
	}
	if k.opt.KeepSums > 0 {
		if err := k.opt.Store.PurgeSums(ctx, now.Add(-k.opt.KeepSums)); err != nil {
			return false, err
		}
	}
	deleted, err := k.opt.Store.PurgeLabels(ctx, labelsPerStep)
	return more || deleted == labelsPerStep, err
}
