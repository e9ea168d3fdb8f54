package journal

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
)

// reader is how far Read has come.
type reader struct {
	seg    *segment
	off    int64
	room   []byte // memory of what was loaded last
	left   []byte // of it, what is not read yet
	expect uint64 // the sequence that comes next
}

// recover finds out where the journal ends and from where it is to be read.
func (j *Journal) recover() (err error) {
	acked, err := readAck(j.opt.Dir)
	if err != nil {
		return err
	}
	if j.list, err = segments(j.opt.Dir); err != nil {
		return err
	}
	for _, s := range j.list {
		if err := known(s); err != nil {
			return err
		}
	}
	if acked == 1 { // a damaged file may be longer than what is written over it
		if err := os.Remove(filepath.Join(j.opt.Dir, ackName)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	next := acked
	if n := len(j.list); n > 0 {
		acked = max(acked, j.list[0].first)
		end, err := j.cut(j.list[n-1])
		if err != nil {
			return err
		}
		next = max(acked, end)
	}
	for _, s := range j.list {
		j.bytes.Add(s.size)
	}
	j.sequence.Store(next)
	j.acked.Store(acked)
	j.reader.expect = acked
	return j.remove()
}

// cut takes from the end of the last segment what a crash left half-written, and
// returns the sequence after its last record. Damage with whole records behind it
// is not the work of a crash and stays for the reader to report.
func (j *Journal) cut(s *segment) (end uint64, err error) {
	b, err := os.ReadFile(s.path)
	if err != nil {
		return 0, err
	}
	end = s.first
	whole := 0
	for at := start(b); at < len(b); {
		r, skipped, used := next(b[at:])
		at += used
		if skipped < used {
			whole, end = at, max(end, r.Sequence+1)
		}
	}
	if whole == len(b) {
		return end, nil
	}
	if torn := written(b[whole:]); torn > 0 {
		j.opt.Log.Warn("the journal ends in a record that a crash left half-written: it is cut off", "file", s.path, "bytes", torn)
	}
	s.size = int64(whole)
	if whole > 0 {
		return end, os.Truncate(s.path, s.size)
	}
	j.list = j.list[:len(j.list)-1]
	return end, os.Remove(s.path)
}

// written is how much of a segment's end was written to: behind it are the zeros of what
// was mapped.
func written(b []byte) int { return len(bytes.TrimRight(b, "\x00")) }

// Read returns the records that come next, at most so many, and the sequence to
// acknowledge when they are kept: it may move on without records, past damage.
// The payloads hold until the next call.
func (j *Journal) Read(most int) (records []Record, ack uint64, err error) {
	r := &j.reader
	for len(records) < most {
		if len(r.left) == 0 {
			if len(records) > 0 { // their memory is in use
				break
			}
			if more, err := j.load(); err != nil || !more {
				return records, r.expect, err
			}
		}
		rec, skipped, used := next(r.left)
		r.left = r.left[used:]
		found := skipped < used
		if skipped > 0 {
			j.spoilt(r.seg, skipped)
		}
		if !found || rec.Sequence < r.expect { // acknowledged before a crash
			continue
		}
		if rec.Sequence > r.expect {
			j.missed(r.seg, rec.Sequence-r.expect)
		}
		r.expect = rec.Sequence + 1
		records = append(records, rec)
	}
	return records, r.expect, nil
}

// spoilt reports bytes that are no record.
func (j *Journal) spoilt(s *segment, bytes int) {
	j.mu.Lock()
	s.damaged = true
	j.mu.Unlock()
	j.opt.Log.Error("the journal is damaged: the file will be kept, with the ending "+damagedEnding, "file", s.path, "bytes", bytes)
}

// missed reports records that are not there.
func (j *Journal) missed(s *segment, records uint64) {
	j.mu.Lock()
	s.damaged = true
	j.mu.Unlock()
	j.opt.Log.Error("attempts are missing from the journal", "attempts", records, "file", s.path)
}

// load takes what is not read yet of the segment, or of the next one. A segment
// is a few MiB, so it is taken whole.
func (j *Journal) load() (more bool, err error) {
	r := &j.reader
	for {
		size, ok := j.turn()
		if !ok {
			return false, nil
		}
		if r.off < size {
			return true, j.fill(size)
		}
	}
}

// turn tells how far the reader's segment can be read, and goes on to the next
// one when it is read to its end.
func (j *Journal) turn() (size int64, ok bool) {
	j.mu.Lock()
	r := &j.reader
	i := slices.Index(j.list, r.seg)
	switch {
	case len(j.list) == 0:
		j.mu.Unlock()
		return 0, false
	case i >= 0 && r.off < r.seg.size:
		defer j.mu.Unlock()
		return r.seg.size, true
	case i == len(j.list)-1:
		j.mu.Unlock()
		return 0, false
	}
	last := r.seg
	r.seg, r.off = j.list[i+1], 0
	first, size := r.seg.first, r.seg.size
	j.mu.Unlock()
	if first > r.expect {
		if last == nil {
			last = r.seg
		}
		j.missed(last, first-r.expect)
		r.expect = first
	}
	return size, true
}

func (j *Journal) fill(size int64) error {
	r := &j.reader
	f, err := os.Open(r.seg.path)
	if err != nil {
		return fmt.Errorf("read the journal: %w", err)
	}
	defer func() { _ = f.Close() }()
	n := int(size - r.off)
	if cap(r.room) < n || cap(r.room) > keepRoom {
		r.room = make([]byte, n)
	}
	b := r.room[:n]
	if _, err := io.ReadFull(io.NewSectionReader(f, r.off, int64(n)), b); err != nil {
		return fmt.Errorf("read the journal: %w", err)
	}
	r.left = b
	if r.off == 0 {
		r.left = b[start(b):]
	}
	r.off = size
	return nil
}

// Acknowledge says that all records before a sequence are kept elsewhere.
// Segments without any other are removed; damaged ones are set aside.
func (j *Journal) Acknowledge(next uint64) error {
	j.acked.Store(next)
	kept := j.remove() // first: a full disk may need it
	if err := writeAck(j.opt.Dir, next); err != nil {
		return fmt.Errorf("journal: %w", err)
	}
	return kept
}

// remove removes what is acknowledged.
func (j *Journal) remove() error {
	j.mu.Lock()
	defer j.mu.Unlock()
	for len(j.list) > 0 {
		s, end := j.list[0], j.sequence.Load()
		if len(j.list) > 1 {
			end = j.list[1].first
		}
		if j.file != nil && len(j.list) == 1 || j.acked.Load() < end {
			return nil
		}
		if err := j.discard(s); err != nil {
			return fmt.Errorf("journal: %w", err)
		}
		j.list = j.list[1:]
		j.bytes.Add(-s.size)
	}
	return nil
}

func (j *Journal) discard(s *segment) error {
	if !s.damaged {
		return os.Remove(s.path)
	}
	removed, err := setAside(s)
	for _, name := range removed {
		j.opt.Log.Error("of the damaged journal files only the newest are kept: this one was removed", "file", name)
	}
	return err
}
