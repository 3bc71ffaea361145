//go:build !unix

package large

// Map has no memory outside of Go's heap here.
func Map(int) []byte { return nil }

// Unmap leaves them to the collector.
func Unmap([]byte) {}
