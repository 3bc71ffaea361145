package server

import (
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"
)

// TestSlowReader: a client that asks and does not read holds a bounded amount
// of memory and keeps nobody waiting; when it reads, all is there.
func TestSlowReader(t *testing.T) {
	models(t, func(t *testing.T, model int64) {
		h := start(t, model, nil)
		slow, good := h.dial(), h.dial()
		const size, gets = 1 << 20, 200
		value := strings.Repeat("x", size)
		good.send(command("SET", "big", value))
		good.expect("+OK\r\n")
		before := heap()
		slow.send(strings.Repeat("GET big\r\n", gets))
		for range 100 {
			good.send("GET none\r\n")
			good.expect("$-1\r\n")
		}
		if grown := heap() - before; grown > 20*size {
			t.Fatalf("holds %d MB of %d", grown>>20, gets*size>>20)
		}
		for range gets {
			slow.expect(fmt.Sprintf("$%d\r\n%s\r\n", size, value))
		}
	})
}

func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// TestAllIsSaidBeforeReading: a client that sends a long pipeline and reads
// only then must not be left standing half way.
func TestAllIsSaidBeforeReading(t *testing.T) {
	models(t, func(t *testing.T, model int64) {
		h := start(t, model, nil)
		w := h.dial()
		value := strings.Repeat("x", 10<<10)
		w.send(command("SET", "k", value))
		w.expect("+OK\r\n")
		const n = 2000 // 20 MB of replies
		pad := strings.Repeat("y", 10<<10)
		ask := command("GET", "k") + command("GET", pad)
		w.send(strings.Repeat(ask, n))
		w.expect(strings.Repeat(fmt.Sprintf("$%d\r\n%s\r\n$-1\r\n", len(value), value), n))
	})
}

func TestOutputLimits(t *testing.T) {
	models(t, func(t *testing.T, model int64) {
		h := start(t, model, func(h *house, _ *Options) {
			h.Config.OutputSoftNormal.Set(1 << 20)
			h.Config.OutputSoftSecondsNormal.Set(10)
		})
		w, good := h.dial(), h.dial()
		good.send(command("SET", "big", strings.Repeat("x", 32<<20)))
		good.expect("+OK\r\n")

		w.send("GET big\r\n")
		eventually(t, "output is unsent", func() bool { return h.unsent() > 1<<20 })
		h.Server.Host.Advance(5 * time.Second)
		h.Server.Host.Advance(4 * time.Second)
		if h.Sessions() != 2 {
			t.Fatal("closed before its time")
		}
		h.Server.Host.Advance(2 * time.Second)
		eventually(t, "the soft limit closes", func() bool { return h.Sessions() == 1 })

		h.Config.OutputHardNormal.Set(2 << 20)
		w = h.dial()
		w.send("PING\r\n")
		w.expect("+PONG\r\n") // it is there
		w.send("GET big\r\n")
		eventually(t, "the hard limit closes", func() bool { return h.Sessions() == 1 })
	})
}

