package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"regent/integration/harness"
	"regent/resp"
)

// The stalls section: what other clients notice of what is much work at once, on either server.
// The others are few and send a command every so often, each due at a moment of its own, as in
// the rewrite section: a reply counts from then.

const (
	// stallClients send a command each stallEvery, so that a stall is seen in its full length
	// but for a quarter of that: far less than a server can do.
	stallClients = 4
	stallEvery   = time.Millisecond
	// stallQuiet is how long they run before, while nothing else happens, and stallAfter for how
	// long they are listened to when what was asked for is answered: memory may still be given back.
	stallQuiet = time.Second / 2
	stallAfter = time.Second
	// stallTimeout bounds what is asked for, to its end.
	stallTimeout = time.Minute
	// maxStalls bounds the rounds: each fills the servers anew.
	maxStalls = 3
	// part is how much of the plan's keys expire at once, or are a collection's elements.
	part = 8
	// expireLead is how much time there is to write a million keys before they expire.
	expireLead = 10 * time.Second
	// largeBytes is a value that takes a server tens of milliseconds to give back.
	largeBytes = 200 << 20
	// writesOfOne: one in so many commands of the others writes to the collection.
	writesOfOne = 4
)

// A shock is what is much work at once.
type shock struct {
	name  string
	ready func(ctx context.Context, n *harness.Node) error // what it needs
	// act carries it out, and says when it began.
	act   func(ctx context.Context, c *redis.Client) (time.Time, error)
	other other // what the others say now and then
}

// An other is a command with {n} in it, which stands for a number below a bound.
type other struct {
	words []string
	below int
}

// shocks are all of them, in an order in which some go on with what others have left.
func shocks(keys int) (list []shock) {
	for _, how := range []string{"SYNC", "ASYNC"} {
		list = append(list, shock{
			name:  fmt.Sprintf("FLUSHALL %s, %d keys", how, keys),
			ready: func(ctx context.Context, n *harness.Node) error { return fill(ctx, n, keys, valueBytes) },
			act:   asked("FLUSHALL", how),
		})
	}
	list = append(list, expiry(max(keys/part, 1)))
	for _, words := range [][]any{{"DEL", "key:000000000000"}, {"SET", "key:000000000000", "small"}} {
		list = append(list, shock{
			name:  fmt.Sprintf("%s of a string of %d MB", words[0], largeBytes>>20),
			ready: func(ctx context.Context, n *harness.Node) error { return fill(ctx, n, 1, largeBytes) },
			act:   asked(words...),
		})
	}
	for _, c := range collections(max(keys/part, 1)) {
		list = append(list, c.shocks()...)
	}
	return list
}

// asked is an act that is one command.
func asked(words ...any) func(context.Context, *redis.Client) (time.Time, error) {
	return func(ctx context.Context, c *redis.Client) (time.Time, error) {
		began := time.Now()
		return began, c.Do(ctx, words...).Err()
	}
}

// expiry is so many keys whose time is over at one moment.
func expiry(keys int) shock {
	var over time.Time
	return shock{
		name: fmt.Sprintf("%d keys expire", keys),
		ready: func(ctx context.Context, n *harness.Node) error {
			over = time.Now().Add(max(time.Second, expireLead*time.Duration(keys)/1_000_000))
			return fillWith(ctx, n, "SET {key} {} PXAT "+strconv.FormatInt(over.UnixMilli(), 10), keys, valueBytes)
		},
		act: func(ctx context.Context, c *redis.Client) (time.Time, error) {
			if time.Until(over) < 0 {
				return over, fmt.Errorf("%d keys take longer to write than until they expire", keys)
			}
			time.Sleep(time.Until(over))
			return over, gone(ctx, c, int64(keys)/2)
		},
	}
}

// gone waits until there are fewer keys than that, which the others' own do not reach.
func gone(ctx context.Context, c *redis.Client, below int64) error {
	return harness.Until(ctx, func() error {
		n, err := c.DBSize(ctx).Result()
		if err == nil && n >= below {
			err = fmt.Errorf("there are still %d keys", n)
		}
		return err
	})
}

