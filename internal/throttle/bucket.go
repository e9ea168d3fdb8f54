package throttle

import "time"

// bucket refills at an even rate to a tenth of a minute's worth, so that no
// minute sees much more than its limit. One request may take more than is there
// when the bucket is full; those after it wait until that is paid back.
type bucket struct {
	rate float64 // per second; 0: no limit
	most float64
	have float64
	at   time.Time
}

func newBucket(perMinute int64, now time.Time) bucket {
	most := max(1, float64(perMinute)/10)
	return bucket{rate: float64(perMinute) / 60, most: most, have: most, at: now}
}

func (b *bucket) refill(now time.Time) {
	if d := now.Sub(b.at); d > 0 {
		b.have = min(b.most, b.have+b.rate*d.Seconds())
		b.at = now
	}
}

// wait is how long until n may be taken.
func (b *bucket) wait(n float64, now time.Time) time.Duration {
	if b.rate == 0 {
		return 0
	}
	b.refill(now)
	if missing := min(n, b.most) - b.have; missing > 1e-9 {
		return max(time.Duration(missing/b.rate*float64(time.Second)), time.Microsecond)
	}
	return 0
}

func (b *bucket) take(n float64) {
	if b.rate > 0 {
		b.have -= n
	}
}

// give puts back what was not used, or takes what was used beyond it.
func (b *bucket) give(n float64) {
	if b.rate > 0 {
		b.have = min(b.most, b.have+n)
	}
}
