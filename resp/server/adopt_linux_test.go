package server

import (
	"errors"
	"net"
	"testing"
	"time"

	"regent/engine"
	"regent/engine/config"
)

// TestWhatALoopTakesOverIsClosed where it came from: the loop has a descriptor of its own, and
// the client goes on.
func TestWhatALoopTakesOverIsClosed(t *testing.T) {
	h := start(t, config.IOEventLoop, nil)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	end, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer end.Close()
	conn, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	if why, err := h.front.Adopt(conn, engine.Carried{Peer: "127.0.0.1:1234", Local: "10.0.0.2:6001", State: engine.SessionState{Proto: 2, User: "default", Authenticated: true}}, false); why != "" || err != nil {
		t.Fatalf("refused: %q, %v", why, err)
	}
	a := &wire{end, t}
	a.send("PING\r\n")
	a.expect("+PONG\r\n")
	if err := conn.SetDeadline(time.Time{}); !errors.Is(err, net.ErrClosed) {
		t.Errorf("it is open still: %v", err)
	}
}
