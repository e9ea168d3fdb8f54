package limit

import "time"

// A limit of n in a minute is a bucket that holds n and leaks n in a minute. What is
// in it is counted in parts: one request or token is a minute's milliseconds, so that
// a millisecond lets out exactly n parts and no figure is ever rounded, here and in
// Redis alike. A bucket may hold more than fits: who used more than was reserved waits
// until it has leaked out.
const (
	window = 60_000 // milliseconds
	part   = window // parts of one request or token

	// most is the largest limit told apart from a larger one: its parts are whole
	// numbers for Redis' scripts too, which count in floating point.
	most = 100_000_000_000
)

// leak is what is left of a level after some milliseconds.
func leak(level, rate, elapsed int64) int64 {
	if rate <= 0 || level <= 0 || elapsed > level/rate {
		return 0
	}
	return level - rate*elapsed
}

// wait is how long it takes until n more fit, 0 where they do.
func wait(level, rate, n int64) time.Duration {
	over := level + n*part - rate*part
	if over <= 0 {
		return 0
	}
	return time.Duration((over+rate-1)/rate) * time.Millisecond
}

// left is how many still fit.
func left(level, rate int64) int64 { return max(0, rate-(level+part-1)/part) }

// empties is how long it takes until the bucket is as good as new.
func empties(level, rate int64) time.Duration {
	if rate <= 0 || level <= 0 {
		return 0
	}
	return time.Duration((level+rate-1)/rate) * time.Millisecond
}
