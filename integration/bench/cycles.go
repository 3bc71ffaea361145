package main

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"regent/integration/harness"
)

// Cycles are commands that redis-benchmark cannot send: those that go together, each with
// arguments that follow from the one before, and those with bytes that no argument of a
// program can have.

// A cycle is what one client sends over and over; {n} is a number that rises by one each
// time, {c} the client's own, {} a value and {payload} what DUMP of dump gives.
type cycle struct {
	name     string
	commands []string
	before   []string // carried out once for each client
	dump     []string // carried out once: the key is "dumped"
	// depth is how many cycles go in one write, 0: cycleDepth; single: each command goes when
	// the one before was answered.
	depth  int
	single bool
	// keys is after how many cycles {n} begins again, for each client: what is written is kept from
	// slice to slice and written over. 0: it does not, and each slice begins with an empty server.
	keys int
}

func cycles() []cycle {
	hundred := "HSET dumped"
	for i := range 100 {
		hundred += fmt.Sprintf(" field:%d value:%d", i, i)
	}
	return []cycle{
		{
			name:     "XADD XREADGROUP XACK",
			commands: []string{"XADD s:{c} MAXLEN ~ 100 {n}-1 a {} b {n}", "XREADGROUP GROUP g c COUNT 10 STREAMS s:{c} >", "XACK s:{c} g {n}-1"},
			before:   []string{"XGROUP CREATE s:{c} g $ MKSTREAM"},
		},
		{
			name:     "XADD XREADGROUP XAUTOCLAIM XACK",
			commands: []string{"XADD s:{c} MAXLEN ~ 100 {n}-1 a {} b {n}", "XREADGROUP GROUP g c COUNT 10 STREAMS s:{c} >", "XAUTOCLAIM s:{c} g d 0 {n}-1 COUNT 1", "XACK s:{c} g {n}-1"},
			before:   []string{"XGROUP CREATE s:{c} g $ MKSTREAM"},
		},
		{name: "RESTORE of a string", commands: []string{"RESTORE r:{c}:{n} 0 {payload} REPLACE"}, dump: []string{"SET dumped {}"}},
		{name: "RESTORE of a hash of 100", commands: []string{"RESTORE r:{c} 0 {payload} REPLACE"}, dump: []string{hundred}},
		{name: "RESTORE of a set of 10", commands: []string{"RESTORE r:{c} 0 {payload} REPLACE"}, dump: []string{"SADD dumped a b c d e f g h i j"}},
	}
}

const (
	// cycleClients and cycleDepth are how many clients send how many cycles at a time.
	cycleClients = 50
	cycleDepth   = 16
	// cycleTimeout bounds one such batch.
	cycleTimeout = 30 * time.Second
)

// cycleSection measures each cycle on both servers in turn.
func cycleSection(ctx context.Context, o options, r *report) error {
	pair, end, err := pairOf(ctx, o)
	defer end()
	if err != nil {
		return err
	}
	r.begin(fmt.Sprintf("Commands that go together, %d clients, P=%d", cycleClients, cycleDepth), append([]string{"commands"}, comparedHead()...))
	for _, cy := range cycles() {
		how := o.plan.compare(cycleClients, cycleDepth)
		all, err := how.run(ctx, cy.on(ctx, pair[0], how.slice), cy.on(ctx, pair[1], how.slice))
		if err != nil {
			return fmt.Errorf("%s: %w", cy.name, err)
		}
		r.row(append([]string{cy.name}, compared(all[0], all[1])...)...)
	}
	return nil
}

// on is the cycle as a contestant: it lasts for a slice of time, whatever that is in requests.
func (cy cycle) on(ctx context.Context, n *harness.Node, slice time.Duration) contestant {
	return func(int) (sample, error) { return cy.measure(ctx, n, slice) }
}

