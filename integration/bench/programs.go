package main

import (
	"bufio"
	"context"
	"crypto/sha1"
	"encoding/hex"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"regent/integration/harness"
	"regent/resp"
)

// What programs do beside single commands: scripts and functions, transactions, messages to
// many subscribers, writes while many clients are told of changes.

// A program is one line of the section. What it sends is words, by redis-benchmark, or a cycle.
type program struct {
	name   string
	depth  int
	words  []string
	cycle  *cycle
	listen int                  // clients that listen meanwhile
	greet  func(i int) []string // what the i-th of them says first, a line each
	heard  int                  // bytes that each of them gets of one request, 0: nobody waits for it
}

const (
	programClients = 50
	programKeys    = 100_000
	// cycleKeys are those of one client of a transaction of 5: programKeys in all.
	cycleKeys = programKeys / programClients / 5
	// leastPrograms is how many requests a slice has at least, for each that a client sends
	// ahead: of fewer redis-benchmark may name no throughput.
	leastPrograms = 100
	// listenTimeout bounds how long the listeners are waited for behind the last request.
	listenTimeout = 60 * time.Second
	// trackedKeys is how many keys each client that tracks has read.
	trackedKeys = 10
)

// The scripts, and the library of the function that does as the first.
const (
	scriptSwap = "local v = redis.call('GET', KEYS[1]) redis.call('SET', KEYS[1], ARGV[1]) return v"
	scriptLoop = "for i = 1, 10000 do redis.call('INCR', KEYS[1]) end"
	library    = "#!lua name=bench\nredis.register_function('swap', function(KEYS, ARGV) " + scriptSwap + " end)"
)

// A looping script's source does not say how often it goes round.
type loopingScript struct {
	name, source string
	words        []string // what it is called with
}

func loopingScripts() []loopingScript {
	value := strings.Repeat("x", valueBytes)
	key := func(i int) string { return strconv.Itoa(i) + ":" + randomKey }
	return []loopingScript{
		{
			"EVAL, rate limiter", "local n = redis.call('INCR', KEYS[1]) if n == 1 then redis.call('PEXPIRE', KEYS[1], ARGV[1]) end if n > tonumber(ARGV[2]) then return 0 end return 1",
			[]string{"1", randomKey, "60000", "10"},
		},
		{
			"EVAL, sets each of 3 KEYS", "for i, k in ipairs(KEYS) do redis.call('SET', k, ARGV[i]) end return #KEYS",
			[]string{"3", key(1), key(2), key(3), value, value, value},
		},
		{
			"EVAL, pushes #ARGV times", "for i = 1, #ARGV do redis.call('RPUSH', KEYS[1], ARGV[i]) end return redis.call('LTRIM', KEYS[1], -10, -1)",
			[]string{"1", randomKey, "a", "b", "c"},
		},
		{
			"EVAL, pops tonumber(ARGV[1]) times", "local got = {} for i = 1, tonumber(ARGV[1]) do local v = redis.call('LPOP', KEYS[1]) if not v then break end got[i] = v redis.call('RPUSH', KEYS[2], v) end return got",
			[]string{"2", key(4), key(5), "3"},
		},
		{
			"EVAL, while with a SET", "local i = 0 while i < tonumber(ARGV[1]) do i = i + 1 redis.call('SET', KEYS[1], i) end return i",
			[]string{"1", randomKey, "3"},
		},
		{
			"EVAL, recursion with a SET", "local f f = function(n) if n == 0 then return 0 end redis.call('SET', KEYS[1], n) return f(n - 1) end return f(tonumber(ARGV[1]))",
			[]string{"1", randomKey, "3"},
		},
	}
}

