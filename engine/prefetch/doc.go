// Package prefetch asks for memory before it is wanted. A reading from memory that is in no
// cache takes as long as some hundred instructions; if several places are known
// beforehand, the waits run side by side (engine/foresee.go).
package prefetch

import "unsafe"

// LineBytes is how much comes at once.
const LineBytes = 64

// Line asks for the cache line where p begins, and does not wait for it. It does nothing on
// machines for which there is no instruction here.
func Line[T any](p *T) { line((*byte)(unsafe.Pointer(p))) }

// All asks for the lines of s.
func All[T any](s []T) {
	step := max(LineBytes/int(unsafe.Sizeof(*new(T))), 1)
	for i := 0; i < len(s); i += step {
		Line(&s[i])
	}
}
