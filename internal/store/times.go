package store

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Buckets is how many buckets a histogram of times has. Their bounds are fixed, so that
// histograms of any periods and processes add up.
const Buckets = 4*octaves + 1

// octaves is how often the bounds double from a millisecond on: up to 58 minutes.
const octaves = 22

// bucketBounds are the longest times of all buckets but the last: four to an octave, so a
// time is known to a fifth. They stand in databases by their numbers and never change.
var bucketBounds = func() (bounds [Buckets - 1]int64) {
	for i := range bounds {
		bounds[i] = [...]int64{1_000_000, 1_189_207, 1_414_214, 1_681_793}[i%4] << (i / 4)
	}
	return bounds
}()

// Histogram counts times by their buckets; nil counts none.
type Histogram []int64

func (h *Histogram) add(bucket int, n int64) {
	if *h == nil {
		*h = make(Histogram, Buckets)
	}
	(*h)[bucket] += n
}

// Quantile is the time that a part of all did not pass, between 0 and 1; false where
// there are none. Within a bucket times count as evenly spread.
func (h Histogram) Quantile(part float64) (time.Duration, bool) {
	var all int64
	for _, n := range h {
		all += n
	}
	rank := part * float64(all)
	for i, n := range h {
		if n == 0 || rank > float64(n) && i < Buckets-1 {
			rank -= float64(n)
			continue
		}
		if i == Buckets-1 { // all that is known is that it was longer
			return time.Duration(bucketBounds[i-1]), true
		}
		low := int64(0)
		if i > 0 {
			low = bucketBounds[i-1]
		}
		return time.Duration(low) + time.Duration(float64(bucketBounds[i]-low)*max(rank, 0)/float64(n)), true
	}
	return 0, false
}

// Times is how long attempts took, of those of which it is known.
type Times struct {
	// Latency is the time until the end of the answer, FirstContent that until the
	// first content.
	Latency, FirstContent Histogram
}

// Add adds what a UsageLine tells.
func (t *Times) Add(text string) error {
	for cell := range strings.FieldsSeq(text) {
		buckets, count, ok := strings.Cut(cell, ":")
		latency, content, both := strings.Cut(buckets, "/")
		n, err := strconv.ParseInt(count, 10, 64)
		if !ok || !both || err != nil {
			return fmt.Errorf("%q does not say how long attempts took", cell)
		}
		for _, of := range []struct {
			text string
			to   *Histogram
		}{{latency, &t.Latency}, {content, &t.FirstContent}} {
			bucket, err := strconv.Atoi(of.text)
			if err != nil || bucket >= Buckets || bucket < noBucket {
				return fmt.Errorf("%q does not say how long attempts took", cell)
			}
			if bucket != noBucket {
				of.to.add(bucket, n)
			}
		}
	}
	return nil
}

// noBucket stands for a time that is not known.
const noBucket = -1

// text writes times as they are kept: cells of a bucket of latencies, one of first
// contents, either of which may be none, and how many attempts. Databases make cells
// of both; kept are cells of one, of which there are fewer.
func (t *Times) text() string {
	var b strings.Builder
	for bucket, n := range t.Latency {
		if n != 0 {
			fmt.Fprintf(&b, "%d/%d:%d ", bucket, noBucket, n)
		}
	}
	for bucket, n := range t.FirstContent {
		if n != 0 {
			fmt.Fprintf(&b, "%d/%d:%d ", noBucket, bucket, n)
		}
	}
	return strings.TrimSuffix(b.String(), " ")
}

// tidied is what a database made, as it is kept.
func tidied(cells string) (string, error) {
	var t Times
	err := t.Add(cells)
	return t.text(), err
}

// bucketOf is SQL for the bucket of a time.
func bucketOf(column string) string {
	return "CASE WHEN " + column + " <= 0 THEN -1 ELSE " + bucketWithin(column, 0, Buckets-1) + " END"
}

// bucketWithin asks for the bucket between two of them by halves.
func bucketWithin(column string, low, high int) string {
	if low == high {
		return strconv.Itoa(low)
	}
	middle := (low + high) / 2
	return "CASE WHEN " + column + " <= " + strconv.FormatInt(bucketBounds[middle], 10) +
		" THEN " + bucketWithin(column, low, middle) + " ELSE " + bucketWithin(column, middle+1, high) + " END"
}

// cells are sums by bucket on their way to a text.
const (
	cellColumns = "latency_bucket, content_bucket"
	cellsText   = "string_agg(CAST(latency_bucket AS TEXT) || '/' || CAST(content_bucket AS TEXT) || ':' || CAST(attempts AS TEXT), ' ') AS times"
)

var cellsAs = bucketOf("latency_ns") + " AS latency_bucket, " + bucketOf("first_content_ns") + " AS content_bucket"
