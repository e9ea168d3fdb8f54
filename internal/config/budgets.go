package config

import "time"

// Budgets is how budgets are kept. What they are is declared here, or told by the
// commands and the admin API; either way it is kept in the database.
type Budgets struct {
	// OnStoreAway is what happens when the database does not answer and what this
	// gateway has leased of a hard budget is spent: refuse, or allow, which settles
	// later and can overspend.
	OnStoreAway string `yaml:"on_store_away"`
	// Wait is how long a request waits at most for a lease of a budget.
	Wait time.Duration `yaml:"wait"`
	// AssumeOutput is how many tokens an answer is supposed to become where neither
	// its request nor what is known of its model says.
	AssumeOutput int `yaml:"assume_output"`
	// List are the budgets that this file declares. Where nothing else is said of budgets,
	// the list may stand right under budgets.
	List []Budget `yaml:"list,omitempty"`
}

// What a budget does without its database.
const (
	AwayRefuse = "refuse"
	AwayAllow  = "allow"
)

func defaultBudgets() Budgets {
	return Budgets{OnStoreAway: AwayRefuse, Wait: 2 * time.Second, AssumeOutput: 32_768}
}

// longestBudgetWait keeps the wait within the patience of clients.
const longestBudgetWait = 30 * time.Second

func validateBudgets(b *Budgets, r *report) {
	oneOf(r, "budgets.on_store_away", b.OnStoreAway, []string{AwayRefuse, AwayAllow})
	if b.Wait < shortest || b.Wait > longestBudgetWait {
		r.add("budgets.wait", "must be between %v and %v", shortest, longestBudgetWait)
	}
	between(r, "budgets.assume_output", b.AssumeOutput, 1, 10_000_000)
}
