package main

import (
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"sync/atomic"
)

// heapFloor is how large the heap may grow before it is worth a collection. A
// gateway that holds no streams lives in a few megabytes and makes garbage with
// every request: by Go's own measure, twice what is alive, it would collect dozens
// of times a second and spend a seventh of its time on that.
const heapFloor = 32 << 20

// heapRoom is how much garbage a larger heap may hold at least. Go's measure would
// let a gateway that holds a thousand streams, 38 MB alive, grow to 76 MB.
const heapRoom = 16 << 20

const (
	defaultPercent = 100
	minPercent     = 10
	maxPercent     = 1600
)

// keepHeapFloor sets the collector's goal after each collection: the floor, or what
// is alive and room for garbage, or nearly twice what is alive where that is more.
// Whoever sets GOGC or GOMEMLIMIT decides alone.
func keepHeapFloor() {
	if os.Getenv("GOGC") != "" || os.Getenv("GOMEMLIMIT") != "" {
		return
	}
	last := &atomic.Int64{}
	last.Store(defaultPercent)
	watchCollections(func() {
		live := liveHeap()
		setPercent(last, live)
		if live > heapFloor/2 {
			dropPages() // a hundredth of what this collection has cost; see settle
		}
	})
}

// watchCollections calls do after each collection: an object that nobody holds is
// finalized by every one of them.
func watchCollections(do func()) {
	type witness struct{ _ *byte }
	var again func(*witness)
	again = func(*witness) {
		do()
		runtime.SetFinalizer(&witness{new(byte)}, again)
	}
	runtime.SetFinalizer(&witness{new(byte)}, again)
}

// setPercent tells the collector, which stops the world for a moment: so only
// where much has changed.
func setPercent(last *atomic.Int64, live int64) {
	want := percentFor(live)
	if was := last.Load(); want > was*5/4 || want < was*4/5 {
		last.Store(want)
		debug.SetGCPercent(int(want))
	}
}

// percentFor is the growth over what is alive that reaches the goal.
func percentFor(live int64) int64 {
	growth := max(heapFloor-live, heapRoom, live-heapRoom)
	return min(max(growth*100/max(live, 1), minPercent), maxPercent)
}

func liveHeap() int64 {
	sample := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	metrics.Read(sample)
	if sample[0].Value.Kind() != metrics.KindUint64 {
		return heapFloor
	}
	return int64(min(sample[0].Value.Uint64(), 1<<62)) //nolint:gosec // bounded
}
