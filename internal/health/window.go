package health

import (
	"sync/atomic"
	"time"
)

const buckets = 10

// window counts events of the recent past. A bucket is one word: the number of
// its time slice above, the count below; a bucket of an older slice counts for
// nothing, so nothing has to be cleared.
type window struct {
	words [buckets]atomic.Uint64
	last  atomic.Uint32 // the slice of the last event: most windows are empty, and that is known at once
}

func slice(now time.Time, span time.Duration) uint32 {
	return uint32(now.UnixNano() / int64(span/buckets)) //nolint:gosec // wraps, like every clock of 32 bits
}

// add counts one event in a window of the given span.
func (w *window) add(now time.Time, span time.Duration) {
	s := slice(now, span)
	b := &w.words[s%buckets]
	defer w.last.Store(s)
	for {
		old := b.Load()
		next := uint64(s)<<32 | 1
		if uint32(old>>32) == s {
			next = old + 1
		}
		if b.CompareAndSwap(old, next) {
			break
		}
	}
}

// count is the number of events within the span.
func (w *window) count(now time.Time, span time.Duration) (n float64) {
	s := slice(now, span)
	if s-w.last.Load() >= buckets {
		return 0
	}
	for i := range w.words {
		word := w.words[i].Load()
		if s-uint32(word>>32) < buckets {
			n += float64(uint32(word))
		}
	}
	return n
}

// fading is the same with events that count for less the older they are, and
// for nothing at the end of the span.
func (w *window) fading(now time.Time, span time.Duration) (n float64) {
	s := slice(now, span)
	if s-w.last.Load() >= buckets {
		return 0
	}
	for i := range w.words {
		word := w.words[i].Load()
		if age := s - uint32(word>>32); age < buckets {
			n += float64(uint32(word)) * (1 - float64(age)/buckets)
		}
	}
	return n
}

func (w *window) clear() {
	w.last.Store(0)
	for i := range w.words {
		w.words[i].Store(0)
	}
}
