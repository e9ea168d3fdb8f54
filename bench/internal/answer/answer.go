// Package answer says what the mock upstream writes and what the load generator expects to read: the text of an answer, its usage, and
// the orders that a model's name carries to the mock.
package answer

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// PromptTokens is the prompt usage of every answer; the completion usage is the number of chunks.
const PromptTokens = 1111

// CellLen is the length of a chunk's text, such as "#00017 0000000000000000 ": its number, and when the mock wrote it (Unix nanoseconds
// in hex; zero in answers prepared beforehand).
const CellLen = 24

const hexDigits = "0123456789abcdef"

// AppendCell appends the text of chunk i.
func AppendCell(b []byte, i int, stamp int64) []byte {
	b = append(b, '#', byte('0'+i/10000%10), byte('0'+i/1000%10), byte('0'+i/100%10), byte('0'+i/10%10), byte('0'+i%10), ' ')
	for shift := 60; shift >= 0; shift -= 4 {
		b = append(b, hexDigits[uint64(stamp)>>uint(shift)&15])
	}
	return append(b, ' ')
}

// Text is the text of a whole answer of n chunks.
func Text(n int) []byte {
	b := make([]byte, 0, n*CellLen)
	for i := range n {
		b = AppendCell(b, i, 0)
	}
	return b
}

// Reader checks the text of an answer as it comes, in pieces of any size. The zero value expects chunk 0.
type Reader struct {
	Chunks int // whole chunks read
	part   [CellLen]byte
	have   int
}

// Add takes the next piece of text. stamp is when the last chunk that it completed was written, or 0.
func (r *Reader) Add(text []byte) (stamp int64, err error) {
	for len(text) > 0 {
		n := copy(r.part[r.have:], text)
		r.have += n
		text = text[n:]
		if r.have < CellLen {
			break
		}
		if stamp, err = r.cell(); err != nil {
			return 0, err
		}
	}
	return stamp, nil
}

func (r *Reader) cell() (int64, error) {
	u, err := strconv.ParseUint(string(r.part[7:23]), 16, 63)
	if err == nil {
		var want [CellLen]byte
		if bytes.Equal(AppendCell(want[:0], r.Chunks, int64(u)), r.part[:]) {
			r.Chunks++
			r.have = 0
			return int64(u), nil
		}
	}
	return 0, fmt.Errorf("chunk %d lost, repeated or altered: got %q", r.Chunks, r.part[:])
}

// End reports whether exactly n chunks came.
func (r *Reader) End(n int) error {
	if r.Chunks != n || r.have != 0 {
		return fmt.Errorf("%d chunks and %d bytes of text came, want %d chunks", r.Chunks, r.have, n)
	}
	return nil
}

// Orders are what a model's name tells the mock: "mock-n200-d50" is 200 chunks, 50 ms apart.
type Orders struct {
	Chunks   int           // n: chunks of text
	Delay    time.Duration // d: milliseconds between two chunks
	Checked  bool          // a checksum is given: check the request as the real API would
	Checksum uint32        // c: what the prompt must add up to, eight hex digits
}

// Limits of the orders, so that no name can make an answer without end.
const (
	DefaultChunks = 40
	maxChunks     = 10_000
	maxDelay      = 10_000 // milliseconds
)

// ParseOrders reads the orders after the word "mock" in a model's name; what it does not know it leaves.
func ParseOrders(model string) Orders {
	o := Orders{Chunks: DefaultChunks}
	_, orders, ok := strings.Cut(model, "mock")
	if !ok {
		return o
	}
	orders, _, _ = strings.Cut(orders, ":") // Bedrock's ids may end in a version such as ":0"
	for field := range strings.SplitSeq(orders, "-") {
		if len(field) < 2 {
			continue
		}
		value := field[1:]
		switch field[0] {
		case 'n':
			if n, err := strconv.Atoi(value); err == nil && n > 0 && n <= maxChunks {
				o.Chunks = n
			}
		case 'd':
			if n, err := strconv.Atoi(value); err == nil && n >= 0 && n <= maxDelay {
				o.Delay = time.Duration(n) * time.Millisecond
			}
		case 'c':
			if n, err := strconv.ParseUint(value, 16, 32); err == nil && len(value) == 8 {
				o.Checked, o.Checksum = true, uint32(n)
			}
		}
	}
	return o
}

// Model is the model's name that carries the orders.
func (o Orders) Model() string {
	s := "mock-n" + strconv.Itoa(o.Chunks)
	if o.Delay > 0 {
		s += "-d" + strconv.Itoa(int(o.Delay.Milliseconds()))
	}
	if o.Checked {
		s += fmt.Sprintf("-c%08x", o.Checksum)
	}
	return s
}
