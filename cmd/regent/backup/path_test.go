package backup

import (
	"bytes"
	"context"
	"strings"
	"testing"
	"time"
)

// TestPathsOfAnyLength: a tool that is given a path longer than any system takes says so.
func TestPathsOfAnyLength(t *testing.T) {
	for _, name := range []string{"check-aof", "check-rdb"} {
		for _, path := range []string{strings.Repeat("a", 5000), strings.Repeat("a/", 5000) + "appendonly.aof.manifest", "/" + strings.Repeat("../", 3000) + "x.manifest"} {
			var out, errs bytes.Buffer
			status, ok := Tool{Out: &out, Err: &errs, Now: time.Now}.Run(context.Background(), name, []string{path})
			if !ok || status == 0 || errs.Len()+out.Len() == 0 {
				t.Errorf("%s %.20s...: %d %v %.100q", name, path, status, ok, out.String()+errs.String())
			}
		}
	}
}