func programLines() (list []program) {
	value := strings.Repeat("x", valueBytes)
	sha := func(script string) string {
		sum := sha1.Sum([]byte(script))
		return hex.EncodeToString(sum[:])
	}
	for _, depth := range []int{1, 16} {
		list = append(list, program{name: "EVALSHA of a GET and a SET", depth: depth, words: []string{"EVALSHA", sha(scriptSwap), "1", randomKey, value}})
	}
	for _, depth := range []int{1, 16} {
		list = append(list, program{name: "FCALL of the same", depth: depth, words: []string{"FCALL", "swap", "1", randomKey, value}})
	}
	for _, depth := range []int{1, 16} {
		for _, s := range loopingScripts() {
			list = append(list, program{name: s.name, depth: depth, words: append([]string{"EVAL", s.source}, s.words...)})
		}
	}
	list = append(list, program{name: "EVALSHA of 10,000 INCR", depth: 1, words: []string{"EVALSHA", sha(scriptLoop), "1", randomKey}})
	multi := []string{"MULTI", "SET a:{c}:{n} {}", "SET b:{c}:{n} {}", "SET c:{c}:{n} {}", "SET d:{c}:{n} {}", "SET e:{c}:{n} {}", "EXEC"}
	list = append(list,
		program{name: "MULTI, 5 SET, EXEC, each by itself", depth: 1, cycle: &cycle{commands: multi, keys: cycleKeys, single: true}},
		program{name: "MULTI, 5 SET, EXEC, in one write", depth: len(multi), cycle: &cycle{commands: multi, keys: cycleKeys, depth: 1}},
		program{name: "MULTI, 5 SET, EXEC, 4 in one write", depth: 4 * len(multi), cycle: &cycle{commands: multi, keys: cycleKeys, depth: 4}},
	)
	message := "*3\r\n$7\r\nmessage\r\n$2\r\nch\r\n" + fmt.Sprintf("$%d\r\n%s\r\n", len(value), value)
	for _, n := range []int{1, 100, 1000} {
		list = append(list, program{
			name: fmt.Sprintf("PUBLISH to %d subscribers", n), depth: 1, words: []string{"PUBLISH", "ch", value}, listen: n, heard: len(message),
			greet: func(int) []string { return []string{"SUBSCRIBE ch"} },
		})
	}
	for _, depth := range []int{1, 16} {
		list = append(list, program{
			name: "INCR, 1,000 clients track", depth: depth, words: []string{"INCR", randomKey}, listen: 1000,
			greet: func(i int) []string {
				lines := []string{"HELLO 3", "CLIENT TRACKING ON"}
				for j := range trackedKeys {
					lines = append(lines, fmt.Sprintf("GET key:%012d", (i*trackedKeys+j)%programKeys))
				}
				return lines
			},
		})
	}
	return list
}

// programs compares both servers in each line.
func programs(ctx context.Context, o options, r *report) error {
	pair, end, err := pairOf(ctx, o)
	defer end()
	if err != nil {
		return err
	}
	for _, n := range pair {
		if err := prepare(ctx, n); err != nil {
			return err
		}
	}
	r.begin(fmt.Sprintf("Scripts, transactions, messages and tracking, %d clients", programClients), append([]string{"program", "P"}, comparedHead()...))
	for _, p := range programLines() {
		if !o.wants(p.name) {
			continue
		}
		if err := emptied(ctx, pair[:]); err != nil {
			return err
		}
		how := o.plan.compare(programClients, p.depth)
		how.least = leastPrograms * max(p.depth, 1)
		all, err := how.run(ctx,
			func(n int) (sample, error) { return p.measure(ctx, pair[0], n, how.slice) },
			func(n int) (sample, error) { return p.measure(ctx, pair[1], n, how.slice) })
		if err != nil {
			return fmt.Errorf("%s: %w", p.name, err)
		}
		r.row(append([]string{p.name, strconv.Itoa(p.depth)}, compared(all[0], all[1])...)...)
	}
	return nil
}

