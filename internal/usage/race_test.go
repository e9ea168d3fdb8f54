//go:build race

package usage

// manyRows is less than a million where each costs ten times as much.
const manyRows = 50_000
