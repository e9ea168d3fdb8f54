package hist

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

func TestBucketsFollowOneAnother(t *testing.T) {
	last := -1
	for v := range int64(1 << 16) {
		b := bucket(v)
		if b != last && b != last+1 {
			t.Fatalf("%d falls into bucket %d after %d", v, b, last)
		}
		last = b
	}
	if b := bucket(math.MaxInt64); b >= buckets {
		t.Fatalf("the longest duration falls into bucket %d of %d", b, buckets)
	}
}

func TestMiddleIsNear(t *testing.T) {
	for v := int64(1); v > 0 && v < math.MaxInt64/3; v = v*3/2 + 1 {
		if off := math.Abs(float64(middle(bucket(v))-v)) / float64(v); off > 0.01 {
			t.Errorf("%d is given back as %d", v, middle(bucket(v)))
		}
	}
}

func TestQuantilesAgreeWithSorting(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	var a, b Hist
	var all []time.Duration
	for i := range 10_000 {
		d := time.Duration(math.Exp(rng.NormFloat64()*2) * float64(time.Millisecond))
		all = append(all, d)
		if i%2 == 0 {
			a.Add(d)
		} else {
			b.Add(d)
		}
	}
	a.Merge(&b)
	slices.Sort(all)
	if a.Count() != uint64(len(all)) {
		t.Fatalf("count %d", a.Count())
	}
	for _, q := range []float64{0.01, 0.5, 0.9, 0.99, 1} {
		want := all[max(int(q*float64(len(all))+0.5), 1)-1]
		got := a.Quantile(q)
		if off := math.Abs(float64(got-want)) / float64(want); off > 0.01 {
			t.Errorf("p%g: got %v, want %v", q*100, got, want)
		}
	}
}

func TestEmptyAndNegative(t *testing.T) {
	var h Hist
	if h.Quantile(0.5) != 0 {
		t.Error("quantile of nothing")
	}
	h.Add(-time.Second)
	if h.Quantile(0.5) != 0 || h.Count() != 1 {
		t.Error("a negative duration")
	}
}
