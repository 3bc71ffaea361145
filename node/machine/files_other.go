//go:build !unix

package machine

import "errors"

// errNoFileLimit says that the system does not tell how many files may be open.
var errNoFileLimit = errors.New("the limit on open files is not known")

// raiseFiles does nothing where there is no such limit.
func raiseFiles(int64) (was, files int64, err error) { return 0, 0, errNoFileLimit }
