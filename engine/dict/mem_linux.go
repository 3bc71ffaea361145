package dict

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// mapMemory takes zeroed memory from the system, outside Go's heap. It becomes
// resident page by page, as it is touched.
func mapMemory(n int) []byte {
	b, err := unix.Mmap(-1, 0, n, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANON)
	if err != nil {
		// As when Go's own heap cannot grow: there is no way on.
		panic(fmt.Sprintf("dict: out of memory: %d bytes: %v", n, err))
	}
	return b
}

// unmapMemory gives back what mapMemory gave.
func unmapMemory(b []byte) {
	if err := unix.Munmap(b); err != nil {
		panic("dict: munmap: " + err.Error())
	}
}

// dropMemory gives the pages of b back; what is read there next is zero.
func dropMemory(b []byte) {
	if err := unix.Madvise(b, unix.MADV_DONTNEED); err != nil {
		panic("dict: madvise: " + err.Error())
	}
}
