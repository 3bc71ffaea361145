//go:build !linux || (!amd64 && !arm64)

package large

// canSplit says that a span is given back as a whole.
const canSplit = false

func mapSpan(n int) []byte { return Map(n) }

func unmapSpan(b []byte) { Unmap(b) }
