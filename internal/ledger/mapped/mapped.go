// Package mapped writes to files through memory. What is stored there the system has, as
// after a write: a process that is killed does not take it along. But it is no call to
// the system, and waits for none.
package mapped

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
)

// Window is a part of a file in memory, until it is closed or nobody has it any more.
// Several may store at once what does not overlap. What is stored is in the file also
// after that was closed.
type Window struct {
	from    int64
	mem     []byte
	cleanup runtime.Cleanup
}

var errNone = errors.New("files cannot be mapped here")

// Open fills a file with zeros from an offset on, n bytes or a few more, and maps them.
// With the zeros the disk has room for them: else what is stored later might find none,
// which can be told to nobody.
func Open(f *os.File, at int64, n int) (*Window, error) {
	if !able {
		return nil, errNone
	}
	page := int64(os.Getpagesize())
	from, end := at/page*page, (at+int64(n)+page-1)/page*page
	if _, err := f.WriteAt(make([]byte, end-at), at); err != nil {
		return nil, err
	}
	mem, err := enter(f, from, int(end-from))
	if err != nil {
		return nil, fmt.Errorf("map %s: %w", f.Name(), err)
	}
	w := &Window{from: from, mem: mem}
	w.cleanup = runtime.AddCleanup(w, leave, mem)
	return w, nil
}

// Close ends the window, into which nobody stores any more.
func (w *Window) Close() {
	if w == nil || w.mem == nil {
		return
	}
	w.cleanup.Stop()
	leave(w.mem)
	w.mem = nil
}

// Able tells whether files can be mapped here.
func Able() bool { return able }

// Holds tells whether a part of the file is in the window.
func (w *Window) Holds(at int64, n int) bool {
	return w != nil && at >= w.from && at+int64(n) <= w.from+int64(len(w.mem))
}

// Store puts bytes where they belong in the file. A disk that fails under it, or a file
// that somebody has cut, is an error.
func (w *Window) Store(b []byte, at int64) (err error) {
	if !w.Holds(at, len(b)) {
		return errors.New("outside of what is mapped")
	}
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if recover() != nil {
			err = errors.New("the disk failed under what is mapped")
		}
	}()
	copy(w.mem[at-w.from:], b)
	runtime.KeepAlive(w)
	return nil
}
