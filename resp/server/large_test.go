package server

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"regent/engine"
	"regent/engine/enginetest"
	"regent/engine/large"
)

// A lender is a log that reads what it was lent only when that is asked back.
type lender struct {
	enginetest.Log
	mu    sync.Mutex
	lent  []lentPiece
	count int
	bad   int
}

type lentPiece struct {
	bytes, copied []byte
	end           int64
}

func (l *lender) Append(e *engine.Effects) int64 {
	end := l.Log.Append(e)
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, one := range e.Lent {
		l.lent = append(l.lent, lentPiece{one.Bytes, bytes.Clone(one.Bytes), end})
		l.count++
	}
	return end
}

func (l *lender) Return(end int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	rest := l.lent[:0]
	for _, one := range l.lent {
		switch {
		case one.end > end:
			rest = append(rest, one)
		case !bytes.Equal(one.bytes, one.copied):
			l.bad++
		}
	}
	l.lent = rest
}

// withLog gives a house another log.
func withLog(t *testing.T, log engine.Log) func(h *house, o *Options) {
	return func(h *house, o *Options) {
		s := enginetest.NewEngine(t, func(eo *engine.Options) { eo.Log, eo.Config, eo.Host = log, h.Config, h.Server.Host })
		h.Server, o.Engine = s, s.Engine
	}
}

// TestLentInputStays: whatever follows in a pipeline and in whatever pieces it comes,
// the memory of large arguments stays until the log has given it back, and is given back
// when the reply leaves.
func TestLentInputStays(t *testing.T) {
	models(t, func(t *testing.T, model int64) {
		log := &lender{}
		h := start(t, model, withLog(t, log))
		value := strings.Repeat("0123456789abcdef", large.Least/16)
		script := command("SET", "a", value) + command("SET", "b", value+"+") + "PING\r\n" + command("GET", "b") +
			command("MSET", "c", value+"1", "d", "2", "e", value+"3") + command("APPEND", "a", value+"++") + command("STRLEN", "a")
		reply := fmt.Sprintf("+OK\r\n+OK\r\n+PONG\r\n$%d\r\n%s+\r\n+OK\r\n:%d\r\n:%d\r\n", len(value)+1, value, 2*len(value)+2, 2*len(value)+2)
		var wg sync.WaitGroup
		for i := range 4 {
			w := h.dial()
			wg.Go(func() {
				script := strings.ReplaceAll(script, "$1\r\na", fmt.Sprintf("$2\r\na%d", i))
				go func() {
					step := []int{len(script), 100_003, 64 << 10, 7 << 20}[i]
					for at := 0; at < len(script); at += step {
						w.send(script[at:min(len(script), at+step)])
					}
				}()
				_ = w.SetReadDeadline(time.Now().Add(patience))
				got := make([]byte, len(reply))
				if n, err := io.ReadFull(w, got); err != nil || string(got) != reply {
					t.Errorf("client %d: %d bytes of other replies: %v", i, n, err)
				}
			})
		}
		wg.Wait()
		eventually(t, "all is given back", func() bool { log.mu.Lock(); defer log.mu.Unlock(); return len(log.lent) == 0 })
		log.mu.Lock()
		defer log.mu.Unlock()
		if log.count != 4*5 || log.bad > 0 || len(log.lent) > 0 {
			t.Errorf("of %d lent %d had changed and %d are not given back", log.count, log.bad, len(log.lent))
		}
	})
}

// TestLentInputWaitsWithItsReply: nothing is asked back before the barrier lets the reply
// go: that would wait for the disk.
func TestLentInputWaitsWithItsReply(t *testing.T) {
	models(t, func(t *testing.T, model int64) {
		log := &lender{}
		h := start(t, model, withLog(t, log))
		h.lead(1)
		h.gate.set(0, 1)
		w := h.dial()
		value := strings.Repeat("v", large.Least)
		w.send(command("SET", "k", value))
		lent := func() int {
			log.mu.Lock()
			defer log.mu.Unlock()
			return len(log.lent)
		}
		eventually(t, "it waits", func() bool { return h.gate.waiting() == 1 })
		if n := lent(); n != 1 {
			t.Errorf("%d lent while the reply waits", n)
		}
		h.gate.set(-1, 1)
		w.expect("+OK\r\n")
		if n := lent(); n != 0 || log.bad > 0 {
			t.Errorf("%d lent after the reply, %d had changed", n, log.bad)
		}
		h.gate.set(log.End(), 1)
		w.send(command("SET", "k", value))
		eventually(t, "it waits again", func() bool { return h.gate.waiting() == 1 })
		_ = w.Close()
		h.gate.set(0, 0)
		h.gate.giveUp()
		eventually(t, "a client that is gone has let go", func() bool { return lent() == 0 })
	})
}

