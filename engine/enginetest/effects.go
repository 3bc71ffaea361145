package enginetest

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/datadriven"
)

// RunEffects carries out the files in dir, each on an engine of its own, and
// compares what the commands answer and leave in the log with what the file says.
// The clock stands still at Start but for the word advance. The words:
//
//	run      commands: each one's reply, and its records indented
//	advance  DURATION
//	cycle    what a turn of expiry deletes
//	apply    records, as a follower carries them out
//	dump     the keyspace
func RunEffects(t *testing.T, dir string) {
	datadriven.Walk(t, dir, func(t *testing.T, path string) {
		s := NewEngine(t)
		c := s.Client()
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			switch d.Cmd {
			case "run":
				s.Log.Drop()
				var out strings.Builder
				for _, line := range strings.Split(d.Input, "\n") {
					c.runLine(t, line, &out)
				}
				return out.String()
			case "advance":
				by, err := time.ParseDuration(d.CmdArgs[0].Key)
				if err != nil {
					t.Fatal(err)
				}
				s.Host.Advance(by)
				return ""
			case "cycle":
				s.Log.Drop()
				n := s.ExpireCycle(1000)
				return fmt.Sprintf("%d deleted\n%s", n, strings.Join(append(s.Log.Lines(), ""), "\n"))
			case "apply":
				return s.applyLines(t, d.Input)
			case "dump":
				return strings.Join(append(s.Dump(), ""), "\n")
			}
			t.Fatalf("unknown word %q", d.Cmd)
			return ""
		})
	})
}

// runLine writes the reply and the records of one command.
func (c *Client) runLine(t *testing.T, line string, out *strings.Builder) {
	t.Helper()
	fmt.Fprintf(out, "%s\n", Parsed(t, c.Do(Words(t, line)...)))
	for _, rec := range c.Server.Log.Lines() {
		fmt.Fprintf(out, "  %s\n", rec)
	}
	c.Server.Log.Drop()
}

// applyLines carries out records as a follower does.
func (s *Server) applyLines(t *testing.T, input string) string {
	t.Helper()
	a := s.NewApplier()
	for _, line := range strings.Split(input, "\n") {
		if err := a.Apply(Raw(Words(t, line)...)); err != nil {
			return err.Error() + "\n"
		}
	}
	return ""
}