// TestReplyOverTheLimit: a reply that is over the limit is dropped while it is built,
// whatever command builds it; what the command changed stays, others go on, and the
// memory comes back.
func TestReplyOverTheLimit(t *testing.T) {
	models(t, func(t *testing.T, model int64) {
		const limit = 1 << 20
		h := start(t, model, func(h *house, _ *Options) { h.Config.OutputHardNormal.Set(limit) })
		good := h.dial()
		var members []string
		for i := range 30_000 { // of 80 bytes
			members = append(members, fmt.Sprintf("%080d", i))
		}
		fill := func() {
			good.send(command(append([]string{"SADD", "s"}, members...)...) + command(append([]string{"RPUSH", "l"}, members...)...) + command("SET", "big", strings.Repeat("x", 2*limit)))
			good.expect(":30000\r\n:30000\r\n+OK\r\n")
		}
		fill()
		for _, ask := range [][]string{
			{"SMEMBERS", "s"}, {"SUNION", "s", "none"}, {"SINTER", "s"}, {"SDIFF", "s"}, {"SSCAN", "s", "0", "COUNT", "100000"},
			{"SRANDMEMBER", "s", "-16000000"}, {"SRANDMEMBER", "s", "29000"}, {"SRANDMEMBER", "s", "100000"},
			{"LRANGE", "l", "0", "-1"}, {"MGET", "big", "big"}, {"GET", "big"}, {"GETRANGE", "big", "0", "-1"},
			{"LPOP", "l", "20000"}, {"SPOP", "s", "20000"}, {"GETDEL", "big"}, {"ECHO", strings.Repeat("x", 2*limit)},
		} {
			w := h.dial()
			_, _ = w.Write([]byte(command("INCR", "asked") + command(ask...) + command("INCR", "behind"))) // it may be closed meanwhile
			_ = w.SetReadDeadline(time.Now().Add(patience))
			if got, err := io.ReadAll(w); errors.Is(err, os.ErrDeadlineExceeded) || len(got) > len(":1\r\n") {
				t.Errorf("%.40q: %d bytes, %v; want the end", ask, len(got), err)
			}
			good.send(command("GETDEL", "asked") + command("EXISTS", "behind"))
			good.expect("$1\r\n1\r\n:0\r\n")
		}
		good.send(command("LLEN", "l") + command("SCARD", "s") + command("EXISTS", "big"))
		good.expect(":10000\r\n:10000\r\n:0\r\n")

		good.send(command("DEL", "s", "l"))
		good.expect(":2\r\n")
		fill()
		w := h.dial()
		w.send(command("CLIENT", "REPLY", "OFF") + command("LRANGE", "l", "0", "-1") + command("CLIENT", "REPLY", "ON") + command("PING"))
		w.expect("+OK\r\n+PONG\r\n") // nothing was to be sent
		waits := h.dial()
		waits.send(command("BLMPOP", "0", "1", "q", "LEFT", "COUNT", "30000"))
		eventually(t, "it waits", func() bool { return h.asleep() == 1 })
		good.send(command(append([]string{"RPUSH", "q"}, members...)...) + command("EXISTS", "q"))
		good.expect(":30000\r\n:0\r\n")
		waits.ended()
		teller := h.Client()
		defer h.EndSession(teller.Session)
		if got := teller.Do("INFO", "stats"); !strings.Contains(got, "client_output_buffer_limit_disconnections:17\r\n") {
			t.Errorf("17 were closed, INFO says %q", got)
		}
	})
}

// unsent is the output of all clients that is not sent.
func (h *house) unsent() (n int) {
	h.front.mu.Lock()
	defer h.front.mu.Unlock()
	for c := range h.front.clients {
		n += c.Buffers().Output
	}
	return n
}

func TestQueryBufferLimit(t *testing.T) {
	models(t, func(t *testing.T, model int64) {
		h := start(t, model, func(h *house, _ *Options) { h.Config.ClientQueryBufferLimit.Set(1 << 20) })
		w := h.dial()
		w.send(command("SET", "k", strings.Repeat("x", 900<<10)))
		w.expect("+OK\r\n")
		w.send("*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$10000000\r\n" + strings.Repeat("x", 1<<20+100))
		w.ended()
	})
}

// TestInputBehindAWait: what is sent while a command waits is carried out
// afterwards, up to client-query-buffer-limit. Who sends more is closed, and gets
// nothing that others push from then on.
func TestInputBehindAWait(t *testing.T) {
	models(t, func(t *testing.T, model int64) {
		h := start(t, model, func(h *house, _ *Options) { h.Config.ClientQueryBufferLimit.Set(1 << 20) })
		const n = 3000 // of 330 bytes: just below
		w, other := h.dial(), h.dial()
		w.send(command("BLPOP", "q", "0") + strings.Repeat(command("SET", "k", strings.Repeat("v", 300)), n))
		eventually(t, "all is there", func() bool { return h.inputs() > n*300 })
		other.send(command("RPUSH", "q", "a"))
		other.expect(":1\r\n")
		w.expect("*2\r\n$1\r\nq\r\n$1\r\na\r\n" + strings.Repeat("+OK\r\n", n))

		w.send(command("BLPOP", "q", "0"))
		eventually(t, "it waits", func() bool { return h.asleep() == 1 })
		_, _ = w.Write(make([]byte, 4<<20)) // it may be closed before all is sent
		eventually(t, "it is closed", func() bool { return h.Sessions() == 1 })
		other.send(command("RPUSH", "q", "b") + command("LLEN", "q"))
		other.expect(":1\r\n:1\r\n")
	})
}

