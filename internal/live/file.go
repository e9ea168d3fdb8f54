package live

import (
	"bytes"
	"crypto/sha256"
	"io"
	"io/fs"
	"os"
	"time"
)

// maxFile bounds what is read to see whether a file has changed.
const maxFile = 4 << 20

// File tells when a file has another content: written in place, put in its place by a rename
// (editors), or by another target of a link on its path (Kubernetes).
type File struct {
	path string
	last stamp  // at the last look
	read stamp  // when it was read last
	sum  []byte // of what was read; nil: it was not there
}

// stamp is what tells a file's versions apart without reading it.
type stamp struct {
	at   time.Time
	size int64
	info fs.FileInfo
}

func (s stamp) same(other stamp) bool {
	if s.info == nil || other.info == nil {
		return s.info == nil && other.info == nil
	}
	return s.at.Equal(other.at) && s.size == other.size && os.SameFile(s.info, other.info)
}

// NewFile makes one that knows the content of now.
func NewFile(path string) *File {
	f := &File{path: path}
	f.last = f.look()
	f.read, f.sum = f.last, f.content()
	return f
}

func (f *File) look() stamp {
	info, err := os.Stat(f.path)
	if err != nil {
		return stamp{}
	}
	return stamp{info.ModTime(), info.Size(), info}
}

func (f *File) content() []byte {
	file, err := os.Open(f.path)
	if err != nil {
		return nil
	}
	defer func() { _ = file.Close() }()
	h := sha256.New()
	if _, err := io.Copy(h, io.LimitReader(file, maxFile)); err != nil {
		return nil
	}
	return h.Sum(nil)
}

// Changed tells whether it has another content than when that was asked last. One that is
// being written is waited for: it must look the same twice.
func (f *File) Changed() bool {
	before := f.last
	f.last = f.look()
	if !f.last.same(before) || f.last.same(f.read) {
		return false
	}
	sum := f.content()
	f.read = f.last
	if bytes.Equal(sum, f.sum) {
		return false
	}
	f.sum = sum
	return true
}
