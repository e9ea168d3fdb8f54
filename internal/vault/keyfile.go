package vault

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
)

// maxKeyFile bounds what is read: a key has 45 bytes.
const maxKeyFile = 1024

// File reads the master keys of a file. With first it is made, with one key, if it is
// absent.
func File(path string, first bool) ([]Master, error) {
	content, err := readPrivate(path)
	if errors.Is(err, fs.ErrNotExist) && first {
		raw := random()
		if err := create(path, encode(raw)); err != nil {
			return nil, fmt.Errorf("encryption key %s: %w", path, err)
		}
		clear(raw)
		// Read it back: another process may have been first.
		content, err = readPrivate(path)
	}
	var list []Master
	if err == nil {
		list, err = Masters(content)
	}
	if err != nil {
		return nil, fmt.Errorf("encryption key %s: %w", path, err)
	}
	return list, nil
}

// Renew puts a new master key before those of a file: it wraps from then on.
func Renew(path string) error {
	content, err := readPrivate(path)
	if err == nil {
		_, err = Masters(content)
	}
	if err == nil && len(bytes.Fields(content)) == maxMasters {
		err = errors.New("it holds so many keys already: take out those that vault status does not name")
	}
	if err != nil {
		return fmt.Errorf("encryption key %s: %w", path, err)
	}
	if err = replace(path, append(encode(random()), content...)); err != nil {
		return fmt.Errorf("encryption key %s: %w", path, err)
	}
	return nil
}

// replace puts a file in the place of another, whole or not at all.
func replace(path string, content []byte) error {
	dir, name := filepath.Split(path)
	if dir == "" {
		dir = "."
	}
	tmp, err := os.CreateTemp(dir, name+".*") // mode 0600
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(tmp.Name()) }() // nothing is there when all went well
	_, err = tmp.Write(content)
	if err = errors.Join(err, tmp.Sync(), tmp.Close()); err != nil {
		return err
	}
	if err = os.Rename(tmp.Name(), path); err != nil {
		return err
	}
	return syncDir(dir)
}

// readPrivate reads a small file that only its owner may touch.
func readPrivate(path string) ([]byte, error) {
	f, err := os.Open(path) //nolint:gosec // The path is the operator's own.
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, errors.New("is not a file")
	}
	// Windows has no such bits: access there follows the folder.
	if mode := info.Mode().Perm(); mode&0o077 != 0 && runtime.GOOS != "windows" {
		return nil, fmt.Errorf("others can reach it (mode %04o); run: chmod 600 %s", mode, path)
	}
	return io.ReadAll(io.LimitReader(f, maxKeyFile))
}

// create makes the file whole or not at all: written under another name, then
// linked, which fails if the name is taken. A file that is there stays.
func create(path string, content []byte) error {
	dir, name := filepath.Split(path)
	if dir == "" {
		dir = "."
	}
	tmp, err := os.CreateTemp(dir, name+".*") // mode 0600
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(tmp.Name()) }()
	_, err = tmp.Write(content)
	if err = errors.Join(err, tmp.Sync(), tmp.Close()); err != nil {
		return err
	}
	err = os.Link(tmp.Name(), path)
	if err != nil && !errors.Is(err, fs.ErrExist) {
		// Some file systems have no links; there the file is written in place.
		err = createInPlace(path, content)
	}
	if err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return syncDir(dir)
}

// createInPlace writes the file under its own name if that is free.
func createInPlace(path string, content []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600) //nolint:gosec // The path is the operator's own.
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	return errors.Join(err, f.Sync(), f.Close())
}

// syncDir makes the new name survive a power cut: a lost key would make all
// that was sealed with it unreadable.
func syncDir(dir string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	d, err := os.Open(dir) //nolint:gosec // The path is the operator's own.
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
