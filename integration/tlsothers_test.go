package integration

import (
	"bufio"
	"crypto/tls"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"

	"regent/integration/harness"
)

// What other servers and tools do by TLS: MIGRATE, replicas, plain clients through tunnels,
// redis-py.

// redisByTLS starts a redis-server that speaks TLS alone.
func redisByTLS(t *testing.T, a *authority, more ...string) *harness.Node {
	t.Helper()
	n := prepareNode(t, need(t, "redis-server"))
	n.Args = append(append([]string{"--save", "", "--port", "0", "--tls-port", strconv.Itoa(n.Port), "--enable-debug-command", "yes"}, a.node("server")...), more...)
	must(t, n.Start())
	await(t, "redis-server answers by TLS", func() bool {
		return redisCLI(t, append(a.client("client", n.Port), "PING")...) == "PONG"
	})
	return n
}

// TestTLSMigrate moves keys of every type by TLS to redis-server, and back.
func TestTLSMigrate(t *testing.T) {
	a := newPair(t)
	ours := startTLS(t, a, "--tls-cluster", "yes", "--enable-debug-command", "yes")
	theirs := redisByTLS(t, a, "--tls-cluster", "yes")
	from, to := tlsClient(t, a, "client", ours.Port), tlsClient(t, a, "client", theirs.Port)
	keys := fillTypes(t, from)
	want := digestIn(t, from)
	for i, hop := range []struct {
		from, to *redis.Client
		node     *harness.Node
	}{{from, to, theirs}, {to, from, ours}} {
		if got, err := migrateTo(t, hop.from, hop.node, append([]any{"", 0, 20000, "KEYS"}, keys...)...); err != nil || got != "OK" {
			t.Fatalf("hop %d: %q, %v", i, got, err)
		}
		if got := digestIn(t, hop.to); got != want {
			t.Errorf("hop %d: the digest is %s there, and was %s", i, got, want)
		}
	}
	stranger := redisByTLS(t, newPair(t), "--tls-auth-clients", "no")
	if _, err := migrateTo(t, from, stranger, "s", 0, 20000); err == nil || !strings.HasPrefix(err.Error(), "IOERR error or timeout") {
		t.Errorf("to a server whose certificate nobody has signed: %v", err)
	}
}

func digestIn(t *testing.T, c *redis.Client) string {
	t.Helper()
	text, err := c.Do(t.Context(), "DEBUG", "DIGEST").Text()
	must(t, err)
	return text
}

// TestRedisFollowsByTLS: redis-server takes a copy and each change by TLS, and goes on where
// it was after its link broke.
func TestRedisFollowsByTLS(t *testing.T) {
	a := newPair(t)
	leader := tlsClient(t, a, "client", startTLS(t, a, "--enable-debug-command", "yes").Port)
	log := filepath.Join(t.TempDir(), "log")
	replica := tlsClient(t, a, "client", redisByTLS(t, a, "--tls-replication", "yes", "--logfile", log).Port)
	fillTypes(t, leader)
	host, port, _ := net.SplitHostPort(leader.Options().Addr)
	must(t, replica.Do(t.Context(), "REPLICAOF", host, port).Err())
	sameAs(t, replica, leader)
	must(t, leader.Set(t.Context(), "later", strings.Repeat("x", 1<<20), 0).Err())
	sameAs(t, replica, leader)
	must(t, replica.ClientKillByFilter(t.Context(), "TYPE", "master").Err())
	must(t, leader.Incr(t.Context(), "behind it").Err())
	sameAs(t, replica, leader)
	text, err := os.ReadFile(log)
	must(t, err)
	if n := strings.Count(string(text), "Full resync from master"); n != 1 {
		t.Errorf("%d full copies, want the first alone:\n%s", n, text)
	}
}

