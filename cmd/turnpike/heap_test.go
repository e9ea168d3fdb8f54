package main

import (
	"runtime"
	"runtime/debug"
	"sync/atomic"
	"testing"
)

func TestPercentFor(t *testing.T) {
	for _, c := range []struct{ live, want int64 }{
		{0, maxPercent}, {1 << 20, maxPercent}, {8 << 20, 300}, {10 << 20, 220}, {16 << 20, 100}, {32 << 20, 50}, {64 << 20, 75}, {1 << 40, 99},
	} {
		if got := percentFor(c.live); got != c.want {
			t.Errorf("%d bytes alive: %d %%, want %d", c.live, got, c.want)
		}
	}
}

func TestSetPercent(t *testing.T) {
	before := debug.SetGCPercent(100)
	t.Cleanup(func() { debug.SetGCPercent(before) })
	last := &atomic.Int64{}
	last.Store(100)
	setPercent(last, 8<<20)
	if got := debug.SetGCPercent(300); got != 300 || last.Load() != 300 {
		t.Errorf("the collector was told %d", got)
	}
	setPercent(last, 15<<19) // not worth a word
	if last.Load() != 300 {
		t.Errorf("told again: %d", last.Load())
	}
	runtime.GC()
	if liveHeap() <= 0 {
		t.Error("nothing is alive")
	}
}

func TestWatchCollections(t *testing.T) {
	seen := make(chan struct{}, 16)
	watchCollections(func() {
		select {
		case seen <- struct{}{}:
		default:
		}
	})
	for range 3 { // each collection arms the next
		runtime.GC()
		<-seen
	}
}
