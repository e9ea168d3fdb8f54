package wire

import (
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
)

// EventStream reads messages of the AWS event stream encoding
// (application/vnd.amazon.eventstream): a prelude of total length, header
// length and their CRC-32, then headers, payload, and a CRC-32 of it all,
// numbers big-endian. Both checksums and all lengths are verified.
type EventStream struct {
	w    window
	skip int // length of the message handed out last, still in the window
}

const (
	preludeSize = 12
	minMessage  = preludeSize + 4
	maxHeaders  = 128 << 10 // the encoding's own bound
)

// ErrEventStream is wrapped by every error about a malformed message.
var ErrEventStream = errors.New("malformed AWS event stream")

// NewEventStream reads messages from r, none larger than maxFrame bytes (0: the default).
func NewEventStream(r io.Reader, maxFrame int) *EventStream {
	return &EventStream{w: newWindow(r, maxFrame)}
}

// Next returns the next message.
func (e *EventStream) Next() (Frame, error) {
	e.w.start += e.skip
	e.skip = 0
	for {
		total, err := e.length()
		if err != nil {
			return Frame{}, err
		}
		b := e.w.bytes()
		if total > 0 && len(b) >= total {
			f, err := parseMessage(b[:total])
			if err != nil {
				return Frame{}, err
			}
			e.skip = total
			return f, nil
		}
		if !e.w.fill() {
			return Frame{}, e.w.over()
		}
	}
}

// More tells whether a whole message is already in the buffer.
func (e *EventStream) More() bool {
	b := e.w.bytes()[e.skip:]
	return len(b) >= preludeSize && uint64(len(b)) >= uint64(binary.BigEndian.Uint32(b))
}

// length verifies the prelude and returns the length of the message, 0 while
// the prelude is not all there.
func (e *EventStream) length() (int, error) {
	b := e.w.bytes()
	if len(b) < preludeSize {
		return 0, nil
	}
	total, headers := binary.BigEndian.Uint32(b), binary.BigEndian.Uint32(b[4:])
	if crc32.ChecksumIEEE(b[:8]) != binary.BigEndian.Uint32(b[8:]) {
		return 0, fmt.Errorf("%w: prelude checksum wrong", ErrEventStream)
	}
	if uint64(total) > uint64(e.w.max) { //nolint:gosec // the bound is positive
		return 0, fmt.Errorf("%w: a message of %d bytes", ErrFrameTooLarge, total)
	}
	if total < minMessage || headers > maxHeaders || headers > total-minMessage {
		return 0, fmt.Errorf("%w: impossible lengths %d and %d", ErrEventStream, total, headers)
	}
	return int(total), nil
}

func parseMessage(m []byte) (Frame, error) {
	body := m[:len(m)-4]
	if crc32.ChecksumIEEE(body) != binary.BigEndian.Uint32(m[len(body):]) {
		return Frame{}, fmt.Errorf("%w: message checksum wrong", ErrEventStream)
	}
	headers := binary.BigEndian.Uint32(m[4:])
	f := Frame{Data: body[preludeSize+headers:]}
	if err := f.headers(body[preludeSize : preludeSize+headers]); err != nil {
		return Frame{}, err
	}
	return f, nil
}

// sizes of header values by type, -1 where a 2-byte length precedes the value.
var headerSizes = [...]int{0, 0, 1, 2, 4, 8, -1, -1, 8, 16}

const stringHeader = 7

func (f *Frame) headers(h []byte) error {
	for len(h) > 0 {
		n := int(h[0])
		if len(h) < 2+n {
			return fmt.Errorf("%w: header cut short", ErrEventStream)
		}
		name, kind := h[1:1+n], h[1+n]
		h = h[2+n:]
		if int(kind) >= len(headerSizes) {
			return fmt.Errorf("%w: header type %d", ErrEventStream, kind)
		}
		size := headerSizes[kind]
		if size < 0 {
			if len(h) < 2 {
				return fmt.Errorf("%w: header cut short", ErrEventStream)
			}
			size = int(binary.BigEndian.Uint16(h))
			h = h[2:]
		}
		if len(h) < size {
			return fmt.Errorf("%w: header cut short", ErrEventStream)
		}
		if kind == stringHeader {
			f.header(name, h[:size])
		}
		h = h[size:]
	}
	return nil
}

func (f *Frame) header(name, value []byte) {
	switch string(name) {
	case ":event-type", ":exception-type", ":error-code":
		f.Event = value
	case ":message-type":
		f.Exception = string(value) == "exception" || string(value) == "error"
	case ":error-message":
		if len(f.Data) == 0 {
			f.Data = value
		}
	}
}

// AppendEventStream appends one message with the given headers (name, value
// pairs, all strings) and payload.
func AppendEventStream(dst []byte, payload []byte, headers ...string) []byte {
	start := len(dst)
	dst = appendHead(dst, headers...)
	end := len(dst)
	return closeMessage(append(dst, payload...), start, end)
}

// AppendInvokeChunk appends the message in which InvokeModelWithResponseStream
// wraps one event of the model's own stream (Amazon Bedrock API reference,
// PayloadPart): the event's JSON as base64.
func AppendInvokeChunk(dst, json []byte) []byte {
	start := len(dst)
	dst = appendHead(dst, ":event-type", "chunk", ":content-type", "application/json", ":message-type", "event")
	end := len(dst)
	dst = append(dst, `{"bytes":"`...)
	dst = base64.StdEncoding.AppendEncode(dst, json)
	return closeMessage(append(dst, `"}`...), start, end)
}

// appendHead begins a message: room for the prelude, then its headers.
func appendHead(dst []byte, headers ...string) []byte {
	dst = append(dst, make([]byte, preludeSize)...)
	for i := 0; i+1 < len(headers); i += 2 {
		name, value := headers[i], headers[i+1]
		dst = append(append(dst, byte(len(name))), name...) //nolint:gosec // our own short names
		dst = append(dst, stringHeader)
		dst = binary.BigEndian.AppendUint16(dst, uint16(len(value))) //nolint:gosec // our own short strings
		dst = append(dst, value...)
	}
	return dst
}

// closeMessage writes the lengths and checksums of the message that begins at
// start, whose headers end at head and whose payload ends with dst.
func closeMessage(dst []byte, start, head int) []byte {
	m := dst[start:]
	binary.BigEndian.PutUint32(m[4:], uint32(head-start-preludeSize)) //nolint:gosec // bounded by the caller
	binary.BigEndian.PutUint32(m, uint32(len(m)+4))                   //nolint:gosec // bounded by the caller
	binary.BigEndian.PutUint32(m[8:], crc32.ChecksumIEEE(m[:8]))
	return binary.BigEndian.AppendUint32(dst, crc32.ChecksumIEEE(m))
}
