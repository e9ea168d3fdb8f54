// Package limit keeps clients within what they may ask for: requests and tokens
// in a minute, and requests under way at once.
package limit

import "fmt"

// Rule is what a scope may use. What is nil is unlimited; 0 blocks.
type Rule struct {
	// RPM is the requests in a minute.
	RPM *int64 `json:"rpm,omitempty" yaml:"rpm,omitempty"`
	// TPM is the tokens in a minute, of requests and answers together.
	TPM *int64 `json:"tpm,omitempty" yaml:"tpm,omitempty"`
	// Concurrent is the requests under way at once.
	Concurrent *int64 `json:"concurrent,omitempty" yaml:"concurrent,omitempty"`
}

// Unlimited tells whether the rule limits nothing.
func (r Rule) Unlimited() bool { return r.RPM == nil && r.TPM == nil && r.Concurrent == nil }

// Check tells what is wrong with the values.
func (r Rule) Check() error {
	for _, f := range []struct {
		name  string
		value *int64
	}{{"rpm", r.RPM}, {"tpm", r.TPM}, {"concurrent", r.Concurrent}} {
		if f.value != nil && *f.value < 0 {
			return fmt.Errorf("%s must be 0 or more: 0 blocks, leaving it out does not limit", f.name)
		}
	}
	return nil
}
