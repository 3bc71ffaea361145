package main

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"regent/cmd/regent/cli"
)

const (
	// watchEvery is how often each child is asked what it is: the accuracy of
	// the times without a leader.
	watchEvery = 25 * time.Millisecond
	// askTimeout bounds one such question; a child that takes longer is silent.
	askTimeout = 300 * time.Millisecond
	// silence is how long a leader is given to answer again, or to turn out to
	// have ended, before a line says that it does not answer.
	silence = 100 * time.Millisecond
)

// A sighting is what a child last said of itself, or that it said nothing.
type sighting struct {
	up     bool
	leads  bool
	leader string
	epoch  string
	offset string
}

// A report is a sighting and when it was made.
type report struct {
	child *child
	seen  sighting
	at    time.Time
}

// watch asks the server at addr again and again until ctx ends.
func watch(ctx context.Context, c *child, reports chan<- report) {
	var conn *cli.Conn
	for ctx.Err() == nil {
		var seen sighting
		conn, seen = ask(conn, c.addr())
		select {
		case reports <- report{c, seen, time.Now()}:
		case <-ctx.Done():
		}
		select {
		case <-time.After(watchEvery):
		case <-ctx.Done():
		}
	}
	if conn != nil {
		conn.Close()
	}
}

// ask reads the role of the server at addr from its INFO. It takes and returns
// a connection to it, nil for none.
func ask(conn *cli.Conn, addr string) (*cli.Conn, sighting) {
	if conn == nil {
		var err error
		if conn, err = cli.Dial("tcp", addr, askTimeout); err != nil {
			return nil, sighting{}
		}
	}
	reply, err := conn.Do(askTimeout, "INFO", "replication", "regent")
	if err != nil {
		conn.Close()
		return nil, sighting{}
	}
	if reply.IsError() {
		return conn, sighting{}
	}
	info := cli.InfoFields(string(reply.Text))
	return conn, sighting{
		up:     true,
		leads:  info["node_id"] != "" && info["node_id"] == info["leader_id"],
		leader: info["leader_id"], epoch: info["epoch"], offset: info["master_repl_offset"],
	}
}

// A reign is which node leads, as far as the parent has seen. It decides what is worth
// a line; times and sightings are handed in.
type reign struct {
	leader  int       // the leader's port, 0 before the first
	epoch   int64     // that it leads
	seenAt  time.Time // the leader was last seen leading
	lostAt  time.Time // since when none leads; zero while one does
	leaders int       // how many there were
	without time.Duration
	longest time.Duration
}

// observe takes a child's sighting and returns the lines to print. ended says
// how the child's process ended, "" while it runs; others are all children.
func (r *reign) observe(c *child, at time.Time, ended string, others []*child) (lines []string) {
	epoch, _ := strconv.ParseInt(c.seen.epoch, 10, 64)
	switch {
	case c.seen.leads && epoch >= r.epoch && (c.port != r.leader || !r.lostAt.IsZero()):
		lines = append(lines, r.begins(c, epoch, at, others))
	case c.seen.leads && c.port == r.leader:
		r.seenAt, r.epoch = at, max(r.epoch, epoch)
	case c.port != r.leader || !r.lostAt.IsZero() || c.seen.leads:
	case c.seen.up || ended != "" || at.Sub(r.seenAt) >= silence:
		lines = append(lines, r.ends(c, at, ended))
	}
	return lines
}

// ends notes that the leader leads no more, and says why.
func (r *reign) ends(c *child, at time.Time, ended string) string {
	r.lostAt = r.seenAt
	why := "it has given up its leadership"
	switch {
	case ended != "":
		why = "its process has ended (" + ended + ")"
		if c.diedAt.After(r.seenAt) {
			r.lostAt = c.diedAt
		}
	case !c.seen.up:
		why = "it does not answer"
	case c.seen.leader != "" && c.seen.leader != "0" && c.seen.leader != strconv.Itoa(c.port):
		why = "it follows node " + c.seen.leader
	}
	return fmt.Sprintf("%s  Node %d no longer leads: %s.", clock(at), c.port, why)
}

// begins notes a leader, and says why it is this one and for how long there was
// none. The same one in the same epoch was not elected anew: on a busy machine its
// lease had run out.
func (r *reign) begins(c *child, epoch int64, at time.Time, others []*child) string {
	first := r.leaders == 0
	from := r.lostAt
	if from.IsZero() {
		from = r.seenAt // the old one has not been heard of since
	}
	gap, old := at.Sub(from), r.leader
	same := c.port == old && epoch == r.epoch && !first
	r.leader, r.epoch, r.seenAt, r.lostAt = c.port, epoch, at, time.Time{}
	line := fmt.Sprintf("%s  Node %d leads again, epoch %d: its lease holds again, and none was elected.", clock(at), c.port, epoch)
	if !same {
		r.leaders++
		line = fmt.Sprintf("%s  Node %d leads, epoch %d: %s.", clock(at), c.port, epoch, whyThisOne(c, old, others))
	}
	if first {
		return line
	}
	r.without += gap
	r.longest = max(r.longest, gap)
	return line + fmt.Sprintf(" No node led for at most %s.", seconds(gap))
}

// whyThisOne says what an election goes by, as far as it shows from outside.
func whyThisOne(c *child, old int, others []*child) string {
	for _, o := range others {
		switch {
		case o.port == old && o != c && o.pid != 0 && o.seen.up && c.port > old:
			return fmt.Sprintf("it has the higher ID and all of the log, and took over from node %d", old)
		case o.port > c.port && o.pid != 0 && o.seen.up:
			return fmt.Sprintf("elected by a majority; node %d has the higher ID, and not yet all of the log", o.port)
		}
	}
	return "elected by a majority, as the highest ID of those that run"
}

// summary is the line below the table.
func (r *reign) summary(now time.Time) string {
	switch {
	case r.leaders == 0:
		return "No node leads yet."
	case !r.lostAt.IsZero():
		return fmt.Sprintf("No node leads, for %s so far.", seconds(now.Sub(r.lostAt)))
	case r.leaders == 1 && r.without == 0:
		return fmt.Sprintf("Node %d has led since the beginning.", r.leader)
	case r.leaders == 1:
		return fmt.Sprintf("No other node than %d has led; without a leader %s in all, %s at the longest.", r.leader, seconds(r.without), seconds(r.longest))
	}
	changes := "1 change"
	if r.leaders > 2 {
		changes = fmt.Sprintf("%d changes", r.leaders-1)
	}
	return fmt.Sprintf("%s of leader; without a leader %s in all, %s at the longest.", changes, seconds(r.without), seconds(r.longest))
}

func clock(at time.Time) string { return at.Format("15:04:05.000") }

func seconds(d time.Duration) string { return fmt.Sprintf("%.2f s", d.Seconds()) }
