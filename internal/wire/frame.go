package wire

import (
	"errors"
	"io"
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

// ErrFrameTooLarge is returned for a frame over the reader's bound.
var ErrFrameTooLarge = errors.New("a frame of the stream is larger than allowed")

// DefaultMaxFrame bounds one frame: a whole base64 picture fits.
const DefaultMaxFrame = 32 << 20

// A buffer is small at first because a gateway holds thousands of streams open;
// one that a single read fills serves a fast stream, and grows so that fewer
// reads and writes are needed.
const (
	firstBuffer = 4 << 10
	burstBuffer = 16 << 10
)

// window is a growing read buffer: bytes come in at the end and are consumed
// from the start.
type window struct {
	r          io.Reader
	buf        []byte
	start, end int
	max        int
	burst      bool  // the last read filled the buffer
	err        error // sticky, from the reader
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
		return false
	}
	if w.start == w.end {
		w.start, w.end = 0, 0
	}
	// Less than one frame is left, so moving it costs little; and no read is tiny.
	if w.start > 0 && (w.end == len(w.buf) || w.start > len(w.buf)/2) {
		w.end = copy(w.buf, w.buf[w.start:w.end])
		w.start = 0
	}
	if w.burst || len(w.buf) == 0 {
		w.burst = false
		w.resize(min(max(firstBuffer, 2*len(w.buf)), w.max))
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
			w.burst = w.end == len(w.buf) && len(w.buf) < burstBuffer
			return true
		}
		if err != nil {
			return false
		}
	}
	w.err = io.ErrNoProgress
	return false
}

// grow makes room at the end of a buffer that one unfinished frame fills.
func (w *window) grow() bool {
	if len(w.buf) >= w.max {
		w.err = ErrFrameTooLarge
		return false
	}
	w.resize(min(2*len(w.buf), w.max))
	return true
}

func (w *window) resize(size int) {
	if size > len(w.buf) {
		bigger := make([]byte, size)
		copy(bigger, w.buf)
		w.buf = bigger
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
