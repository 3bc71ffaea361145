package server

import (
	"errors"
	"net"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"regent/engine/config"
)

// TestLoopSleeps: a loop whose clients say nothing does nothing, also when
// a peer has gone away while its replies wait.
func TestLoopSleeps(t *testing.T) {
	h := start(t, config.IOEventLoop, nil)
	h.gate.set(0, 0)
	idle, waiting, half := h.dial(), h.dial(), h.dial()
	idle.send("GET none\r\n")
	idle.expect("$-1\r\n")
	for _, w := range []*wire{waiting, half} {
		w.send(command("SET", "k", "v"))
	}
	eventually(t, "both wait", func() bool { return h.gate.waiting() == 2 })
	if err := waiting.Conn.(*net.TCPConn).SetLinger(0); err != nil { // reset
		t.Fatal(err)
	}
	_ = waiting.Close()
	half.send("more")
	_ = half.Conn.(*net.TCPConn).CloseWrite()
	eventually(t, "the loop sleeps", func() bool { return h.turns(t) <= 2 })
	h.gate.set(-1, 0)
	half.expect("+OK\r\n")
	half.ended()
	eventually(t, "one is left", func() bool { return h.Sessions() == 1 })
}

// turns counts the first loop's turns over a time.
func (h *house) turns(t *testing.T) uint32 {
	lp := h.firstLoop()
	count := func() uint32 {
		n := make(chan uint32, 1)
		lp.post(nil, &order{ask: func() { n <- lp.meter.n }})
		return <-n
	}
	before := count()
	time.Sleep(silence)
	return count() - before
}

// TestSocketOptions: what redis.conf says about sockets reaches them.
func TestSocketOptions(t *testing.T) {
	models(t, func(t *testing.T, model int64) {
		h := start(t, model, func(h *house, _ *Options) { h.Config.TCPKeepalive.Set(90) })
		w := h.dial()
		w.send("GET none\r\n")
		w.expect("$-1\r\n")
		h.front.mu.Lock()
		defer h.front.mu.Unlock()
		for c := range h.front.clients {
			for _, o := range []struct{ level, name, want int }{
				{unix.IPPROTO_TCP, unix.TCP_NODELAY, 1},
				{unix.SOL_SOCKET, unix.SO_KEEPALIVE, 1},
				{unix.IPPROTO_TCP, unix.TCP_KEEPIDLE, 90},
				{unix.IPPROTO_TCP, unix.TCP_KEEPINTVL, 30},
				{unix.IPPROTO_TCP, unix.TCP_KEEPCNT, 3},
			} {
				if got, err := unix.GetsockoptInt(c.FD(), o.level, o.name); err != nil || got != o.want {
					t.Errorf("option %d/%d is %d, %v; want %d", o.level, o.name, got, err, o.want)
				}
			}
		}
	})
}

// TestListenerPauses: a listener that cannot accept is shut for a while, and the
// connections that wait before it come in afterwards.
func TestListenerPauses(t *testing.T) {
	h := start(t, config.IOEventLoop, nil)
	early := h.dial()
	early.send("GET none\r\n")
	early.expect("$-1\r\n") // the loop runs
	lp := h.firstLoop()
	shut := make(chan struct{})
	lp.post(nil, &order{ask: func() { lp.listeners[0].pause(lp); close(shut) }})
	<-shut
	w := h.dial()
	w.send("GET none\r\n")
	w.expect("$-1\r\n")
}

// TestMeter: waits count as such while they last, too.
func TestMeter(t *testing.T) {
	var m meter
	at := int64(0)
	ticks := func() int64 { return at }
	m.sleep(0)
	m.wake(600)
	if l := m.load(1000, 1000); l.busy < 0.39 || l.busy > 0.41 {
		t.Fatalf("busy %.2f of 0.4", l.busy)
	}
	for range sampleEvery {
		m.turn(ticks)
		at += 10
		m.call(ticks)
		at += 30
		m.called(ticks)
		m.turned(ticks)
	}
	m.sleep(1500)
	l := m.load(2000, 1000)
	if l.busy != 0.5 || l.work != 0.25 {
		t.Fatalf("busy %.2f of 0.5, work %.2f of 0.25", l.busy, l.work)
	}
	if l = m.load(3000, 1000); l.busy != 0 {
		t.Fatalf("busy %.2f in its sleep", l.busy)
	}
}

// TestMeterForgetsSlowly: a sample in which another process had the core says little.
func TestMeterForgetsSlowly(t *testing.T) {
	var m meter
	at := int64(0)
	ticks := func() int64 { return at }
	window := func(work int64) load {
		for range sampleEvery {
			m.turn(ticks)
			at += work
			m.call(ticks)
			at += 30
			m.called(ticks)
			m.turned(ticks)
		}
		return m.load(at, at)
	}
	for range 60 {
		window(10)
	}
	if l := window(100); l.work > worthless {
		t.Errorf("one window of work makes a share of %.2f", l.work)
	}
	var l load
	for range 20 {
		l = window(100)
	}
	if l.work < worthwhile {
		t.Errorf("after twenty of them the share is %.2f", l.work)
	}
}

// TestTheFirstLoopIsAtWork: whether a listener, a guest or a watch starts it, one loop is at
// work from its first turn, as its governor takes for granted.
func TestTheFirstLoopIsAtWork(t *testing.T) {
	g := newLoops(start(t, config.IOEventLoop, nil).front)
	if _, err := g.loop(0); err != nil {
		t.Fatal(err)
	}
	defer g.close()
	if n := g.active.Load(); n != 1 {
		t.Errorf("%d loops are at work", n)
	}
}

// TestTheSocketIsTheLoops: Go's runtime watches no listener of a loop, and connections come.
func TestTheSocketIsTheLoops(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	h := startOn(t, l, config.IOEventLoop, nil)
	eventually(t, "the listener is the loop's alone", func() bool {
		return errors.Is(l.(*net.TCPListener).SetDeadline(time.Time{}), net.ErrClosed)
	})
	w := h.dial()
	w.send(command("PING"))
	w.expect("+PONG\r\n")
}

// firstLoop is the loop that is there as soon as the house has begun to accept.
func (h *house) firstLoop() (lp *loop) {
	h.t.Helper()
	eventually(h.t, "there is a loop", func() bool {
		if all := h.front.loops.all(); len(all) > 0 {
			lp = all[0]
		}
		return lp != nil
	})
	return lp
}
