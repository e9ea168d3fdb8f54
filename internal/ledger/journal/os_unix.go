//go:build !windows

package journal

import (
	"errors"
	"os"
	"syscall"
)

// lock makes sure that one process writes the folder. The system gives the lock
// back when the process ends, however it ends.
func lock(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600) //nolint:gosec // The path is the operator's own.
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil { //nolint:gosec // a descriptor fits an int
		_ = f.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, errLocked
		}
		return nil, err
	}
	return f, nil
}

// syncDir makes the names in a folder outlive a power loss.
func syncDir(path string) error {
	d, err := os.Open(path) //nolint:gosec // The path is the operator's own.
	if err != nil {
		return err
	}
	err = d.Sync()
	return errors.Join(err, d.Close())
}
