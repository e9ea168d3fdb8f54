package journal

import (
	"errors"
	"io/fs"
	"os"
)

// Report is what Scan saw of a journal.
type Report struct {
	// Bytes is what the segments take on the disk.
	Bytes int64
	// Missing counts the records that should be there and are not.
	Missing uint64
	// Damaged counts bytes that are no record. Those at the very end, where a
	// record may be half-written, are Torn instead.
	Damaged, Torn int64
	// Aside lists the segments that were kept for their damage.
	Aside []string
}

// Acknowledged is the sequence of the first record that is not acknowledged.
func Acknowledged(dir string) (uint64, error) { return readAck(dir) }

// Scan reads a journal from its first record on, acknowledged or not, and changes
// nothing: another process may be writing to it.
func Scan(dir string, yield func(Record) error) (r Report, err error) {
	if r.Aside, err = Damaged(dir); err != nil {
		return r, err
	}
	list, err := segments(dir)
	if err != nil {
		return r, err
	}
	expect := uint64(0) // unknown
	for i, s := range list {
		if err := known(s); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return r, err
		}
		b, err := os.ReadFile(s.path)
		if errors.Is(err, fs.ErrNotExist) { // acknowledged and removed meanwhile
			expect = 0
			continue
		}
		if err != nil {
			return r, err
		}
		if expect == 0 {
			expect = s.first
		}
		if expect, err = r.segment(b, expect, i == len(list)-1, yield); err != nil {
			return r, err
		}
	}
	return r, nil
}

// segment reads one, and returns the sequence that comes next.
func (r *Report) segment(b []byte, expect uint64, last bool, yield func(Record) error) (uint64, error) {
	r.Bytes += int64(written(b))
	for b = b[start(b):]; len(b) > 0; {
		rec, skipped, used := next(b)
		left := b
		b = b[used:]
		switch {
		case skipped == used && last:
			r.Torn += int64(written(left))
			return expect, nil
		case skipped > 0:
			r.Damaged += int64(skipped)
		}
		if skipped == used {
			break
		}
		if rec.Sequence > expect {
			r.Missing += rec.Sequence - expect
		}
		expect = rec.Sequence + 1
		if err := yield(rec); err != nil {
			return expect, err
		}
	}
	return expect, nil
}
