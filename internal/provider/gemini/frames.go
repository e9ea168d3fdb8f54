package gemini

import (
	"bufio"
	"errors"
	"io"

	"turnpike/internal/wire"
)

// frames reads a stream in the framing it has: server-sent events, or a JSON list
// whose elements come one by one.
type frames struct {
	buf   *bufio.Reader
	inner wire.FrameReader
}

func newFrames(body io.Reader) *frames { return &frames{buf: bufio.NewReaderSize(body, 4<<10)} }

// Next returns the next frame.
func (f *frames) Next() (wire.Frame, error) {
	if f.inner == nil {
		first, err := f.first()
		if err != nil {
			return wire.Frame{}, err
		}
		if first == '[' {
			f.inner = &list{r: f.buf}
		} else {
			f.inner = wire.NewSSE(f.buf, 0)
		}
	}
	return f.inner.Next()
}

// More tells whether another frame is already here.
func (f *frames) More() bool { return f.inner != nil && f.inner.More() }

// first looks at the first byte that is not white space.
func (f *frames) first() (byte, error) {
	for {
		b, err := f.buf.Peek(1)
		if err != nil {
			return 0, err
		}
		switch b[0] {
		case ' ', '\t', '\r', '\n':
			_, _ = f.buf.Discard(1)
		default:
			return b[0], nil
		}
	}
}

// list reads the elements of a JSON list of objects.
type list struct {
	r      *bufio.Reader
	opened bool
	over   bool
	buf    []byte
}

var errList = errors.New("the stream is no list of JSON objects")

// More tells whether bytes of another element are here; the end of the list
// counts, so that it is not waited for.
func (l *list) More() bool { return !l.over && l.r.Buffered() > 2 }

// Next returns the next element.
func (l *list) Next() (wire.Frame, error) {
	if l.over {
		return wire.Frame{}, io.EOF
	}
	for {
		b, err := l.r.ReadByte()
		if err != nil {
			return wire.Frame{}, broken(err)
		}
		switch {
		case b == ' ' || b == '\t' || b == '\r' || b == '\n' || b == ',' && l.opened:
		case b == '[' && !l.opened:
			l.opened = true
		case b == ']' && l.opened:
			l.over = true
			return wire.Frame{}, io.EOF
		case b == '{' && l.opened:
			return l.element()
		default:
			return wire.Frame{}, errList
		}
	}
}

// sseHead stands before an element where it is passed on as a server-sent event.
const sseHead = "data: "

// element reads up to the brace that closes the object. Its exact bytes are those
// of the event it would have been.
func (l *list) element() (wire.Frame, error) {
	l.buf = append(append(l.buf[:0], sseHead...), '{')
	depth, inString, escaped := 1, false, false
	for depth > 0 {
		b, err := l.r.ReadByte()
		if err != nil {
			return wire.Frame{}, broken(err)
		}
		if len(l.buf) >= wire.DefaultMaxFrame {
			return wire.Frame{}, wire.ErrFrameTooLarge
		}
		if b == '\n' || b == '\r' { // white space between values: it would end the event's line
			b = ' '
		}
		l.buf = append(l.buf, b)
		switch {
		case escaped:
			escaped = false
		case inString && b == '\\':
			escaped = true
		case b == '"':
			inString = !inString
		case inString:
		case b == '{' || b == '[':
			depth++
		case b == '}' || b == ']':
			depth--
		}
	}
	end := len(l.buf)
	l.buf = append(l.buf, "\n\n"...)
	return wire.Frame{Data: l.buf[len(sseHead):end], Raw: l.buf}, nil
}

// broken is the end of a stream inside its list.
func broken(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}
