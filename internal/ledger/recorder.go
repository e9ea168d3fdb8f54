// Package ledger keeps account of every attempt, off the road of the request:
// rows are queued in memory and written in batches.
package ledger

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"turnpike/internal/store"
)

// Sink is where attempts are kept.
type Sink interface {
	InsertAttempts(ctx context.Context, attempts []store.Attempt) error
}

const (
	queueLen  = 4096 // rows waiting; a full queue makes requests wait at their end, none is dropped
	batchLen  = 256
	batchWait = 200 * time.Millisecond
	retryWait = time.Second
)

// NewID makes the id of a request or an attempt.
func NewID(prefix string) string { return store.NewID(prefix) }

// Recorder writes attempts to a sink.
type Recorder struct {
	sink  Sink
	log   *slog.Logger
	queue chan store.Attempt
	done  chan struct{}

	mu     sync.RWMutex // held for reading while an attempt is queued
	closed bool
	once   sync.Once
}

// NewRecorder starts a recorder. Close writes what is still waiting.
func NewRecorder(sink Sink, log *slog.Logger) *Recorder {
	r := &Recorder{sink: sink, log: log, queue: make(chan store.Attempt, queueLen), done: make(chan struct{})}
	go r.run()
	return r
}

// Add queues an attempt. One that ends after Close can only be logged.
func (r *Recorder) Add(a store.Attempt) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	if r.closed {
		r.log.Error("an attempt ended too late to be recorded", "request", a.RequestID, "key", a.KeyID, "provider", a.Provider,
			"served", a.ServedModel, "input", a.Usage.Input, "output", a.Usage.Output,
			"cache_read", a.Usage.CacheRead, "cache_write", a.Usage.CacheWrite5m+a.Usage.CacheWrite1h)
		return
	}
	r.queue <- a
}

// shut lets those that are queueing an attempt finish, and nobody after them.
func (r *Recorder) shut() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.closed = true
	close(r.queue)
}

// Waiting is how many attempts are queued.
func (r *Recorder) Waiting() int { return len(r.queue) }

func (r *Recorder) run() {
	defer close(r.done)
	batch := make([]store.Attempt, 0, batchLen)
	for first := range r.queue {
		batch = append(batch[:0], first)
		open := r.gather(&batch)
		r.write(batch)
		if !open {
			return
		}
	}
}

// gather takes what comes within a moment of the first, so that quiet times cost
// one transaction a request and busy ones far fewer.
func (r *Recorder) gather(batch *[]store.Attempt) (open bool) {
	timer := time.NewTimer(batchWait)
	defer timer.Stop()
	for len(*batch) < batchLen {
		select {
		case a, ok := <-r.queue:
			if !ok {
				return false
			}
			*batch = append(*batch, a)
		case <-timer.C:
			return true
		}
	}
	return true
}

// attemptsToWrite bounds how long a sink that fails is waited for: the rows are
// idempotent, so a batch may be sent again.
const attemptsToWrite = 30

func (r *Recorder) write(batch []store.Attempt) {
	for try := 1; ; try++ {
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		err := r.sink.InsertAttempts(ctx, batch)
		cancel()
		if err == nil {
			return
		}
		if try == attemptsToWrite {
			r.log.Error("attempts could not be recorded and are lost", "rows", len(batch), "error", err)
			return
		}
		r.log.Warn("attempts could not be recorded; trying again", "rows", len(batch), "try", try, "error", err)
		timer := time.NewTimer(retryWait)
		<-timer.C
	}
}

// Close writes what is waiting, until ctx ends.
func (r *Recorder) Close(ctx context.Context) error {
	r.once.Do(func() { go r.shut() })
	select {
	case <-r.done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
