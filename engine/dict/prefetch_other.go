//go:build !amd64 && !arm64

package dict

func prefetch(*byte) {}