// measure has all clients go round and round for a slice of time, on an empty server if {n} does not
// begin again.
func (cy cycle) measure(ctx context.Context, n *harness.Node, slice time.Duration) (sample, error) {
	client := n.Client()
	defer client.Close()
	if cy.keys == 0 {
		if err := client.FlushAll(ctx).Err(); err != nil {
			return sample{}, fmt.Errorf("begin anew: %w", err)
		}
	}
	payload := ""
	if cy.dump != nil {
		for _, line := range cy.dump {
			words := fillIn(line, "", "", strings.Repeat("x", valueBytes))
			args := make([]any, len(words))
			for i, w := range words {
				args[i] = w
			}
			if err := client.Do(ctx, args...).Err(); err != nil {
				return sample{}, fmt.Errorf("what is dumped: %w", err)
			}
		}
		var err error
		if payload, err = client.Dump(ctx, "dumped").Result(); err != nil {
			return sample{}, fmt.Errorf("dump: %w", err)
		}
	}
	before, err := cpuSeconds(n.PID())
	if err != nil {
		return sample{}, err
	}
	began := time.Now()
	riders, greetings := cy.riders(payload)
	if err := ride(ctx, n.Addr(), riders, greetings, len(cy.before), began.Add(slice)); err != nil {
		return sample{}, err
	}
	took := time.Since(began)
	after, err := cpuSeconds(n.PID())
	if err != nil {
		return sample{}, err
	}
	s := sample{busy: after - before}
	for i := range riders {
		s.requests += riders[i].sent
	}
	s.rps = float64(s.requests) / took.Seconds()
	return s, nil
}

// A template is a command whose words are as they are sent but for the number in some of them: a
// client that made each anew would be slower than the servers it measures.
type template []struct{ before, after string }

// templates makes those of one client.
func templates(lines []string, client int, payload string) (list []template) {
	into := strings.NewReplacer("{c}", strconv.Itoa(client), "{payload}", payload)
	for _, line := range lines {
		words := strings.Fields(strings.ReplaceAll(line, "{}", strings.Repeat("x", valueBytes)))
		t := template{{before: "*" + strconv.Itoa(len(words)) + "\r\n"}}
		for _, word := range words {
			word = into.Replace(word)
			before, after, numbered := strings.Cut(word, "{n}")
			if !numbered {
				t[len(t)-1].before += "$" + strconv.Itoa(len(word)) + "\r\n" + word + "\r\n"
				continue
			}
			t = append(t, struct{ before, after string }{before, after}, struct{ before, after string }{})
		}
		list = append(list, t)
	}
	return list
}

// appendTo appends the command with n in it. Every other part is a word, those between are as they are.
func (t template) appendTo(out []byte, n int) []byte { return t.appendNoting(out, n, nil) }

// appendNoting is appendTo, and adds where n stands in out to places, nil: it does not.
func (t template) appendNoting(out []byte, n int, places *[]int) []byte {
	var digits [maxDigits]byte
	number := strconv.AppendInt(digits[:0], int64(n), 10)
	for i := range t {
		if i%2 == 0 {
			out = append(out, t[i].before...)
			continue
		}
		out = append(out, '$')
		out = strconv.AppendInt(out, int64(len(t[i].before)+len(number)+len(t[i].after)), 10)
		out = append(append(out, "\r\n"...), t[i].before...)
		if places != nil {
			*places = append(*places, len(out))
		}
		out = append(out, number...)
		out = append(append(out, t[i].after...), "\r\n"...)
	}
	return out
}

// maxDigits is how many digits a number has at most.
const maxDigits = 20

// A rider is one client that goes round and round.
type rider struct {
	commands []template
	depth    int // cycles of a write, 0: each command goes by itself
	n, at    int // the cycle, and which of its commands is next
	keys     int // n is below this, 0: it rises for ever
	sent     int // commands
	owed     replies
	out      []byte   // what is to be written next
	numbers  []number // in out, one of each of its cycles
}

// A number is that of one cycle in what is written.
type number struct {
	digits int
	places []int
}

// riders are the clients of a cycle, and before is what each sends once.
func (cy cycle) riders(payload string) (riders []rider, before [][]byte) {
	riders, before = make([]rider, cycleClients), make([][]byte, cycleClients)
	for c := range riders {
		riders[c] = rider{commands: templates(cy.commands, c, payload), depth: cmp.Or(cy.depth, cycleDepth), keys: cy.keys}
		if cy.single {
			riders[c].depth = 0
		}
		for _, t := range templates(cy.before, c, payload) {
			before[c] = t.appendTo(before[c], 0)
		}
	}
	return riders, before
}

// rise goes on to the next cycle.
func (r *rider) rise() {
	if r.n++; r.n == r.keys {
		r.n = 0
	}
}

// next fills out with what goes in one write, and counts what is owed for it.
func (r *rider) next() {
	if r.depth == 0 {
		if r.at == 0 {
			r.rise()
		}
		r.out = r.commands[r.at].appendTo(r.out[:0], r.n)
		r.at = (r.at + 1) % len(r.commands)
		r.owe(1)
		return
	}
	if before := r.n; !r.renumber() {
		r.n = before
		r.fill()
	}
	r.owe(r.depth * len(r.commands))
}

