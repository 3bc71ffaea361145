package server

import (
	"net"
	"strings"
	"testing"

	"regent/engine"
	"regent/engine/enginetest"
	"regent/resp"
)

// plainFace opens a port for plain clients, and returns how to dial it.
func (h *house) plainFace() func() *wire {
	h.t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		h.t.Fatal(err)
	}
	go func() { _ = h.front.Serve(l, engine.FacePlain) }() // until the front is closed
	h.t.Cleanup(func() { _ = l.Close() })
	return func() *wire {
		h.t.Helper()
		c, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			h.t.Fatal(err)
		}
		h.t.Cleanup(func() { _ = c.Close() })
		return &wire{c, h.t}
	}
}

// A parcel is what Options.Carry was given.
type parcel struct {
	conn    net.Conn
	carried engine.Carried
	done    func()
}

// epoch is that of enginetest.ThreeNodes.
const epoch = 7

// follows starts a node that does not lead, and returns what is carried away from it.
func follows(t *testing.T, model int64, most int64) (h *house, dial func() *wire, away chan parcel) {
	t.Helper()
	away = make(chan parcel, 8)
	h = start(t, model, func(h *house, o *Options) {
		h.Cluster.SetView(enginetest.ThreeNodes(1, 3))
		h.Config.MaxClients.Set(most)
		o.Carry = func(conn net.Conn, carried engine.Carried, done func()) { away <- parcel{conn, carried, done} }
	})
	h.gate.set(-1, epoch)
	return h, h.plainFace(), away
}

// TestCarriedAway: the first command that is the leader's takes the connection away, behind
// the answers to all that was said before, with what was said after.
func TestCarriedAway(t *testing.T) {
	models(t, func(t *testing.T, model int64) {
		_, dial, away := follows(t, model, 100)
		for _, split := range []bool{false, true} {
			a := dial()
			const here, there = "PING\r\nCLIENT SETNAME tom\r\nSELECT 3\r\n", "set k v\r\nGET k\r\n*2\r\n$3\r\nGE"
			if split {
				a.send(here)
				a.expect("+PONG\r\n+OK\r\n+OK\r\n")
				a.send(there)
			} else {
				a.send(here + there)
				a.expect("+PONG\r\n+OK\r\n+OK\r\n")
			}
			l := <-away
			if want := "*3\r\n$3\r\nset\r\n$1\r\nk\r\n$1\r\nv\r\nGET k\r\n*2\r\n$3\r\nGE"; !strings.HasPrefix(want, string(l.carried.Early)) || len(l.carried.Early) < 30 {
				t.Errorf("carried with %q", l.carried.Early)
			}
			if st := l.carried.State; st.Name != "tom" || st.DB != 3 || st.Bound || l.carried.Late || l.carried.Peer != a.LocalAddr().String() || l.carried.Local != a.RemoteAddr().String() {
				t.Errorf("carried as %+v", l.carried)
			}
			if _, err := l.conn.Write([]byte("hello")); err != nil {
				t.Error(err)
			}
			a.expect("hello")
			_ = l.conn.Close()
			l.done()
			a.ended()
		}
	})
}

// TestCarriedTakeOnePlace: a client that is carried counts once, and has its place when it
// comes back.
func TestCarriedTakeOnePlace(t *testing.T) {
	models(t, func(t *testing.T, model int64) {
		h, dial, away := follows(t, model, 3)
		var loads []parcel
		var wires []*wire
		for range 3 {
			a := dial()
			a.send("GET k\r\n")
			loads, wires = append(loads, <-away), append(wires, a)
		}
		full := dial()
		full.expect("-" + resp.ErrMaxClients + "\r\n")
		full.ended()
		if why := h.front.Refusal(loads[0].carried); why != resp.ErrMaxClients {
			t.Errorf("one more from another node: %q", why)
		}
		h.Cluster.SetView(enginetest.ThreeNodes(1, 1))
		for i, l := range loads {
			if why, err := h.front.Adopt(l.conn, l.carried, false); why != "" || err != nil {
				t.Fatalf("the client that comes back is refused: %q, %v", why, err)
			}
			l.done()
			wires[i].expect("$-1\r\n")
		}
		for _, w := range wires {
			_ = w.Close()
		}
		eventually(t, "the places are free", func() bool { return h.front.Refusal(loads[0].carried) == "" })
	})
}

