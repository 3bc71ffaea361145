package cluster

import (
	"fmt"
	"time"

	"regent/aof/disk"
	"regent/cluster/bully"
	"regent/engine"
)

// NewsLine is an event's line in the log, of a node with the default lengths.
func NewsLine(e bully.Event) (level engine.Level, text string) {
	w := newsWriter{
		name:  func(id int64) string { return fmt.Sprintf("node %d at h%d:1", id, id) },
		lease: 120 * time.Millisecond, timeout: 500 * time.Millisecond,
	}
	return w.line(&e)
}

// NewsDue is which of the times at which an event comes get a line, and how many
// others that line tells of.
func NewsDue(e bully.Event, times ...time.Duration) (lines []string) {
	var n news
	for _, at := range times {
		if more, ok := n.due(&e, at); ok {
			lines = append(lines, fmt.Sprintf("%v +%d", at, more))
		}
	}
	return lines
}

// Kill ends everything without a word to anybody, as kill -9 does.
func (c *Cluster) Kill() {
	c.mu.Lock()
	c.stopping = true
	c.mu.Unlock()
	c.cancel()
	c.Sever()
	c.wg.Wait()
	c.endSenders()
}

// Sever closes every connection to other nodes; they are dialled again.
func (c *Cluster) Sever() {
	c.follow.drop()
	for _, m := range c.others() {
		m.replace(nil)
	}
}

// ReadMark is how far the log had come, as the last process of a directory left it.
func ReadMark(dir string) (at bully.Position, found bool, err error) { return readMark(disk.OS{}, dir) }

// Copies is how many bytes of the log were taken from leaders.
func (c *Cluster) Taken() int64 { return c.follow.bytes.Load() }

// Answered takes the answer of a node to the round that runs, as of an epoch.
func (c *Cluster) Answered(id, epoch int64) {
	c.rounds.mu.Lock()
	begun := c.rounds.begun
	c.rounds.mu.Unlock()
	c.answered(c.member(id), epoch, begun, 0)
}

// A Tally is a leader's count of answers to rounds.
type Tally struct{ r rounds }

// Begin begins round begun of an epoch.
func (t *Tally) Begin(epoch, begun int64) {
	if t.r.by == nil || t.r.epoch != epoch {
		t.r.by = map[int64]int64{}
	}
	t.r.epoch, t.r.begun = epoch, begun
}

// Count is rounds.count of node 1.
func (t *Tally) Count(epoch, from, round int64, voters ...int64) bool {
	return t.r.count(epoch, from, round, 1, voters)
}

// Stream is the stream that this node takes, nil: none. Each is another.
func (c *Cluster) Stream() any { return c.follow.receiver.Load() }

// Steady reports whether nothing is under way that goes on at each beat.
func (c *Cluster) Steady() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.steady()
}
