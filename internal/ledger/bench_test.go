//go:build unix

package ledger

import (
	"context"
	"log/slog"
	"syscall"
	"testing"
	"time"

	"turnpike/internal/store"
)

// BenchmarkAdd tells what an attempt costs from Add to the sink, replay included:
// cpu-ns/op is the processor's time, whatever else the machine does.
func BenchmarkAdd(b *testing.B) {
	r, err := Open(Options{Dir: b.TempDir(), Fsync: "interval", MaxBytes: 8 << 30, OnFull: Run, Log: slog.New(slog.DiscardHandler)}, &sinkhole{})
	if err != nil {
		b.Fatal(err)
	}
	a := store.Attempt{
		ID: NewID("att"), RequestID: NewID("req"), KeyID: NewID("key"), At: time.Now(), Dialect: "chat", Provider: "openai", Surface: "chat",
		RequestedModel: "gpt-5", ServedModel: "gpt-5", Status: 200, Stop: "end", Usage: store.Usage{Input: 1000, Output: 200}, Latency: time.Second,
	}
	b.ReportAllocs()
	b.SetParallelism(8) // 16 connections on two cores
	before := cpu(b)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			r.Add(&a)
		}
	})
	if err := r.Close(context.Background()); err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64((cpu(b)-before).Nanoseconds())/float64(b.N), "cpu-ns/op")
}

// cpu is the time this process has used, the system's share included.
func cpu(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