// TestTLSTunnel: a plain client that came by TLS to any node is carried to the leader, where
// nodes speak TLS too, and stays through changes of leader, also to its own node.
func TestTLSTunnel(t *testing.T) {
	a := newPair(t)
	plain, err := harness.FreePorts(3)
	must(t, err)
	more := map[int][]string{}
	for i, port := range plain {
		// No leader changes but by plan, however busy the machine is.
		more[i] = []string{"--tls-plain-port", strconv.Itoa(port), "--takeover", "manual", "--election-timeout", "3000", "--leader-lease", "2000"}
	}
	nodes := startTLSCluster(t, a, more)
	leaderByTLS(t, a, nodes)
	var clients []*rawClient
	for _, port := range plain {
		conn, err := tls.Dial("tcp", "127.0.0.1:"+strconv.Itoa(port), a.config("client"))
		must(t, err)
		t.Cleanup(func() { conn.Close() })
		clients = append(clients, &rawClient{conn, bufio.NewReader(conn)})
	}
	big := strings.Repeat("x", 30_000) // an inline request has at most 64 KB
	for round := range 3 {
		for i, c := range clients {
			key := strconv.Itoa(10*round + i)
			c.must(t, "+OK", "SET %s %s", key, big+key)
			c.must(t, big+key, "GET %s", key)
		}
		// The next node leads, as planned; what a client says at once is held or carried.
		leader := leaderByTLS(t, a, nodes)
		to := nodes[(round+1)%len(nodes)]
		if to == leader {
			continue
		}
		if got := redisCLI(t, append(a.client("client", leader.Port), "FAILOVER", "TO", "127.0.0.1", strconv.Itoa(to.Port))...); got != "OK" {
			t.Fatalf("FAILOVER: %s", got)
		}
		await(t, "the next leader", func() bool { return leaderByTLS(t, a, nodes) == to })
	}
	for i, c := range clients {
		c.must(t, "+PONG", "PING")
		_, err := c.line("CLIENT SETNAME c%d", i)
		must(t, err)
	}
}

// TestRedisPyByTLS: redis-py's cluster client (python3-redis, of the system's own Python)
// writes by TLS through a failover.
func TestRedisPyByTLS(t *testing.T) {
	a := newPair(t)
	nodes := startTLSCluster(t, a, nil)
	leader := leaderByTLS(t, a, nodes)
	const script = `
import redis, sys, time
from redis.cluster import RedisCluster
def connect():
    return RedisCluster(host='127.0.0.1', port=int(sys.argv[1]), ssl=True, ssl_ca_certs=sys.argv[2], ssl_certfile=sys.argv[3],
        ssl_keyfile=sys.argv[4], ssl_check_hostname=False, socket_timeout=5)
c = connect()
acked, said, until = {}, False, time.time() + 60
while len(acked) < 400 and time.time() < until:
    n = str(len(acked))
    try:
        c.set('k' + n, n)
        acked['k' + n] = n
    except redis.exceptions.RedisError:
        pass
    except redis.exceptions.RedisClusterException: # it cannot always begin anew by itself
        try:
            c = connect()
        except redis.exceptions.RedisClusterException:
            time.sleep(0.05)
    if len(acked) == 100 and not said:
        said = True
        print('half', flush=True)
        sys.stdin.readline()
lost = [k for k, v in acked.items() if c.get(k) != v.encode()]
print(len(acked), len(lost), lost[:3], flush=True)
`
	from := nodes[0]
	if from == leader {
		from = nodes[1]
	}
	cmd := exec.CommandContext(t.Context(), need(t, "/usr/bin/python3"), "-c", script, strconv.Itoa(from.Port), a.path("ca.crt"), a.path("client.crt"), a.path("client.key"))
	out, err := cmd.StdoutPipe()
	must(t, err)
	in, err := cmd.StdinPipe()
	must(t, err)
	var wrong strings.Builder
	cmd.Stderr = &wrong
	must(t, cmd.Start())
	said := bufio.NewReader(out)
	if line, _ := said.ReadString('\n'); line != "half\n" {
		t.Fatalf("it says %q: %s", line, wrong.String())
	}
	must(t, leader.Kill())
	_, err = in.Write([]byte("\n"))
	must(t, err)
	line, _ := said.ReadString('\n')
	if err := cmd.Wait(); err != nil || line != "400 0 []\n" {
		t.Errorf("written, lost: %q, %v: %s", line, err, wrong.String())
	}
}
