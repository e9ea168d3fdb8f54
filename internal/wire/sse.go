package wire

import (
	"bytes"
	"errors"
	"io"
)

// SSE reads server-sent events as the WHATWG HTML standard defines them: lines
// end in LF, CRLF or CR, data may span lines, comments and unknown fields are
// passed over, and so is a byte order mark at the start. Chunks may be cut anywhere.
type SSE struct {
	w      window
	at     progress // in the event at the start of the window
	begun  bool     // a byte order mark has been looked for
	cr     bool     // a CR was seen somewhere: lines may end in it
	held   int      // where in the window the bytes of Held begin
	final  bool     // no more bytes come
	joined []byte   // data of that event, if it has several lines of it
	handed []byte   // data of the event handed out last, if it had
}

// progress is what is known of an event that may not be all there. Offsets
// count from the start of the window.
type progress struct {
	line  int // first line whose end has not been seen
	seen  int // that line is known to go on this far
	lf    int // first LF from seen on, or how far there is none
	event span
	data  span // the first line of data
	lines int  // of data
}

type span struct{ from, to int }

// NewSSE reads events from r, none larger than maxFrame bytes (0: the default).
func NewSSE(r io.Reader, maxFrame int) *SSE { return &SSE{w: newWindow(r, maxFrame)} }

// Next returns the next event that has data.
func (s *SSE) Next() (Frame, error) {
	for {
		s.mark()
		n := s.scan()
		switch {
		case n > 0 && s.at.lines > 0:
			return s.frame(n), nil
		case n > 0:
			s.drop(n)
		case s.final:
			return s.tail()
		default:
			had := len(s.w.bytes())
			s.final = !s.w.fill()
			s.cr = s.cr || bytes.IndexByte(s.w.bytes()[had:], '\r') >= 0
			s.held = s.w.start
		}
	}
}

// More tells whether a whole event that has data is already in the buffer.
func (s *SSE) More() bool {
	n := s.scan()
	for ; n > 0 && s.at.lines == 0; n = s.scan() {
		s.drop(n)
	}
	return n > 0
}

// Hold begins a run of bytes at what Next returns next.
func (s *SSE) Hold() { s.held = s.w.start }

// Held is the run of bytes that Next has gone over since Hold, comments included,
// as a view. It must be used before a Next for which More was false, which begins
// a run of its own.
func (s *SSE) Held() []byte { return s.w.buf[s.held:s.w.start:s.w.start] }

// Ended tells why the stream ended, once Next has returned an error.
func (s *SSE) Ended() error { return s.w.err }

const byteOrderMark = "\uFEFF"

// mark takes away a byte order mark before the first event. It is not passed
// on: whatever were sent before it would make it part of a line.
func (s *SSE) mark() {
	b := s.w.bytes()
	if s.begun || len(b) < len(byteOrderMark) && !s.final {
		return
	}
	s.begun = true
	if bytes.HasPrefix(b, []byte(byteOrderMark)) {
		s.drop(len(byteOrderMark))
	}
}

func (s *SSE) drop(n int) {
	s.w.start += n
	s.at = progress{}
}

// frame hands out the event that scan has found to be n bytes long.
func (s *SSE) frame(n int) Frame {
	b := s.w.bytes()
	f := Frame{Event: b[s.at.event.from:s.at.event.to], Data: b[s.at.data.from:s.at.data.to], Raw: b[:n:n]}
	if s.at.lines > 1 {
		s.joined, s.handed = s.handed, s.joined
		f.Data = s.handed
	}
	s.drop(n)
	return f
}

// scan reads the fields of the event at the start of the window and returns its
// length with its blank line, 0 while it is not all there. No byte is looked at
// twice, however small the pieces in which it comes.
func (s *SSE) scan() int {
	b := s.w.bytes()
	if n := s.usual(b); n > 0 {
		return n
	}
	for s.begun && s.at.seen < len(b) {
		end := s.lineEnd(b)
		if end == len(b) || end == len(b)-1 && b[end] == '\r' && !s.final { // an LF may follow the CR
			s.at.seen = end
			return 0
		}
		next := end + 1
		if b[end] == '\r' && next < len(b) && b[next] == '\n' {
			next++
		}
		if end == s.at.line { // a blank line: stay before it, so that asking again gives the same
			return next
		}
		s.field(b, s.at.line, end)
		s.at.line, s.at.seen = next, next
	}
	return 0
}

