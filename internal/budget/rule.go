// Package budget keeps spending within what was allowed: the worst case of a
// request is reserved before it is sent, and settled to the truth when it ends.
package budget

import (
	"fmt"
	"slices"
	"time"
)

// The units of a budget.
const (
	Dollars = "usd"    // amounts are nano-dollars
	Tokens  = "tokens" // amounts are tokens of every class
)

// The periods of a budget.
const (
	Lifetime = "lifetime" // never starts again by itself
	Daily    = "daily"    // from midnight to midnight of the zone
	Monthly  = "monthly"  // from the first to the first of the zone
	Rolling  = "rolling"  // the last Window, whenever that is
)

// Units and Periods are the values they may have.
var (
	Units   = []string{Dollars, Tokens}
	Periods = []string{Lifetime, Daily, Monthly, Rolling}
)

// Rule is one budget of a scope. A scope may have several; a request must fit all.
type Rule struct {
	// ID is the identity of the budget, made by store.NewID("bud").
	ID string `json:"id"`
	// Unit says what is counted.
	Unit string `json:"unit"`
	// Limit is what may be spent in a period, in nano-dollars or tokens; 0 blocks.
	Limit int64 `json:"limit"`
	// Period is when it starts again.
	Period string `json:"period"`
	// Window is how far a rolling period looks back.
	Window time.Duration `json:"window,omitempty"`
	// Rollover adds what a monthly period left to the next one.
	Rollover bool `json:"rollover,omitempty"`
	// Soft budgets refuse nothing: they are told of.
	Soft bool `json:"soft,omitempty"`
	// Zone is the IANA name of the zone days and months are counted in; empty is UTC.
	Zone string `json:"zone,omitempty"`
}

// The bounds of a rolling window.
const (
	minWindow = time.Minute
	maxWindow = 366 * 24 * time.Hour
)

// Check tells what is wrong with the values.
func (r Rule) Check() error {
	switch {
	case !slices.Contains(Units, r.Unit):
		return fmt.Errorf("unit must be one of %v, not %q", Units, r.Unit)
	case !slices.Contains(Periods, r.Period):
		return fmt.Errorf("period must be one of %v, not %q", Periods, r.Period)
	case r.Limit < 0:
		return fmt.Errorf("limit must be 0 or more: 0 blocks, having no budget does not limit")
	case (r.Period == Rolling) != (r.Window != 0):
		return fmt.Errorf("window belongs to a rolling period, and only to that")
	case r.Period == Rolling && (r.Window < minWindow || r.Window > maxWindow):
		return fmt.Errorf("window must be between %v and %v", minWindow, maxWindow)
	case r.Rollover && r.Period != Monthly:
		return fmt.Errorf("only a monthly budget can roll over")
	}
	if _, err := time.LoadLocation(r.Zone); err != nil {
		return fmt.Errorf("zone: %w", err)
	}
	return nil
}
