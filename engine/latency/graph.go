package latency

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
)

// The graph of an event: its samples as columns of characters, the oldest at the left,
// and below each how long ago it was, from top to bottom.
//
//	command - high 500 ms, low 300 ms (all time high 500 ms)
//	--------------------------------------------------------------------------------
//	  #
//	 _|
//	 ||
//	_||
//
//	111
//	m0s
//	 s
const (
	graphRows    = 4
	graphColumns = 80
	graphLevels  = "_o#" // what a character's height is told with, from low to high
	graphFilled  = '|'   // below the top of a column
)

// bounds are the shortest and the longest of the samples, in ms.
func (e Event) bounds() (low, high int64) {
	for i, s := range e.Samples {
		if i == 0 {
			low, high = s.Milli, s.Milli
		}
		low, high = min(low, s.Milli), max(high, s.Milli)
	}
	return low, high
}

// Graph draws the samples, as seen from a second of the wall clock.
func (e Event) Graph(now int64) string {
	var b strings.Builder
	low, high := e.bounds()
	fmt.Fprintf(&b, "%s - high %d ms, low %d ms (all time high %d ms)\n", e.Name, high, low, e.Longest)
	b.WriteString(strings.Repeat("-", graphColumns) + "\n")
	for at := 0; at < len(e.Samples); at += graphColumns {
		if at > 0 {
			b.WriteByte('\n')
		}
		drawColumns(&b, e.Samples[at:min(at+graphColumns, len(e.Samples))], low, high, now)
	}
	return b.String()
}

// drawColumns draws as many samples as there is room for beside one another.
func drawColumns(b *strings.Builder, samples []Sample, low, high, now int64) {
	lines := make([][]byte, graphRows+1) // and an empty one before the labels
	for i := range lines {
		lines[i] = bytes.Repeat([]byte{' '}, len(samples))
	}
	for x, s := range samples {
		steps := int64(graphRows * len(graphLevels))
		height := min((s.Milli-low)*steps/max(high-low, 1), steps-1)
		for y := range int64(graphRows) {
			line := lines[graphRows-1-y]
			switch level := height - y*int64(len(graphLevels)); {
			case level >= int64(len(graphLevels)):
				line[x] = graphFilled
			case level >= 0:
				line[x] = graphLevels[level]
			}
		}
		for y, char := range []byte(ago(now - s.At)) {
			if graphRows+1+y == len(lines) {
				lines = append(lines, bytes.Repeat([]byte{' '}, len(samples)))
			}
			lines[graphRows+1+y][x] = char
		}
	}
	for _, line := range lines {
		b.Write(line)
		b.WriteByte('\n')
	}
}

// ago is a number of seconds in the largest unit that fits.
func ago(seconds int64) string {
	for _, u := range []struct {
		seconds int64
		name    string
	}{{24 * 3600, "d"}, {3600, "h"}, {60, "m"}} {
		if seconds >= u.seconds {
			return strconv.FormatInt(seconds/u.seconds, 10) + u.name
		}
	}
	return strconv.FormatInt(seconds, 10) + "s"
}

// Report tells of events in words: how often each took long, how long in the mean, how
// far from that, and how often.
func Report(events []Event, now int64) string {
	var b strings.Builder
	for i, e := range events {
		var sum, off int64
		n := int64(len(e.Samples))
		for _, s := range e.Samples {
			sum += s.Milli
		}
		mean := sum / n
		for _, s := range e.Samples {
			off += max(s.Milli-mean, mean-s.Milli)
		}
		fmt.Fprintf(&b, "%d. %s: %d latency spikes (average %dms, mean deviation %dms, period %.2f sec). Worst all time event %dms.\n",
			i+1, e.Name, n, mean, off/n, float64(now-e.Samples[0].At)/float64(n), e.Longest)
	}
	return b.String()
}
