package main

import (
	"fmt"
	"strings"
	"text/tabwriter"
	"time"
)

// show prints the table when the leader, or what runs, has changed.
func (s *supervisor) show() {
	state := s.state()
	if state == s.shown {
		return
	}
	s.shown = state
	leader := s.leader()
	s.say("\n%s", clock(time.Now()))
	w := tabwriter.NewWriter(s.tool.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "NODE\tADDRESS\tPROCESS\tROLE\tEPOCH\tLOG OFFSET")
	for _, c := range s.children {
		fmt.Fprintf(w, "%d\t%s\t%s\t%s\t%s\t%s\n", c.port, c.addr(), orDash(c.pid), c.role(), dash(c.seen.epoch), dash(c.seen.offset))
	}
	w.Flush()
	s.say("%s", s.reign.summary(time.Now()))
	if leader != nil && !s.led {
		s.led = true
		s.hint(leader)
	}
}

// state is what the table is printed again for: not for every new offset.
func (s *supervisor) state() string {
	var b strings.Builder
	for _, c := range s.children {
		fmt.Fprintf(&b, "%d %s %s;", c.pid, c.role(), c.seen.epoch)
	}
	return b.String()
}

func (s *supervisor) leader() *child {
	for _, c := range s.children {
		if c.seen.leads {
			return c
		}
	}
	return nil
}

// hint says what to type next.
func (s *supervisor) hint(leader *child) {
	other := s.children[0]
	if other == leader && len(s.children) > 1 {
		other = s.children[1]
	}
	s.say(`
Try, in another terminal:
  redis-cli -c -p %[1]d set greeting hello      (or: regent cli -p %[1]d set greeting hello)
  kill -9 %[2]d                           (the leader: watch this table)
  redis-cli -c -p %[3]d get greeting`, s.children[0].port, leader.pid, other.port)
	last := len(s.children) - 1
	if p := s.o.plain; p != 0 {
		s.say(`
Clients that know nothing of clusters, at any of the ports %d to %d:
  redis-cli -p %[1]d get greeting`, p, p+last)
	}
	if p := s.o.sentinel; p != 0 {
		s.say(`
Clients of Sentinel, the name is mymaster, at the ports %d to %d:
  redis-cli -p %[1]d sentinel get-master-addr-by-name mymaster`, p, p+last)
	}
}

func (c *child) role() string {
	switch {
	case c.pid == 0:
		return "down"
	case !c.seen.up:
		return "silent"
	case c.seen.leads:
		return "LEADER"
	case c.seen.leader == "" || c.seen.leader == "0":
		return "electing"
	default:
		return "follower of " + c.seen.leader
	}
}

func orDash(pid int) string {
	if pid == 0 {
		return "-"
	}
	return fmt.Sprint(pid)
}

func dash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}
