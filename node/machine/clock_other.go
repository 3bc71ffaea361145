//go:build !linux

package machine

import "time"

// processStart anchors the monotonic clock.
var processStart = time.Now()

// bootNanos is Go's monotonic clock: on these systems a suspended machine's
// lease is only as good as that clock.
func bootNanos() int64 { return int64(time.Since(processStart)) }
