//go:build race

package e2e

// buildFlags make the gateway report data races when the tests do.
var buildFlags = []string{"-race"}
