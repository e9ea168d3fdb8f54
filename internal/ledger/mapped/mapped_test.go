package mapped

import (
	"bytes"
	"os"
	"path/filepath"
	"runtime"
	"testing"
)

func TestWindow(t *testing.T) {
	f, err := os.Create(filepath.Join(t.TempDir(), "file"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString("before"); err != nil {
		t.Fatal(err)
	}
	w, err := Open(f, 6, 10_000)
	if !Able() {
		if err == nil {
			t.Error("mapped")
		}
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	if !w.Holds(6, 10_000) || w.Holds(6, 100_000) || w.Holds(-1, 2) || (*Window)(nil).Holds(0, 1) {
		t.Error("holds what it does not, or not what it does")
	}
	for at, text := range map[int64]string{6: "first", 4090: "over two pages", 10_000: "last"} {
		if err := w.Store([]byte(text), at); err != nil {
			t.Error(err)
		}
		b, err := os.ReadFile(f.Name())
		if err != nil || string(b[at:at+int64(len(text))]) != text || string(b[:6]) != "before" {
			t.Errorf("%d: %v", at, err)
		}
	}
	if err := w.Store([]byte("x"), 100_000); err == nil {
		t.Error("stored outside")
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if err := w.Store([]byte("FIRST"), 6); err != nil {
		t.Error(err)
	}
	if b, err := os.ReadFile(f.Name()); err != nil || !bytes.HasPrefix(b, []byte("beforeFIRST")) {
		t.Errorf("after it was closed: %.20q, %v", b, err)
	}
	w.Close()
	w.Close()
	if err := w.Store([]byte("x"), 6); err == nil {
		t.Error("stored in a window that is closed")
	}
}

// TestFileThatWasCut: it is an error, not the end of the process.
func TestFileThatWasCut(t *testing.T) {
	if !Able() {
		t.Skip("files cannot be mapped on " + runtime.GOOS)
	}
	f, err := os.Create(filepath.Join(t.TempDir(), "file"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	w, err := Open(f, 0, 10_000)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Truncate(0); err != nil {
		t.Fatal(err)
	}
	if err := w.Store([]byte("x"), 9000); err == nil {
		t.Error("stored in a file that is gone")
	}
}

func TestNoRoom(t *testing.T) {
	f, err := os.Open(os.DevNull) // takes no writing
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	if _, err := Open(f, 0, 1); err == nil {
		t.Error("mapped")
	}
}
