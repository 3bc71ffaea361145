package cli

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

const (
	// latencyPause is the time between two samples of --latency.
	latencyPause = 10 * time.Millisecond
	// statEvery is how often --stat asks, latencyRange for how long --latency
	// samples where it prints once, historyRange --latency-history each time.
	statEvery    = time.Second
	latencyRange = time.Second
	historyRange = 15 * time.Second
	// statHeaderEvery is after how many lines --stat repeats its header.
	statHeaderEvery = 20
)

// latency samples PING's round trip in milliseconds until it is stopped, or for
// one range where the output is no terminal.
func (c *client) latency() error {
	history := c.o.mode == modeLatencyHistory
	span := latencyRange
	if history {
		span = historyRange
	}
	if c.o.interval > 0 {
		span = c.o.interval
	}
	var least, most, sum, count int64
	for began := time.Now(); ; time.Sleep(latencyPause) {
		sent := time.Now()
		if _, err := c.s.exec([]string{"PING"}); err != nil {
			return err
		}
		ms := time.Since(sent).Milliseconds()
		if count == 0 {
			least = ms
		}
		least, most, sum, count = min(least, ms), max(most, ms), sum+ms, count+1
		over := time.Since(began) > span
		c.sampled(least, most, float64(sum)/float64(count), count, history || over)
		switch {
		case over && history:
			fmt.Fprintf(c.out, " -- %.2f seconds range\n", time.Since(began).Seconds())
			began = time.Now()
			least, most, sum, count = 0, 0, 0, 0
		case over && c.o.style != styleTyped:
			return nil
		}
		c.out.Flush()
	}
}

// sampled shows what --latency has so far; in a pipe only when it is due.
func (c *client) sampled(least, most int64, mean float64, count int64, due bool) {
	switch {
	case c.o.style == styleTyped:
		fmt.Fprintf(c.out, "\x1b[0G\x1b[2Kmin: %d, max: %d, avg: %.2f (%d samples)", least, most, mean, count)
	case due && c.o.style == styleCSV:
		fmt.Fprintf(c.out, "%d,%d,%.2f,%d\n", least, most, mean, count)
	case due:
		fmt.Fprintf(c.out, "%d %d %.2f %d\n", least, most, mean, count)
	}
}

// stat shows a line of figures from INFO again and again.
func (c *client) stat() error {
	every := c.o.interval
	if every == 0 {
		every = statEvery
	}
	var before int64
	for i := 0; ; i++ {
		r, err := c.s.exec([]string{"INFO"})
		if err != nil {
			return err
		}
		if r.IsError() {
			return fmt.Errorf("ERROR: %s", r.Text)
		}
		if i%statHeaderEvery == 0 {
			fmt.Fprint(c.out, "------- data ------ --------------------- load -------------------- - child -\n"+
				"keys       mem      clients blocked requests            connections          \n")
		}
		info := InfoFields(string(r.Text))
		requests := infoNumber(info, "total_commands_processed")
		rate := requests - before
		if i == 0 {
			rate = 0
		}
		before = requests
		fmt.Fprintf(c.out, "%-11d%-8s%-8d%-8d%-20s%-12d%-9s\n", keysOf(info), bytesShown(infoNumber(info, "used_memory")),
			infoNumber(info, "connected_clients"), infoNumber(info, "blocked_clients"),
			fmt.Sprintf("%d (+%d)", requests, rate), infoNumber(info, "total_connections_received"), childOf(info))
		if err := c.out.Flush(); err != nil {
			return fmt.Errorf("write: %w", err)
		}
		time.Sleep(every)
	}
}

// InfoFields reads INFO's "name:value" lines.
func InfoFields(text string) map[string]string {
	fields := map[string]string{}
	for line := range strings.Lines(text) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), ":"); ok {
			fields[name] = value
		}
	}
	return fields
}

func infoNumber(info map[string]string, name string) int64 {
	n, err := strconv.ParseInt(info[name], 10, 64)
	if err != nil {
		return 0 // the server does not tell
	}
	return n
}

// keysOf adds up the keys of all databases: "db0:keys=4,expires=0,…".
func keysOf(info map[string]string) (sum int64) {
	for name, value := range info {
		if rest, ok := strings.CutPrefix(name, "db"); ok && rest != "" && rest[0] >= '0' && rest[0] <= '9' {
			first, _, _ := strings.Cut(strings.TrimPrefix(value, "keys="), ",")
			n, err := strconv.ParseInt(first, 10, 64)
			if err == nil {
				sum += n
			}
		}
	}
	return sum
}

// childOf says which long task runs in the background.
func childOf(info map[string]string) string {
	var names []string
	for _, task := range [][2]string{
		{"rdb_bgsave_in_progress", "SAVE"}, {"aof_rewrite_in_progress", "AOF"}, {"loading", "LOAD"},
	} {
		if infoNumber(info, task[0]) != 0 {
			names = append(names, task[1])
		}
	}
	return strings.Join(names, " + ")
}

// bytesShown is a number of bytes with two decimals and a unit.
func bytesShown(n int64) string {
	const unit = 1024
	switch f := float64(n); {
	case n < unit:
		return fmt.Sprintf("%dB", n)
	case n < unit*unit:
		return fmt.Sprintf("%.2fK", f/unit)
	case n < unit*unit*unit:
		return fmt.Sprintf("%.2fM", f/unit/unit)
	default:
		return fmt.Sprintf("%.2fG", f/unit/unit/unit)
	}
}
