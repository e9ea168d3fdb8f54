package journal

import (
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// A segment is a file named after the sequence of its first record. It begins
// with a line that says what it is and in which version, then come records.
const (
	segmentHead   = "turnpike journal 1\n"
	segmentFamily = "turnpike journal "
	segmentEnding = ".journal"
	damagedEnding = ".bad"
	ackName       = "acknowledged"
	lockName      = "lock"
)

// errNewer says that another version of the gateway wrote the journal.
var errNewer = errors.New("was written by a newer turnpike")

// segment is one file of the journal.
type segment struct {
	path    string
	first   uint64 // the sequence of its first record
	size    int64  // of what is whole, its head included
	damaged bool   // something in it could not be read
}

func segmentPath(dir string, first uint64) string {
	return filepath.Join(dir, fmt.Sprintf("%020d", first)+segmentEnding)
}

// segments lists those of a folder in their order. A folder that is not there has none.
func segments(dir string) ([]*segment, error) {
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	var list []*segment
	for _, e := range entries {
		name, ok := strings.CutSuffix(e.Name(), segmentEnding)
		if !ok || !e.Type().IsRegular() {
			continue
		}
		first, err := strconv.ParseUint(name, 10, 64)
		if err != nil {
			continue
		}
		info, err := e.Info()
		if errors.Is(err, fs.ErrNotExist) { // a gateway has just removed it
			continue
		}
		if err != nil {
			return nil, err
		}
		list = append(list, &segment{path: filepath.Join(dir, e.Name()), first: first, size: info.Size()})
	}
	slices.SortFunc(list, func(a, b *segment) int {
		if a.first < b.first {
			return -1
		}
		return 1
	})
	return list, nil
}

// start is where the records of a segment begin. A head that is damaged is damage
// like any other.
func start(b []byte) int {
	if len(b) >= len(segmentHead) && string(b[:len(segmentHead)]) == segmentHead {
		return len(segmentHead)
	}
	return 0
}

// known refuses a segment of another version before anything is done to it.
func known(s *segment) error {
	f, err := os.Open(s.path)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	b := make([]byte, len(segmentHead))
	n, err := io.ReadFull(f, b)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return err
	}
	b = b[:n]
	half := n < len(segmentHead) || strings.IndexByte(string(b), 0) >= 0 // as a crash leaves it
	if start(b) == 0 && strings.HasPrefix(string(b), segmentFamily) && !half {
		return fmt.Errorf("%s %w", s.path, errNewer)
	}
	return nil
}

// readAck reads up to where the journal is acknowledged: the sequence of the
// first record that is not. A file that is absent or damaged says 1: what is left
// is replayed once more, which changes nothing.
func readAck(dir string) (uint64, error) {
	b, err := os.ReadFile(filepath.Join(dir, ackName)) //nolint:gosec // The path is the operator's own.
	if errors.Is(err, fs.ErrNotExist) {
		return 1, nil
	}
	if err != nil {
		return 0, err
	}
	text, _, _ := strings.Cut(string(b), " ")
	if next, err := strconv.ParseUint(text, 10, 63); err == nil && next > 0 && string(b) == ackText(next) {
		return next, nil
	}
	return 1, nil
}

// ackText has a checksum: with a digit changed all that waits would be passed over.
func ackText(next uint64) string {
	text := strconv.FormatUint(next, 10)
	return fmt.Sprintf("%s %08x\n", text, crc32.Checksum([]byte(text), castagnoli))
}

// writeAck writes the file over: the text never gets shorter, and half of it is a damaged
// one. It need not reach the disk at once: an older one only makes more be replayed. Another
// file in its place would make the system write it to the disk each time.
func writeAck(dir string, next uint64) error {
	f, err := os.OpenFile(filepath.Join(dir, ackName), os.O_WRONLY|os.O_CREATE, 0o600) //nolint:gosec // The path is the operator's own.
	if err != nil {
		return err
	}
	_, err = f.WriteAt([]byte(ackText(next)), 0)
	return errors.Join(err, f.Close())
}

// keptDamaged bounds the files that are kept for their damage.
const keptDamaged = 16

// setAside keeps a damaged segment under another name, and of those the newest.
func setAside(s *segment) (removed []string, err error) {
	if err := os.Rename(s.path, strings.TrimSuffix(s.path, segmentEnding)+damagedEnding); err != nil {
		return nil, err
	}
	list, err := Damaged(filepath.Dir(s.path))
	if err != nil {
		return nil, err
	}
	for len(list) > keptDamaged {
		if err := os.Remove(list[0]); err != nil {
			return removed, err
		}
		removed, list = append(removed, list[0]), list[1:]
	}
	return removed, nil
}

// Damaged lists the segments that were set aside because something in them could
// not be read, oldest first.
func Damaged(dir string) ([]string, error) {
	return filepath.Glob(filepath.Join(escape(dir), "*"+damagedEnding))
}

// escape takes the meaning from the letters of a pattern.
func escape(dir string) string {
	return strings.NewReplacer("[", "[[]", "*", "[*]", "?", "[?]").Replace(dir)
}
