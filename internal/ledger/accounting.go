//go:build !unaccounted

package ledger

// accounting is off in one binary only: the one that bench/ measures others against.
const accounting = true
