package integration

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

// messagePatience is how long a message may take on a busy machine.
const messagePatience = time.Minute

// TestMessagesReachEveryNode: what is published at any node is heard at every node, in
// the publisher's order, whatever its size; a node that is gone holds nobody up, and
// hears again when it is back.
func TestMessagesReachEveryNode(t *testing.T) {
	c, _ := startCluster(t, 3)
	var clients []*redis.Client
	for _, n := range c.Nodes {
		client := n.Client()
		t.Cleanup(func() { _ = client.Close() })
		clients = append(clients, client)
	}
	listen := func(node int) *redis.PubSub {
		p := clients[node].Subscribe(t.Context(), "news")
		t.Cleanup(func() { _ = p.Close() })
		if err := p.PSubscribe(t.Context(), "n?ws"); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if _, err := p.ReceiveTimeout(t.Context(), messagePatience); err != nil {
				t.Fatal(err)
			}
		}
		return p
	}
	hears := func(p *redis.PubSub, want string) {
		t.Helper()
		for _, pattern := range []string{"", "n?ws"} {
			got, err := p.ReceiveTimeout(t.Context(), messagePatience)
			m, ok := got.(*redis.Message)
			if !ok || m.Payload != want || m.Pattern != pattern {
				t.Fatalf("heard %.100v, %v; want %.40q by %q", got, err, want, pattern)
			}
		}
	}
	publish := func(node int, text string) {
		t.Helper()
		if err := clients[node].Publish(t.Context(), "news", text).Err(); err != nil {
			t.Fatal(err)
		}
	}
	listeners := []*redis.PubSub{listen(0), listen(1), listen(2)}
	for from := range clients {
		for i := range 100 {
			publish(from, fmt.Sprintf("%d from %d", i, from))
		}
		for _, p := range listeners {
			for i := range 100 {
				hears(p, fmt.Sprintf("%d from %d", i, from))
			}
		}
	}
	large := strings.Repeat("0123456789", 500<<10)
	publish(1, large)
	publish(1, "after it")
	for _, p := range listeners {
		hears(p, large)
		hears(p, "after it")
	}

	gone := c.Nodes[2]
	if err := gone.Kill(); err != nil {
		t.Fatal(err)
	}
	publish(0, "while one is gone")
	hears(listeners[0], "while one is gone")
	hears(listeners[1], "while one is gone")
	if err := gone.Start(); err != nil {
		t.Fatal(err)
	}
	if err := gone.Ready(t.Context()); err != nil {
		t.Fatal(err)
	}
	again := listen(2)
	ctx, cancel := context.WithTimeout(t.Context(), messagePatience)
	defer cancel()
	heard := make(chan error, 1)
	go func() {
		_, err := again.ReceiveMessage(ctx)
		heard <- err
	}()
	for { // what is published before the way to it is open again is lost
		publish(0, "back")
		select {
		case err := <-heard:
			if err != nil {
				t.Fatal(err)
			}
			return
		case <-time.After(10 * time.Millisecond):
		}
	}
}