// A collection is a value of many elements at "big", which add, a command with {n} in it, makes.
type collection struct {
	name, add string
	elements  int
}

func collections(elements int) []collection {
	return []collection{
		{"hash", "HSET big field:{n} value:{n}", elements}, {"set", "SADD big member:{n}", elements},
		{"zset", "ZADD big {n} member:{n}", elements}, {"list", "RPUSH big element:{n}", elements},
	}
}

// shocks are what is done to one collection: it is copied, saved, its copy deleted, and it expires.
func (c collection) shocks() (list []shock) {
	other := other{strings.Fields(c.add), 2 * c.elements} // half of them are there
	add := func(name string, ready func(context.Context, *harness.Node) error, act func(context.Context, *redis.Client) (time.Time, error)) {
		list = append(list, shock{fmt.Sprintf("%s of a %s of %d", name, c.name, c.elements), ready, act, other})
	}
	fresh := func(ctx context.Context, n *harness.Node) error { return fillWith(ctx, n, c.add, c.elements, 0) }
	add("COPY", fresh, asked("COPY", "big", "copy"))
	add("BGSAVE", fresh, func(ctx context.Context, client *redis.Client) (time.Time, error) {
		began, err := asked("BGSAVE")(ctx, client)
		if err != nil {
			return began, err
		}
		return began, saved(ctx, client)
	})
	add("DEL", fresh, asked("DEL", "big"))
	add("expiry", fresh, asked("PEXPIRE", "big", "50"))
	return list
}

// saved waits for the end of a snapshot.
func saved(ctx context.Context, c *redis.Client) error {
	return harness.Until(ctx, func() error {
		info, err := c.Info(ctx, "persistence").Result()
		if err == nil && !strings.Contains(info, "rdb_bgsave_in_progress:0") {
			err = fmt.Errorf("the snapshot does not end")
		}
		return err
	})
}

// stalls measures each shock in turn on both servers. A plan without keys for them leaves them out.
func stalls(ctx context.Context, o options, r *report) error {
	if o.plan.stallKeys == 0 {
		return nil
	}
	pair, end, err := pairOf(ctx, o)
	defer end()
	if err != nil {
		return err
	}
	head := []string{"what"}
	for _, name := range []string{"regent", "redis"} {
		head = append(head, name+": longest ms", "without", "p99 ms", "without", "seconds")
	}
	r.begin(fmt.Sprintf("What other clients, %d commands/s, notice of much work at once, beside the same without", int(stallClients*time.Second/stallEvery)), head)
	for _, s := range shocks(o.plan.stallKeys) {
		if !o.wants(s.name) {
			continue
		}
		var seen [2]stallFigures
		for round := range min(o.plan.rounds, maxStalls) {
			for i := range pair {
				at := (i + round) % 2
				if err := s.once(ctx, pair[at], &seen[at]); err != nil {
					return fmt.Errorf("%s: %w", s.name, err)
				}
			}
		}
		r.row(slices.Concat([]string{s.name}, seen[0].columns(), seen[1].columns())...)
	}
	return copies(ctx, o, r)
}

// stallFigures are one server's, of all rounds.
type stallFigures struct{ longest, quiet, p99, quietP99, took []float64 }

func (f *stallFigures) columns() []string {
	one := func(v float64) string { return fmt.Sprintf("%.1f", v) }
	return []string{one(middle(f.longest)), one(middle(f.quiet)), one(middle(f.p99)), one(middle(f.quietP99)), fmt.Sprintf("%.2f", middle(f.took))}
}

