package chat

import "bytes"

// shape is what the chunks of a stream have in common: everything but one text.
// A stream is hundreds of chunks that differ in nothing else, so a chunk that has
// the shape of one already read need not be read again.
//
// The last member may differ too where it is a text: OpenAI pads chunks with one,
// obfuscation, against eavesdroppers on their length.
type shape struct {
	head, tail []byte // around the text, without its quotes
	loose      bool   // the tail ends where the last member's text begins
}

// maxShape bounds the chunks whose shape is kept.
const maxShape = 4 << 10

func (s *shape) forget() { s.head = s.head[:0] }

// match returns the text in a chunk of this shape. Texts with escapes have to be
// read properly: they match no shape.
func (s *shape) match(data []byte) (text []byte, ok bool) {
	if len(s.head) == 0 || !bytes.HasPrefix(data, s.head) {
		return nil, false
	}
	rest := data[len(s.head):]
	n := bytes.IndexByte(rest, '"')
	if n <= 0 || bytes.IndexByte(rest[:n], '\\') >= 0 {
		return nil, false
	}
	text, rest = rest[:n], rest[n:]
	if !s.loose {
		return text, bytes.Equal(rest, s.tail)
	}
	if !bytes.HasPrefix(rest, s.tail) {
		return nil, false
	}
	last := rest[len(s.tail):]
	end := len(last) - 2
	return text, end >= 0 && last[end+1] == '}' && bytes.IndexByte(last, '"') == end && bytes.IndexByte(last, '\\') < 0
}

// keep keeps the shape of a chunk around a text in it, which must be a view into
// the chunk: no other text that reads the same will do.
func (s *shape) keep(data, text []byte) {
	s.forget()
	at := offset(data, text)
	if at <= 0 || len(data) > maxShape || data[at-1] != '"' || data[at+len(text)] != '"' {
		return
	}
	s.head = append(s.head, data[:at]...)
	s.tail = append(s.tail[:0], data[at+len(text):]...)
	s.loose = false
	if !bytes.HasSuffix(s.tail, []byte(`"}`)) {
		return
	}
	colon := bytes.LastIndex(s.tail, []byte(`:"`))
	if colon > 0 && bytes.IndexByte(s.tail[colon+2:], '"') == len(s.tail)-colon-4 {
		s.tail, s.loose = s.tail[:colon+2], true
	}
}

// offset is where view begins in data, -1 if it is no part of it.
func offset(data, view []byte) int {
	at := cap(data) - cap(view)
	if len(view) == 0 || at < 0 || at+len(view) >= len(data) || &data[at] != &view[0] {
		return -1
	}
	return at
}
