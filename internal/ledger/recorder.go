// Package ledger keeps account of every attempt. It is written to a journal on
// the local disk before the answer's last byte, and from there to the database in
// batches, off the road of the request: neither a crash nor a database that is
// away loses one.
package ledger

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"turnpike/internal/ledger/journal"
	"turnpike/internal/store"
)

// Sink is where attempts are kept. The list it is given is not its own.
type Sink interface {
	InsertAttempts(ctx context.Context, attempts []store.Attempt) error
}

// OnFull says what happens when an attempt cannot be journalled any more.
type OnFull string

// The ways.
const (
	// Refuse takes no new requests, so that every token stays accounted for.
	Refuse OnFull = "refuse"
	// Run goes on, and counts and logs what is lost.
	Run OnFull = "run"
)

// Options say how a ledger is kept.
type Options struct {
	// Dir is the folder of the journal.
	Dir string
	// Fsync is when the journal reaches the disk.
	Fsync journal.Fsync
	// MaxBytes bounds the journal.
	MaxBytes int64
	// OnFull is what happens at the bound, or when the disk takes no more.
	OnFull OnFull
	// Log is told what the operator should know.
	Log *slog.Logger
}

// NewID makes the id of a request or an attempt.
func NewID(prefix string) string { return store.NewID(prefix) }

// Recorder keeps attempts: Add journals them, and they are written to the sink.
type Recorder struct {
	opt     Options
	sink    Sink
	journal *journal.Journal

	mu     sync.RWMutex // held for reading while an attempt is added
	closed bool
	once   sync.Once

	wake    chan struct{} // there is something to do
	resting atomic.Bool   // the writer waits for it
	closing chan struct{}
	done    chan struct{}

	rows []store.Attempt // memory of the last batch, for the next

	inflight inflight // what is under way
	backlog  uint64   // the sequence of the first record of this process

	over     atomic.Bool  // the bound is reached
	stranded stranded     // what the journal did not take
	away     atomic.Int64 // since when the sink fails, in Unix nanoseconds; 0: it does not
	warned   time.Time    // of that
	unread   int          // tries to read the journal that failed, one after another
}

// Open opens the journal and begins to write what is left in it. Close ends that.
func Open(opt Options, sink Sink) (*Recorder, error) {
	// A bound below a few segments needs smaller ones.
	j, err := journal.Open(journal.Options{Dir: opt.Dir, Fsync: opt.Fsync, SegmentBytes: min(journal.SegmentBytes, opt.MaxBytes/4), Log: opt.Log})
	if err != nil {
		return nil, err
	}
	r := &Recorder{
		opt: opt, sink: sink, journal: j, wake: make(chan struct{}, 1), closing: make(chan struct{}), done: make(chan struct{}),
	}
	r.stranded.log = opt.Log
	if err := r.openInflight(); err != nil {
		return nil, errors.Join(fmt.Errorf("journal %s: %w", opt.Dir, err), j.Close())
	}
	r.backlog = j.Next()
	r.bound()
	if n := j.Pending(); n > 0 {
		opt.Log.Info("the journal holds attempts of before: they are recorded now", "attempts", n)
	}
	go r.run()
	return r, nil
}

// payloads are memory for what is journalled, which the journal copies.
var payloads = sync.Pool{New: func() any { return new([]byte) }}

// Add journals an attempt, which it does not keep: when it returns, a crash of the process cannot lose it.
// One that ends after Close can only be logged.
func (r *Recorder) Add(a *store.Attempt) {
	if !accounting {
		return
	}
	r.mu.RLock()
	defer r.mu.RUnlock()
	if r.closed {
		r.late(a)
		return
	}
	if r.over.Load() && r.opt.OnFull == Run {
		r.strand(a, errFull)
		return
	}
	payload := payloads.Get().(*[]byte) //nolint:forcetypeassert // nothing else is put in
	*payload = appendAttempt((*payload)[:0], a)
	err := r.journal.Append(journal.Settled, *payload)
	payloads.Put(payload)
	if err != nil {
		r.strand(a, err)
		return
	}
	if r.journal.Bytes() >= r.opt.MaxBytes {
		r.bound()
	}
	if r.journal.Pending() >= batchLen || r.resting.Load() {
		r.rouse()
	}
}

func (r *Recorder) late(a *store.Attempt) {
	logLost(r.opt.Log, "it ended too late to be recorded", a)
}

// rouse wakes the writer.
func (r *Recorder) rouse() {
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

var errFull = errors.New("the journal has reached ledger.max_bytes")

// bound notes whether the journal may grow. In-flight requests are journalled
// above the bound where new ones are refused: they are few.
func (r *Recorder) bound() {
	over := r.journal.Bytes() >= r.opt.MaxBytes
	if r.over.Swap(over) == over {
		return
	}
	if !over {
		r.opt.Log.Info("the journal has room again", "bytes", r.journal.Bytes())
		return
	}
	r.opt.Log.Error("the journal is full: see to the database, or raise ledger.max_bytes", "bytes", r.journal.Bytes(),
		"attempts", r.journal.Pending(), "on_full", string(r.opt.OnFull))
}

// strand keeps an attempt in memory that the journal did not take.
func (r *Recorder) strand(a *store.Attempt, why error) {
	r.stranded.add(*a, why)
	r.rouse()
}

// Ready tells whether new requests can be accounted for.
func (r *Recorder) Ready() error {
	if r.opt.OnFull != Refuse || !r.over.Load() && !r.stranded.any.Load() {
		return nil
	}
	if r.over.Load() {
		return errFull
	}
	return errors.New("the journal cannot be written")
}

// State is what can be told of a ledger.
type State struct {
	// Waiting counts attempts that are journalled and not in the database yet.
	Waiting int64
	// Bytes is the size of the journal.
	Bytes int64
	// Stranded counts attempts that only the memory has.
	Stranded int64
	// Lost counts attempts that could neither be journalled nor recorded.
	Lost int64
	// Away is since when the database fails; zero: it does not.
	Away time.Time
}

// State tells how the ledger stands.
func (r *Recorder) State() State {
	s := State{Waiting: r.journal.Pending(), Bytes: r.journal.Bytes(), Stranded: r.stranded.count.Load(), Lost: r.stranded.lost.Load()}
	if n := r.away.Load(); n != 0 {
		s.Away = time.Unix(0, n)
	}
	return s
}

// shut lets those that are adding an attempt finish, and nobody after them.
func (r *Recorder) shut() {
	r.mu.Lock()
	r.closed = true
	r.mu.Unlock()
	close(r.closing)
}

// Close writes what is waiting, until ctx ends or the sink fails: the rest stays
// in the journal for the next start.
func (r *Recorder) Close(ctx context.Context) error {
	r.once.Do(func() { go r.shut() })
	select {
	case <-r.done:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("%d attempts stay in the journal until the next start: %w", r.journal.Pending(), ctx.Err())
	}
}
