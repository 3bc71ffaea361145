package bully

import (
	"fmt"
	"strings"
)

// describeEvent is an event in a trace.
func describeEvent(e *Event) string {
	kinds := map[EventKind]string{
		LeaderSilent: "leader-silent", LeaderGone: "leader-gone", LeaderResigned: "leader-resigned", Follows: "follows",
		Stands: "stands", StoodDown: "stood-down", Elected: "elected", NotElected: "not-elected", Voted: "voted", VoteDenied: "vote-denied",
		Deposed: "deposed", Resigned: "resigned", HandedOver: "handed-over", TakesOver: "takes-over", Emptied: "emptied", Regained: "regained",
		LeaseLapsed: "lease-lapsed", LeaseLate: "lease-late",
	}
	var b strings.Builder
	b.WriteString(kinds[e.Kind])
	part := func(show bool, format string, args ...any) {
		if show {
			fmt.Fprintf(&b, " "+format, args...)
		}
	}
	part(e.Node != 0, "node=%d", e.Node)
	part(e.Epoch != 0, "epoch=%d", e.Epoch)
	part(e.Phase == Pre, "pre")
	part(e.Phase == Real, "real")
	part(e.How == Sign, "sign")
	part(e.How == Proof, "proof")
	part(e.Reason != 0, "%s", reasonNames()[e.Reason])
	part(e.For != 0, "for=%dms", e.For.Milliseconds())
	for _, v := range e.Votes {
		switch v.Verdict {
		case Grant:
			part(true, "%d:grant", v.Node)
		case StandDown:
			part(true, "%d:stand-down", v.Node)
		case Refuse:
			part(true, "%d:refuse", v.Node)
		default:
			part(true, "%d:silent", v.Node)
		}
		part(v.Reason != 0, "(%s)", reasonNames()[v.Reason])
	}
	return b.String()
}