// A hole is a log that holds nothing.
type hole struct{}

func (hole) Append(*engine.Effects) int64 { return 0 }
func (hole) Return(int64)                 {}
func (hole) End() int64                   { return 0 }
func (hole) Synced() int64                { return 0 }

// TestLargeInputTakesNoHeap: a large command is read to where it stays, without a
// buffer that grows, and no copy is made for the log.
func TestLargeInputTakesNoHeap(t *testing.T) {
	models(t, func(t *testing.T, model int64) {
		h := start(t, model, withLog(t, hole{}))
		w := h.dial()
		const size = 64 << 20
		value := make([]byte, size)
		head, end := []byte(fmt.Sprintf("*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$%d\r\n", size)), []byte("\r\n")
		w.send("PING\r\n")
		w.expect("+PONG\r\n")
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		for _, p := range [][]byte{head, value, end} {
			if _, err := w.Write(p); err != nil {
				t.Fatal(err)
			}
		}
		w.expect("+OK\r\n")
		runtime.ReadMemStats(&after)
		if took := after.TotalAlloc - before.TotalAlloc; took > size/8 {
			t.Errorf("%d bytes of Go's heap for a value of %d", took, size)
		}
	})
}

// TestLargeValuesInTurns: clients write large values over each other's in pipelines, in whatever
// pieces they come, and each that is read is one that was written, whole.
func TestLargeValuesInTurns(t *testing.T) {
	models(t, func(t *testing.T, model int64) {
		h := start(t, model, nil)
		const rounds = 12
		var wg sync.WaitGroup
		for i := range 4 {
			w := h.dial()
			wg.Go(func() {
				size := []int{33_000, 70_000, 262_144, large.Least + 5}[i]
				var script, replies strings.Builder
				for r := range rounds {
					own := strings.Repeat(string(rune('a'+(i*rounds+r)%26)), size)
					name := fmt.Sprint("own", i)
					script.WriteString(command("SET", "shared", own) + command("SET", name, own, "EX", "1000") + command("APPEND", name, "+") +
						command("GET", name) + command("STRLEN", "shared") + "PING\r\n")
					fmt.Fprintf(&replies, "+OK\r\n+OK\r\n:%d\r\n$%d\r\n%s+\r\n:*+PONG\r\n", size+1, size+1, own)
				}
				go func() {
					step := []int{script.Len(), 100_003, 64 << 10, 7 << 20}[i]
					for all, at := script.String(), 0; at < len(all); at += step {
						w.send(all[at:min(len(all), at+step)])
					}
				}()
				_ = w.SetReadDeadline(time.Now().Add(patience))
				r := bufio.NewReader(w)
				pieces := strings.Split(replies.String(), ":*")
				for k, want := range pieces {
					got := make([]byte, len(want))
					if n, err := io.ReadFull(r, got); err != nil || string(got) != want {
						t.Errorf("client %d: %d bytes of other replies: %v", i, n, err)
						return
					}
					if k < len(pieces)-1 {
						_, _ = r.ReadString('\n') // the length of what all write
					}
				}
			})
		}
		wg.Wait()
		w := h.dial()
		w.send(command("GETRANGE", "shared", "0", "0") + command("GET", "shared") + command("STRLEN", "shared"))
		r := bufio.NewReader(w)
		_ = w.SetReadDeadline(time.Now().Add(patience))
		_, _ = r.ReadString('\n')
		first, _ := r.ReadString('\n')
		_, _ = r.ReadString('\n')
		value, _ := r.ReadString('\n')
		if value != strings.Repeat(first[:1], len(value)-2)+"\r\n" || len(value) < 33_000 {
			t.Errorf("%d bytes that nobody has written at once", len(value))
		}
	})
}
