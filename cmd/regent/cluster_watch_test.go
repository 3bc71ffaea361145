package main

import (
	"strings"
	"testing"
	"time"
)

// TestReignSaysWhatHappened plays changes of leader by the clock of the test.
func TestReignSaysWhatHappened(t *testing.T) {
	begin := time.Date(2026, 1, 2, 10, 0, 0, 0, time.UTC)
	nodes := []*child{{port: 1, pid: 11}, {port: 2, pid: 12}, {port: 3, pid: 13}}
	var r reign
	var got []string
	see := func(ms int, port int, seen sighting, ended string) {
		c := nodes[port-1]
		at := begin.Add(time.Duration(ms) * time.Millisecond)
		if ended != "" {
			c.pid, c.diedAt = 0, at
		}
		c.seen = seen
		got = append(got, r.observe(c, at, ended, nodes)...)
	}
	leads := func(epoch string) sighting { return sighting{up: true, leads: true, epoch: epoch} }
	follows := func(leader, epoch string) sighting { return sighting{up: true, leader: leader, epoch: epoch} }

	if s := r.summary(begin); s != "No node leads yet." {
		t.Errorf("at the beginning: %s", s)
	}
	see(0, 3, leads("1"), "")
	see(25, 3, leads("1"), "")
	see(39, 3, sighting{}, "") // the connection ends before the process is reaped
	see(40, 3, sighting{}, "signal: killed")
	if s := r.summary(begin.Add(90 * time.Millisecond)); s != "No node leads, for 0.05 s so far." {
		t.Errorf("while none leads: %s", s)
	}
	see(100, 2, leads("2"), "")
	nodes[2].pid = 14
	see(5000, 3, follows("2", "2"), "")
	see(5010, 2, leads("2"), "")
	see(5020, 3, leads("3"), "")        // before the old one is heard of
	see(5030, 2, follows("3", "3"), "") // as it should
	see(6000, 3, leads("3"), "")
	see(6300, 3, sighting{}, "") // stopped
	see(6900, 1, leads("4"), "")
	see(7000, 3, leads("3"), "") // it wakes and does not know yet
	see(7030, 3, follows("1", "4"), "")
	want := []string{
		"10:00:00.000  Node 3 leads, epoch 1: elected by a majority, as the highest ID of those that run.",
		"10:00:00.040  Node 3 no longer leads: its process has ended (signal: killed).",
		"10:00:00.100  Node 2 leads, epoch 2: elected by a majority, as the highest ID of those that run. No node led for at most 0.06 s.",
		"10:00:05.020  Node 3 leads, epoch 3: it has the higher ID and all of the log, and took over from node 2. No node led for at most 0.01 s.",
		"10:00:06.300  Node 3 no longer leads: it does not answer.",
		"10:00:06.900  Node 1 leads, epoch 4: elected by a majority; node 2 has the higher ID, and not yet all of the log. No node led for at most 0.90 s.",
	}
	if a, b := strings.Join(got, "\n"), strings.Join(want, "\n"); a != b {
		t.Errorf("got\n%s\nwant\n%s", a, b)
	}
	if s := r.summary(begin); s != "3 changes of leader; without a leader 0.97 s in all, 0.90 s at the longest." {
		t.Errorf("in the end: %s", s)
	}
}

// TestReignIsOneWhileTheEpochIs: a leader whose lease was over for a while, as on a busy
// machine, is none that was elected anew.
func TestReignIsOneWhileTheEpochIs(t *testing.T) {
	begin := time.Date(2026, 1, 2, 10, 0, 0, 0, time.UTC)
	nodes := []*child{{port: 1, pid: 11}, {port: 2, pid: 12}}
	var r reign
	var got []string
	for _, s := range []struct {
		ms   int
		seen sighting
	}{
		{0, sighting{up: true, leads: true, epoch: "1"}},
		{25, sighting{up: true, epoch: "1"}},
		{75, sighting{up: true, leads: true, epoch: "1"}},
		{100, sighting{up: true, epoch: "1"}},
		{600, sighting{up: true, leads: true, epoch: "2"}},
	} {
		c, at := nodes[1], begin.Add(time.Duration(s.ms)*time.Millisecond)
		c.seen = s.seen
		got = append(got, r.observe(c, at, "", nodes)...)
		if s.ms == 75 {
			const want = "No other node than 2 has led; without a leader 0.07 s in all, 0.07 s at the longest."
			if sum := r.summary(at); sum != want {
				t.Errorf("got  %s\nwant %s", sum, want)
			}
		}
	}
	want := []string{
		"10:00:00.000  Node 2 leads, epoch 1: elected by a majority, as the highest ID of those that run.",
		"10:00:00.025  Node 2 no longer leads: it has given up its leadership.",
		"10:00:00.075  Node 2 leads again, epoch 1: its lease holds again, and none was elected. No node led for at most 0.07 s.",
		"10:00:00.100  Node 2 no longer leads: it has given up its leadership.",
		"10:00:00.600  Node 2 leads, epoch 2: elected by a majority, as the highest ID of those that run. No node led for at most 0.53 s.",
	}
	if a, b := strings.Join(got, "\n"), strings.Join(want, "\n"); a != b {
		t.Errorf("got\n%s\nwant\n%s", a, b)
	}
	const end = "1 change of leader; without a leader 0.60 s in all, 0.53 s at the longest."
	if sum := r.summary(begin); sum != end {
		t.Errorf("in the end: %s", sum)
	}
}
