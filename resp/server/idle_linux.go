package server

import (
	"bytes"
	"os"
	"strconv"
	"time"
)

// idleCores asks the system how many of its cores lie idle. The answer is
// read at most once per idleEvery, since on a big machine it is long.
type idleCores struct {
	at          int64 // ticks
	idle0, all0 int64
	cores       float64
	buf         [4096]byte
}

const idleEvery = int64(500 * time.Millisecond)

// idle is the number of idle cores between the last two readings, 0 while
// there are none.
func (c *idleCores) idle(now int64) float64 {
	if now-c.at < idleEvery {
		return c.cores
	}
	idle, all, n := c.read()
	if fresh := now-c.at < 4*idleEvery; fresh && all > c.all0 {
		c.cores = float64(idle-c.idle0) / float64(all-c.all0) * float64(n)
	} else {
		c.cores = 0
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
