//go:build amd64 || arm64

package prefetch

// line is Line. Go's compiler has an intrinsic for this, and keeps it to the runtime.
//
//go:noescape
func line(p *byte)
