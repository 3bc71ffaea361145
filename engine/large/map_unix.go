//go:build unix

package large

import "syscall"

// Map takes n bytes of zeroed memory from the system, outside of Go's heap. They
// become resident as they are touched. It is nil where the system refuses: one that
// counts what is announced may.
func Map(n int) []byte {
	b, err := syscall.Mmap(-1, 0, n, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_PRIVATE|syscall.MAP_ANON)
	if err != nil {
		return nil
	}
	return b
}

// Unmap gives back what Map returned, and leaves what is Go's to the collector.
// Nothing may point to it any more.
func Unmap(b []byte) {
	_ = syscall.Munmap(b[:cap(b)]) // it knows what it has mapped, and refuses the rest
}
