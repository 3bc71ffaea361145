//go:build linux && (amd64 || arm64)

package large

import (
	"syscall"
	"unsafe"
)

// canSplit says that parts of what mapSpan returned can be given back. Those of syscall.Mmap
// cannot: package syscall gives back what it has mapped, as a whole.
const canSplit = true

// mapSpan is Map for memory that unmapSpan gives back.
func mapSpan(n int) []byte {
	at, _, errno := syscall.Syscall6(syscall.SYS_MMAP, 0, uintptr(n), syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_PRIVATE|syscall.MAP_ANON, ^uintptr(0), 0)
	if errno != 0 {
		return nil
	}
	return unsafe.Slice(*(**byte)(unsafe.Pointer(&at)), n) // no address in Go's heap, which the collector would look after
}

// unmapSpan gives back what mapSpan returned, or a part of it in whole pages.
func unmapSpan(b []byte) {
	_, _, _ = syscall.Syscall(syscall.SYS_MUNMAP, uintptr(unsafe.Pointer(unsafe.SliceData(b))), uintptr(len(b)), 0) // it fails where there are too many holes: then the memory stays
}
