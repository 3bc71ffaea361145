package cluster_test

import (
	"flag"
	"fmt"
	"os"
	"runtime"
	"testing"
)

// sideBySide is how many tests run at once: nearly all of their time is election timeouts
// and pauses, in which they use no processor. Those that flood a node, or tell of its lease to
// some milliseconds, do not.
const sideBySide = 6

// TestMain has tests run side by side, unless -parallel says otherwise.
func TestMain(m *testing.M) {
	flag.Parse()
	if f := flag.Lookup("test.parallel"); f != nil && f.Value.String() == fmt.Sprint(runtime.GOMAXPROCS(0)) {
		if err := f.Value.Set(fmt.Sprint(sideBySide)); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
	os.Exit(m.Run())
}
