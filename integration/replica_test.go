package integration

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

// Replicas that are no nodes: redis-server follows Regent, through changes of its leader.

// sameAs waits until a replica holds what the leader does, in every database in use.
func sameAs(t *testing.T, replica, leader *redis.Client) {
	t.Helper()
	digest := func(c *redis.Client) string {
		text, err := c.Do(t.Context(), "DEBUG", "DIGEST").Text()
		if err != nil {
			return err.Error()
		}
		return text
	}
	want := digest(leader)
	eventually(t, func() error {
		if got := digest(replica); got != want {
			return fmt.Errorf("the replica's digest is %s, the leader's %s", got, want)
		}
		return nil
	})
}

// eventually waits for what must come.
func eventually(t *testing.T, f func() error) {
	t.Helper()
	ctx := within(t, time.Minute)
	for {
		err := f()
		if err == nil {
			return
		}
		select {
		case <-ctx.Done():
			t.Fatal(err)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// infoField is one field of INFO.
func infoField(t *testing.T, c *redis.Client, section, field string) string {
	t.Helper()
	text, err := c.Info(t.Context(), section).Result()
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(text) {
		if value, ok := strings.CutPrefix(strings.TrimSpace(line), field+":"); ok {
			return value
		}
	}
	return ""
}

// TestRedisFollows: redis-server follows a deployment through a node's plain port, takes
// data of every type and each change, goes on where it was after its link broke, and
// after its leader was killed and another one leads: it takes no second copy.
func TestRedisFollows(t *testing.T) {
	c, plain := startPlain(t, "--enable-debug-command", "yes")
	leader, err := c.Agreed(t.Context())
	must(t, err)
	seat := followers(c, leader)[0]
	redisLog := filepath.Join(t.TempDir(), "redis.log")
	replica := startRedis(t, "--enable-debug-command", "yes", "--logfile", redisLog)
	rc := client(t, replica)
	keys := fillTypes(t, client(t, leader))
	_, port, _ := net.SplitHostPort(plain[seat])
	must(t, rc.Do(t.Context(), "REPLICAOF", "127.0.0.1", port).Err())
	// The first change after the copy may be in a database of its own.
	lc := client(t, leader)
	sameAs(t, rc, lc)
	for i, step := range []func(){
		func() { must(t, lc.Del(t.Context(), keys[0].(string), keys[1].(string)).Err()) },
		func() {
			_, err := lc.TxPipelined(t.Context(), func(p redis.Pipeliner) error {
				p.Incr(t.Context(), "n1")
				p.LPush(t.Context(), "n2", "a")
				return nil
			})
			must(t, err)
		},
		func() {
			must(t, lc.Eval(t.Context(), "return redis.call('set', KEYS[1], 'v', 'ex', 100)", []string{"e"}).Err())
		},
		func() { must(t, rc.ClientKillByFilter(t.Context(), "TYPE", "master").Err()) },
		func() { must(t, lc.Set(t.Context(), "behind", "it", 0).Err()) },
	} {
		step()
		sameAs(t, rc, lc)
		if t.Failed() {
			t.Fatalf("step %d", i)
		}
	}
	if n := infoField(t, lc, "replication", "connected_slaves"); n != "3" {
		t.Errorf("connected_slaves:%s, want the two followers and the replica", n)
	}
	must(t, leader.Kill())
	next, err := c.Leader(t.Context())
	must(t, err)
	nc := client(t, next)
	must(t, nc.Set(t.Context(), "of the next leader", "1", 0).Err())
	sameAs(t, rc, nc)
	text, err := os.ReadFile(redisLog)
	must(t, err)
	if n := strings.Count(string(text), "Full resync from master"); n != 1 {
		t.Errorf("%d full copies, want the first alone:\n%s", n, text)
	}
}

// TestReplicaTools: what redis-cli does as a replica.
func TestReplicaTools(t *testing.T) {
	cli := need(t, "redis-cli")
	n := startNode(t)
	c := client(t, n)
	fillTypes(t, c)
	must(t, c.Do(t.Context(), "FUNCTION", "LOAD", "#!lua name=l\nredis.register_function('f', function() return 1 end)").Err())
	port := strconv.Itoa(n.Port)
	for _, flag := range []string{"--rdb", "--functions-rdb"} {
		file := filepath.Join(t.TempDir(), "copy.rdb")
		if out, err := exec.CommandContext(t.Context(), cli, "-p", port, flag, file).CombinedOutput(); err != nil {
			t.Fatalf("%s: %v\n%s", flag, err, out)
		}
		// redis-server starts with it.
		other := prepareNode(t, need(t, "redis-server"), "--save", "", "--dbfilename", "copy.rdb", "--dir", filepath.Dir(file))
		must(t, other.Start())
		t.Cleanup(func() { _ = other.Kill() })
		ready(t, other)
		oc := client(t, other)
		size, err := oc.DBSize(t.Context()).Result()
		must(t, err)
		if want := map[string]int64{"--rdb": 14, "--functions-rdb": 0}[flag]; size != want {
			t.Errorf("%s: %d keys, want %d", flag, size, want)
		}
		if got, err := oc.FCall(t.Context(), "f", nil).Int(); got != 1 || err != nil {
			t.Errorf("%s: the function says %d, %v", flag, got, err)
		}
	}
}

// TestSyncWithoutCapabilities: to one that says nothing of itself the copy comes with its
// length, then each change as it is committed, the first with its database.
func TestSyncWithoutCapabilities(t *testing.T) {
	n := startNode(t)
	c := client(t, n)
	must(t, c.Set(t.Context(), "k", strings.Repeat("x", 100_000), 0).Err())
	conn, err := net.Dial("tcp", n.Addr())
	must(t, err)
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(time.Minute))
	_, err = io.WriteString(conn, "SYNC\r\n")
	must(t, err)
	in := bufio.NewReader(conn)
	head := "\n"
	for head == "\n" {
		head, err = in.ReadString('\n')
		must(t, err)
	}
	size, err := strconv.Atoi(strings.TrimSpace(strings.TrimPrefix(head, "$")))
	must(t, err)
	rdb := make([]byte, size)
	_, err = io.ReadFull(in, rdb)
	must(t, err)
	if string(rdb[:5]) != "REDIS" {
		t.Fatalf("it begins with %q", rdb[:9])
	}
	for _, step := range []struct{ say, want string }{
		{"set a 1", "SELECT 0|SET a 1"},
		{"set b 2", "SET b 2"},
		{"expire nothing 100", ""},
		{"incr b", "INCR b"},
	} {
		must(t, c.Do(t.Context(), words(step.say)...).Err())
		var got []string
		for range strings.Count(step.want, "|") + min(len(step.want), 1) {
			got = append(got, readCommand(t, in))
		}
		if have := strings.Join(got, "|"); !strings.EqualFold(have, step.want) {
			t.Errorf("%s: %q, want %q", step.say, have, step.want)
		}
	}
}

func words(line string) (out []any) {
	for _, w := range strings.Fields(line) {
		out = append(out, w)
	}
	return out
}

// readCommand reads one command of a stream, but for PINGs.
func readCommand(t *testing.T, in *bufio.Reader) string {
	t.Helper()
	for {
		var args []string
		n := readHeader(t, in, '*')
		for range n {
			arg := make([]byte, readHeader(t, in, '$')+2)
			_, err := io.ReadFull(in, arg)
			must(t, err)
			args = append(args, string(arg[:len(arg)-2]))
		}
		if text := strings.Join(args, " "); text != "PING" {
			return text
		}
	}
}

func readHeader(t *testing.T, in *bufio.Reader, kind byte) int {
	t.Helper()
	line, err := in.ReadString('\n')
	must(t, err)
	if line[0] != kind {
		t.Fatalf("%q where %c should stand", line, kind)
	}
	n, err := strconv.Atoi(strings.TrimSpace(line[1:]))
	must(t, err)
	return n
}

// TestTooManyReplicas: the ninth is told so.
func TestTooManyReplicas(t *testing.T) {
	n := startNode(t)
	for i := range 9 {
		conn, err := net.Dial("tcp", n.Addr())
		must(t, err)
		defer conn.Close()
		_ = conn.SetDeadline(time.Now().Add(time.Minute))
		_, err = io.WriteString(conn, "PSYNC ? -1\r\n")
		must(t, err)
		line, err := bufio.NewReader(conn).ReadString('\n')
		must(t, err)
		if served := strings.HasPrefix(line, "+FULLRESYNC ") || line == "\n"; served != (i < 8) {
			t.Errorf("%d: %q", i, line)
		}
	}
}

// TestRedisFollowsWithoutALog: a node that keeps no log on disk is followed from memory: each change comes,
// and a broken link costs no second copy. A log that begins on disk, or ends, does.
func TestRedisFollowsWithoutALog(t *testing.T) {
	n := startNode(t, "--appendonly", "no", "--enable-debug-command", "yes")
	c := client(t, n)
	fillTypes(t, c)
	redisLog := filepath.Join(t.TempDir(), "redis.log")
	replica := startRedis(t, "--enable-debug-command", "yes", "--logfile", redisLog)
	rc := client(t, replica)
	if got := infoField(t, c, "replication", "repl_backlog_active"); got != "0" {
		t.Errorf("repl_backlog_active:%s before anybody follows", got)
	}
	must(t, rc.Do(t.Context(), "REPLICAOF", "127.0.0.1", strconv.Itoa(n.Port)).Err())
	sameAs(t, rc, c)
	copies := func(want int) {
		t.Helper()
		text, err := os.ReadFile(redisLog)
		must(t, err)
		if n := strings.Count(string(text), "Full resync from master"); n != want {
			t.Errorf("%d full copies, want %d:\n%s", n, want, text)
		}
	}
	for _, step := range []struct {
		do     func()
		copies int
	}{
		{func() { must(t, c.Set(t.Context(), "large", strings.Repeat("x", 3<<20), 0).Err()) }, 1},
		{func() {
			_, err := c.TxPipelined(t.Context(), func(p redis.Pipeliner) error {
				p.Incr(t.Context(), "n1")
				p.LPush(t.Context(), "n2", "a")
				return nil
			})
			must(t, err)
		}, 1},
		{func() {
			must(t, rc.ClientKillByFilter(t.Context(), "TYPE", "master").Err())
			must(t, c.Incr(t.Context(), "n1").Err())
		}, 1},
		{func() {
			must(t, c.ConfigSet(t.Context(), "appendonly", "yes").Err())
			must(t, c.Incr(t.Context(), "n1").Err())
		}, 2},
		{func() {
			must(t, c.ConfigSet(t.Context(), "appendonly", "no").Err())
			must(t, c.Incr(t.Context(), "n1").Err())
		}, 3},
		{func() { must(t, c.FlushAll(t.Context()).Err()) }, 3},
	} {
		step.do()
		sameAs(t, rc, c)
		copies(step.copies)
	}
	if got, want := infoField(t, c, "replication", "master_repl_offset"), "0"; got == want {
		t.Error("the log in memory has no offset")
	}
}
