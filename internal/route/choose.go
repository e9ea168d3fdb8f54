package route

import (
	"cmp"
	"slices"
	"sync/atomic"
	"time"

	"turnpike/internal/health"
	"turnpike/internal/policy"
)

// contender is a spot in a choice, with the data of the moment.
type contender struct {
	*spot
	live  health.Live
	score float64
}

// weight is the share of an account; with 0 it is asked when nobody else can.
func (c *contender) weight() float64 { return float64(max(0, c.account.Weight)) }

// order puts contenders in the order in which they are to be asked.
func (t *set) order(cs []contender, strategy string, turn *atomic.Uint64, now time.Time) {
	if len(cs) < 2 {
		return
	}
	switch strategy {
	case policy.StrategyWeighted:
		for i := range cs {
			cs[i].score = cs[i].weight()
		}
		draw(cs, t.opt.Rand, false)
	case policy.StrategyRoundRobin:
		rotate(cs, int((turn.Add(1)-1)%uint64(len(cs)))) //nolint:gosec // less than the length
	case policy.StrategyLeastUsed:
		for i := range cs {
			cs[i].live = cs[i].place.Used(now)
		}
		slices.SortStableFunc(cs, func(a, b contender) int {
			return cmp.Or(cmp.Compare(a.live.Inflight, b.live.Inflight), cmp.Compare(a.live.Asked, b.live.Asked))
		})
	case policy.StrategyPriority:
		slices.SortStableFunc(cs, func(a, b contender) int { return cmp.Compare(b.account.Weight, a.account.Weight) })
	default:
		rate(cs, now)
		draw(cs, t.opt.Rand, true)
	}
}

func rotate(cs []contender, n int) {
	slices.Reverse(cs[:n])
	slices.Reverse(cs[n:])
	slices.Reverse(cs)
}

// rate gives each its score: weight·100/(1+10·recent429+latency/100), less the
// share of requests that fail there. A place nobody has timed yet is taken to
// be like the others.
func rate(cs []contender, now time.Time) {
	var sum, known float64
	for i := range cs {
		cs[i].live = cs[i].place.Shape(now)
		if t := cs[i].live.TTFT; t > 0 {
			sum, known = sum+t, known+1
		}
	}
	for i := range cs {
		latency := cs[i].live.TTFT
		if latency == 0 && known > 0 {
			latency = sum / known
		}
		cs[i].score = cs[i].weight() * quality(cs[i].live, latency)
	}
}

// leastWorks keeps a place that fails from vanishing: what is never asked cannot
// show that it works again.
const leastWorks = 0.02

func quality(l health.Live, latency float64) float64 {
	return 100 / (1 + 10*l.Limited + latency/100) * max(leastWorks, 1-l.ErrorRate)
}

// draw orders by lot, the chances being the scores. With two it draws two at a
// time and takes the one with less under way for its score (power of two
// choices): the shares follow the scores, and nobody is stormed by all those who
// see the same best place.
func draw(cs []contender, rnd func() uint64, two bool) {
	total := 0.0
	for i := range cs {
		total += cs[i].score
	}
	for i := range len(cs) - 1 {
		rest := cs[i:]
		pick := lot(rest, total, rnd)
		if two {
			if second := lot(rest, total, rnd); freer(&rest[second], &rest[pick]) {
				pick = second
			}
		}
		total -= rest[pick].score
		rest[0], rest[pick] = rest[pick], rest[0]
	}
}

// freer tells whether a has less under way than b, measured by their scores.
func freer(a, b *contender) bool {
	return float64(a.live.Inflight)*b.score < float64(b.live.Inflight)*a.score
}

// lot draws one; where no score is above nothing, all have the same chance.
func lot(cs []contender, total float64, rnd func() uint64) int {
	if total <= 1e-9 {
		return int(rnd() % uint64(len(cs))) //nolint:gosec // less than the length
	}
	x := float64(rnd()>>11) / (1 << 53) * total
	last := 0
	for i := range cs {
		if cs[i].score <= 0 {
			continue
		}
		last = i
		if x -= cs[i].score; x < 0 {
			return i
		}
	}
	return last
}
