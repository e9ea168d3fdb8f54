//go:build !race

package usage

const manyRows = 1_000_000
