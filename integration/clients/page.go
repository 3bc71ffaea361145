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
- **SIGSTOP**: the process stands still for 1.5 s and then goes on;
- **rolling restart**: each of the three nodes is ended with SIGTERM and started again, one after the other;
- **partition**: the leader does not hear the other nodes for 3 s, nor they it, while clients reach all of them (each
  node is on a host of its own then).

*Errors* are those that the program saw from its library. *Pause* is the longest time between two acknowledged writes.
*Lost* values were acknowledged and are not found afterwards, *stale* reads gave less than the program had been told is
written. A program at the plain face has one address: that of a node that did not lead when it started, or HAProxy's. *HAProxy*
is a TCP balancer that knows nothing and leads each connection to the next node; *HAProxy that checks* asks each plain
port every 100 ms for INFO replication, and leads to the node that says role:master.

`

const tenIntro = `
## Ten plain clients behind HAProxy

HAProxy knows nothing, and ` + "`plain-forward`" + ` is on. Each client has one connection and tries nothing again. In the rounds with kill -9
all ten are at nodes that live on; in the others they are at all three. *Pause* is the longest time that any of the ten
waited between two acknowledged writes, median of the rounds.

| fault | rounds | writes | errors | most of one client in a round | pause | lost | stale |
| --- | ---: | ---: | ---: | --- | --- | ---: | ---: |
`

const costIntro = `
## What a tunnel costs

`

const notes = `
## Sentinels of redis-server at plain ports

They find all nodes and name the leader, and follow a change if they choose the node that Regent has elected. They cannot
choose: ` + "`REPLICAOF`" + ` and ` + "`SLAVEOF`" + ` are refused where there are peers, NO ONE too, and the transaction in which a Sentinel says it
ends there. Clients of Sentinel belong at ` + "`sentinel-port`" + `.
`

// page is the whole page.
func (r *results) page() string {
	var b strings.Builder
	b.WriteString(intro)
	b.WriteString("| client | face | fault | writes | errors | pause | lost | stale | |\n| --- | --- | --- | ---: | ---: | ---: | ---: | ---: | --- |\n")
	for _, one := range r.rows {
		b.WriteString(row(one) + "\n")
	}
	if len(r.tens) > 0 {
		b.WriteString(tenIntro)
		for _, line := range r.tens {
			b.WriteString(line.String() + "\n")
		}
	}
	if r.cost != nil {
		b.WriteString(costIntro + r.cost.String())
	}
	b.WriteString(notes)
	if len(r.missing) > 0 {
		b.WriteString("\nNot tried here: " + strings.Join(r.missing, "; ") + ".\n")
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
