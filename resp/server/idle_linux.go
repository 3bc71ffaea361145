package server

import (
	"bytes"
	"os"
	"strconv"
	"time"
)

// idleCores asks the system how many of its cores lie idle while somebody wants to know.
// What they did before, while the load paused, says nothing about whether this load finds one:
// after a pause in the questions the answer is 0 until there is one of its own. The answer is
// read at most once per idleEvery, since on a big machine it is long.
type idleCores struct {
	asked       int64 // ticks: the last question
	at          int64 // ticks: the last reading
	idle0, all0 int64
	cores       float64
	look        func() (idle, all int64, cores int) // nil: read
	buf         [4096]byte
}

const (
	idleEvery = int64(500 * time.Millisecond)
	// idlePause is how long after a question the next one is of another load. It is more
	// than a window, since one window that is not full is no pause.
	idlePause = 3 * int64(window)
)

// idle is the number of idle cores between the last two readings, 0 while
// there are none.
func (c *idleCores) idle(now int64) float64 {
	anew := c.asked == 0 || now-c.asked > idlePause
	c.asked = now
	if !anew && now-c.at < idleEvery {
		return c.cores
	}
	look := c.look
	if look == nil {
		look = c.read
	}
	idle, all, n := look()
	c.cores = 0
	if !anew && all > c.all0 {
		c.cores = float64(idle-c.idle0) / float64(all-c.all0) * float64(n)
	}
	c.at, c.idle0, c.all0 = now, idle, all
	return c.cores
}

// read sums up the first line of /proc/stat, which counts for all cores
// together, and counts the lines for each.
func (c *idleCores) read() (idle, all int64, cores int) {
	f, err := os.Open("/proc/stat")
	if err != nil {
		return 0, 0, 0
	}
	defer f.Close()
	n, _ := f.Read(c.buf[:]) // what was not read is zero cores: nothing is idle
	for line := range bytes.Lines(c.buf[:n]) {
		fields := bytes.Fields(line)
		if len(fields) < 5 || !bytes.HasPrefix(fields[0], []byte("cpu")) {
			break
		}
		if len(fields[0]) > len("cpu") {
			cores++
			continue
		}
		// user, nice, system, idle, iowait, ...
		for i, f := range fields[1:min(len(fields), 9)] {
			v, _ := strconv.ParseInt(string(f), 10, 64)
			if all += v; i == 3 || i == 4 {
				idle += v
			}
		}
	}
	return idle, all, cores
}
