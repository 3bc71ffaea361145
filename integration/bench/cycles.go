package main

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"fmt"
	"net"
	"strconv"
	"strings"
	"sync"
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

// cycleSection measures each cycle on both servers in turn: the server's CPU for each
// command, which a client in Go does not change, and commands per second, which it bounds.
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

// measure has all clients go round and round for a slice of time, on an empty server.
func (cy cycle) measure(ctx context.Context, n *harness.Node, slice time.Duration) (sample, error) {
	client := n.Client()
	defer client.Close()
	if err := client.FlushAll(ctx).Err(); err != nil {
		return sample{}, fmt.Errorf("begin anew: %w", err)
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
	var wg sync.WaitGroup
	counts, errs := make([]int, cycleClients), make([]error, cycleClients)
	for c := range cycleClients {
		wg.Go(func() { counts[c], errs[c] = cy.goRound(ctx, n.Addr(), c, payload, began.Add(slice)) })
	}
	wg.Wait()
	took := time.Since(began)
	after, err := cpuSeconds(n.PID())
	if err != nil {
		return sample{}, err
	}
	s := sample{busy: after - before}
	for c := range counts {
		if errs[c] != nil {
			return s, errs[c]
		}
		s.requests += counts[c]
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
func (t template) appendTo(out []byte, n int) []byte {
	var digits [20]byte
	number := strconv.AppendInt(digits[:0], int64(n), 10)
	for i := range t {
		if i%2 == 0 {
			out = append(out, t[i].before...)
			continue
		}
		out = append(out, '$')
		out = strconv.AppendInt(out, int64(len(t[i].before)+len(number)+len(t[i].after)), 10)
		out = append(append(append(out, "\r\n"...), t[i].before...), number...)
		out = append(append(out, t[i].after...), "\r\n"...)
	}
	return out
}

// goRound is one client; it returns how many commands it has sent.
func (cy cycle) goRound(ctx context.Context, addr string, number int, payload string, until time.Time) (sent int, err error) {
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		return 0, fmt.Errorf("connect: %w", err)
	}
	defer conn.Close()
	in := bufio.NewReaderSize(conn, 1<<16)
	var out []byte
	waiting := 0 // replies
	round := func(list []template, n int) {
		for _, t := range list {
			out = t.appendTo(out, n)
			waiting++
		}
	}
	exchange := func() error {
		if err := conn.SetDeadline(time.Now().Add(cycleTimeout)); err != nil {
			return fmt.Errorf("a client: %w", err)
		}
		if _, err := conn.Write(out); err != nil {
			return fmt.Errorf("a client: %w", err)
		}
		out = out[:0]
		for ; waiting > 0; waiting-- {
			if err := skipReply(in); err != nil {
				return err
			}
		}
		return nil
	}
	round(templates(cy.before, number, payload), 0)
	if err := exchange(); err != nil {
		return 0, err
	}
	commands := templates(cy.commands, number, payload)
	for n := 0; ctx.Err() == nil && time.Now().Before(until); {
		if cy.single {
			n++
			for i := range commands {
				round(commands[i:i+1], n)
				sent++
				if err := exchange(); err != nil {
					return sent, err
				}
			}
			continue
		}
		for range cmp.Or(cy.depth, cycleDepth) {
			n++
			round(commands, n)
		}
		sent += waiting
		if err := exchange(); err != nil {
			return sent, err
		}
	}
	return sent, ctx.Err()
}

// skipReply reads a whole reply, which is no error.
func skipReply(in *bufio.Reader) error {
	line, err := in.ReadSlice('\n')
	if err != nil {
		return fmt.Errorf("reply: %w", err)
	}
	switch kind := line[0]; kind {
	case '-':
		return fmt.Errorf("reply %q", line)
	case '$', '*', '%':
		n, err := strconv.Atoi(string(bytes.TrimSpace(line[1:])))
		if err != nil {
			return fmt.Errorf("reply %q: %w", line, err)
		}
		if kind == '$' && n >= 0 {
			if _, err := in.Discard(n + 2); err != nil {
				return fmt.Errorf("reply: %w", err)
			}
			return nil
		}
		if kind == '%' {
			n *= 2
		}
		for ; kind != '$' && n > 0; n-- {
			if err := skipReply(in); err != nil {
				return err
			}
		}
	}
	return nil
}
