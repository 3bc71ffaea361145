package integration

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"regent/integration/harness"
	"regent/resp"
)

// bombs are inputs that have brought Redis-compatible servers down.
var bombs = map[string]string{
	"26 bytes that overflow an int":      "*1\r\n$9223372036854775807\r\n",
	"an array of a thousand million":     "*1000000000\r\n",
	"a bulk of a gigabyte":               "*1\r\n$1073741824\r\n",
	"a negative bulk":                    "*1\r\n$-5\r\n",
	"an array of a negative bulk count":  "*-2147483649\r\n",
	"half a header":                      "*3\r\n$3\r\nSE",
	"an inline line without an end":      strings.Repeat("a", 70<<10),
	"quotes that do not close":           "SET \"k\r\n",
	"nested arrays":                      strings.Repeat("*1\r\n", 10000),
	"a RESP3 map header":                 "%2\r\n+a\r\n+b\r\n",
	"a handshake of another protocol":    "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
	"a TLS client hello":                 "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
	"the peers' channel without a peer":  "*2\r\n$6\r\nREGENT\r\n$4\r\nPEER\r\n",
	"the peers' channel with a stranger": "*8\r\n$6\r\nREGENT\r\n$4\r\nPEER\r\n$1\r\n1\r\n$1\r\n-\r\n$2\r\n99\r\n$1\r\n1\r\n$7\r\ncontrol\r\n$2\r\nff\r\n",
}

// TestBombs throws each of them, and random bytes, at a server that serves a
// well-behaved client all the while.
func TestBombs(t *testing.T) {
	c, _ := startCluster(t, 3)
	good := c.ClusterClient() // a busy machine may change the leader
	t.Cleanup(func() { good.Close() })
	if err := good.Set(t.Context(), "k", "v", 0).Err(); err != nil {
		t.Fatal(err)
	}
	pids := map[int]int{}
	for _, n := range c.Nodes {
		pids[n.Port] = n.PID()
	}
	throw := func(name, bomb string) {
		for _, n := range c.Nodes {
			conn, err := net.Dial("tcp", n.Addr())
			if err != nil {
				t.Fatalf("%s: node %d refuses connections: %v", name, n.Port, err)
			}
			_ = conn.SetDeadline(time.Now().Add(100 * time.Millisecond))
			_, _ = io.WriteString(conn, bomb)
			_, _ = io.Copy(io.Discard, conn)
			conn.Close()
		}
		err := harness.Until(within(t, time.Minute), func() error {
			got, err := good.Get(t.Context(), "k").Result()
			if err == nil && got != "v" {
				err = harness.Final(fmt.Errorf("it is %q", got))
			}
			return err
		})
		if err != nil {
			t.Fatalf("%s: the other client's read: %v", name, err)
		}
	}
	for name, bomb := range bombs {
		throw(name, bomb)
	}
	rnd := rand.New(rand.NewPCG(1, 2))
	for i := range 50 {
		b := make([]byte, rnd.IntN(2000))
		for j := range b {
			b[j] = "*$:+-_\r\n0123456789 \x00abcSET"[rnd.IntN(26)]
		}
		throw(fmt.Sprintf("random bytes %d", i), string(b))
	}
	for _, n := range c.Nodes {
		if n.PID() != pids[n.Port] {
			t.Fatalf("node %d has ended:\n%s", n.Port, n.Log())
		}
	}
}

// TestProtocolErrorsLikeRedis sends broken frames to Regent and to
// redis-server and compares what comes back, to the byte.
func TestProtocolErrorsLikeRedis(t *testing.T) {
	ours, theirs := startNode(t), startRedis(t)
	for _, frame := range []string{
		"*1\r\n$9223372036854775807\r\n",
		"*1\r\n$1073741824\r\n",
		"*1000000000\r\n",
		"*abc\r\n",
		"*1\r\nPING\r\n",
		"*1\r\n$abc\r\n",
		"*1\r\n$-1\r\n",
		"*0\r\nPING\r\n",
		"*-1\r\nPING\r\n",
		"\r\n\r\nPING\r\n",
		"SET \"k\r\n",
		"SET 'k' \"v\\x41\"\r\nGET k\r\n",
		"*" + strings.Repeat("1", 70<<10),
		strings.Repeat("x", 70<<10),
		"*1\r\n$" + strings.Repeat("1", 70<<10),
		"*2\r\n$4\r\nECHO\r\n$3\r\nabcde\r\nPING\r\n",
	} {
		a, b := talk(t, ours.Addr(), frame), talk(t, theirs.Addr(), frame)
		if !bytes.Equal(a, b) {
			t.Errorf("%.60q: %q, redis-server says %q", frame, a, b)
		}
	}
}

// talkPatience is a hang's end, and no measure of a machine that has other work.
const talkPatience = 2 * time.Minute

// talk sends a frame, and that nothing follows, and returns everything that comes back
// before the server closes.
func talk(t *testing.T, addr, frame string) []byte {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(talkPatience))
	_, _ = io.WriteString(c, frame)
	_ = c.(*net.TCPConn).CloseWrite()
	out, err := io.ReadAll(c)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("%.60q: not closed within %s", frame, talkPatience)
	}
	return out
}

