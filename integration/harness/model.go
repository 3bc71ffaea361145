package harness

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/anishathalye/porcupine"
)

// What the clients of a history ask, and what a Redis of one key would answer:
// registers, counters, strings that grow, lists from both ends, and sets. What
// is read is always the whole value, so that a write which is missing shows.
//
// The model's state is one string, which porcupine compares: the value of a
// register or counter, the elements of a list or, sorted, of a set with a space
// after each. An empty one is a key that is not there.

// A call is an operation's input; its output is the reply's text.
type call struct {
	op, key, arg string
}

// setMembers is how many members sets are drawn from: few, so that one is often
// added and removed at the same time.
const setMembers = 4

// popWait is for how long a blocking pop waits, in seconds.
const popWait = "0.02"

// draw picks a call, with keys of an age.
func (h *History) draw(intN func(n int) int, age int) call {
	sort := []string{"reg", "cnt", "str", "lst", "set"}[intN(5)]
	c := call{key: fmt.Sprintf("%s:%d:%d", sort, age, intN(keysAtOnce))}
	reads := intN(2) == 0
	value := strconv.FormatInt(h.seq.Add(1), 10)
	switch sort {
	case "reg":
		c.op, c.arg = "set", value
	case "cnt":
		c.op = "incr"
	case "str":
		c.op, c.arg = "append", value+","
	case "lst":
		if c.op = []string{"rpush", "lpush", "lpop", "rpop", "blpop"}[intN(5)]; strings.HasSuffix(c.op, "push") {
			c.arg = value
		}
	case "set":
		c.op, c.arg = []string{"sadd", "srem"}[intN(2)], strconv.Itoa(intN(setMembers))
	}
	if reads {
		c.op, c.arg = map[string]string{"lst": "lrange", "set": "smembers"}[sort], ""
		if c.op == "" {
			c.op = "get"
		}
	}
	return c
}

// reads reports whether the call changes nothing.
func (c call) reads() bool { return c.op == "get" || c.op == "lrange" || c.op == "smembers" }

func (c call) args() []any {
	switch {
	case c.op == "lrange":
		return []any{c.op, c.key, 0, -1}
	case c.op == "blpop":
		return []any{c.op, c.key, popWait}
	case c.arg == "":
		return []any{c.op, c.key}
	}
	return []any{c.op, c.key, c.arg}
}

// ordered is a reply's text, with a set's members in order: the server gives
// them in any.
func (c call) ordered(text string) string {
	if c.op != "smembers" {
		return text
	}
	members := strings.Fields(strings.Trim(text, "[]"))
	slices.Sort(members)
	return list(members)
}

// list is how a reply of several elements prints.
func list(elements []string) string { return "[" + strings.Join(elements, " ") + "]" }

// keyModel is one key of a sequential Redis.
func keyModel() porcupine.Model {
	return porcupine.Model{
		Partition: byKey,
		Init:      func() any { return "" },
		Step: func(state, input, out any) (bool, any) {
			next, reply := step(state.(string), input.(call))
			o := out.(output)
			return !o.known || o.text == reply, next
		},
		DescribeOperation: func(input, out any) string { return fmt.Sprintf("%v -> %v", input, out) },
	}
}

// step carries out a call on the value of its key, "" for none.
func step(value string, c call) (next, reply string) {
	switch c.op {
	case "set":
		return c.arg, "OK"
	case "append":
		return value + c.arg, strconv.Itoa(len(value) + len(c.arg))
	case "incr":
		n, _ := strconv.Atoi(value)
		s := strconv.Itoa(n + 1)
		return s, s
	case "lrange", "smembers":
		return value, list(strings.Fields(value))
	case "rpush", "lpush", "lpop", "rpop", "blpop":
		return stepList(value, c)
	case "sadd", "srem":
		return stepSet(value, c)
	}
	return value, value
}

func stepList(value string, c call) (next, reply string) {
	switch c.op {
	case "rpush":
		value += c.arg + " "
	case "lpush":
		value = c.arg + " " + value
	default:
		return popped(value, c)
	}
	return value, strconv.Itoa(strings.Count(value, " "))
}

func popped(value string, c call) (next, reply string) {
	if value == "" {
		return "", ""
	}
	elements := strings.Fields(value)
	out, rest := elements[0], elements[1:]
	if c.op == "rpop" {
		out, rest = elements[len(elements)-1], elements[:len(elements)-1]
	}
	if c.op == "blpop" {
		out = list([]string{c.key, out})
	}
	return spaced(rest), out
}

func stepSet(value string, c call) (next, reply string) {
	members := strings.Fields(value)
	at, there := slices.BinarySearch(members, c.arg)
	switch {
	case there == (c.op == "sadd"):
		return value, "0"
	case there:
		return spaced(slices.Delete(members, at, at+1)), "1"
	}
	return spaced(slices.Insert(members, at, c.arg)), "1"
}

// spaced is a state of several elements.
func spaced(elements []string) string {
	if len(elements) == 0 {
		return ""
	}
	return strings.Join(elements, " ") + " "
}

func byKey(all []porcupine.Operation) [][]porcupine.Operation {
	at := map[string]int{}
	var parts [][]porcupine.Operation
	for _, op := range all {
		key := op.Input.(call).key
		i, ok := at[key]
		if !ok {
			i = len(parts)
			at[key] = i
			parts = append(parts, nil)
		}
		parts[i] = append(parts[i], op)
	}
	return parts
}
