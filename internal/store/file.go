package store

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// private makes sure that the file exists and only its owner can read it.
// SQLite gives the -wal and -shm files beside it the same mode.
//
// An existing file is never opened here: on Unix, closing any descriptor of a
// file drops all locks the process holds on it, those of SQLite too (see "How
// To Corrupt An SQLite Database File", section 2.2).
func private(path string) error {
	info, err := os.Stat(path) //nolint:gosec // The path is the operator's own.
	if errors.Is(err, fs.ErrNotExist) {
		return createEmpty(path)
	}
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return errors.New("is not a file")
	}
	if info.Mode().Perm()&0o077 != 0 {
		return os.Chmod(path, 0o600) //nolint:gosec // The path is the operator's own.
	}
	return nil
}

// createEmpty makes an empty file under another name and links it, so that
// its descriptor is closed before anybody can find it. A file that is already
// there stays.
func createEmpty(path string) error {
	tmp, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*") // mode 0600
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(tmp.Name()) }() //nolint:gosec // The path is the operator's own.
	if err := tmp.Close(); err != nil {
		return err
	}
	err = os.Link(tmp.Name(), path)
	if err != nil && !errors.Is(err, fs.ErrExist) {
		// Some file systems have no links.
		return createInPlace(path)
	}
	return nil
}

func createInPlace(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600) //nolint:gosec // The path is the operator's own.
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return f.Close()
}