// TestEndOfWhoWaits: a client that hangs up while its command waits gets nothing that is
// pushed after that was heard, whatever else it waits for and has sent.
func TestEndOfWhoWaits(t *testing.T) {
	models(t, func(t *testing.T, model int64) {
		cases := map[string]struct {
			send string
			held bool // the replies before wait for the barrier
		}{
			"alone":              {send: command("BLPOP", "q", "0")},
			"behind a write":     {send: command("SET", "k", "v") + command("BLPOP", "q", "0"), held: true},
			"before more":        {send: command("BLPOP", "q", "0") + strings.Repeat("PING\r\n", 5000)},
			"before half of one": {send: command("BLPOP", "q", "0") + "*2\r\n$3\r\nGE"},
		}
		for name, c := range cases {
			t.Run(name, func(t *testing.T) {
				h := start(t, model, nil)
				if c.held {
					h.gate.set(0, 0)
				}
				w := h.dial()
				w.send(c.send)
				eventually(t, "it waits", func() bool { return h.asleep() == 1 && (!c.held || h.gate.waiting() == 1) })
				_ = w.Close()
				eventually(t, "its end is seen", func() bool { return h.Sessions() == 0 })
				h.gate.set(-1, 0)
				other := h.dial()
				other.send(command("RPUSH", "q", "a") + command("LLEN", "q"))
				other.expect(":1\r\n:1\r\n")
			})
		}
	})
}

// TestNothingForWhoHasHungUp: a client that serves those that wait finds out by itself
// that a client has hung up, however late that one's own turn is.
func TestNothingForWhoHasHungUp(t *testing.T) {
	models(t, func(t *testing.T, model int64) {
		h := start(t, model, nil)
		dead, alive, busy := h.dial(), h.dial(), h.dial()
		dead.send(command("BLPOP", "q", "0") + "PING\r\n")
		eventually(t, "the first waits", func() bool { return h.asleep() == 1 })
		alive.send(command("BLPOP", "q", "0"))
		eventually(t, "both wait", func() bool { return h.asleep() == 2 })
		stuck, goOn := make(chan bool), make(chan bool)
		h.gate.mu.Lock()
		h.gate.inTurn = func() { close(stuck); <-goOn } // with the gate's lock: nobody else gets on
		h.gate.mu.Unlock()
		busy.send(command("SET", "k", "v"))
		<-stuck
		_ = dead.Close()
		pusher := h.Client()
		if got := pusher.Do("RPUSH", "q", "a", "b"); got != ":2\r\n" {
			t.Error(got)
		}
		if got := pusher.Do("LRANGE", "q", "0", "-1"); got != "*1\r\n$1\r\nb\r\n" {
			t.Errorf("what is left is %q", got)
		}
		h.EndSession(pusher.Session)
		close(goOn)
		alive.expect("*2\r\n$1\r\nq\r\n$1\r\na\r\n")
		eventually(t, "the dead one ends", func() bool { return h.Sessions() == 2 })
	})
}

// asleep counts the clients that wait inside a command.
func (h *house) asleep() (n int) {
	h.front.mu.Lock()
	defer h.front.mu.Unlock()
	for c := range h.front.clients {
		if c.asleep.Load() {
			n++
		}
	}
	return n
}

// inputs is the input of all clients that is not carried out yet, in bytes.
func (h *house) inputs() (n int) {
	h.front.mu.Lock()
	defer h.front.mu.Unlock()
	for c := range h.front.clients {
		n += c.Buffers().Input
	}
	return n
}

// TestIdleClientKeepsNothing: what a client needed for its last commands it
// gives back when it is idle, and then goes on as before.
func TestIdleClientKeepsNothing(t *testing.T) {
	models(t, func(t *testing.T, model int64) {
		h := start(t, model, nil)
		h.gate.set(0, 0)
		const clients, size = 300, 3 << 10 // below maxHeld: room that is kept for the next wait
		value := strings.Repeat("v", size)
		var ws []*wire
		for range clients {
			w := h.dial()
			w.send(command("SET", "k", value) + command("GET", "k"))
			ws = append(ws, w)
		}
		eventually(t, "all wait", func() bool { return h.gate.waiting() == clients })
		h.gate.set(-1, 0)
		want := fmt.Sprintf("$%d\r\n%s\r\n", size, value)
		for _, w := range ws {
			w.expect("+OK\r\n" + want)
		}
		busy := heap()
		for range 4 {
			h.Server.Host.Advance(chores + time.Millisecond)
		}
		eventually(t, "memory comes back", func() bool { return busy-heap() > clients*size/2 })
		for _, w := range ws {
			w.send(command("GET", "k"))
			w.expect(want)
		}
	})
}
