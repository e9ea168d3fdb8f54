// Package journal keeps records on the local disk until they are acknowledged: an
// append-only log in segments, written by many at once, read by one. What Append
// has returned for survives the end of the process; whether it survives a power
// loss too is what Fsync says.
package journal

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"turnpike/internal/ledger/mapped"
)

// Fsync says when records are made to outlive a power loss. A process that is
// killed loses nothing with any of them: the system has the bytes by then.
type Fsync string

// The policies.
const (
	// Always waits for the disk before Append returns: nothing is lost.
	Always Fsync = "always"
	// Interval writes to the disk a moment later: that moment can be lost.
	Interval Fsync = "interval"
	// Never leaves it to the system: Linux waits for half a minute.
	Never Fsync = "never"
)

// syncAfter is how long Interval lets records wait: ten flushes a second at most
// are no load for a disk, and a tenth of a second of records is all that a power
// loss can take.
const syncAfter = 100 * time.Millisecond

// SegmentBytes is the size at which a segment is full.
const SegmentBytes = 8 << 20

var (
	errClosed = errors.New("the journal is closed")
	errLocked = errors.New("another turnpike writes there")
)

// Options say where and how a journal is kept.
type Options struct {
	// Dir is the folder. It is made if it is absent.
	Dir string
	// Fsync is when records reach the disk.
	Fsync Fsync
	// SegmentBytes is the size at which a segment is full; 0 is the usual one.
	SegmentBytes int64
	// Log is told of damage.
	Log *slog.Logger
}

// Journal is an open journal. Append may be called by many at once; Read and
// Acknowledge by one.
type Journal struct {
	opt  Options
	lock *os.File

	writing sync.Mutex // held by the one that writes to the file

	mu         sync.Mutex
	gathering  *batch         // takes records until it is written
	spare      *batch         // the next one, if nobody uses it any more
	list       []*segment     // oldest first
	file       *os.File       // of the last segment, nil when it takes no more
	window     *mapped.Window // of its end; nil: it is written
	unmapped   bool           // it cannot be mapped
	padded     bool           // there may be zeros behind its end
	closed     bool
	timer      *time.Timer // Interval: flushes what is unsynced
	unsynced   bool
	newNames   bool // a segment was made whose name may not be on the disk
	syncFailed bool

	sequence atomic.Uint64 // of the next record; changes while writing and mu are held
	acked    atomic.Uint64 // of the first record that is not acknowledged
	bytes    atomic.Int64
	retiring sync.WaitGroup

	reader reader
}

// batch is the records that one write takes.
type batch struct {
	buf  []byte
	done chan struct{} // made by the first that joins
	err  error
}

// Open opens a journal. What a crash left half-written at its end is cut off.
func Open(opt Options) (*Journal, error) {
	if opt.SegmentBytes == 0 {
		opt.SegmentBytes = SegmentBytes
	}
	j := &Journal{opt: opt}
	if err := os.MkdirAll(opt.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("journal: %w", err)
	}
	var err error
	if j.lock, err = lock(filepath.Join(opt.Dir, lockName)); err != nil {
		return nil, fmt.Errorf("journal %s: %w", opt.Dir, err)
	}
	if err := j.recover(); err != nil {
		return nil, errors.Join(fmt.Errorf("journal %s: %w", opt.Dir, err), j.lock.Close())
	}
	return j, nil
}

// Append returns when the record is in the file, and on the disk where the policy
// says so. The first of those that come while another write is under way writes
// for all of them.
func (j *Journal) Append(kind Kind, payload []byte) error {
	if len(payload) > MaxPayload {
		return errTooLarge
	}
	j.mu.Lock()
	b := j.gathering
	leads := b == nil
	switch {
	case leads:
		if b, j.spare = j.spare, nil; b == nil {
			b = &batch{}
		}
		j.gathering = b
	case b.done == nil:
		b.done = make(chan struct{})
	}
	b.buf = appendRecord(b.buf, kind, payload)
	j.mu.Unlock()
	if !leads {
		<-b.done
		return b.err
	}
	j.writing.Lock()
	j.mu.Lock()
	j.gathering = nil // from here on nobody joins
	j.mu.Unlock()
	err := j.write(b)
	j.writing.Unlock()
	if b.done != nil {
		b.err = err
		close(b.done)
		b = &batch{buf: b.buf} // those that joined still look at the other
	}
	j.keep(b)
	return err
}

// keep lets a batch be used again.
func (j *Journal) keep(b *batch) {
	if cap(b.buf) > keepRoom {
		return
	}
	b.buf = b.buf[:0]
	j.mu.Lock()
	j.spare = b
	j.mu.Unlock()
}

// keepRoom bounds the memory that is kept for the next batch.
const keepRoom = 1 << 20

