package journal

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
)

// Kind says what a record holds. A reader passes over kinds it does not know.
type Kind byte

// The kinds of records.
const (
	// Settled is an attempt that is over, with its usage.
	Settled Kind = 1
	// Begun is not written by anybody: what is under way stands beside the journal
	// (ledger/inflight.go), for records here are acknowledged in their order.
	Begun Kind = 2
)

// Record is what was appended at once.
type Record struct {
	// Sequence counts records from 1 on, over all segments, without gaps.
	Sequence uint64
	// Kind says what the payload is.
	Kind Kind
	// Payload belongs to the journal: it holds until the next read.
	Payload []byte
}

// A record on disk, integers little-endian:
//
//	marker   4  where reading goes on after damage
//	checksum 4  CRC-32C of all that follows
//	length   4  of the payload
//	sequence 8
//	kind     1
//	payload
//
// A length of at most MaxPayload has a zero byte. Texts in payloads have none, so
// nothing a client sends can pass for a record where reading goes on after damage.
const (
	marker     = "TPJL"
	recordHead = 4 + 4 + 4 + 8 + 1
	// MaxPayload bounds a record.
	MaxPayload = 1 << 20
)

var (
	castagnoli = crc32.MakeTable(crc32.Castagnoli)

	errTooLarge = errors.New("the record is larger than a journal takes")
)

// appendRecord appends a record whose sequence is still to come.
func appendRecord(b []byte, kind Kind, payload []byte) []byte {
	b = append(b, marker...)
	b = append(b, 0, 0, 0, 0)
	b = binary.LittleEndian.AppendUint32(b, uint32(len(payload))) //nolint:gosec // bounded by MaxPayload
	b = append(b, 0, 0, 0, 0, 0, 0, 0, 0, byte(kind))
	return append(b, payload...)
}

// number gives the records of b their sequences and checksums, and returns the
// sequence that follows. Both come last, so that a write that fails uses up none.
func number(b []byte, sequence uint64) uint64 {
	for len(b) > 0 {
		n := recordHead + int(binary.LittleEndian.Uint32(b[8:]))
		binary.LittleEndian.PutUint64(b[12:], sequence)
		binary.LittleEndian.PutUint32(b[4:], crc32.Checksum(b[8:n], castagnoli))
		sequence++
		b = b[n:]
	}
	return sequence
}

// parse reads the record at the start of b. used is 0 when there is no whole one.
func parse(b []byte) (r Record, used int) {
	if len(b) < recordHead || string(b[:4]) != marker {
		return Record{}, 0
	}
	length := binary.LittleEndian.Uint32(b[8:])
	if length > MaxPayload || int(length) > len(b)-recordHead {
		return Record{}, 0
	}
	n := recordHead + int(length)
	if binary.LittleEndian.Uint32(b[4:]) != crc32.Checksum(b[8:n], castagnoli) {
		return Record{}, 0
	}
	return Record{Sequence: binary.LittleEndian.Uint64(b[12:]), Kind: Kind(b[20]), Payload: b[recordHead:n:n]}, n
}

// next finds the first whole record of b. skipped bytes before it are damaged;
// used is how far reading has come, them included. With no whole record all of b
// is damaged, and the two are the same.
func next(b []byte) (r Record, skipped, used int) {
	for at := 0; at < len(b); {
		if r, n := parse(b[at:]); n > 0 {
			return r, at, at + n
		}
		i := bytes.Index(b[at+1:], []byte(marker))
		if i < 0 {
			break
		}
		at += 1 + i
	}
	return Record{}, len(b), len(b)
}
