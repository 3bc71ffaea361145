package cluster_test

import (
	"fmt"
	"net"
	"time"
)

// A gate is the listener of one proxy; it is open while b is alive.
type gate struct {
	w    *network
	a, b *node
	addr string
	l    net.Listener
}

func (g *gate) open() {
	l, err := net.Listen("tcp", g.addr)
	if err != nil {
		g.w.t.Fatalf("proxy: %v", err)
	}
	g.l = l
	go func() {
		for {
			in, err := l.Accept()
			if err != nil {
				return
			}
			go g.carry(in)
		}
	}()
}

func (g *gate) carry(in net.Conn) {
	defer in.Close()
	out, err := net.Dial("tcp", fmt.Sprint("127.0.0.1:", g.b.port))
	if err != nil {
		return
	}
	defer out.Close()
	g.w.mu.Lock()
	g.w.wire[in], g.w.wire[out] = [2]int64{g.a.id, g.b.id}, [2]int64{g.a.id, g.b.id}
	g.w.mu.Unlock()
	defer func() {
		g.w.mu.Lock()
		defer g.w.mu.Unlock()
		delete(g.w.wire, in)
		delete(g.w.wire, out)
	}()
	go func() {
		defer in.Close()
		defer out.Close()
		g.pipe(in, out, g.b.id, g.a.id)
	}()
	g.pipe(out, in, g.a.id, g.b.id)
}

// pipe copies until either end closes; bytes on a cut way are kept back until
// it heals, as a network does that retransmits.
func (g *gate) pipe(dst, src net.Conn, from, to int64) {
	buf := make([]byte, 64<<10)
	for {
		n, err := src.Read(buf)
		for g.w.isCut(from, to) {
			time.Sleep(time.Millisecond)
		}
		if n > 0 {
			if _, err := dst.Write(buf[:n]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

func (w *network) isCut(from, to int64) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.cuts[[2]int64{from, to}]
}

// cut stops what one node says to another, one way.
func (w *network) cut(from, to *node, cut bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.cuts[[2]int64{from.id, to.id}] = cut
}

// isolate cuts a node off from all others, both ways, or joins it again, in
// which case old connections are lost.
func (w *network) isolate(x *node, cut bool) {
	for _, o := range w.nodes {
		if o != x {
			w.cut(x, o, cut)
			w.cut(o, x, cut)
		}
	}
	if !cut {
		w.flap(x)
	}
}

// flap closes every connection to and from a node.
func (w *network) flap(x *node) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for c, way := range w.wire {
		if way[0] == x.id || way[1] == x.id {
			_ = c.Close()
		}
	}
}
