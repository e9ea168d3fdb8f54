package retry

import (
	"sync/atomic"
	"time"
)

// Budget keeps retries to a part of the traffic, so that an outage is not made
// larger by those who meet it: every request pays in a part of a retry, every
// retry takes a whole one.
type Budget struct {
	percent int64
	most    int64 // hundredths of retries
	now     func() time.Time

	have  atomic.Int64 // hundredths of retries
	drips atomic.Int64 // the second until which the drip was paid in
}

// NewBudget allows retries for a percentage of requests. reserve is how many may
// be saved up for bad times, and are there at the start; a hundredth of it comes
// in every second besides, for gateways with little traffic. 0 percent allows none.
func NewBudget(percent, reserve int, now func() time.Time) *Budget {
	b := &Budget{percent: int64(percent), most: int64(reserve) * 100, now: now}
	if percent > 0 {
		b.have.Store(b.most)
	}
	b.drips.Store(now().Unix())
	return b
}

// Request pays in for a request. It is called once for each, not for retries.
func (b *Budget) Request() { b.add(b.percent) }

// Spend takes a retry, if there is one.
func (b *Budget) Spend() bool {
	b.drip()
	for {
		have := b.have.Load()
		if have < 100 {
			return false
		}
		if b.have.CompareAndSwap(have, have-100) {
			return true
		}
	}
}

// Left is the number of retries that may be made now.
func (b *Budget) Left() int {
	b.drip()
	return int(b.have.Load() / 100)
}

func (b *Budget) drip() {
	now, last := b.now().Unix(), b.drips.Load()
	if b.percent > 0 && now > last && b.drips.CompareAndSwap(last, now) {
		b.add(min(now-last, 100) * b.most / 100)
	}
}

func (b *Budget) add(n int64) {
	for {
		have := b.have.Load()
		if have >= b.most || b.have.CompareAndSwap(have, min(have+n, b.most)) {
			return
		}
	}
}
