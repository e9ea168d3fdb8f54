package ledger

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"

	"turnpike/internal/ledger/journal"
	"turnpike/internal/ledger/mapped"
	"turnpike/internal/store"
)

// What is under way is not in the journal: records there are acknowledged in their
// order, and a stream that takes an hour would keep all behind it on the disk.
// It stands in a file of its own beside the journal, one slot for each attempt:
// written when the attempt is sent, cleared when its record is in the journal. What
// a process that was killed has left there becomes a row at the next start.
const (
	inflightName = "inflight"
	slotBytes    = 1024
	slotHead     = 4 + 4 // length, checksum
	windowSlots  = 256   // that are mapped at once
)

// Crashed is the error class of an attempt whose end nobody saw: the process was
// killed. It counts what was reserved for it.
const Crashed = "crash"

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// inflight is the file. The lock of the journal covers it.
type inflight struct {
	file *os.File

	mu    sync.Mutex
	free  []int // slots used before
	stale []int // the same, but for the note that is still in them
	next  int   // the first that was never used

	windows atomic.Pointer[[]*mapped.Window] // of windowSlots each; nil for one that could not be mapped
}

// write puts a note, or the beginning of one, into a slot.
func (i *inflight) write(b []byte, slot int) error {
	at := int64(slot) * slotBytes
	if w := i.window(slot); w.Holds(at, len(b)) {
		return w.Store(b, at)
	}
	_, err := i.file.WriteAt(b, at)
	return err
}

// window is where a slot is mapped, nil where it is not.
func (i *inflight) window(slot int) *mapped.Window {
	n := slot / windowSlots
	if list := i.windows.Load(); list != nil && n < len(*list) {
		return (*list)[n]
	}
	if !mapped.Able() {
		return nil
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	var list []*mapped.Window
	if have := i.windows.Load(); have != nil {
		list = slices.Clone(*have)
	}
	for len(list) <= n {
		w, err := mapped.Open(i.file, int64(len(list))*windowSlots*slotBytes, windowSlots*slotBytes)
		if err != nil { // then they are written
			w = nil
		}
		list = append(list, w)
	}
	i.windows.Store(&list)
	return list[n]
}

// Flight is an attempt under way; the zero value is none.
type Flight struct {
	slot int // from 1 on
}

// Begin notes an attempt that is about to be sent, as it is to be recorded if its
// end is never seen. When it returns, a crash of the process cannot lose it.
func (r *Recorder) Begin(a *store.Attempt) (Flight, error) {
	payload := payloads.Get().(*[]byte) //nolint:forcetypeassert // nothing else is put in
	defer payloads.Put(payload)
	note := *a
	note.RequestedModel, note.ServedModel = a.RequestedModel[:min(len(a.RequestedModel), 200)], a.ServedModel[:min(len(a.ServedModel), 200)]
	*payload = appendAttempt(append((*payload)[:0], make([]byte, slotHead)...), &note)
	b := *payload
	if len(b) > slotBytes {
		return Flight{}, fmt.Errorf("an attempt under way takes %d bytes and has %d: give its key fewer budgets", len(b), slotBytes)
	}
	binary.LittleEndian.PutUint32(b, uint32(len(b)-slotHead)) //nolint:gosec // at most slotBytes
	binary.LittleEndian.PutUint32(b[4:], crc32.Checksum(b[slotHead:], castagnoli))
	slot := r.inflight.take()
	if err := r.inflight.write(b, slot); err != nil {
		r.inflight.put(slot)
		return Flight{}, fmt.Errorf("note an attempt under way: %w", err)
	}
	return Flight{slot + 1}, nil
}

// Landed ends the note: the attempt is in the journal. It stays where it is until another
// takes its place or the writer clears it; should the process be killed before, the
// attempt is there already, by its id.
func (r *Recorder) Landed(f Flight) {
	if f.slot == 0 {
		return
	}
	i := &r.inflight
	i.mu.Lock()
	i.stale = append(i.stale, f.slot-1)
	i.mu.Unlock()
	if r.resting.Load() {
		r.rouse()
	}
}

// Recall clears the note of an attempt that was not sent after all.
func (r *Recorder) Recall(f Flight) {
	if f.slot != 0 {
		r.clear(f.slot - 1)
	}
}

func (i *inflight) anyStale() bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	return len(i.stale) > 0
}

