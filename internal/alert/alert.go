// Package alert tells people when money or errors pass a threshold, and when that is
// over: once each, also after a restart.
package alert

import (
	"context"
	"log/slog"
	"sync/atomic"
	"time"

	"turnpike/internal/store"
)

// Kind is what a rule watches.
type Kind string

// The kinds.
const (
	// Spend is nano-dollars in the hour, day or month there is now.
	Spend Kind = "spend"
	// Errors is the share of attempts that failed within an hour, in percent.
	Errors Kind = "errors"
	// Unpriced counts attempts of the day whose cost is not known.
	Unpriced Kind = "unpriced"
	// JournalLag is for how long attempts have not reached the database, in nanoseconds.
	JournalLag Kind = "journal_lag"
	// ProviderDown is for how long no model of a provider has been served, in nanoseconds.
	ProviderDown Kind = "provider_down"
	// Budget is how much of a budget is spent, in percent.
	Budget Kind = "budget"
)

// Rule is one thing to be told of.
type Rule struct {
	// Name is the rule's, unique.
	Name string
	// Kind is what it watches.
	Kind Kind
	// Above is the threshold, in the unit of its kind.
	Above int64
	// Per is the period of Spend: hour, day or month.
	Per string
	// Scope is who has a threshold of their own: all (together), key or team.
	Scope string
	// Least is how many attempts there must be for Errors.
	Least int64
	// Cooldown is how long after its end the alert does not begin again.
	Cooldown time.Duration
	// Channels are the names of those it is told by.
	Channels []string
}

// Message is what is told.
type Message struct {
	// ID is the same for each try to deliver it.
	ID string `json:"id"`
	// Alert is the rule's name, Kind what it watches.
	Alert string `json:"alert"`
	Kind  Kind   `json:"kind"`
	// State is firing or over.
	State string `json:"state"`
	// Subject is whom it is about: all, key and an id, team and an id …
	Subject string `json:"subject"`
	// Value and Above are the figure and its threshold, for people.
	Value string `json:"value"`
	Above string `json:"above"`
	// At is when it was noticed.
	At time.Time `json:"at"`
	// Text says all of it in a sentence.
	Text string `json:"text"`
}

// Channel delivers messages.
type Channel interface {
	Send(ctx context.Context, m *Message) error
}

// Store remembers what was told.
type Store interface {
	Alerts(ctx context.Context) ([]store.AlertState, error)
	MoveAlert(ctx context.Context, a store.AlertState, from string) (bool, error)
	ForgetAlerts(ctx context.Context, state string, before time.Time) error
}

// Options are what a watch is made of.
type Options struct {
	Rules    []Rule
	Channels map[string]Channel
	Store    Store
	Gauges   Gauges
	Log      *slog.Logger
	Now      func() time.Time
	// Leads says whether this replica is the one to tell of what all share; nil: it is
	// the only one. Each tells of its own journal.
	Leads func() bool
}

// Watch looks at the figures and tells of those that pass their thresholds.
type Watch struct {
	opt     Options
	now     atomic.Pointer[duty]
	local   memory // of this replica alone, also while the database is away
	failing bool
}

// New makes a watch; Run lets it look.
func New(opt Options) *Watch {
	w := &Watch{opt: opt}
	w.Set(opt.Rules, opt.Channels)
	return w
}

// duty is what is looked at, and whom it is told.
type duty struct {
	rules    []Rule
	channels map[string]Channel
}

// Set changes the rules and the channels from the next look on.
func (w *Watch) Set(rules []Rule, channels map[string]Channel) { w.now.Store(&duty{rules, channels}) }

const (
	every      = time.Minute
	checkLimit = 5 * time.Minute
)

// Run looks until ctx ends.
func (w *Watch) Run(ctx context.Context) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		w.look(ctx)
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

func (w *Watch) look(ctx context.Context) {
	limited, cancel := context.WithTimeout(ctx, checkLimit)
	defer cancel()
	err := w.Check(limited)
	switch {
	case ctx.Err() != nil:
		return
	case err != nil && !w.failing:
		w.opt.Log.Warn("alerts cannot be checked", "error", err)
	case err == nil && w.failing:
		w.opt.Log.Info("alerts can be checked again")
	}
	w.failing = err != nil
}
