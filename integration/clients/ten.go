package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
)

// Ten plain clients behind HAProxy that knows nothing, each with one connection, while the
// leader changes. Their library tries nothing again, so that each error is seen.
const tenClients = 10

// How often the leader changes for a line of the table, and how long clients write before
// and after.
const (
	tenRounds = 9
	tenBefore = 300 * time.Millisecond
	tenAfter  = 700 * time.Millisecond
)

// tenFaults are those of faults() that ten clients go through.
func tenFaults() []fault { return faults()[:2] }

// A ten is one change of leader, as ten clients saw it.
type ten struct {
	writes, errors int64
	most           int64         // errors of one client
	longest        time.Duration // pause of any client
	lost, stale    int64
	said           map[string]bool
}

// ten has ten clients write through a fault. living: all are at nodes that live on.
func (p *place) ten(ctx context.Context, f fault, living bool, before, after time.Duration) (ten, error) {
	leader, err := p.Agreed(ctx)
	if err != nil {
		return ten{}, err
	}
	avoid := ""
	if living {
		for i, n := range p.Nodes {
			if n == leader {
				avoid = at(n, p.plain[i])
			}
		}
	}
	clients, err := p.connectTen(ctx, avoid)
	defer func() {
		for _, c := range clients {
			c.Close()
		}
	}()
	if err != nil {
		return ten{}, err
	}
	stop, reports := make(chan struct{}), make([]report, tenClients)
	gaps := make([]time.Duration, tenClients)
	var wg sync.WaitGroup
	for i, c := range clients {
		wg.Go(func() { reports[i], gaps[i] = countUntil(ctx, c, tenKey(i), stop) })
	}
	time.Sleep(before)
	cure, err := f.do(ctx, p, leader)
	if err == nil {
		err = p.await(ctx, tenKey(0))
	}
	time.Sleep(after)
	close(stop)
	wg.Wait()
	if cure != nil {
		err = errors.Join(err, cure())
	}
	if err != nil {
		return ten{}, err
	}
	return p.sum(ctx, reports, gaps)
}

func tenKey(i int) string { return fmt.Sprint("ten:", i) }

// connectTen opens connections until ten are at another node than the one to be avoided.
func (p *place) connectTen(ctx context.Context, avoid string) (out []*redis.Client, err error) {
	for range 10 * tenClients {
		c := p.plainClient(p.front.addrs[0])
		if err = c.Del(ctx, tenKey(len(out))).Err(); err != nil { // now it is where its data is
			c.Close()
			return out, err
		}
		// The leader knows at which node a client has come.
		info, err := c.Do(ctx, "CLIENT", "INFO").Text()
		if err != nil {
			c.Close()
			return out, err
		}
		if avoid != "" && strings.Contains(info, " laddr="+avoid+" ") {
			c.Close()
			continue
		}
		if out = append(out, c); len(out) == tenClients {
			return out, nil
		}
	}
	return out, errors.New("HAProxy leads all clients to one node")
}

// countUntil counts until stop, and on until a write is acknowledged.
func countUntil(ctx context.Context, c redis.Cmdable, key string, stop <-chan struct{}) (r report, gap time.Duration) {
	began := time.Now()
	last, ends := began, false
	for n := int64(1); !ends || last.Before(began); n++ {
		select {
		case <-stop:
			if !ends {
				ends, began = true, time.Now()
			}
		default:
		}
		was := last
		if err := round(ctx, c, key, n, &r, &last); err != nil {
			r.Errors++
			r.Said = strings.Fields(err.Error())[0]
		}
		if last != was {
			gap = max(gap, last.Sub(was))
		} else if time.Since(last) > slack {
			return r, time.Since(last)
		}
		time.Sleep(pause)
	}
	return r, gap
}

// sum is what all clients saw, and what is found afterwards.
func (p *place) sum(ctx context.Context, reports []report, gaps []time.Duration) (ten, error) {
	out := ten{said: map[string]bool{}}
	for i, r := range reports {
		out.writes += r.Writes
		out.errors += r.Errors
		out.stale += r.Stale
		out.most = max(out.most, r.Errors)
		out.longest = max(out.longest, gaps[i])
		if r.Said != "" {
			out.said[r.Said] = true
		}
		found, err := p.found(ctx, tenKey(i))
		if err != nil {
			return out, err
		}
		out.lost += max(r.Acked-found, 0)
	}
	return out, nil
}

// A tenLine is a line of the table of ten clients.
type tenLine struct {
	fault string
	all   []ten
	err   error
}

// tens takes the measure of a fault, in all its rounds.
func (p *place) tens(ctx context.Context, f fault, rounds int) tenLine {
	line := tenLine{fault: f.name}
	for range rounds {
		one, err := p.ten(ctx, f, f.name != "planned", tenBefore, tenAfter)
		if err != nil {
			line.err = err
			return line
		}
		line.all = append(line.all, one)
	}
	return line
}

// String is the line.
func (l tenLine) String() string {
	if l.err != nil {
		return fmt.Sprintf("| %s | **%s** | | | | | | |", l.fault, strings.ReplaceAll(l.err.Error(), "\n", " "))
	}
	var sum ten
	var pauses []time.Duration
	words := map[string]bool{}
	for _, t := range l.all {
		sum.writes += t.writes
		sum.errors += t.errors
		sum.lost += t.lost
		sum.stale += t.stale
		sum.most = max(sum.most, t.most)
		pauses = append(pauses, t.longest)
		for w := range t.said {
			words[w] = true
		}
	}
	slices.Sort(pauses)
	var said []string
	for w := range words {
		said = append(said, w)
	}
	slices.Sort(said)
	ms := func(d time.Duration) string { return fmt.Sprint(d.Milliseconds(), " ms") }
	return fmt.Sprintf("| %s | %d | %d | %d | %d %s | %s (%s … %s) | %d | %d |", l.fault, len(l.all), sum.writes, sum.errors, sum.most, strings.Join(said, ", "),
		ms(pauses[len(pauses)/2]), ms(pauses[0]), ms(pauses[len(pauses)-1]), sum.lost, sum.stale)
}
