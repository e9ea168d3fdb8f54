package journal

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

// book is a journal under test and what it logged.
type book struct {
	*Journal
	t   *testing.T
	log *bytes.Buffer
}

func open(t *testing.T, dir string, segment int64, fsync Fsync) *book {
	t.Helper()
	b := &book{t: t, log: &bytes.Buffer{}}
	var err error
	b.Journal, err = Open(Options{Dir: dir, SegmentBytes: segment, Fsync: fsync, Log: slog.New(slog.NewTextHandler(b.log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.crash)
	return b
}

// crash ends the journal as the end of the process would: nothing is tidied up.
func (b *book) crash() {
	b.retiring.Wait()
	_ = b.lock.Close()
	if b.file != nil {
		_ = b.file.Close()
	}
}

func (b *book) add(from, to int) {
	b.t.Helper()
	for i := from; i < to; i++ {
		if err := b.Append(Settled, []byte(payload(i))); err != nil {
			b.t.Fatal(err)
		}
	}
}

func payload(i int) string { return fmt.Sprintf("payload %d", i) }

func payloads(from, to int) (list []string) {
	for i := from; i < to; i++ {
		list = append(list, payload(i))
	}
	return list
}

// all reads everything, most at a time, and acknowledges it if told to.
func (b *book) all(most int, acknowledge bool) (list []string) {
	b.t.Helper()
	for last := uint64(0); ; {
		records, ack, err := b.Read(most)
		if err != nil {
			b.t.Fatal(err)
		}
		if len(records) > most {
			b.t.Fatalf("%d records at once", len(records))
		}
		for _, r := range records {
			list = append(list, string(r.Payload))
		}
		if acknowledge {
			if err := b.Acknowledge(ack); err != nil {
				b.t.Fatal(err)
			}
		}
		if len(records) == 0 && ack == last {
			return list
		}
		last = ack
	}
}

func files(t *testing.T, dir, ending string) []string {
	t.Helper()
	list, err := filepath.Glob(filepath.Join(dir, "*"+ending))
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func TestWhatIsAppendedIsRead(t *testing.T) {
	for _, fsync := range []Fsync{Always, Interval, Never} {
		for _, most := range []int{1, 3, 1000} {
			t.Run(fmt.Sprintf("%s, %d at once", fsync, most), func(t *testing.T) {
				dir := filepath.Join(t.TempDir(), "a", "b")
				j := open(t, dir, 200, fsync)
				if got := j.all(most, true); len(got) != 0 {
					t.Errorf("an empty journal holds %q", got)
				}
				j.add(0, 20)
				if got := j.all(most, true); !slices.Equal(got, payloads(0, 20)) {
					t.Errorf("read %q", got)
				}
				j.add(20, 30)
				if got := j.all(most, true); !slices.Equal(got, payloads(20, 30)) {
					t.Errorf("then %q", got)
				}
				if n := len(files(t, dir, segmentEnding)); n != 1 || j.Pending() != 0 {
					t.Errorf("%d segments are left, %d records pending", n, j.Pending())
				}
				if err := j.Close(); err != nil {
					t.Fatal(err)
				}
				if n := len(files(t, dir, segmentEnding)); n != 0 || j.Bytes() != 0 {
					t.Errorf("%d segments and %d bytes of nothing", n, j.Bytes())
				}
				if err := j.Append(Settled, nil); !errors.Is(err, errClosed) {
					t.Errorf("a closed journal: %v", err)
				}
				if j.log.Len() > 0 {
					t.Errorf("logged %s", j.log)
				}
			})
		}
	}
}

func TestFilesAreTheOwners(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "journal")
	j := open(t, dir, 0, Never)
	j.add(0, 1)
	j.all(10, true)
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		info, err := e.Info()
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s has the mode %v", e.Name(), info.Mode())
		}
	}
	if len(entries) != 3 {
		t.Errorf("%d files", len(entries))
	}
}

// TestManyAtOnce: every record is there once, those of one goroutine in order.
func TestManyAtOnce(t *testing.T) {
	j := open(t, t.TempDir(), 4096, Interval)
	const each = 300
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			for i := range each {
				if err := j.Append(Settled, fmt.Appendf(nil, "%d %03d", g, i)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	got := j.all(100, true)
	if len(got) != 8*each {
		t.Fatalf("%d records", len(got))
	}
	slices.SortStableFunc(got, func(a, b string) int { return strings.Compare(a[:1], b[:1]) })
	if !slices.IsSorted(got) || len(slices.Compact(got)) != 8*each {
		t.Error("records are doubled, or out of order")
	}
}

// TestCrashAtEveryByte: a journal that ends anywhere gives exactly the whole
// records before its end, and goes on; so does one with zeros behind it, as a process
// leaves it that is killed.
func TestCrashAtEveryByte(t *testing.T) {
	src := t.TempDir()
	j := open(t, src, 0, Never)
	var ends []int64
	for i := range 4 {
		j.add(i, i+1)
		ends = append(ends, j.Bytes())
	}
	whole, err := os.ReadFile(segmentPath(src, 1))
	if err != nil {
		t.Fatal(err)
	}
	whole = whole[:j.Bytes()]
	for n := range 2 * (len(whole) + 1) {
		dir := t.TempDir()
		left := whole[:n/2]
		if n%2 == 1 {
			left = append(bytes.Clone(left), make([]byte, 100)...)
		}
		n /= 2
		if err := os.WriteFile(segmentPath(dir, 1), left, 0o600); err != nil {
			t.Fatal(err)
		}
		kept, torn := 0, n > 0
		for _, end := range ends {
			if int64(n) >= end {
				kept++
			}
			torn = torn && int64(n) != end
		}
		for round := range 2 { // the second crash finds the traces of the first
			k := open(t, dir, 0, Never)
			if got := k.all(10, false); !slices.Equal(got, append(payloads(0, kept), payloads(100, 100+round)...)) {
				t.Errorf("cut at %d, start %d: %q", n, round, got)
			}
			if logged := strings.Contains(k.log.String(), "half-written"); logged != (torn && round == 0) || strings.Contains(k.log.String(), "ERROR") {
				t.Errorf("cut at %d, start %d: logged %q", n, round, k.log)
			}
			k.add(100+round, 101+round)
			k.crash()
		}
	}
}

// TestDamageAnywhere: with any byte of a segment in the middle changed, all other
// records are read, what is missing is counted, and the file is kept.
func TestDamageAnywhere(t *testing.T) {
	src := t.TempDir()
	j := open(t, src, 1, Never) // a segment each
	j.add(0, 2)
	j.opt.SegmentBytes = 1 << 20
	j.add(2, 4)
	j.opt.SegmentBytes = 1
	j.add(4, 5)
	middle := segmentPath(src, 2)
	whole, err := os.ReadFile(middle)
	if err != nil {
		t.Fatal(err)
	}
	size := (len(whole) - len(segmentHead)) / 3
	for at := range whole {
		dir := t.TempDir()
		if err := os.CopyFS(dir, os.DirFS(src)); err != nil {
			t.Fatal(err)
		}
		broken := bytes.Clone(whole)
		broken[at] ^= 0x41
		if err := os.WriteFile(filepath.Join(dir, filepath.Base(middle)), broken, 0o600); err != nil {
			t.Fatal(err)
		}
		want := payloads(0, 5)
		if at >= len(segmentHead) {
			hit := 1 + (at-len(segmentHead))/size
			want = slices.Delete(want, hit, hit+1)
		} else if strings.HasPrefix(string(broken), segmentFamily) {
			if _, err := Open(Options{Dir: dir, Fsync: Never, Log: slog.New(slog.DiscardHandler)}); !errors.Is(err, errNewer) {
				t.Errorf("another version: %v", err)
			}
			continue
		}
		k := open(t, dir, 0, Never)
		if got := k.all(2, true); !slices.Equal(got, want) {
			t.Errorf("byte %d: %q", at, got)
		}
		lost := 5 - len(want)
		if n := strings.Count(k.log.String(), "the journal is damaged"); n != 1 {
			t.Errorf("byte %d: logged %s", at, k.log)
		}
		if strings.Contains(k.log.String(), "missing") != (lost > 0) || lost > 0 && !strings.Contains(k.log.String(), "attempts=1") {
			t.Errorf("byte %d, %d lost: logged %s", at, lost, k.log)
		}
		if n := len(files(t, dir, damagedEnding)); n != 1 || k.Pending() != 0 {
			t.Errorf("byte %d: %d files kept, %d pending", at, n, k.Pending())
		}
		r, err := Scan(dir, func(Record) error { return nil })
		if err != nil || len(r.Aside) != 1 {
			t.Errorf("byte %d: scan: %+v, %v", at, r, err)
		}
		k.crash()
	}
}

func TestSegmentThatIsGone(t *testing.T) {
	dir := t.TempDir()
	j := open(t, dir, 1, Never)
	j.add(0, 3)
	j.crash()
	if err := os.Remove(segmentPath(dir, 2)); err != nil {
		t.Fatal(err)
	}
	var read []string
	if r, err := Scan(dir, func(rec Record) error { read = append(read, string(rec.Payload)); return nil }); err != nil || r.Missing != 1 || len(read) != 2 {
		t.Errorf("scan: %+v, %v, %q", r, err, read)
	}
	j = open(t, dir, 1, Never)
	if got := j.all(10, true); !slices.Equal(got, []string{payload(0), payload(2)}) || !strings.Contains(j.log.String(), "attempts=1") {
		t.Errorf("%q, logged %s", got, j.log)
	}
}

func TestReplayBeginsWhereItWasAcknowledged(t *testing.T) {
	dir := t.TempDir()
	j := open(t, dir, 0, Never)
	j.add(0, 10)
	if _, ack, err := j.Read(4); err != nil || ack != 5 {
		t.Fatalf("%d, %v", ack, err)
	}
	if err := j.Acknowledge(5); err != nil {
		t.Fatal(err)
	}
	j.crash()
	for _, c := range []struct {
		name, ack string
		want      []string
	}{
		{"as it was", ackText(5), payloads(4, 10)},
		{"a digit changed", strings.Replace(ackText(5), "5", "9", 1), payloads(0, 10)},
		{"cut", ackText(5)[:5], payloads(0, 10)},
		{"lost", "", payloads(0, 10)},
		{"damaged", "five", payloads(0, 10)},
	} {
		t.Run(c.name, func(t *testing.T) {
			if err := os.WriteFile(filepath.Join(dir, ackName), []byte(c.ack), 0o600); err != nil {
				t.Fatal(err)
			}
			k := open(t, dir, 0, Never)
			if got := k.all(3, false); !slices.Equal(got, c.want) || k.log.Len() > 0 {
				t.Errorf("%q; logged %s", got, k.log)
			}
			k.crash()
		})
	}
}

// TestPowerLoss: the records are gone, the word of what was acknowledged is not.
func TestPowerLoss(t *testing.T) {
	dir := t.TempDir()
	j := open(t, dir, 0, Never)
	j.add(0, 10)
	j.all(100, true)
	j.crash()
	if err := os.Truncate(segmentPath(dir, 1), int64(len(segmentHead)+2*(recordHead+len(payload(0))))); err != nil {
		t.Fatal(err)
	}
	j = open(t, dir, 0, Never)
	j.add(10, 12)
	if got := j.all(100, true); !slices.Equal(got, payloads(10, 12)) || j.log.Len() > 0 {
		t.Errorf("%q; logged %s", got, j.log)
	}
}

func TestOneProcessWrites(t *testing.T) {
	dir := t.TempDir()
	j := open(t, dir, 0, Never)
	opt := Options{Dir: dir, Fsync: Never, Log: slog.New(slog.DiscardHandler)}
	if _, err := Open(opt); !errors.Is(err, errLocked) {
		t.Errorf("the second: %v", err)
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	k, err := Open(opt)
	if err != nil {
		t.Fatal(err)
	}
	if err := k.Close(); err != nil {
		t.Error(err)
	}
}

// TestFailedWrite: what could not be written is not there, and uses up no sequence.
func TestFailedWrite(t *testing.T) {
	dir := t.TempDir()
	j := open(t, dir, 0, Never)
	j.add(0, 2)
	f := j.file
	j.window, j.unmapped, j.padded = nil, true, false
	var err error
	if j.file, err = os.Open(f.Name()); err != nil { // takes no writing
		t.Fatal(err)
	}
	if err := j.Append(Settled, []byte("refused")); err == nil {
		t.Error("a write that fails is no error")
	}
	_ = f.Close()
	j.add(2, 4) // in a segment of its own
	if got := j.all(10, true); !slices.Equal(got, payloads(0, 4)) || j.log.Len() > 0 {
		t.Errorf("%q; logged %s", got, j.log)
	}
	if err := j.Append(Settled, make([]byte, MaxPayload+1)); !errors.Is(err, errTooLarge) {
		t.Errorf("too large: %v", err)
	}
}

// TestWithoutMemory: where a file cannot be mapped, it is written.
func TestWithoutMemory(t *testing.T) {
	j := open(t, t.TempDir(), 200, Never)
	j.add(0, 1)
	j.window, j.unmapped = nil, true
	j.add(1, 2)
	j.unmapped = false
	j.add(2, 30)
	if got := j.all(10, true); !slices.Equal(got, payloads(0, 30)) || j.log.Len() > 0 {
		t.Errorf("%q; logged %s", got, j.log)
	}
}

func TestKeptDamageIsBounded(t *testing.T) {
	dir := t.TempDir()
	for i := range keptDamaged + 2 {
		s := &segment{path: segmentPath(dir, uint64(i)), damaged: true}
		if err := os.WriteFile(s.path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		removed, err := setAside(s)
		if err != nil || len(removed) != max(0, i+1-keptDamaged) && len(removed) > 1 {
			t.Fatalf("%d: %q, %v", i, removed, err)
		}
	}
	left := files(t, dir, damagedEnding)
	if len(left) != keptDamaged || !strings.Contains(left[0], "00002.bad") {
		t.Errorf("%q", left)
	}
}

func FuzzNext(f *testing.F) {
	one := appendRecord(nil, Settled, []byte("one"))
	two := appendRecord(nil, Begun, []byte(marker+"two"))
	number(one, 1)
	number(two, 2)
	f.Add([]byte{}, []byte{})
	f.Add(one, two)
	f.Add([]byte(marker+marker), one[:9])
	f.Add(bytes.Repeat([]byte(marker), 9), []byte{0})
	f.Add([]byte(segmentHead), one)
	f.Fuzz(func(t *testing.T, before, behind []byte) {
		if len(before)+len(behind) > 1<<16 {
			return
		}
		// Whatever stands around it, a whole record is found.
		whole := appendRecord(nil, Settled, behind)
		number(whole, 7)
		all := append(append(bytes.Clone(before), whole...), behind...)
		found := false
		for at := 0; at < len(all); {
			r, skipped, used := next(all[at:])
			if used <= 0 || skipped > used || at+used > len(all) {
				t.Fatalf("skipped %d, used %d of %d", skipped, used, len(all)-at)
			}
			if skipped < used {
				again := appendRecord(nil, r.Kind, r.Payload)
				number(again, r.Sequence)
				if !bytes.Equal(again, all[at+skipped:at+used]) {
					t.Fatalf("a record is not what it was: %x", again)
				}
				start := at + skipped
				found = found || start == len(before)
				// A record of before may reach into it only if that was made for it.
				if start < len(before) && at+used > len(before) {
					return
				}
			}
			at += used
		}
		if !found {
			t.Fatalf("the record behind %x is not found", before)
		}
	})
}

// TestTextsAreNoRecords: reading on after damage, a text cannot pass for a record.
func TestTextsAreNoRecords(t *testing.T) {
	forged := appendRecord(nil, Settled, bytes.Repeat([]byte("x"), 0x0101))
	number(forged, 0x0101010101010101)
	if bytes.IndexByte(forged[8:12], 0) < 0 {
		t.Fatal("a length without a zero byte")
	}
	if MaxPayload >= 1<<24 {
		t.Error("a length may have no zero byte")
	}
	binary.LittleEndian.PutUint32(forged[8:], 0x01010101)
	if _, n := parse(forged); n != 0 {
		t.Error("a record of any length is taken")
	}
}

func BenchmarkAppend(b *testing.B) {
	payload := bytes.Repeat([]byte("x"), 300)
	for _, fsync := range []Fsync{Never, Interval} {
		b.Run(string(fsync), func(b *testing.B) {
			j, err := Open(Options{Dir: b.TempDir(), Fsync: fsync, Log: slog.New(slog.DiscardHandler)})
			if err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			b.SetParallelism(8)
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					if err := j.Append(Settled, payload); err != nil {
						b.Error(err)
					}
				}
			})
			if err := j.Close(); err != nil {
				b.Error(err)
			}
		})
	}
}