// far brings a client of another node to h, and returns the end of its tunnel.
func (h *house) far(st engine.SessionState, early string) *wire {
	h.t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		h.t.Fatal(err)
	}
	defer l.Close()
	end, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() { _ = end.Close() })
	conn, err := l.Accept()
	if err != nil {
		h.t.Fatal(err)
	}
	carried := engine.Carried{Peer: "127.0.0.1:1234", Local: "10.0.0.2:6001", State: st, Early: []byte(early)}
	if why, err := h.front.Adopt(conn, carried, true); why != "" || err != nil {
		h.t.Fatalf("refused: %q, %v", why, err)
	}
	return &wire{end, h.t}
}

func note(kind byte, st *engine.SessionState) string {
	var payload []byte
	if st != nil {
		payload = st.Append(nil)
	}
	return string(resp.AppendNote(nil, kind, payload))
}

// TestFarClient: what a client at the end of a tunnel is told beside its answers.
func TestFarClient(t *testing.T) {
	models(t, func(t *testing.T, model int64) {
		h := start(t, model, func(h *house, _ *Options) { h.Cluster.SetView(enginetest.ThreeNodes(1, 1)) })
		h.gate.set(-1, epoch)
		if why := h.front.Refusal(engine.Carried{Peer: "10.9.8.7:1234"}); !strings.HasPrefix(why, "DENIED ") {
			t.Errorf("protected mode lets a client from elsewhere in: %q", why)
		}
		st := engine.SessionState{Proto: resp.RESP2, Authenticated: true, User: "default", Name: "tom"}
		a := h.far(st, "SET k v\r\nGET ")
		a.expect("+OK\r\n")
		a.send("k\r\n")
		a.expect("$1\r\nv\r\n")
		if asks := h.Client(); true {
			if got := asks.Do("CLIENT", "LIST"); !strings.Contains(got, "addr=127.0.0.1:1234 laddr=10.0.0.2:6001 ") || !strings.Contains(got, "name=tom") {
				t.Errorf("listed as %s", got)
			}
			h.EndSession(asks.Session)
		}
		a.send("SELECT 4\r\n")
		st.DB = 4
		a.expect("+OK\r\n" + note(resp.NoteState, &st))
		a.send("MULTI\r\n")
		bound := st
		bound.Bound = true
		a.expect("+OK\r\n" + note(resp.NoteBound, &bound))
		a.send("DISCARD\r\n")
		a.expect("+OK\r\n" + note(resp.NoteState, &st))
		a.send("QUIT\r\n")
		a.expect("+OK\r\n" + note(resp.NoteEnd, nil))
		a.ended()

		// Deposed: it is told so behind its answers, and says nothing after.
		b := h.far(st, "")
		b.send("GET k\r\n")
		b.expect("$-1\r\n") // in database 4
		h.Cluster.SetView(enginetest.ThreeNodes(1, 2))
		h.front.Deposed(false)
		b.expect(note(resp.NoteMoved, nil))
		b.ended()

		// A node that does not lead carries out nothing for it, and says where it stands.
		c := h.far(st, "GET k\r\n")
		c.expect(note(resp.NoteMoved, nil))
		c.ended()
	})
}

// TestDeposedPlainClients: a node that leads no more ends its plain clients; after a planned
// change those that have begun nothing are carried to the next leader when they say more.
func TestDeposedPlainClients(t *testing.T) {
	models(t, func(t *testing.T, model int64) {
		for _, planned := range []bool{true, false} {
			h, dial, away := follows(t, model, 100)
			h.Cluster.SetView(enginetest.ThreeNodes(1, 1))
			idle, busy, listens, cluster := dial(), dial(), dial(), h.dial()
			idle.send("SET k v\r\n")
			idle.expect("+OK\r\n")
			busy.send("MULTI\r\n")
			busy.expect("+OK\r\n")
			listens.send("SUBSCRIBE news\r\n")
			listens.expect("*3\r\n$9\r\nsubscribe\r\n$4\r\nnews\r\n:1\r\n")
			cluster.send("GET k\r\n")
			cluster.expect("$1\r\nv\r\n")
			h.Cluster.SetView(enginetest.ThreeNodes(1, 3))
			h.front.Deposed(planned)
			busy.ended()
			listens.ended()
			if planned {
				idle.send("GET k\r\n")
				l := <-away
				if got := string(l.carried.Early); got != command("GET", "k") {
					t.Errorf("carried with %q", got)
				}
				if !l.carried.Late {
					t.Error("the client has seen another leader, and is carried as if it had not")
				}
				_ = l.conn.Close()
				l.done()
			}
			idle.ended()
			cluster.send("PING\r\n") // the cluster's clients find the leader by MOVED
			cluster.expect("+PONG\r\n")
		}
	})
}
