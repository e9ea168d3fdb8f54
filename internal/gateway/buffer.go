package gateway

import (
	"bytes"
	"errors"
	"io"
	"sync"
	"sync/atomic"
)

// buffer is a body whose memory is used again when its last reader is done: an
// HTTP transport may still be writing it after the answer has come.
type buffer struct {
	data []byte
	refs atomic.Int32
}

// keepBuffers bounds what the pool holds on to.
const keepBuffers = 1 << 20

var buffers = sync.Pool{New: func() any { return new(buffer) }}

// newBuffer takes an empty buffer of at least the given room.
func newBuffer(room int) *buffer {
	b := buffers.Get().(*buffer) //nolint:forcetypeassert // the pool holds nothing else
	if cap(b.data) < room {
		b.data = make([]byte, 0, room)
	}
	b.data = b.data[:0]
	b.refs.Store(1)
	return b
}

// drop ends one use. The memory goes back when it was the last.
func (b *buffer) drop() {
	if b == nil || b.refs.Add(-1) != 0 || cap(b.data) > keepBuffers {
		return
	}
	buffers.Put(b)
}

// Bytes is what the buffer holds.
func (b *buffer) Bytes() []byte { return b.data }

// NewReader reads it from the start. The transport must be told by Written when
// it is done; a buffer of which that is never said is left to the collector. The
// reader is of a type net/http knows to be in memory: then it sends the head and
// the body of a request in one write.
func (b *buffer) NewReader() io.ReadCloser {
	b.refs.Add(1)
	return io.NopCloser(bytes.NewReader(b.data))
}

// Written ends the use of one reader.
func (b *buffer) Written() { b.drop() }

var errTooLarge = errors.New("larger than allowed")

// fill reads everything, at most limit bytes. length is what was announced, or -1.
func (b *buffer) fill(src io.Reader, length, limit int64) error {
	if length > limit {
		return errTooLarge
	}
	if length >= 0 && int64(cap(b.data)) < length+1 {
		b.data = make([]byte, 0, length+1)
	}
	for {
		if len(b.data) == cap(b.data) {
			b.data = append(b.data, 0)[:len(b.data)]
		}
		n, err := src.Read(b.data[len(b.data):cap(b.data)])
		b.data = b.data[:len(b.data)+n]
		if int64(len(b.data)) > limit {
			return errTooLarge
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}
