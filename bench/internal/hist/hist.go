// Package hist counts durations in buckets that grow with them, so that any quantile is known to within one per cent.
package hist

import (
	"math/bits"
	"time"
)

// Each power of two is cut into 64 buckets; the middle of a bucket is at most 1/128 away from what fell into it.
const (
	stepBits = 6
	steps    = 1 << stepBits
	buckets  = (64 - stepBits) * steps
)

// Hist is a histogram of durations. It is not safe for concurrent use: give each goroutine its own and Merge them.
type Hist struct {
	count [buckets]uint32
	total uint64
	max   int64
}

// Add counts one duration; a negative one counts as zero.
func (h *Hist) Add(d time.Duration) {
	v := max(int64(d), 0)
	h.count[bucket(v)]++
	h.total++
	h.max = max(h.max, v)
}

// Merge adds what other counted.
func (h *Hist) Merge(other *Hist) {
	for i, n := range other.count {
		h.count[i] += n
	}
	h.total += other.total
	h.max = max(h.max, other.max)
}

// Count is how many durations were counted.
func (h *Hist) Count() uint64 { return h.total }

// Quantile is the duration that a share q of all stays at or under; 0 of an empty histogram.
func (h *Hist) Quantile(q float64) time.Duration {
	if h.total == 0 {
		return 0
	}
	rank := max(uint64(q*float64(h.total)+0.5), 1)
	var seen uint64
	for i, n := range h.count {
		if seen += uint64(n); seen >= rank {
			return time.Duration(min(middle(i), h.max))
		}
	}
	return time.Duration(h.max)
}

func bucket(v int64) int {
	if v < steps {
		return int(v)
	}
	shift := bits.Len64(uint64(v)) - 1 - stepBits
	return (shift+1)*steps + int(v>>shift) - steps
}

func middle(i int) int64 {
	if i < 2*steps {
		return int64(i)
	}
	shift := i/steps - 1
	low := int64(i%steps+steps) << shift
	return low + int64(1)<<shift/2
}
