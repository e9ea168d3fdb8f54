package mapped

import (
	"os"
	"syscall"
)

// Linux keeps one copy of a file's pages, whoever looks at them, and fsync writes those
// that were changed through memory too (Documentation/filesystems/locking, page_mkwrite).
const able = true

func enter(f *os.File, from int64, n int) ([]byte, error) {
	return syscall.Mmap(int(f.Fd()), from, n, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_SHARED) //nolint:gosec // a descriptor fits an int
}

func leave(mem []byte) { _ = syscall.Munmap(mem) }