func (r *rider) owe(n int) {
	r.owed.owe(n)
	r.sent += n
}

// fill fills out with the next cycles.
func (r *rider) fill() {
	r.out, r.numbers = r.out[:0], r.numbers[:0]
	for range r.depth {
		r.rise()
		var num number
		for _, t := range r.commands {
			r.out = t.appendNoting(r.out, r.n, &num.places)
		}
		num.digits = len(strconv.Itoa(r.n))
		r.numbers = append(r.numbers, num)
	}
}

// renumber makes what was written last the next cycles: only their numbers are others. false: they
// have more digits, or fewer, or nothing was written.
func (r *rider) renumber() bool {
	if len(r.numbers) == 0 {
		return false
	}
	var digits [maxDigits]byte
	for i := range r.numbers {
		r.rise()
		to := strconv.AppendInt(digits[:0], int64(r.n), 10)
		if len(to) != r.numbers[i].digits {
			return false
		}
		for _, at := range r.numbers[i].places {
			copy(r.out[at:], to)
		}
	}
	return true
}

// Replies are those that are waited for: they come in pieces, and are passed over.
type replies struct {
	count int    // with the elements of those that have begun
	body  int    // bytes of a string that are still to come
	line  []byte // the beginning of one that is not there yet
	begun bool   // some of them have come
	// last are those to lastOf commands that came whole and at once: the same bytes are the same
	// replies, and looked at no more.
	last   []byte
	lastOf int
}

// maxLast is how many bytes of replies are kept to be compared with.
const maxLast = 4 << 10

// owe has so many replies waited for; all before are there.
func (r *replies) owe(n int) { r.count, r.begun = n, false }

// take passes over bytes; none of them may be an error, or a reply that nobody waits for.
func (r *replies) take(in []byte) error {
	if r.begun {
		return r.pass(in)
	}
	asked := r.count
	r.begun = true
	if asked == r.lastOf && bytes.Equal(in, r.last) {
		r.count = 0
		return nil
	}
	if err := r.pass(in); err != nil {
		return err
	}
	if r.done() && len(in) <= maxLast {
		r.last, r.lastOf = append(r.last[:0], in...), asked
	}
	return nil
}

// pass passes over each reply.
func (r *replies) pass(in []byte) error {
	for len(in) > 0 {
		if r.body > 0 {
			n := min(r.body, len(in))
			r.body, in = r.body-n, in[n:]
			continue
		}
		end := bytes.IndexByte(in, '\n') + 1
		if end == 0 {
			r.line = append(r.line, in...)
			return nil
		}
		line := in[:end]
		if len(r.line) > 0 {
			line = append(r.line, line...)
			r.line = line[:0]
		}
		in = in[end:]
		if r.count == 0 {
			return fmt.Errorf("reply %q, which nobody waits for", line)
		}
		r.count--
		elements, body, err := behindLine(line)
		if err != nil {
			return err
		}
		r.count, r.body = r.count+elements, body
	}
	return nil
}

// done reports whether all of them are there.
func (r *replies) done() bool { return r.count == 0 && r.body == 0 }

// behindLine is what follows a reply's first line: elements, or bytes with their end of line.
func behindLine(line []byte) (elements, body int, err error) {
	kind := line[0]
	switch kind {
	case '-':
		return 0, 0, fmt.Errorf("reply %q", line)
	case '$', '*', '%':
	default:
		return 0, 0, nil
	}
	n, err := strconv.Atoi(string(bytes.TrimSpace(line[1:])))
	if err != nil {
		return 0, 0, fmt.Errorf("reply %q: %w", line, err)
	}
	switch {
	case n < 0: // there is none
		return 0, 0, nil
	case kind == '$':
		return 0, n + len("\r\n"), nil
	case kind == '%':
		return 2 * n, 0, nil
	}
	return n, 0, nil
}

// skipReply reads a whole reply, which is no error.
func skipReply(in *bufio.Reader) error {
	owed := replies{count: 1}
	for !owed.done() {
		if owed.body > 0 {
			if _, err := in.Discard(owed.body); err != nil {
				return fmt.Errorf("reply: %w", err)
			}
			owed.body = 0
			continue
		}
		line, err := in.ReadSlice('\n')
		if err == nil {
			err = owed.take(line)
		}
		if err != nil {
			return fmt.Errorf("reply: %w", err)
		}
	}
	return nil
}
