package main

import (
	"fmt"
	"strings"
)

// The page that is written: docs/clients.md.

const intro = `# Clients through a change of leader

` + "`make clients`" + ` has written this page. Three nodes with all three faces run on one machine; a program
with the client library counts up a key and reads it back, every 2 ms, and after a second its leader fails:

- **kill -9**: the process ends at once;
- **planned**: SENTINEL FAILOVER at the leader;
- **SIGSTOP**: the process stands still for 1.5 s and then goes on.

*Errors* are those that the program saw from its library. *Pause* is the longest time between two acknowledged writes.
*Lost* values were acknowledged and are not found afterwards, *stale* reads gave less than the program had been told is
written. A program at the plain face has one address, that of a node that did not lead when it started.

`

// page is the whole page.
func page(results []result, missing []string) string {
	var b strings.Builder
	b.WriteString(intro)
	b.WriteString("| client | face | fault | writes | errors | pause | lost | stale | |\n| --- | --- | --- | ---: | ---: | ---: | ---: | ---: | --- |\n")
	for _, r := range results {
		b.WriteString(row(r) + "\n")
	}
	if len(missing) > 0 {
		b.WriteString("\nNot tried here: " + strings.Join(missing, "; ") + ".\n")
	}
	return b.String()
}

// row is a line of the table; its last column says what is not as it should be.
func row(r result) string {
	note := ""
	if r.own != "" && r.slow(works) {
		note = r.own
	}
	if err := r.fair(works); err != nil {
		note = "**" + strings.ReplaceAll(strings.ReplaceAll(err.Error(), "\n", " "), "|", "/") + "**"
	}
	return fmt.Sprintf("| %s %s | %s | %s | %d | %d | %d ms | %d | %d | %s |", r.program, r.Version, r.face, r.fault, r.Writes, r.Errors, r.Gap, r.lost, r.Stale, note)
}
