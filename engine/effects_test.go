package engine_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/datadriven"

	"regent/engine"
	"regent/engine/enginetest"
	"regent/resp"
)

// TestEffects carries out commands and shows what they leave in the log. The
// clock stands still at enginetest.Start but for the word advance.
func TestEffects(t *testing.T) {
	datadriven.Walk(t, "testdata/effects", func(t *testing.T, path string) {
		s := enginetest.NewEngine(t)
		c := s.Client()
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			switch d.Cmd {
			case "run":
				s.Log.Drop()
				var out strings.Builder
				for _, line := range strings.Split(d.Input, "\n") {
					runLine(t, s, c, line, &out)
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
				return applyLines(t, s.Engine, d.Input)
			case "dump":
				return strings.Join(append(s.Dump(), ""), "\n")
			}
			t.Fatalf("unknown word %q", d.Cmd)
			return ""
		})
	})
}

// runLine writes the reply and the records of one command.
func runLine(t *testing.T, s *enginetest.Server, c *enginetest.Client, line string, out *strings.Builder) {
	t.Helper()
	reply, _, err := enginetest.Parse([]byte(c.Do(words(t, line)...)))
	if err != nil {
		t.Fatalf("%s: %v", line, err)
	}
	fmt.Fprintf(out, "%s\n", reply)
	for _, rec := range s.Log.Lines() {
		fmt.Fprintf(out, "  %s\n", rec)
	}
	s.Log.Drop()
}

// applyLines carries out records as a follower does.
func applyLines(t *testing.T, e *engine.Engine, input string) string {
	t.Helper()
	a := e.NewApplier()
	for _, line := range strings.Split(input, "\n") {
		var args [][]byte
		for _, w := range words(t, line) {
			args = append(args, []byte(w))
		}
		if err := a.Apply(args); err != nil {
			return err.Error() + "\n"
		}
	}
	return ""
}

func words(t *testing.T, line string) (out []string) {
	t.Helper()
	parts, err := resp.SplitWords([]byte(line))
	if err != nil {
		t.Fatalf("%s: %v", line, err)
	}
	for _, p := range parts {
		out = append(out, string(p))
	}
	return out
}
