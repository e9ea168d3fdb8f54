// Package route decides which accounts may serve a model, in what order, and
// keeps the reasons.
package route

import (
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"turnpike/internal/affinity"
	"turnpike/internal/health"
	"turnpike/internal/llm"
	"turnpike/internal/policy"
	"turnpike/internal/provider"
	"turnpike/internal/retry"
	"turnpike/internal/throttle"
)

// Settings are what the operator decides about routing beside the accounts.
type Settings struct {
	Aliases  policy.Aliases
	Strategy string // empty: smart
	// CrossGeo lets a Bedrock profile of another geography stand in for the one
	// a client named. Without it who asks for eu. stays in eu.
	CrossGeo bool
	Pins     *affinity.Pins   // nil: conversations are not kept together
	Retry    retry.Plan       // zero: retry.Default
	Budget   *retry.Budget    // of retries; nil: a tenth of the traffic
	Now      func() time.Time // nil: time.Now
	Rand     func() uint64    // nil: at random
}

// Table resolves models.
type Table struct {
	accounts        []*Account
	defaultProvider string
	defaultModel    string
	opt             Settings

	plans atomic.Pointer[plans]
	lists atomic.Pointer[lists]
	mu    sync.Mutex // for those who add a plan
}

// New makes a table with the settings that hold when nothing is said.
func New(accounts []*Account, defaultProvider, defaultModel string) *Table {
	t := &Table{accounts: accounts, defaultProvider: defaultProvider, defaultModel: defaultModel}
	return t.With(Settings{})
}

// With sets how the table chooses. It is for before the first request.
func (t *Table) With(s Settings) *Table {
	if s.Now == nil {
		s.Now = time.Now
	}
	if s.Rand == nil {
		s.Rand = rand.Uint64 //nolint:gosec // spreads load; nobody gains by guessing it
	}
	if s.Retry == (retry.Plan{}) {
		s.Retry = retry.Default
	}
	if s.Budget == nil {
		s.Budget = retry.NewBudget(10, 100, s.Now)
	}
	t.opt = s
	t.plans.Store(&plans{})
	t.lists.Store(nil)
	return t
}

// Accounts lists all accounts, also those not in use.
func (t *Table) Accounts() []*Account { return t.accounts }

// Default is the model of requests that name none; empty: there is none.
func (t *Table) Default() string { return t.defaultModel }

// Account is the account of that name, nil where there is none.
func (t *Table) Account(name string) *Account { return t.named(name) }

// Pins are the conversations kept where they are; nil where they are not.
func (t *Table) Pins() *affinity.Pins { return t.opt.Pins }

// Target is a place a request may be sent to.
type Target struct {
	Provider provider.Provider
	Model    string // as the upstream wants it
	Why      string // how it came to be a target
	Policy   policy.Policy
	// Step is the place in an alias's chain, 0 for the first.
	Step int
	// Gate keeps within the account's limits; nil is open.
	Gate  *throttle.Gate
	place *health.Place
}

// Excluded is a place that would serve the model and may not now.
type Excluded struct {
	Provider string
	Model    string
	Reason   string
	Until    time.Time // when a cool-down ends; zero: it is none
}

// Next decides what follows an attempt that failed before the client saw content.
func (t *Table) Next(s retry.State) retry.Step {
	return t.opt.Retry.Next(s, t.opt.Rand(), t.opt.Budget.Spend)
}

// Begin counts a request to a target in. last is for a target that has no other
// behind it: it is tried whatever its state. ok is false when the place has been
// found unwell since it was chosen; then the next one is asked.
func (t *Target) Begin(now func() time.Time, last bool) (h health.Handle, ok bool) {
	if t.place == nil { // made by hand
		return health.Handle{}, true
	}
	return t.place.Begin(now, last)
}

// Heard learns from a call beside those for answers that failed, such as a count.
func (t *Target) Heard(e *llm.Error, began, now time.Time) {
	if t.place != nil {
		t.place.Heard(e, began, now)
	}
}

// Place is what is known of how the target is.
func (t *Target) Place() *health.Place { return t.place }
