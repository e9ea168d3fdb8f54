package mock

import (
	"encoding/binary"
	"hash/crc32"
)

// header is one header of an event-stream message; the mock's are all of type 7, a string.
type header struct{ name, value string }

// appendMessage appends one AWS event-stream message (Amazon event stream encoding): total length, length of the headers and the CRC-32
// of those two; the headers; the payload; the CRC-32 of all before it. Numbers are big-endian.
func appendMessage(b []byte, headers []header, payload []byte) []byte {
	start := len(b)
	b = append(b, make([]byte, 12)...)
	for _, h := range headers {
		b = append(b, byte(len(h.name)))
		b = append(b, h.name...)
		b = append(b, 7)
		b = binary.BigEndian.AppendUint16(b, uint16(len(h.value)))
		b = append(b, h.value...)
	}
	prelude := b[start : start+12]
	binary.BigEndian.PutUint32(prelude, uint32(len(b)-start+len(payload)+4))
	binary.BigEndian.PutUint32(prelude[4:], uint32(len(b)-start-12))
	binary.BigEndian.PutUint32(prelude[8:], crc32.ChecksumIEEE(prelude[:8]))
	b = append(b, payload...)
	return binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(b[start:]))
}

// eventHeaders are the headers of an event that carries JSON.
func eventHeaders(event string) []header {
	return []header{{":event-type", event}, {":content-type", "application/json"}, {":message-type", "event"}}
}
