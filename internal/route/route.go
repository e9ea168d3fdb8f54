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

// Table resolves models. What it chooses among is replaced as a whole: a request keeps to
// what there was when it came.
type Table struct{ now atomic.Pointer[set] }

// set is what a table chooses among.
type set struct {
	accounts        []*Account
	defaultProvider string
	defaultModel    string
	opt             Settings
	since           uint64 // counts the sets of a table in its upper bits

	plans atomic.Pointer[plans]
	lists atomic.Pointer[lists]
	mu    sync.Mutex // for those who add a plan
}

// setBits are those of a version that count the changes within a set.
const setBits = 40

// New makes a table with the settings that hold when nothing is said.
func New(accounts []*Account, defaultProvider, defaultModel string) *Table {
	t := &Table{}
	t.now.Store(newSet(accounts, defaultProvider, defaultModel, Settings{}, nil))
	return t
}

// With sets how the table chooses. It is for before the first request.
func (t *Table) With(s Settings) *Table {
	old := t.now.Load()
	t.now.Store(newSet(old.accounts, old.defaultProvider, old.defaultModel, s, nil))
	return t
}

// Replace puts other accounts and settings in the place of those there are, at once.
func (t *Table) Replace(accounts []*Account, defaultProvider, defaultModel string, s Settings) {
	t.now.Store(newSet(accounts, defaultProvider, defaultModel, s, t.now.Load()))
}

// newSet makes a set. Whose turn it is survives that of the one before.
func newSet(accounts []*Account, defaultProvider, defaultModel string, s Settings, before *set) *set {
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
	t := &set{accounts: accounts, defaultProvider: defaultProvider, defaultModel: defaultModel, opt: s}
	t.plans.Store(&plans{})
	if before != nil {
		t.since = before.since + 1<<setBits
		t.plans.Store(before.plans.Load())
	}
	return t
}

// Settings are how the table chooses.
func (t *Table) Settings() Settings { return t.now.Load().opt }

// Accounts lists all accounts, also those not in use.
func (t *Table) Accounts() []*Account { return t.now.Load().accounts }

// Default is the model of requests that name none; empty: there is none.
func (t *Table) Default() string { return t.now.Load().defaultModel }

// Account is the account of that name, nil where there is none.
func (t *Table) Account(name string) *Account { return t.now.Load().named(name) }

// Pins are the conversations kept where they are; nil where they are not.
func (t *Table) Pins() *affinity.Pins { return t.now.Load().opt.Pins }

// Resolve gives the targets for a model, best first.
func (t *Table) Resolve(model string) ([]Target, *llm.Error) { return t.now.Load().Resolve(model) }

// Candidates finds who may serve a request, in what order, and who may not. It is
// called once for each request, which pays into the budget of retries.
func (t *Table) Candidates(ask Ask) (Choice, *llm.Error) { return t.now.Load().candidates(ask, true) }

// Foresee is Candidates for who only wants to know.
func (t *Table) Foresee(ask Ask) (Choice, *llm.Error) { return t.now.Load().candidates(ask, false) }

// Stays tells whether it matters which conversation a request belongs to: there
// is a choice of places, and conversations are kept together.
func (t *Table) Stays(ask *Ask) bool { return t.now.Load().stays(ask) }

// Keep pins a conversation to the target that served it, for as long as its
// prompt cache lives.
func (t *Table) Keep(conversation string, at *Target, ttl time.Duration) {
	t.now.Load().keep(conversation, at, ttl)
}

// List gives the models a key may ask for, by id: what the configuration names,
// what accounts say they offer, and the aliases that are names. It comes from
// memory.
func (t *Table) List(key *policy.Routing) []Listing { return t.now.Load().List(key) }

// Standings tell how all places are that have been asked for, by account and model.
func (t *Table) Standings() []Standing { return t.now.Load().Standings() }

// Summaries tell how all accounts stand that are in use.
func (t *Table) Summaries() []Summary { return t.now.Load().Summaries() }

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
	opt := &t.now.Load().opt
	return opt.Retry.Next(s, opt.Rand(), opt.Budget.Spend)
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
