package cli

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"regent/resp"
)

// A sizing is how a type's keys are measured.
type sizing struct {
	name, unit string
	command    []string // the key goes behind its first word
	after      []string // and these behind the key
}

func elementCounts() []sizing {
	return []sizing{
		{name: "list", unit: "items", command: []string{"LLEN"}}, {name: "hash", unit: "fields", command: []string{"HLEN"}},
		{name: "string", unit: "bytes", command: []string{"STRLEN"}}, {name: "stream", unit: "entries", command: []string{"XLEN"}},
		{name: "set", unit: "members", command: []string{"SCARD"}}, {name: "zset", unit: "members", command: []string{"ZCARD"}},
	}
}

func memoryUse(samples int) []sizing {
	all := elementCounts()
	for i := range all {
		all[i].unit, all[i].command = "bytes", []string{"MEMORY", "USAGE"}
		if samples > 0 {
			all[i].after = []string{"SAMPLES", strconv.Itoa(samples)}
		}
	}
	return all
}

func (s sizing) of(key string) []string {
	return append(append(slices.Clone(s.command), key), s.after...)
}

// tally is what was seen of a type.
type tally struct {
	count, total, biggest int64
	key                   string // the biggest, quoted
}

// sampleBatches is after how many calls of SCAN -i sleeps.
const sampleBatches = 100

const sampleIntro = `
# Scanning the entire keyspace to find %s keys as well as
# average sizes per key type.  You can use -i 0.1 to sleep 0.1 sec
# per 100 SCAN commands (not usually needed).

`

// eachPage scans the keyspace and calls f with each page's keys and how much of
// the keyspace came before it, in percent.
func (c *client) eachPage(f func(keys []string, before float64) error) (sampled int64, err error) {
	total, err := c.number("DBSIZE")
	if err != nil {
		return 0, err
	}
	cursor := "0"
	for page := 1; ; page++ {
		before := 0.0
		if total > 0 {
			before = 100 * float64(sampled) / float64(total)
		}
		next, keys, err := c.scanPage(cursor)
		if err != nil {
			return sampled, err
		}
		if err := f(keys, before); err != nil {
			return sampled, err
		}
		sampled += int64(len(keys))
		if c.o.interval > 0 && page%sampleBatches == 0 {
			time.Sleep(c.o.interval)
		}
		if cursor = next; cursor == "0" {
			return sampled, nil
		}
	}
}

// sample finds the biggest key of each type and the types' average sizes.
func (c *client) sample(kinds []sizing, what string) error {
	fmt.Fprintf(c.out, sampleIntro, what)
	tallies := make([]tally, len(kinds))
	var nameBytes int64
	sampled, err := c.eachPage(func(keys []string, before float64) error {
		for _, key := range keys {
			nameBytes += int64(len(key))
		}
		return c.measure(keys, before, kinds, tallies)
	})
	if err != nil {
		return err
	}
	c.summary(kinds, tallies, sampled, nameBytes)
	return nil
}

// measure asks for the types and sizes of a page's keys.
func (c *client) measure(keys []string, before float64, kinds []sizing, tallies []tally) error {
	var questions [][]string
	for _, key := range keys {
		questions = append(questions, []string{"TYPE", key})
	}
	types, err := c.ask(questions)
	if err != nil {
		return err
	}
	questions = nil
	var asked, of []int // the key and the kind of each question
	for i, key := range keys {
		k := slices.IndexFunc(kinds, func(s sizing) bool { return s.name == string(types[i].Text) })
		if k < 0 {
			continue // gone, or of a type of a module
		}
		questions = append(questions, kinds[k].of(key))
		asked, of = append(asked, i), append(of, k)
	}
	sizes, err := c.ask(questions)
	if err != nil {
		return err
	}
	for i, r := range sizes {
		size, err := strconv.ParseInt(string(r.Text), 10, 64)
		if err != nil || r.IsError() {
			size = 0 // it is gone, or has another type by now
		}
		kind, t := kinds[of[i]], &tallies[of[i]]
		t.count++
		t.total += size
		if size > t.biggest {
			t.biggest, t.key = size, string(resp.AppendQuoted(nil, []byte(keys[asked[i]])))
			fmt.Fprintf(c.out, "[%05.2f%%] Biggest %-6s found so far '%s' with %d %s\n", before, kind.name, t.key, size, kind.unit)
		}
	}
	return nil
}

func (c *client) summary(kinds []sizing, tallies []tally, sampled, nameBytes int64) {
	share := func(part, whole float64) float64 {
		if whole == 0 {
			return 0
		}
		return part / whole
	}
	fmt.Fprintf(c.out, "\n-------- summary -------\n\nSampled %d keys in the keyspace!\n", sampled)
	fmt.Fprintf(c.out, "Total key length in bytes is %d (avg len %.2f)\n\n", nameBytes, share(float64(nameBytes), float64(sampled)))
	for i, kind := range kinds {
		if t := tallies[i]; t.biggest > 0 {
			fmt.Fprintf(c.out, "Biggest %6s found '%s' has %d %s\n", kind.name, t.key, t.biggest, kind.unit)
		}
	}
	fmt.Fprintln(c.out)
	for i, kind := range kinds {
		t := tallies[i]
		fmt.Fprintf(c.out, "%d %ss with %d %s (%05.2f%% of keys, avg size %.2f)\n",
			t.count, kind.name, t.total, kind.unit, 100*share(float64(t.count), float64(sampled)), share(float64(t.total), float64(t.count)))
	}
}

// hottest is how many keys --hotkeys shows.
const hottest = 16

type hotKey struct {
	name    string
	counter int64
}

// hotKeys finds the keys with the highest access counters.
func (c *client) hotKeys() error {
	fmt.Fprintf(c.out, sampleIntro, "hot")
	var top []hotKey
	sampled, err := c.eachPage(func(keys []string, before float64) error {
		var questions [][]string
		for _, key := range keys {
			questions = append(questions, []string{"OBJECT", "FREQ", key})
		}
		replies, err := c.ask(questions)
		if err != nil {
			return err
		}
		for i, r := range replies {
			n, err := strconv.ParseInt(string(r.Text), 10, 64)
			switch {
			case r.IsError():
				return errors.New("Error: " + string(r.Text))
			case err != nil, n == 0, len(top) == hottest && n <= top[hottest-1].counter:
				continue
			}
			k := hotKey{string(resp.AppendQuoted(nil, []byte(keys[i]))), n}
			at := slices.IndexFunc(top, func(h hotKey) bool { return h.counter < n })
			if at < 0 {
				at = len(top)
			}
			top = slices.Insert(top, at, k)
			top = top[:min(len(top), hottest)]
			fmt.Fprintf(c.out, "[%05.2f%%] Hot key '%s' found so far with counter %d\n", before, k.name, n)
		}
		return nil
	})
	if err != nil {
		return err
	}
	fmt.Fprintf(c.out, "\n-------- summary -------\n\nSampled %d keys in the keyspace!\n", sampled)
	for _, k := range top {
		fmt.Fprintf(c.out, "hot key found with counter: %d\tkeyname: %s\n", k.counter, k.name)
	}
	return nil
}
