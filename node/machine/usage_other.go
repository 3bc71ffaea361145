//go:build !linux

package machine

import "runtime"

// residentBytes is 0 where no portable call tells.
func residentBytes() int64 { return 0 }

// machineBytes is 0 where no portable call tells.
func machineBytes() int64 { return 0 }

func osName() string { return runtime.GOOS + " " + runtime.GOARCH }
