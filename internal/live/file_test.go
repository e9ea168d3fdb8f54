package live

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

// TestFile: each way in which files are replaced is noticed, once it is quiet.
func TestFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "turnpike.yaml")
	stamp := time.Now().Add(-time.Hour)
	write := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		stamp = stamp.Add(time.Second)
		if err := os.Chtimes(name, stamp, stamp); err != nil {
			t.Fatal(err)
		}
	}
	try := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	f := NewFile(path)
	want := func(what string, looks ...bool) {
		t.Helper()
		for i, yes := range looks {
			if f.Changed() != yes {
				t.Errorf("%s: look %d says %v", what, i+1, !yes)
			}
		}
	}
	want("nothing there", false, false)
	write(path, "a")
	want("made", false, true, false)
	write(path, "b")
	want("written in place", false, true, false)
	write(path, "b")
	want("written again as it was", false, false, false)
	write(path, "half")
	want("being written", false)
	write(path, "half of it")
	want("still being written", false, true, false)
	write(path+".new", "c")
	try(os.Rename(path+".new", path))
	want("renamed into its place", false, true, false)
	try(os.Remove(path))
	want("gone", false, true, false)
	// A ConfigMap: turnpike.yaml -> ..data/turnpike.yaml, ..data -> a folder that is replaced.
	for _, v := range []string{"v1", "v2"} {
		try(os.Mkdir(filepath.Join(dir, v), 0o700))
		write(filepath.Join(dir, v, "turnpike.yaml"), v)
	}
	try(os.Symlink("v1", filepath.Join(dir, "..data")))
	try(os.Symlink(filepath.Join("..data", "turnpike.yaml"), path))
	want("a link", false, true, false)
	try(os.Symlink("v2", filepath.Join(dir, "..data_tmp")))
	try(os.Rename(filepath.Join(dir, "..data_tmp"), filepath.Join(dir, "..data")))
	want("another target", false, true, false)
}