// TestSlowReader asks for far more than it reads; the server must neither
// keep all of it in memory nor let others wait.
func TestSlowReader(t *testing.T) {
	n := startNode(t)
	good := client(t, n)
	const size, gets = 1 << 20, 400
	if err := good.Set(t.Context(), "big", strings.Repeat("x", size), 0).Err(); err != nil {
		t.Fatal(err)
	}
	before := resident(t, n.PID())
	slow, err := net.Dial("tcp", n.Addr())
	if err != nil {
		t.Fatal(err)
	}
	defer slow.Close()
	_ = slow.SetWriteDeadline(time.Now().Add(2 * time.Second))
	_, _ = io.WriteString(slow, strings.Repeat("GET big\r\n", gets))
	for range 200 {
		if err := good.Get(t.Context(), "none").Err(); err == nil || err.Error() != "redis: nil" {
			t.Fatalf("the other client got %v", err)
		}
	}
	if grown := resident(t, n.PID()) - before; grown > gets*size/4 {
		t.Fatalf("a client that does not read holds %d MB of %d", grown>>20, gets*size>>20)
	}
}

// TestWhoEndsItself: a client ends others that listen, or itself, or takes its own rights away, in the middle of
// what it does: inside a transaction, by the list of users, by its own file.
func TestWhoEndsItself(t *testing.T) {
	users := filepath.Join(t.TempDir(), "users")
	must(t, os.WriteFile(users, []byte("user default on nopass ~* &* +@all\n"), 0o600))
	n := startNode(t, "--aclfile", users)
	lives := func(what string) {
		t.Helper()
		if got, err := plainClient(t, n.Addr()).line("PING"); err != nil || got != "+PONG" {
			t.Fatalf("after %s: %q, %v\n%s", what, got, err, n.Log())
		}
	}
	who := func(lines ...string) *rawClient {
		t.Helper()
		admin, c := plainClient(t, n.Addr()), plainClient(t, n.Addr())
		admin.must(t, "+OK", "ACL SETUSER gone on nopass ~* &* +@all")
		c.must(t, "+OK", "AUTH gone x")
		for _, line := range lines {
			if _, err := c.line("%s", line); err != nil {
				t.Fatal(err)
			}
		}
		return c
	}
	// In the place of ID stands the client's own.
	for what, script := range map[string][]string{
		"listeners, inside a transaction": {"MULTI", "SET k v", "CLIENT KILL TYPE pubsub", "SPUBLISH ch m", "PUBLISH ch m", "CLIENT KILL USER gone SKIPME no", "EXEC"},
		"itself":                          {"CLIENT KILL ID ID SKIPME no"},
		"itself, inside a transaction":    {"MULTI", "CLIENT KILL ID ID SKIPME no", "SET k v", "BLPOP nothing 0", "EXEC"},
		"its user":                        {"ACL DELUSER gone"},
		"its user, by its file":           {"ACL LOAD"},
		"its user, inside a transaction":  {"MULTI", "ACL DELUSER gone", "SET k v", "ACL WHOAMI", "EXEC"},
		"its channels, while it listens":  {"HELLO 3", "SUBSCRIBE ch", "SSUBSCRIBE ch", "ACL SETUSER gone resetchannels"},
		"its user, while it listens":      {"HELLO 3", "SUBSCRIBE ch", "ACL LOAD"},
	} {
		var others []*rawClient
		for _, line := range []string{"SUBSCRIBE ch", "PSUBSCRIBE c*", "SSUBSCRIBE ch", "MONITOR", "BLPOP nothing 1000"} {
			c := who()
			_, err := fmt.Fprintf(c, "%s\r\n", line)
			must(t, err)
			others = append(others, c)
		}
		c := who()
		id, err := c.line("CLIENT ID")
		must(t, err)
		for _, line := range script {
			_, err := fmt.Fprintf(c, "%s\r\n", strings.ReplaceAll(line, "ID ID", "ID "+strings.TrimPrefix(id, ":")))
			must(t, err)
		}
		_ = c.SetDeadline(time.Now().Add(talkPatience))
		if _, err := io.Copy(io.Discard, c.r); err != nil {
			if slow, is := err.(net.Error); is && slow.Timeout() {
				t.Errorf("%s: it is not ended", what)
			}
		}
		lives(what)
		for _, c := range others {
			_ = c.Close()
		}
	}
}

// TestAReplicaSaysNoCommands: a connection that asked for the stream carries out nothing any more, in its own
// name or another's.
func TestAReplicaSaysNoCommands(t *testing.T) {
	n := startNode(t)
	for _, ask := range []string{"SYNC", "PSYNC ? -1", "REPLCONF listening-port 1;PSYNC ? -1"} {
		c := plainClient(t, n.Addr())
		_ = c.SetDeadline(time.Now().Add(talkPatience))
		for _, line := range strings.Split(ask, ";") {
			_, err := fmt.Fprintf(c, "%s\r\n", line)
			must(t, err)
			_, err = c.r.ReadString('\n') // the copy begins
			must(t, err)
		}
		for _, args := range [][]any{{"SET", "said", "v"}, {"MULTI"}, {"EVAL", "return redis.call('SET', 'said', 'v')", 0}, {"BLPOP", "said", 0}, {"REPLICAOF", "NO", "ONE"}, {"EXEC"}} {
			var words []string
			for _, a := range args {
				words = append(words, fmt.Sprint(a))
			}
			if _, err := c.Write(resp.AppendCommand(nil, words...)); err != nil {
				break // it is ended
			}
		}
		// What it has said has been read, or never will be.
		_ = c.SetDeadline(time.Now().Add(500 * time.Millisecond))
		_, _ = io.Copy(io.Discard, c.r)
		plainClient(t, n.Addr()).must(t, "$-1", "GET said")
	}
}