// write writes a batch to the open segment.
func (j *Journal) write(b *batch) error {
	f, s, err := j.openSegment()
	if err != nil {
		return fmt.Errorf("journal: %w", err)
	}
	after := number(b.buf, j.sequence.Load())
	if s.size == 0 {
		b.buf = append([]byte(segmentHead), b.buf...)
	}
	err = j.put(f, b.buf, s.size)
	if err == nil && j.opt.Fsync == Always {
		err = j.sync(f)
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if err != nil {
		// What was written of it must not be read; where even that fails, the
		// segment takes no more.
		if cut := f.Truncate(s.size); cut != nil || j.opt.Fsync == Always || j.window != nil {
			j.retire()
		}
		return fmt.Errorf("journal: %w", err)
	}
	s.size += int64(len(b.buf))
	j.bytes.Add(int64(len(b.buf)))
	j.sequence.Store(after)
	if j.opt.Fsync == Interval && !j.unsynced {
		j.unsynced = true
		if j.timer == nil {
			j.timer = time.AfterFunc(syncAfter, j.flush)
		} else {
			j.timer.Reset(syncAfter)
		}
	}
	return nil
}

// windowBytes is how much of a segment is mapped at once.
const windowBytes = 256 << 10

// put writes to the end of the open segment: through memory, unless the disk is waited
// for anyway. Behind the end the file has zeros then.
func (j *Journal) put(f *os.File, b []byte, at int64) error {
	if !j.window.Holds(at, len(b)) && !j.unmapped {
		j.padded = true
		w, err := mapped.Open(f, at, int(max(min(windowBytes, j.opt.SegmentBytes), int64(len(b)))))
		j.window.Close()
		j.window, j.unmapped = w, err != nil
	}
	if j.window == nil { // its file system cannot do it, or has little room left: a write says so if there is none
		_, err := f.WriteAt(b, at)
		return err
	}
	return j.window.Store(b, at)
}

// openSegment returns the segment that takes records, a new one when the last is full.
func (j *Journal) openSegment() (*os.File, *segment, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.closed {
		return nil, nil, errClosed
	}
	if j.file != nil {
		if s := j.list[len(j.list)-1]; s.size < j.opt.SegmentBytes {
			return j.file, s, nil
		}
		j.retire()
	}
	first := j.sequence.Load()
	if n := len(j.list); n > 0 && j.list[n-1].first == first { // nothing was ever written to it
		j.bytes.Add(-j.list[n-1].size)
		j.list = j.list[:n-1]
	}
	s := &segment{path: segmentPath(j.opt.Dir, first), first: first}
	f, err := os.OpenFile(s.path, os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return nil, nil, err
	}
	j.file, j.newNames, j.unmapped, j.padded = f, true, j.opt.Fsync == Always, false
	j.list = append(j.list, s)
	return f, s, nil
}

// retire ends the open segment. Requests do not wait for the disk to have it.
func (j *Journal) retire() {
	f := j.file
	if j.padded { // that goes before there is a next one
		if err := f.Truncate(j.list[len(j.list)-1].size); err != nil {
			j.opt.Log.Error("a segment of the journal could not be cut to its length", "file", f.Name(), "error", err)
		}
	}
	j.window.Close()
	j.file, j.window = nil, nil
	j.retiring.Go(func() {
		if j.opt.Fsync == Interval {
			j.synced(f.Sync())
		}
		if err := f.Close(); err != nil {
			j.opt.Log.Error("a segment of the journal could not be closed", "file", f.Name(), "error", err)
		}
	})
}

// flush is Interval's moment.
func (j *Journal) flush() {
	j.mu.Lock()
	f := j.file
	j.unsynced = false
	j.mu.Unlock()
	if f != nil {
		j.synced(j.sync(f))
	}
}

// sync brings a segment to the disk, its name included.
func (j *Journal) sync(f *os.File) error {
	j.mu.Lock()
	names := j.newNames
	j.newNames = false
	j.mu.Unlock()
	if names {
		if err := syncDir(j.opt.Dir); err != nil {
			j.mu.Lock()
			j.newNames = true
			j.mu.Unlock()
			return err
		}
	}
	return f.Sync()
}

// synced notes how a flush went that nobody waits for, and says so once.
func (j *Journal) synced(err error) {
	if errors.Is(err, os.ErrClosed) { // it has just been retired, which syncs it
		return
	}
	j.mu.Lock()
	changed := j.syncFailed != (err != nil)
	j.syncFailed = err != nil
	j.mu.Unlock()
	switch {
	case changed && err != nil:
		j.opt.Log.Error("the journal cannot be flushed to the disk: a power loss now would lose attempts", "error", err)
	case changed:
		j.opt.Log.Info("the journal is flushed to the disk again")
	}
}

// Pending is how many records are not acknowledged.
func (j *Journal) Pending() int64 {
	acked := j.acked.Load()                 // before the other, which never falls behind it
	return int64(j.sequence.Load() - acked) //nolint:gosec // far below 2^63
}

// Next is the sequence of the next record.
func (j *Journal) Next() uint64 { return j.sequence.Load() }

// Acknowledged is the sequence of the first record that is not acknowledged.
func (j *Journal) Acknowledged() uint64 { return j.acked.Load() }

// Bytes is what the segments take on the disk.
func (j *Journal) Bytes() int64 { return j.bytes.Load() }

// Close ends the journal. With everything acknowledged no segment is left.
func (j *Journal) Close() error {
	j.writing.Lock()
	defer j.writing.Unlock()
	j.mu.Lock()
	if j.closed {
		j.mu.Unlock()
		return nil
	}
	j.closed = true
	if j.timer != nil {
		j.timer.Stop()
	}
	if j.file != nil {
		j.retire()
	}
	j.mu.Unlock()
	j.retiring.Wait()
	return errors.Join(j.remove(), j.lock.Close())
}