// usual reads an event of the form nearly all have: one line of data, maybe the
// event's name before it, LF at the ends.
func (s *SSE) usual(b []byte) int {
	if s.cr || !s.begun || s.at.seen > 0 {
		return 0
	}
	var event span
	at := 0
	if len(b) > len(eventField) && string(b[:len(eventField)]) == eventField {
		end := bytes.IndexByte(b, '\n')
		if end < 0 {
			return 0
		}
		event, at = span{len(eventField), end}, end+1
	}
	if len(b)-at <= len(dataField) || string(b[at:at+len(dataField)]) != dataField {
		return 0
	}
	end := at + bytes.IndexByte(b[at:], '\n')
	if end < at || end+1 >= len(b) || b[end+1] != '\n' {
		return 0
	}
	s.at = progress{line: end + 1, seen: end + 1, lf: end + 1, event: event, data: span{at + len(dataField), end}, lines: 1}
	return end + 2
}

// Constants, because comparing with them is a load or two where comparing with a slice is a call.
const (
	eventField = "event: "
	dataField  = "data: "
)

// lineEnd returns the offset of the CR or LF that ends the line, len(b) where there is none yet.
func (s *SSE) lineEnd(b []byte) int {
	at := &s.at
	at.lf = max(at.lf, at.seen)
	if at.lf == len(b) || b[at.lf] != '\n' {
		if i := bytes.IndexByte(b[at.lf:], '\n'); i >= 0 {
			at.lf += i
		} else {
			at.lf = len(b)
		}
	}
	if i := bytes.IndexByte(b[at.seen:at.lf], '\r'); i >= 0 {
		return at.seen + i
	}
	return at.lf
}

// field takes one line of an event.
func (s *SSE) field(b []byte, from, to int) {
	name, value, _ := bytes.Cut(b[from:to], []byte{':'})
	if len(value) > 0 && value[0] == ' ' {
		value = value[1:]
	}
	at := span{to - len(value), to}
	switch string(name) {
	case "event":
		s.at.event = at
	case "data":
		switch s.at.lines {
		case 0:
			s.at.data = at
		case 1:
			s.joined = append(s.joined[:0], b[s.at.data.from:s.at.data.to]...)
			fallthrough
		default:
			s.joined = append(append(s.joined, '\n'), value...)
		}
		s.at.lines++
	}
}

// tail deals with what stands behind the last blank line. The standard drops
// it; some servers leave out the last blank line of a stream that is complete,
// so data that is a whole JSON object or the closing word counts.
func (s *SSE) tail() (Frame, error) {
	if err := s.w.over(); !errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(s.w.err, io.ErrUnexpectedEOF) {
		return Frame{}, err
	}
	rest := bytes.Clone(s.w.bytes())
	s.w.buf = append(rest, "\n\n"...)
	s.w.start, s.w.end, s.held = 0, len(s.w.buf), 0
	s.at = progress{}
	n, some := s.scan(), s.at.lines > 0
	var f Frame
	if some {
		f = s.frame(n)
	}
	s.w.start = s.w.end
	switch {
	case some && (string(f.Data) == "[DONE]" || Valid(f.Data, '{')):
		return f, nil
	case !some && rest[0] == ':' && !bytes.ContainsRune(bytes.TrimRight(rest, "\r\n"), '\n'): // a comment
		return Frame{}, io.EOF
	}
	s.w.err = io.ErrUnexpectedEOF
	return Frame{}, s.w.err
}

// AppendComment appends a comment, which must hold no line break.
func AppendComment(dst []byte, text string) []byte {
	return append(append(append(dst, ": "...), text...), "\n\n"...)
}

// AppendSSE appends one event; the name must hold no line break. Data that does
// is written as several lines, as the standard wants it.
func AppendSSE(dst []byte, event string, data []byte) []byte {
	if event != "" {
		dst = append(append(append(dst, "event: "...), event...), '\n')
	}
	if bytes.IndexByte(data, '\r') >= 0 {
		data = bytes.ReplaceAll(data, []byte{'\r'}, []byte{'\n'})
	}
	for {
		dst = append(dst, "data: "...)
		i := bytes.IndexByte(data, '\n')
		if i < 0 {
			break
		}
		dst = append(dst, data[:i+1]...)
		data = data[i+1:]
	}
	return append(append(dst, data...), '\n', '\n')
}
