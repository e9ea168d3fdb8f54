package ledger

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"turnpike/internal/ledger/journal"
	"turnpike/internal/store"
)

const (
	batchLen  = 1024
	batchWait = 500 * time.Millisecond

	insertLimit = 30 * time.Second // for one batch

	firstRetry = 100 * time.Millisecond // doubled with each try
	lastRetry  = 30 * time.Second
	rescueWait = time.Second     // between tries to save what is stranded
	warnEvery  = 5 * time.Minute // while the sink fails
)

// run writes to the sink what the journal holds, until the recorder is closed and
// nothing is left, or the sink fails then.
func (r *Recorder) run() {
	defer close(r.done)
	for r.gather() {
		r.tidy()
		r.rescue()
		if !r.replay() || r.ended() {
			break
		}
	}
	r.rescue()
	r.tidy()
	r.stranded.give()
	if n := r.journal.Pending(); n > 0 {
		r.opt.Log.Warn("attempts stay in the journal until the next start", "attempts", n)
	}
	if err := errors.Join(r.inflight.file.Close(), r.journal.Close()); err != nil {
		r.opt.Log.Error("the journal could not be closed", "error", err)
	}
}

// ended tells that nothing more will come and nothing is left.
func (r *Recorder) ended() bool {
	select {
	case <-r.closing:
		return r.journal.Pending() == 0
	default:
		return false
	}
}

// gather waits until there is something to write, and then for what comes within
// a moment of the first, so that quiet times cost one transaction a request and
// busy ones far fewer. It returns false when there is nothing more to come.
func (r *Recorder) gather() bool {
	for r.journal.Pending() == 0 && !r.stranded.any.Load() {
		r.tidy()
		r.resting.Store(true)
		if r.journal.Pending() == 0 && !r.stranded.any.Load() && !r.inflight.anyStale() {
			select {
			case <-r.wake:
			case <-r.closing:
				r.resting.Store(false)
				return r.journal.Pending() > 0 || r.stranded.any.Load()
			}
		}
		r.resting.Store(false)
	}
	wait := batchWait
	if r.journal.Pending() == 0 {
		wait = rescueWait
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	for r.journal.Pending() < batchLen {
		select {
		case <-r.wake:
		case <-timer.C:
			return true
		case <-r.closing:
			return true
		}
	}
	return true
}

// replay writes the next batch. It returns false when the recorder is closed and
// the sink fails.
func (r *Recorder) replay() bool {
	records, ack, err := r.journal.Read(batchLen)
	if err != nil {
		r.unread++
		return r.failed(r.unread, err)
	}
	r.unread = 0
	rows := r.rows[:0]
	defer func() {
		clear(rows)
		r.rows = rows
	}()
	for _, rec := range records {
		if rec.Kind != journal.Settled {
			r.opt.Log.Error("a record of the journal is of a kind this turnpike does not know: it is passed over", "sequence", rec.Sequence, "kind", int(rec.Kind))
			continue
		}
		rows = append(rows, store.Attempt{})
		if err := readAttempt(&rows[len(rows)-1], rec.Payload); err != nil {
			r.opt.Log.Error("a record of the journal is passed over", "sequence", rec.Sequence, "error", err)
			rows = rows[:len(rows)-1]
		}
	}
	if len(rows) > 0 && !r.write(rows) {
		return false
	}
	if err := r.journal.Acknowledge(ack); err != nil {
		r.opt.Log.Warn("the journal could not be cleared: after a restart attempts are recorded again, which changes nothing", "error", err)
	}
	r.bound()
	return true
}

// write writes a batch, however long it takes.
func (r *Recorder) write(rows []store.Attempt) bool {
	for try := 0; ; try++ {
		err := r.insert(rows)
		if err == nil {
			r.recovered()
			return true
		}
		if !r.failed(try, err) {
			return false
		}
		r.rescue()
	}
}

func (r *Recorder) insert(rows []store.Attempt) error {
	ctx, cancel := context.WithTimeout(context.Background(), insertLimit)
	defer cancel()
	return r.sink.InsertAttempts(ctx, rows)
}

// failed warns, once and then from time to time, and waits for the next try,
// longer each time. It returns false when the recorder is closed: what is
// journalled can wait for the next start.
func (r *Recorder) failed(try int, err error) bool {
	now := time.Now()
	if r.away.CompareAndSwap(0, now.UnixNano()) || now.Sub(r.warned) >= warnEvery {
		r.warned = now
		r.opt.Log.Warn("attempts cannot be recorded: they stay in the journal", "error", err, "attempts", r.journal.Pending(), "bytes", r.journal.Bytes(),
			"for", now.Sub(time.Unix(0, r.away.Load())).Round(time.Second))
	}
	select { // before the wait, so that a closed recorder tries once
	case <-r.closing:
		return false
	default:
	}
	wait := min(firstRetry<<min(try, 20), lastRetry)
	wait = wait/2 + rand.N(wait/2) //nolint:gosec // jitter
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-r.closing:
	}
	return true
}

// recovered notes that the sink works again.
func (r *Recorder) recovered() {
	if since := r.away.Swap(0); since != 0 {
		r.opt.Log.Info("attempts are recorded again", "after", time.Since(time.Unix(0, since)).Round(time.Second), "waiting", r.journal.Pending())
	}
}

// rescue saves what the journal did not take: in the journal, if it takes them
// now, else in the sink.
func (r *Recorder) rescue() {
	for {
		rows := r.stranded.some(batchLen)
		if len(rows) == 0 {
			return
		}
		n := 0
		if !r.over.Load() {
			for n < len(rows) && r.journal.Append(journal.Settled, appendAttempt(nil, &rows[n])) == nil {
				n++
			}
		}
		if n == 0 && r.insert(rows) == nil {
			n = len(rows)
		}
		if n == 0 {
			return
		}
		r.stranded.saved(n)
	}
}
