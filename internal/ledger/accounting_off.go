//go:build unaccounted

package ledger

const accounting = false
