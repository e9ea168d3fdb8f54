package wire

import (
	"errors"
	"io"
	"sync"
)

// Frame is one message of a stream: a server-sent event, or a message of the
// AWS event stream. Its fields are views, valid until the next one is read.
type Frame struct {
	Event     []byte // name of the event or exception; empty where the protocol has none
	Data      []byte // payload
	Raw       []byte // exact bytes of a server-sent event, its blank line included
	Exception bool   // AWS: the message is an exception or an error
}

// FrameReader yields the frames of a stream. Next returns io.EOF at a clean end
// and io.ErrUnexpectedEOF when the stream broke off inside a frame.
type FrameReader interface {
	Next() (Frame, error)
	// More tells whether another frame, good or broken, is already here, so that
	// Next need not wait: if not, what has been made of the ones before should be
	// sent on.
	More() bool
}

// Holder is a FrameReader whose frames can be passed on as they stand in its
// buffer, many in one piece.
type Holder interface {
	FrameReader
	Hold()
	Held() []byte
}

// ErrFrameTooLarge is returned for a frame over the reader's bound.
var ErrFrameTooLarge = errors.New("a frame of the stream is larger than allowed")

// DefaultMaxFrame bounds one frame: a whole base64 picture fits.
const DefaultMaxFrame = 32 << 20

// A buffer is small at first because a gateway holds thousands of streams open;
// one that a single read fills is changed for a larger one, so that a fast stream
// needs fewer reads and writes. A stream that is slow again gives it up: every
// stream has a burst once. They are used again.
const (
	firstBuffer  = 2 << 10
	middleBuffer = 8 << 10
	burstBuffer  = 32 << 10

	// calmReads in a row that the small buffer would have taken make a stream slow.
	calmReads = 4
)

var (
	firstBuffers  = buffers(firstBuffer)
	middleBuffers = buffers(middleBuffer)
	burstBuffers  = buffers(burstBuffer)
)

func buffers(size int) *sync.Pool {
	return &sync.Pool{New: func() any { b := make([]byte, size); return &b }}
}

// window is a growing read buffer: bytes come in at the end and are consumed
// from the start.
type window struct {
	r          io.Reader
	buf        []byte
	start, end int
	max        int
	burst      bool    // the last read filled the buffer
	calm       int     // reads in a row that needed no large buffer
	lent       *[]byte // buf, where it is one of the pools'
	err        error   // sticky, from the reader
}

func newWindow(r io.Reader, maxFrame int) window {
	if maxFrame <= 0 {
		maxFrame = DefaultMaxFrame
	}
	return window{r: r, max: maxFrame}
}

func (w *window) bytes() []byte { return w.buf[w.start:w.end] }

// fill reads once more. It returns false when there is nothing more to come.
func (w *window) fill() bool {
	if w.err != nil {
		w.retire()
		return false
	}
	if w.start == w.end {
		w.start, w.end = 0, 0
		if w.calm >= calmReads {
			w.borrow(firstBuffers)
		}
	}
	// Less than one frame is left, so moving it costs little; and no read is tiny.
	if w.start > 0 && (w.end == len(w.buf) || w.start > len(w.buf)/2) {
		w.end = copy(w.buf, w.buf[w.start:w.end])
		w.start = 0
	}
	if w.burst {
		w.hurry()
	}
	if w.end == len(w.buf) && !w.grow() {
		return false
	}
	// A reader may return nothing a few times, not for ever.
	for range 100 {
		n, err := w.r.Read(w.buf[w.end:])
		w.end += n
		w.err = err
		if n > 0 {
			w.paced(n)
			return true
		}
		if err != nil {
			w.retire()
			return false
		}
	}
	w.err = io.ErrNoProgress
	return false
}

// paced notes how fast the stream is by what a read brought.
func (w *window) paced(n int) {
	w.burst = w.end == len(w.buf) && len(w.buf) < burstBuffer && burstBuffer <= w.max
	if n < firstBuffer && len(w.buf) > firstBuffer {
		w.calm++
	} else {
		w.calm = 0
	}
}

// grow makes room at the end of a buffer that one unfinished frame fills.
func (w *window) grow() bool {
	if len(w.buf) >= w.max {
		w.err = ErrFrameTooLarge
		return false
	}
	if len(w.buf) == 0 && w.max >= firstBuffer {
		w.borrow(firstBuffers)
		return true
	}
	bigger := make([]byte, min(max(firstBuffer, 2*len(w.buf)), w.max))
	copy(bigger, w.buf)
	w.giveBack()
	w.buf = bigger
	return true
}

// hurry changes the buffer for a larger one.
func (w *window) hurry() {
	w.burst = false
	if len(w.buf) < middleBuffer {
		w.borrow(middleBuffers)
	} else {
		w.borrow(burstBuffers)
	}
}

// borrow goes on in a buffer of a pool.
func (w *window) borrow(pool *sync.Pool) {
	w.calm = 0
	next := pool.Get().(*[]byte) //nolint:forcetypeassert // nothing else is put in
	w.end = copy(*next, w.bytes())
	w.start = 0
	w.giveBack()
	w.buf, w.lent = *next, next
}

func (w *window) giveBack() {
	if w.lent == nil {
		return
	}
	switch len(*w.lent) {
	case firstBuffer:
		firstBuffers.Put(w.lent)
	case middleBuffer:
		middleBuffers.Put(w.lent)
	case burstBuffer:
		burstBuffers.Put(w.lent)
	}
	w.lent = nil
}

// retire gives the buffer back once nothing is left in it and nothing more comes.
func (w *window) retire() {
	if w.lent != nil && w.start == w.end {
		w.giveBack()
		w.buf, w.start, w.end = nil, 0, 0
	}
}

// over tells how the stream ended: cleanly, or with the reader's error.
func (w *window) over() error {
	if w.err != nil && !errors.Is(w.err, io.EOF) {
		return w.err
	}
	if w.start < w.end {
		return io.ErrUnexpectedEOF
	}
	return io.EOF
}