// once measures a shock on one server, which has nothing but what it needs.
func (s shock) once(ctx context.Context, n *harness.Node, f *stallFigures) error {
	if err := emptied(ctx, []*harness.Node{n}); err != nil {
		return err
	}
	if err := s.ready(ctx, n); err != nil {
		return err
	}
	quiet, err := among(ctx, n, s.other, func(ctx context.Context, _ *redis.Client) (time.Time, error) {
		began := time.Now()
		time.Sleep(stallQuiet)
		return began, ctx.Err()
	})
	if err != nil {
		return err
	}
	busy, err := among(ctx, n, s.other, func(ctx context.Context, c *redis.Client) (time.Time, error) {
		ctx, cancel := context.WithTimeout(ctx, stallTimeout)
		defer cancel()
		began, err := s.act(ctx, c)
		f.took = append(f.took, time.Since(began).Seconds())
		if err == nil {
			time.Sleep(stallAfter)
		}
		return began, err
	})
	if err != nil {
		return err
	}
	f.longest, f.quiet = append(f.longest, busy.longest()), append(f.quiet, quiet.longest())
	f.p99, f.quietP99 = append(f.p99, busy.part(0.01)), append(f.quietP99, quiet.part(0.01))
	return nil
}

// among runs what while others are at work: the window has the replies that were due since it began.
func among(ctx context.Context, n *harness.Node, other other, what func(context.Context, *redis.Client) (time.Time, error)) (w window, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var wg sync.WaitGroup
	seen, errs := make([][]answered, stallClients), make([]error, stallClients)
	for i := range stallClients {
		wg.Go(func() { seen[i], errs[i] = probe(ctx, n.Addr(), other) })
	}
	// redis-server takes many seconds for some of it.
	c := redis.NewClient(&redis.Options{Addr: n.Addr(), ReadTimeout: stallTimeout, MaxRetries: -1})
	defer c.Close()
	err = c.Ping(ctx).Err() // connects
	began := time.Now()
	if err == nil {
		began, err = what(ctx, c)
	}
	cancel()
	wg.Wait()
	for i, list := range seen {
		if err == nil {
			err = errs[i]
		}
		for _, a := range list {
			if !a.due.Before(began) {
				w.replies = append(w.replies, a.took)
			}
		}
	}
	slices.Sort(w.replies)
	if len(w.replies) == 0 && err == nil {
		err = fmt.Errorf("no command was answered")
	}
	return w, err
}

// An answered is a command that was due at a moment and took so long from then on.
type answered struct {
	due  time.Time
	took time.Duration
}

// probe is one of the others: it reads and writes keys, and says something else now and then.
func probe(ctx context.Context, addr string, other other) (seen []answered, err error) {
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("one of the others: %w", err)
	}
	defer conn.Close()
	value, in := strings.Repeat("y", valueBytes), make([]byte, 4<<10)
	var out []byte
	for i, due := 0, time.Now(); ctx.Err() == nil; i, due = i+1, due.Add(stallEvery) {
		time.Sleep(time.Until(due))
		key := fmt.Sprintf("other:%06d", rand.IntN(1000))
		switch {
		case len(other.words) > 0 && i%writesOfOne == 0:
			out = other.appendTo(out[:0])
		case i%2 == 0:
			out = resp.AppendCommand(out[:0], "SET", key, value)
		default:
			out = resp.AppendCommand(out[:0], "GET", key)
		}
		if err := answer(conn, out, in); err != nil {
			return seen, fmt.Errorf("one of the others: %w", err)
		}
		seen = append(seen, answered{due, time.Since(due)})
	}
	return seen, nil
}

// appendTo appends the command, with a number drawn.
func (o other) appendTo(out []byte) []byte {
	n := fmt.Sprintf("%012d", rand.IntN(o.below))
	words := slices.Clone(o.words)
	for i, w := range words {
		words[i] = strings.ReplaceAll(w, "{n}", n)
	}
	return resp.AppendCommand(out, words...)
}

// answer sends one command and reads its reply, which is no error.
func answer(conn net.Conn, out, in []byte) error {
	if err := conn.SetDeadline(time.Now().Add(stallTimeout)); err != nil {
		return err
	}
	if _, err := conn.Write(out); err != nil {
		return err
	}
	for owed := (replies{count: 1}); !owed.done(); {
		n, err := conn.Read(in)
		if err == nil {
			err = owed.take(in[:n])
		}
		if err != nil {
			return err
		}
	}
	return nil
}
