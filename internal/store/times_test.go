package store

import (
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

// count is what the database does, as plainly as can be.
func count(h *Histogram, d time.Duration) {
	if d <= 0 {
		return
	}
	for bucket, bound := range bucketBounds {
		if int64(d) <= bound {
			h.add(bucket, 1)
			return
		}
	}
	h.add(Buckets-1, 1)
}

// TestBucketBounds: they stand in databases, so they are what they always were.
func TestBucketBounds(t *testing.T) {
	for i, bound := range bucketBounds {
		if want := 1e6 * math.Pow(2, float64(i)/4); math.Abs(float64(bound)/want-1) > 1e-6 {
			t.Errorf("bound %d is %d, want %.0f", i, bound, want)
		}
	}
	if first, last := bucketBounds[0], bucketBounds[len(bucketBounds)-1]; first != 1_000_000 || last != 1_681_793<<21 || Buckets != 89 {
		t.Errorf("%d buckets from %d to %d", Buckets, first, last)
	}
}

// TestBucketsOfDatabases: a database sorts times into the buckets that they are read from, at
// the bounds as well.
func TestBucketsOfDatabases(t *testing.T) {
	s, _ := newStore(t)
	var list []Attempt
	var want Times
	for i, bound := range bucketBounds {
		for j, d := range []int64{bound - 1, bound, bound + 1, -bound} {
			a := Attempt{ID: fmt.Sprint("att_", i, "_", j), At: monday, Latency: time.Duration(d), FirstContent: time.Duration(d / 2)}
			list = append(list, a)
			count(&want.Latency, a.Latency)
			count(&want.FirstContent, a.FirstContent)
		}
	}
	list = append(list, Attempt{ID: "none", At: monday}, Attempt{ID: "long", At: monday, Latency: 10 * time.Hour})
	count(&want.Latency, 10*time.Hour)
	if err := s.InsertAttempts(t.Context(), list); err != nil {
		t.Fatal(err)
	}
	for _, state := range []string{"stale", "summed"} {
		for _, got := range usageOf(t, s, monday, monday.Add(Quarter)) {
			if !reflect.DeepEqual(got.Times, want) {
				t.Errorf("%s: %+v\nwant %+v", state, got.Times, want)
			}
		}
		sumSome(t, s, 9)
	}
}

// TestQuantiles: within the width of a bucket, which is a fifth, however the times are
// spread and in how many parts they are added up.
func TestQuantiles(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8)) //nolint:gosec // the same each time
	for range 200 {
		all := make([]time.Duration, 1+r.IntN(500))
		spread := 1 + r.Float64()*6
		var parts [3]Times
		for i := range all {
			all[i] = time.Duration(2e6 * math.Exp(r.Float64()*spread))
			count(&parts[r.IntN(3)].Latency, all[i])
		}
		var sum Times
		for i := range parts {
			if err := sum.Add(parts[i].text()); err != nil {
				t.Fatal(err)
			}
		}
		slices.Sort(all)
		for _, part := range []float64{.5, .95} {
			got, ok := sum.Latency.Quantile(part)
			want := all[max(0, int(math.Ceil(part*float64(len(all))))-1)]
			if off := float64(got) / float64(want); !ok || off > 1.2 || off < 1/1.2 {
				t.Fatalf("%v of %d: %v, want %v", part, len(all), got, want)
			}
		}
	}
}

func TestQuantileOfLittle(t *testing.T) {
	var none Histogram
	if _, ok := none.Quantile(.5); ok {
		t.Error("a quantile of nothing")
	}
	var long Histogram
	count(&long, 2*time.Hour)
	if d, ok := long.Quantile(.5); !ok || d != time.Duration(bucketBounds[Buckets-2]) {
		t.Errorf("%v, %v", d, ok)
	}
	var short Histogram
	count(&short, 1)
	if d, ok := short.Quantile(.5); !ok || d > time.Millisecond {
		t.Errorf("%v, %v", d, ok)
	}
}

// FuzzTimes: what a database says is taken or refused, and what is taken is written as it
// is kept and read again.
func FuzzTimes(f *testing.F) {
	for _, seed := range []string{"", "1/2:3", "-1/4:5 6/-1:7", "-1/-1:1", "89/0:1", "x", "1:2", "1/2", "1/2:x", "1/-2:1", "  1/2:3  "} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, in string) {
		var first, again Times
		if first.Add(in) != nil {
			return
		}
		text := first.text()
		if err := again.Add(text); err != nil || again.text() != text || strings.Contains(text, "  ") {
			t.Errorf("%q became %q, then %q: %v", in, text, again.text(), err)
		}
	})
}

// TestTimesThatAreNotKept: sums of an older version know no times, and nothing becomes
// known by adding to them.
func TestTimesThatAreNotKept(t *testing.T) {
	s, _ := newStore(t)
	insert := func(id string) {
		t.Helper()
		if err := s.InsertAttempts(t.Context(), []Attempt{{ID: id, At: monday, Latency: time.Second}}); err != nil {
			t.Fatal(err)
		}
		sumSome(t, s, 9)
	}
	insert("a")
	if _, err := s.writer.ExecContext(t.Context(), `UPDATE usage_quarters SET times = ''`); err != nil {
		t.Fatal(err)
	}
	if d, err := s.CompareSums(t.Context(), monday, monday.AddDate(0, 0, 1), 9); err != nil || len(d) != 0 {
		t.Errorf("%+v, %v", d, err)
	}
	if done, err := s.PurgeQuarter(t.Context(), monday.AddDate(0, 0, 1)); !done || err != nil {
		t.Fatal(done, err)
	}
	insert("late")
	for _, u := range usageOf(t, s, time.Time{}, time.Time{}) {
		if u.Attempts != 2 || u.Latency != nil {
			t.Errorf("%+v", u)
		}
	}
}
