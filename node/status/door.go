package status

import (
	"crypto/tls"
	"net"
	"net/http"
	"slices"
	"sync"
)

// A door bounds the connections of all listeners together. Where one too many comes, the one
// goes that has been as it is for longest: a request takes a moment, so that one is idle, or
// slow on purpose. A new one is always let in.
type door struct {
	mu     sync.Mutex
	inside []*guest // in the order in which they last changed
}

// A guest is a connection that counts.
type guest struct {
	net.Conn
	d *door
}

// Close also takes it off the door's list.
func (g *guest) Close() error {
	g.d.left(g)
	return g.Conn.Close()
}

func (d *door) left(g *guest) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if i := slices.Index(d.inside, g); i >= 0 {
		d.inside = slices.Delete(d.inside, i, i+1)
	}
}

// enter counts a connection, and ends another if there are too many.
func (d *door) enter(conn net.Conn) *guest {
	g := &guest{conn, d}
	d.mu.Lock()
	var out *guest
	if len(d.inside) >= maxConns {
		out = d.inside[0]
		d.inside = slices.Delete(d.inside, 0, 1)
	}
	d.inside = append(d.inside, g)
	d.mu.Unlock()
	if out != nil {
		_ = out.Conn.Close()
	}
	return g
}

// state follows what net/http does with a connection.
func (d *door) state(conn net.Conn, to http.ConnState) {
	if to != http.StateActive && to != http.StateIdle {
		return
	}
	if c, byTLS := conn.(*tls.Conn); byTLS {
		conn = c.NetConn()
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if i := slices.IndexFunc(d.inside, func(g *guest) bool { return net.Conn(g) == conn }); i >= 0 {
		g := d.inside[i]
		d.inside = append(slices.Delete(d.inside, i, i+1), g)
	}
}

// A doorway is a listener at the door.
type doorway struct {
	net.Listener
	d *door
}

func (d *door) at(l net.Listener) net.Listener { return doorway{l, d} }

func (w doorway) Accept() (net.Conn, error) {
	conn, err := w.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return w.d.enter(conn), nil
}