// prepare loads the scripts and the library, and lets subscribers be as slow as they are.
func prepare(ctx context.Context, n *harness.Node) error {
	c := n.Client()
	defer c.Close()
	for _, script := range []string{scriptSwap, scriptLoop} {
		if err := c.ScriptLoad(ctx, script).Err(); err != nil {
			return fmt.Errorf("load a script: %w", err)
		}
	}
	if err := c.FunctionLoadReplace(ctx, library).Err(); err != nil {
		return fmt.Errorf("load the library: %w", err)
	}
	if err := c.ConfigSet(ctx, "client-output-buffer-limit", "pubsub 0 0 0").Err(); err != nil {
		return fmt.Errorf("lift the limit of subscribers: %w", err)
	}
	return nil
}

// emptied has servers without keys.
func emptied(ctx context.Context, servers []*harness.Node) error {
	for _, n := range servers {
		c := n.Client()
		defer c.Close()
		if err := c.FlushAll(ctx).Err(); err != nil {
			return fmt.Errorf("begin anew: %w", err)
		}
	}
	return nil
}

// measure is one slice on one server: it ends when all listeners have heard all that they are to.
func (p program) measure(ctx context.Context, n *harness.Node, requests int, slice time.Duration) (sample, error) {
	if p.cycle != nil {
		return p.cycle.measure(ctx, n, slice)
	}
	l, err := listen(n.Addr(), p.listen, p.greet)
	defer l.close()
	if err != nil {
		return sample{}, err
	}
	from, before := l.bytes.Load(), time.Now()
	args := []string{"-c", strconv.Itoa(programClients), "-P", strconv.Itoa(p.depth), "-r", strconv.Itoa(programKeys)}
	s, err := benchmark(ctx, n, requests, append(args, p.words...), nil)
	if err != nil || p.heard == 0 {
		return s, err
	}
	// redis-benchmark may send more than it was told to, by what its clients have under way.
	want := int64(requests) * int64(p.listen) * int64(p.heard)
	if err := l.await(ctx, from+want); err != nil {
		return s, err
	}
	s.rps = float64(requests) / time.Since(before).Seconds()
	return s, nil
}

// Listeners are clients that read and count what they are sent.
type listeners struct {
	conns []net.Conn
	bytes atomic.Int64
	wg    sync.WaitGroup
}

// listen connects clients, each of which says its greeting and is answered before this returns.
func listen(addr string, n int, greet func(i int) []string) (*listeners, error) {
	l := &listeners{}
	for i := range n {
		conn, err := net.Dial("tcp", addr)
		if err != nil {
			return l, fmt.Errorf("a listener: %w", err)
		}
		l.conns = append(l.conns, conn)
		in := bufio.NewReader(conn)
		var greeting []byte // in one write: a thousand listeners greet before each slice
		for _, line := range greet(i) {
			greeting = resp.AppendCommand(greeting, strings.Fields(line)...)
		}
		if _, err := conn.Write(greeting); err != nil {
			return l, fmt.Errorf("a listener: %w", err)
		}
		for _, line := range greet(i) {
			if err := skipReply(in); err != nil {
				return l, fmt.Errorf("a listener, %s: %w", line, err)
			}
		}
		l.wg.Go(func() {
			_, _ = io.Copy(counter{&l.bytes}, in) // until it is closed
		})
	}
	return l, nil
}

// await waits until so many bytes were heard in all.
func (l *listeners) await(ctx context.Context, bytes int64) error {
	ctx, cancel := context.WithTimeout(ctx, listenTimeout)
	defer cancel()
	for l.bytes.Load() < bytes {
		select {
		case <-time.After(time.Millisecond):
		case <-ctx.Done():
			return fmt.Errorf("the listeners have %d of %d bytes: %w", l.bytes.Load(), bytes, ctx.Err())
		}
	}
	return nil
}

func (l *listeners) close() {
	for _, c := range l.conns {
		_ = c.Close() // it was only read
	}
	l.wg.Wait()
}

// counter counts what is written to it.
type counter struct{ n *atomic.Int64 }

func (c counter) Write(b []byte) (int, error) {
	c.n.Add(int64(len(b)))
	return len(b), nil
}
