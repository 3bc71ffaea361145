//go:build !unix

package disk

import "os"

// flock cannot be had here: two servers on one directory are the operator's
// to prevent.
func flock(*os.File) error { return nil }
