//go:build amd64 || arm64

package dict

// prefetch asks for the cache line at p and does not wait for it. Go's compiler
// has an intrinsic for this, and keeps it to the runtime.
//
//go:noescape
func prefetch(p *byte)
