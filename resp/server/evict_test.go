package server

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"testing"

	"regent/engine/config"
)

// part is the beginning of a command whose last argument has n bytes, of which it holds all but one.
func part(n int) string {
	return fmt.Sprintf("*2\r\n$4\r\nECHO\r\n$%d\r\n%s", n, strings.Repeat("x", n-1))
}

// TestClientEviction: what clients hold together is bounded; the largest ones go, one that has
// said CLIENT NO-EVICT and small ones stay, and what is counted is what those that are left hold.
func TestClientEviction(t *testing.T) {
	models(t, func(t *testing.T, model int64) {
		h := start(t, model, nil)
		set := func(limit string) {
			c := h.dial()
			c.send(command("CLIENT", "NO-EVICT", "ON") + command("CONFIG", "SET", "maxmemory-clients", limit))
			c.expect("+OK\r\n+OK\r\n")
			_ = c.Close()
		}
		small, keeps := h.dial(), h.dial()
		small.send(command("PING"))
		small.expect("+PONG\r\n")
		keeps.send(command("CLIENT", "NO-EVICT", "ON"))
		keeps.expect("+OK\r\n")
		keeps.send(part(3 << 20))
		var list []*wire
		for _, n := range []int{1 << 20, 100 << 10, 2 << 20, 200 << 10} {
			c := h.dial()
			c.send(part(n))
			list = append(list, c)
		}
		held := func() (sum int64) {
			h.front.mu.Lock()
			defer h.front.mu.Unlock()
			for c := range h.front.clients {
				sum += c.inBytes.Load()
			}
			return sum
		}
		eventually(t, "everything has come", func() bool { return held() >= 6<<20+300<<10 })
		set("400kb") // of what lies there as well
		for i, gone := range []bool{true, false, true, false} {
			if gone {
				list[i].goes()
				continue
			}
			list[i].send("y\r\n")
			if got := list[i].until("y\r\n"); !strings.HasPrefix(got, "$") {
				t.Errorf("client %d got %.30q", i, got)
			}
		}
		asks := h.Client()
		if got := asks.Do("INFO", "stats"); !strings.Contains(got, "evicted_clients:2\r\n") {
			t.Errorf("two clients were ended, and counted are %s", got)
		}
		h.EndSession(asks.Session)
		next := h.dial()
		_, _ = io.WriteString(next, part(500<<10)) // and of what comes: it may end before all of it is sent
		next.goes()
		h.Config.MaxMemory.Set(10 << 20)
		set("50%")
		large := h.dial()
		large.send(part(4<<20) + "y\r\n")
		large.until("y\r\n")
		keeps.send("y\r\n")
		keeps.until("y\r\n")
		small.send(command("PING"))
		small.expect("+PONG\r\n")
		eventually(t, "the sum is that of the clients", func() bool {
			h.front.mu.Lock()
			defer h.front.mu.Unlock()
			sum := int64(0)
			for c := range h.front.clients {
				sum += c.weight.Load()
			}
			return sum == h.front.weights.Load() && len(h.front.clients) == 5
		})
		set("0")
		huge := h.dial()
		huge.send(part(20<<20) + "y\r\n")
		huge.until("y\r\n")
	})
}

// TestEvictionWhileOneIsServed: a write serves one of two clients that wait for its key, and its
// memory, with what was sent behind their commands, is over the bound at that moment: whichever
// goes, the other is served or goes, and the server works.
func TestEvictionWhileOneIsServed(t *testing.T) {
	models(t, func(t *testing.T, model int64) {
		h := start(t, model, nil)
		first, second, pusher := h.dial(), h.dial(), h.dial()
		waits := func(n int) {
			asks := h.Client()
			defer h.EndSession(asks.Session)
			eventually(t, "they wait", func() bool {
				return strings.Contains(asks.Do("INFO", "clients"), fmt.Sprintf("blocked_clients:%d\r\n", n))
			})
		}
		first.send(command("BLPOP", "key", "0"))
		waits(1)
		second.send(command("BLPOP", "key", "0") + command("GET", strings.Repeat("q", 3<<19)))
		waits(2)
		pusher.send(command("CLIENT", "NO-EVICT", "ON"))
		pusher.expect("+OK\r\n")
		pusher.send(command("CONFIG", "SET", "maxmemory-clients", "1mb") + command("LPUSH", "key", "a", "b") + command("PING"))
		pusher.expect("+OK\r\n:2\r\n+PONG\r\n")
		first.expect("*2\r\n$3\r\nkey\r\n$1\r\nb\r\n")
		second.goes()
		pusher.send(command("PING"))
		pusher.expect("+PONG\r\n")
	})
}

// TestBuffersCountForMaxMemory: what clients send and do not read is in used_memory, as in redis-server, and a write
// that needs memory is refused for it; when they are gone nothing is left of it.
func TestBuffersCountForMaxMemory(t *testing.T) {
	models(t, func(t *testing.T, model int64) {
		h := start(t, model, nil)
		asks := h.Client()
		field := func(name string) int64 {
			_, rest, _ := strings.Cut(asks.Do("INFO", "memory"), name+":")
			digits, _, _ := strings.Cut(rest, "\r\n")
			n, err := strconv.ParseInt(digits, 10, 64)
			if err != nil {
				t.Fatal(err)
			}
			return n
		}
		used := func() int64 { return field("used_memory") }
		if got := asks.Do("SETRANGE", "big", "99999", "x"); got != ":100000\r\n" {
			t.Fatal(got)
		}
		data := used()
		small := h.dial()
		small.send(command("PING"))
		small.expect("+PONG\r\n")
		if n := used(); n != data {
			t.Errorf("a client that holds next to nothing counts %d bytes", n-data)
		}
		sends := h.dial()
		sends.send(part(1 << 20))
		eventually(t, "input counts", func() bool { return used() >= data+1<<20 })
		h.Config.MaxMemory.Set(data + 1<<19)
		if got := asks.Do("SET", "k", "v"); !strings.HasPrefix(got, "-OOM ") {
			t.Errorf("SET above maxmemory: %q", got)
		}
		sends.send("y\r\n")
		sends.until("y\r\n")
		eventually(t, "input that was carried out counts no more", func() bool { return used() < data+1<<19 })
		if got := asks.Do("SET", "k", "v"); got != "+OK\r\n" {
			t.Errorf("SET below maxmemory: %q", got)
		}
		h.Config.MaxMemory.Set(data + 3<<20)
		h.Config.MaxMemoryPolicy.Set(config.AllKeysLRU)
		sends.send(command("SET", "large", strings.Repeat("x", 2<<20)) + command("SET", "small", "x"))
		sends.expect("+OK\r\n+OK\r\n")
		if got := asks.Do("INFO", "stats"); !strings.Contains(got, "evicted_keys:0\r\n") {
			t.Error("a value that had become data was counted as input as well: keys are gone")
		}
		h.Config.MaxMemory.Set(0)
		asks.Do("DEL", "large")
		deaf := h.dial()
		var many strings.Builder
		for range 300 {
			many.WriteString(command("GET", "big"))
		}
		go func() { _, _ = io.WriteString(deaf, many.String()) }() // it may be taken slowly, and ends with the connection
		eventually(t, "output counts", func() bool { return used() >= data+100_000 })
		for _, c := range []*wire{deaf, sends, small} {
			_ = c.Close()
		}
		data = field("used_memory_dataset")
		eventually(t, "nothing counts for clients that are gone", func() bool { return used() == data })
		h.EndSession(asks.Session)
	})
}
