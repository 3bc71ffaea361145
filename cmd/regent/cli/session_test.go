package cli

import (
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"regent/resp"
)

// A fakeNode answers as a test says and remembers what it was sent.
type fakeNode struct {
	l      net.Listener
	answer func(words []string) string // "" closes the connection

	mu   sync.Mutex
	seen [][]string
}

func startFake(t *testing.T, answer func([]string) string) *fakeNode {
	t.Helper()
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	n := &fakeNode{l: l, answer: answer}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go n.serve(conn)
		}
	}()
	return n
}

func (n *fakeNode) serve(conn net.Conn) {
	defer conn.Close()
	in := resp.NewReader(conn, resp.DefaultLimits())
	for {
		v, err := in.Read()
		if err != nil {
			return
		}
		var words []string
		for _, e := range v.Elems {
			words = append(words, string(e.Text))
		}
		n.mu.Lock()
		n.seen = append(n.seen, words)
		n.mu.Unlock()
		reply := n.answer(words)
		if reply == "" {
			return
		}
		_, _ = io.WriteString(conn, reply)
	}
}

func (n *fakeNode) port() int { return n.l.Addr().(*net.TCPAddr).Port }

// got are the commands that arrived, without the client's own questions.
func (n *fakeNode) got() (lines []string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, words := range n.seen {
		if line := strings.Join(words, " "); line != "CLUSTER SLOTS" {
			lines = append(lines, line)
		}
	}
	return lines
}

func testSession(port int) *session {
	o := options{host: "127.0.0.1", port: port, follow: true, patience: time.Minute}
	return newSession(o, io.Discard, io.Discard)
}

// TestWhatMayGoToAnotherNode takes the connection away under a command, or
// answers that nobody leads, and looks at what the other node gets.
func TestWhatMayGoToAnotherNode(t *testing.T) {
	const nobody = "-CLUSTERDOWN nobody leads\r\n"
	for _, c := range []struct {
		line   string
		first  string // what the first node does: "" ends the connection
		passed bool
	}{
		{"shutdown nosave", "", false},
		{"SHUTDOWN", nobody, false},
		{"failover", "", false},
		{"failover", nobody, false},
		{"cluster failover", "", false},
		{"regent force-leader", "", false},
		{"regent force-leader", nobody, false},
		{"config set maxmemory 1", "", false},
		{"config set maxmemory 1", nobody, false},
		{"config rewrite", "", false},
		{"debug sleep 1", "", false},
		{"client kill type normal", "", false},
		{"client pause 1000", nobody, false},
		{"regent node remove 3", "", false},
		{"bgrewriteaof", "", false},
		{"eval return 0", "", false},
		{"unheard of", "", false},
		{"set k v", "", false},
		{"blpop k 0", "", false},
		{"set k v", nobody, true},
		{"get k", nobody, true},
		{"get k", "", true},
		{"object encoding k", "", true},
		{"memory usage k", "", true},
	} {
		t.Run(fmt.Sprintf("%s/%t", c.line, c.first == ""), func(t *testing.T) {
			var first, second *fakeNode
			slots := func() string {
				return fmt.Sprintf("*1\r\n*4\r\n:0\r\n:16383\r\n*2\r\n$9\r\n127.0.0.1\r\n:%d\r\n*2\r\n$9\r\n127.0.0.1\r\n:%d\r\n",
					first.port(), second.port())
			}
			answer := func(then string) func([]string) string {
				return func(words []string) string {
					if strings.Join(words, " ") == "CLUSTER SLOTS" {
						return slots()
					}
					return then
				}
			}
			second = startFake(t, answer("+OK\r\n"))
			first = startFake(t, answer(c.first))
			s := testSession(first.port())
			defer s.close()
			_, _ = s.exec(strings.Fields(c.line)) // what arrived counts
			if got := second.got(); len(got) > 0 != c.passed {
				t.Errorf("the other node got %q", got)
			}
			if got := first.got(); len(got) != 1 {
				t.Errorf("the node that was named got %q", got)
			}
		})
	}
}

// TestDeadNodeIsNotReplacedForShutdown: a node that cannot be dialled any more
// does not make the next one the target of what administers a server.
func TestDeadNodeIsNotReplacedForShutdown(t *testing.T) {
	other := startFake(t, func([]string) string { return "+OK\r\n" })
	dead := startFake(t, func([]string) string { return "" })
	dead.l.Close()
	s := testSession(dead.port())
	defer s.close()
	s.known = []string{s.addr, other.l.Addr().String()}
	if _, err := s.exec([]string{"SHUTDOWN"}); err == nil {
		t.Error("SHUTDOWN of a dead node succeeded")
	}
	if got := other.got(); len(got) > 0 {
		t.Errorf("the other node got %q", got)
	}
	if _, err := s.exec([]string{"GET", "k"}); err != nil {
		t.Errorf("GET after it: %v", err)
	}
}

// TestTheFirstQuestionIsNotAnswered: a server that ends while a new connection
// asks it for its nodes is one that was not reached; what was typed was not sent.
func TestTheFirstQuestionIsNotAnswered(t *testing.T) {
	ends := startFake(t, func([]string) string { return "" })
	s := testSession(ends.port())
	if _, err := s.exec([]string{"GET", "k"}); !errors.Is(err, errEnded) {
		t.Errorf("GET: %v, want %v", err, errEnded)
	}
	serves := startFake(t, func([]string) string { return "$1\r\nv\r\n" })
	s.known = []string{s.addr, serves.l.Addr().String()}
	r, err := s.exec([]string{"GET", "k"})
	if err != nil || string(r.Text) != "v" {
		t.Errorf("GET with another node: %q, %v", r.Text, err)
	}
	if got := ends.got(); len(got) != 0 {
		t.Errorf("the node that ended was sent %q", got)
	}
}
