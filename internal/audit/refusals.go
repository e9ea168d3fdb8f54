package audit

import (
	"sync"
	"time"
)

// MaxRefusals is how many of Refusals are written in a minute.
const MaxRefusals = 60

// Refusals are events of those who could not prove who they are. Somebody who tries
// from many addresses must not fill the log: what comes on top is counted.
type Refusals struct {
	mu    sync.Mutex
	since time.Time
	n     int // in this minute
	more  int // that were left out
}

// Next tells whether one more may be written, and how many were left out before it.
func (f *Refusals) Next(now time.Time) (left int, ok bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if now.Sub(f.since) >= time.Minute {
		f.since, f.n = now, 0
	}
	if f.n >= MaxRefusals {
		f.more++
		return 0, false
	}
	f.n++
	left, f.more = f.more, 0
	return left, true
}
