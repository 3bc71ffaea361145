package main

import (
	"context"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"regent/resp"
)

// TestShocks: each has what it needs, and what the others say is a whole command.
func TestShocks(t *testing.T) {
	seen := map[string]bool{}
	for _, s := range shocks(1000) {
		if s.ready == nil || s.act == nil || seen[s.name] {
			t.Errorf("%q: %+v", s.name, s)
		}
		seen[s.name] = true
		if s.other.words == nil {
			continue
		}
		if said := string(s.other.appendTo(nil)); strings.ContainsAny(said, "{}") || !strings.HasPrefix(said, "*") {
			t.Errorf("%s: the others say %q", s.name, said)
		}
	}
	if len(seen) != 2+1+2+4*4 {
		t.Errorf("%d shocks", len(seen))
	}
}

// TestOthersDraw: the number is drawn below the bound, and like those of the elements.
func TestOthersDraw(t *testing.T) {
	o := other{[]string{"SADD", "big", "member:{n}"}, 1}
	if got, want := string(o.appendTo(nil)), string(resp.AppendCommand(nil, "SADD", "big", "member:000000000000")); got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

// TestProbe: it sends one command after the other, each when it is due, and ends with an error
// reply, or when it is told to.
func TestProbe(t *testing.T) {
	for _, c := range []struct{ last, err string }{{"+OK\r\n", ""}, {"-ERR no\r\n", "ERR no"}, {"", "EOF"}} {
		const commands = 5
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		addr := answering(t, commands, c.last, cancel)
		seen, err := probe(ctx, addr, other{})
		if (err == nil) != (c.err == "") || err != nil && !strings.Contains(err.Error(), c.err) {
			t.Errorf("%q: %v", c.last, err)
		}
		want := commands
		if c.err != "" {
			want--
		}
		if len(seen) != want {
			t.Errorf("%q: %d answers, want %d", c.last, len(seen), want)
		}
		for i, a := range seen {
			if a.due != seen[0].due.Add(time.Duration(i)*stallEvery) || a.took < 0 {
				t.Errorf("%q: answer %d was due at %v and took %v", c.last, i, a.due, a.took)
			}
		}
	}
}

// answering is a server of one client: so many commands get replies, a nil and a string in two
// pieces in turn, and what is over is told before the last one.
func answering(t *testing.T, commands int, last string, over func()) (addr string) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		conn, err := l.Accept()
		if err != nil {
			return // the test has ended
		}
		defer conn.Close()
		in := make([]byte, 4<<10)
		for i := range commands {
			if _, err := conn.Read(in); err != nil {
				return
			}
			reply := []string{"$-1\r\n", "$3\r\nabc\r\n"}[i%2]
			if i == commands-1 {
				reply = last
				if strings.HasPrefix(last, "+") {
					over()
				}
			}
			for _, part := range []string{reply[:len(reply)/2], reply[len(reply)/2:]} {
				if _, err := io.WriteString(conn, part); err != nil {
					return
				}
			}
		}
	}()
	return l.Addr().String()
}

// TestStallColumns: the medians of all rounds.
func TestStallColumns(t *testing.T) {
	f := stallFigures{longest: []float64{3, 1, 2}, quiet: []float64{1}, p99: []float64{4, 5}, quietP99: []float64{0.25}, took: []float64{0.125, 3, 1}}
	if got, want := strings.Join(f.columns(), " "), "2.0 1.0 4.5 0.2 1.00"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}