// tidy clears the notes of attempts that have landed.
func (r *Recorder) tidy() {
	i := &r.inflight
	for {
		i.mu.Lock()
		n := len(i.stale)
		if n == 0 {
			i.mu.Unlock()
			return
		}
		slot := i.stale[n-1]
		i.stale = i.stale[:n-1]
		i.mu.Unlock()
		r.clear(slot)
	}
}

// clear makes a slot free. One that cannot be cleared is not used again.
func (r *Recorder) clear(slot int) {
	var zero [slotHead]byte
	if err := r.inflight.write(zero[:], slot); err != nil {
		r.opt.Log.Warn("the note of an attempt under way could not be cleared", "error", err)
		return
	}
	r.inflight.put(slot)
}

func (i *inflight) take() int {
	i.mu.Lock()
	defer i.mu.Unlock()
	for _, list := range []*[]int{&i.stale, &i.free} {
		if n := len(*list); n > 0 {
			slot := (*list)[n-1]
			*list = (*list)[:n-1]
			return slot
		}
	}
	i.next++
	return i.next - 1
}

func (i *inflight) put(slot int) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.free = append(i.free, slot)
}

// openInflight opens the file and journals what a process that was killed has left.
func (r *Recorder) openInflight() error {
	path := filepath.Join(r.opt.Dir, inflightName)
	b, err := os.ReadFile(path) //nolint:gosec // The path is the operator's own.
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if left := readInflight(b); len(left) > 0 {
		if err := r.adopt(left); err != nil {
			return err
		}
	}
	r.inflight.file, err = os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600) //nolint:gosec // The path is the operator's own.
	return err
}

// readInflight reads the slots that are whole. One that is half-written was of an
// attempt that was not sent yet.
func readInflight(b []byte) (list []store.Attempt) {
	for ; len(b) > slotHead; b = b[min(slotBytes, len(b)):] {
		n := int(binary.LittleEndian.Uint32(b))
		if n == 0 || n > min(slotBytes, len(b))-slotHead {
			continue
		}
		payload := b[slotHead : slotHead+n]
		if binary.LittleEndian.Uint32(b[4:]) != crc32.Checksum(payload, castagnoli) {
			continue
		}
		if a, err := decodeAttempt(payload); err == nil {
			list = append(list, a)
		}
	}
	return list
}

// adopt journals attempts that are not in the journal yet: the process may have been
// killed between the record and the clearing of the note.
func (r *Recorder) adopt(left []store.Attempt) error {
	there := map[string]bool{}
	_, err := journal.Scan(r.opt.Dir, func(rec journal.Record) error {
		if a, err := decodeAttempt(rec.Payload); err == nil && rec.Kind == journal.Settled {
			there[a.ID] = true
		}
		return nil
	})
	if err != nil {
		return err
	}
	n := 0
	for i := range left {
		a := &left[i]
		if there[a.ID] {
			continue
		}
		a.ErrorClass, a.Usage.Estimated = Crashed, true
		if err := r.journal.Append(journal.Settled, appendAttempt(nil, a)); err != nil {
			return err
		}
		n++
	}
	if n > 0 {
		r.opt.Log.Warn("attempts were under way when the gateway was killed: each is settled with what was reserved for it", "attempts", n)
	}
	return nil
}

// Recovered tells whether all that was in the journal at the start is in the database.
func (r *Recorder) Recovered() bool { return r.journal.Acknowledged() >= r.backlog }
