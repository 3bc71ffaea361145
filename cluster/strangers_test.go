package cluster_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"regent/cluster/peer"
	"regent/resp"
)

// flood has n connections greet a node without knowing the secret, again as
// soon as they are closed, until stop is called.
func flood(x *node, from string, n int, rest time.Duration) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}}
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			greeting := resp.AppendCommand(nil, "REGENT", "PEER", fmt.Sprint(peer.Version), peer.Unknown,
				fmt.Sprint(1+i%3), fmt.Sprint(x.id), peer.Control, peer.NewProcess(), peer.NewProcess())
			for ctx.Err() == nil {
				c, err := d.DialContext(ctx, "tcp", x.addr())
				if err != nil {
					time.Sleep(rest + time.Millisecond)
					continue
				}
				end := context.AfterFunc(ctx, func() { _ = c.Close() })
				_, _ = c.Write(greeting)
				_, _ = io.Copy(io.Discard, c)
				end()
				_ = c.Close()
				time.Sleep(rest)
			}
		})
	}
	return func() { cancel(); wg.Wait() }
}

// TestStrangersAtTheDoor: connections that greet and prove nothing, many, from
// elsewhere and from a member's own address, are in nobody's way when the leader
// dies.
func TestStrangersAtTheDoor(t *testing.T) {
	for name, from := range map[string]string{"from elsewhere": "127.0.0.9", "from a member's address": "127.0.0.1"} {
		t.Run(name, func(t *testing.T) {
			w := newNetwork(t, 3).patient()
			w.start()
			leader := w.leader()
			w.write("SET", "k", "1")
			for _, x := range w.nodes {
				t.Cleanup(flood(x, from, 160, time.Second))
			}
			w.followed(leader)
			leader.kill()
			next := w.leader(w.others(leader)...)
			w.write("SET", "k", "2")
			leader.start()
			leader.sees("k", "2")
			next.sees("k", "2")
		})
	}
}

// TestTwins: of two processes that say they are the same node the one that was
// heard first stays, the other is told where that is, and both logs name both.
func TestTwins(t *testing.T) {
	w := newNetwork(t, 3).patient()
	w.start()
	w.leader()
	one, two := w.nodes[0], w.nodes[1]
	epoch := one.cluster.View().Epoch
	// Another process with node 2's ID on a disk of its own: it dials the others
	// where they are.
	twin := w.add()
	twin.id, twin.peers = two.id, nil
	for _, x := range w.nodes[:3] {
		p := x.peer()
		if x == two {
			p.Port = twin.port
		}
		twin.peers = append(twin.peers, p)
	}
	twin.config.ElectionTimeout.Set(two.config.ElectionTimeout.Get())
	twin.config.LeaderLease.Set(two.config.LeaderLease.Get())
	twin.config.HeartbeatInterval.Set(two.config.HeartbeatInterval.Get())
	twin.start()
	logged := func(x *node, words ...string) func() bool {
		return func() bool {
			for _, line := range x.host.Lines() {
				if all := func() bool {
					for _, word := range words {
						if !strings.Contains(line, word) {
							return false
						}
					}
					return true
				}(); all {
					return true
				}
			}
			return false
		}
	}
	w.until("node 1 says that there are two", logged(one, "Two processes say that they are node 2"))
	refused := 0
	for _, line := range one.host.Lines() {
		switch {
		case strings.Contains(line, "Two processes say"):
			if refused > 2 {
				t.Errorf("it was refused %d times before node 1 said so: the lines about strangers took its turn", refused)
			}
		case strings.Contains(line, "Refused a connection"):
			refused++
			continue
		default:
			continue
		}
		break
	}
	w.until("the twin says so", logged(twin, "No link to node 1", "Another process says that it is node 2, from 127.0.0.1:"))
	w.write("SET", "k", "v")
	if v := one.cluster.View(); v.Epoch != epoch {
		t.Errorf("the twin has fought for its place: epoch %d, then %d", epoch, v.Epoch)
	}
	two.sees("k", "v")
	two.kill()
	w.until("the twin is heard once the other is gone", logged(twin, "Link to node 1"))
}
