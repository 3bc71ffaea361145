package bully

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Names of the contract's values, for traces.

func roleName(r Role) string {
	return [...]string{Follower: "follower", Candidate: "candidate", Leader: "leader"}[r]
}

func kindNames() []string {
	return []string{Election: "election", OK: "ok", Coordinator: "coordinator",
		Heartbeat: "heartbeat", Ack: "ack", Resign: "resign",
		Handover: "handover", Takeover: "takeover"}
}

func stageName(s Stage) string {
	return [...]string{"", "catching", "holding", "passed", "resuming"}[s]
}

func verdictNames() []string {
	return []string{Grant: "grant", StandDown: "stand-down", Refuse: "refuse"}
}

func reasonNames() []string {
	return []string{LeaderAlive: "leader-alive", StaleLog: "stale-log", OldEpoch: "old-epoch",
		VoteTaken: "vote-taken", JustStarted: "just-started", DiskFailed: "disk-failed",
		Stopping: "stopping", LeaseLost: "lease-lost",
		ByCommand: "by-command", TimedOut: "timed-out", Aborted: "aborted", TargetLost: "target-lost", MayHaveLost: "may-have-lost", Forgot: "forgot", Forced: "forced", OldMembers: "old-members"}
}

func phaseNames() []string { return []string{Pre: "pre", Real: "real"} }

func describe(m Message) string {
	s := kindNames()[m.Kind]
	if m.Phase != 0 {
		s += " " + phaseNames()[m.Phase]
	}
	if m.Verdict != 0 {
		s += " " + verdictNames()[m.Verdict]
	}
	if m.Reason != NoReason {
		s += " " + reasonNames()[m.Reason]
	}
	s += fmt.Sprintf(" epoch=%d", m.Epoch)
	if m.Kind != Resign {
		s += fmt.Sprintf(" log=%d/%d", m.Position.Epoch, m.Position.Offset)
	}
	if m.Token.N != 0 {
		s += fmt.Sprintf(" token=%d/%d", m.Token.Epoch, m.Token.N)
	}
	if m.Kind == OK && m.Leader != 0 {
		s += fmt.Sprintf(" leader=%d addr=%s", m.Leader, m.Addr)
	}
	return s
}

func num(s string) int64 {
	k, _ := strconv.ParseInt(s, 10, 64)
	return k
}

func parsePos(s string) Position {
	e, o, _ := strings.Cut(s, "/")
	return Position{Epoch: num(e), Offset: num(o)}
}

func splitArgs(args []string) (map[string]string, []string) {
	opts := map[string]string{}
	var words []string
	for _, a := range args {
		if k, v, ok := strings.Cut(a, "="); ok {
			opts[k] = v
		} else {
			words = append(words, a)
		}
	}
	return opts, words
}

// parseMessage reads words such as "election pre" or "ok refuse stale-log".
func parseMessage(words []string, opts map[string]string) Message {
	m := Message{
		From: num(opts["from"]), Epoch: num(opts["epoch"]), Seq: uint64(num(opts["seq"])),
		Position: parsePos(opts["log"]), Leader: num(opts["leader"]), Addr: opts["addr"],
		Commit: num(opts["commit"]), SentAt: time.Duration(num(opts["sent"])) * time.Millisecond,
	}
	m.Durable = m.Position.Offset
	token := parsePos(opts["token"])
	m.Token = Token{token.Epoch, token.Offset}
	m.Members.Version = 1
	for _, w := range words {
		if i := slices.Index(kindNames(), w); i > 0 {
			m.Kind = Kind(i)
		}
		if i := slices.Index(phaseNames(), w); i > 0 {
			m.Phase = Phase(i)
		}
		if i := slices.Index(verdictNames(), w); i > 0 {
			m.Verdict = Verdict(i)
		}
		if i := slices.Index(reasonNames(), w); i > 0 {
			m.Reason = Reason(i)
		}
	}
	return m
}

func parseIDs(s string) (ids []int64) {
	for w := range strings.SplitSeq(s, ",") {
		if w != "" {
			ids = append(ids, num(w))
		}
	}
	return ids
}

// membersText tells of members that were changed.
func membersText(c Configuration) string {
	if len(c.Voters) == 0 {
		return ""
	}
	s := fmt.Sprintf(", voters %v", c.Voters)
	if len(c.Learners) > 0 {
		s += fmt.Sprintf(" learners %v", c.Learners)
	}
	if c.Addrs != "" {
		s += " at " + c.Addrs
	}
	return s + fmt.Sprintf(" (%d/%d)", c.Epoch, c.Version)
}
