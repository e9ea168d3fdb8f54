package signin

import "time"

// Usage is what an account has used and may use.
type Usage struct {
	Plan  string    `json:"plan"`
	User  string    `json:"user,omitempty"`
	Reset time.Time `json:"reset,omitzero"`
	Lines []Line    `json:"lines"`
	// Overage tells whether more than the plan's is sold.
	Overage string `json:"overage,omitempty"`
	Notice  string `json:"notice"`
}

// Line is one allowance. Amounts are the service's own, in its unit.
type Line struct {
	Name  string    `json:"name"`
	Unit  string    `json:"unit,omitempty"`
	Used  float64   `json:"used"`
	Limit float64   `json:"limit"`
	Ends  time.Time `json:"ends,omitzero"`
}
