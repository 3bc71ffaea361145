package sentinel_test

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"regent/engine"
	"regent/engine/enginetest"
)

// withFaces gives the nodes of a view their other ports.
func withFaces(v engine.View) engine.View {
	for i := range v.Nodes {
		v.Nodes[i].PlainPort, v.Nodes[i].SentinelPort = 6379, 26379
	}
	return v
}

// newFace is an engine at whose Sentinel face clients ask.
func newFace(t *testing.T) (*enginetest.Server, *enginetest.Client) {
	s := enginetest.NewEngine(t)
	s.Config.SentinelPort.Set(26379)
	s.Cluster.SetView(withFaces(enginetest.ThreeNodes(1, 1)))
	return s, s.ClientAt(engine.FaceSentinel)
}

// same are commands whose replies are Redis's to the byte.
const same = `
SENTINEL
SENTINEL MASTER
SENTINEL MASTER x
SENTINEL MASTERS x
SENTINEL REPLICAS
SENTINEL REPLICAS x
SENTINEL SENTINELS x
SENTINEL GET-MASTER-ADDR-BY-NAME
SENTINEL GET-MASTER-ADDR-BY-NAME x
SENTINEL CKQUORUM mymaster
SENTINEL CKQUORUM x
SENTINEL CKQUORUM
SENTINEL FAILOVER x
SENTINEL FAILOVER
SENTINEL RESET
SENTINEL RESET x
SENTINEL MYID 1
SENTINEL HELP
SENTINEL FLUSHCONFIG
SENTINEL PENDING-SCRIPTS
SENTINEL IS-MASTER-DOWN-BY-ADDR 127.0.0.1 1 0 *
SENTINEL IS-MASTER-DOWN-BY-ADDR 127.0.0.1 x 0 *
SENTINEL IS-MASTER-DOWN-BY-ADDR 127.0.0.1 1 x *
SENTINEL IS-MASTER-DOWN-BY-ADDR 127.0.0.1 1 0
SENTINEL SET mymaster
SENTINEL SET mymaster quorum
SENTINEL SET mymaster quorum 2
SENTINEL SET mymaster quorum x
SENTINEL SET mymaster quorum -1
SENTINEL SET mymaster foo 2
SENTINEL SET mymaster down-after-milliseconds 0
SENTINEL SET mymaster failover-timeout 180000 parallel-syncs 1
SENTINEL SET mymaster parallel-syncs 1 foo
SENTINEL SET mymaster rename-command a
SENTINEL SET mymaster notification-script /x
SENTINEL SET mymaster auth-pass ""
SENTINEL SET x quorum 2
SENTINEL MONITOR mymaster 127.0.0.1 31001 2
SENTINEL MONITOR foo 127.0.0.1 31001 0
SENTINEL MONITOR foo 127.0.0.1 31001 x
SENTINEL MONITOR foo 127.0.0.1 x 2
SENTINEL MONITOR foo 127.0.0.1 31001
SENTINEL MONITOR foo nosuchhost. 31001 2
SENTINEL REMOVE x
SENTINEL REMOVE
SENTINEL CONFIG
SENTINEL CONFIG GET
SENTINEL CONFIG GET *
SENTINEL CONFIG GET *HOST*
SENTINEL CONFIG GET foo
SENTINEL CONFIG SET
SENTINEL CONFIG SET foo bar
SENTINEL CONFIG SET announce-port 0
SENTINEL CONFIG SET announce-port x
SENTINEL CONFIG SET announce-port 65536
SENTINEL CONFIG SET resolve-hostnames x
SENTINEL CONFIG SET Resolve-Hostnames no
SENTINEL CONFIG FOO x
SENTINEL INFO-CACHE
SENTINEL INFO-CACHE x
SENTINEL SIMULATE-FAILURE
SENTINEL SIMULATE-FAILURE HELP
SENTINEL SIMULATE-FAILURE foo
SENTINEL DEBUG
SENTINEL DEBUG foo
SENTINEL DEBUG foo bar
SENTINEL DEBUG info-period 10000
SENTINEL DEBUG info-period x
SENTINEL DEBUG info-period 10000 ping-period
SENTINEL foo
ROLE
ROLE x
INFO replication
INFO foo
PUBLISH a b
PUBLISH a
PING
PING a
PING a b
ECHO a
SELECT 0
MULTI
GET a
SET a b
CONFIG GET *
CLUSTER SLOTS
SSUBSCRIBE a
SPUBLISH a b
PUBSUB CHANNELS
MONITOR
DEBUG SLEEP 0
AUTH x
AUTH default x
AUTH x y
HELLO 4
HELLO x
HELLO 3 AUTH x y
CLIENT SETNAME a
CLIENT GETNAME
CLIENT TRACKING ON
CLIENT TRACKING OFF
CLIENT foo
ACL WHOAMI
ACL FOO
SHUTDOWN x
SUBSCRIBE a
PSUBSCRIBE *
UNSUBSCRIBE
PUNSUBSCRIBE
COMMAND INFO ping
COMMAND INFO role
COMMAND INFO publish
COMMAND INFO get
COMMAND INFO sentinel|masters sentinel|failover sentinel|set sentinel|help
`

// alike are those whose replies have the same names, order and types.
const alike = `
HELLO
INFO server
INFO sentinel
SENTINEL MASTERS
SENTINEL MASTER mymaster
SENTINEL REPLICAS mymaster
SENTINEL SLAVES mymaster
SENTINEL SENTINELS mymaster
SENTINEL GET-MASTER-ADDR-BY-NAME mymaster
SENTINEL MYID
SENTINEL INFO-CACHE mymaster
CLIENT ID
CLIENT INFO
`

// An oracle is three servers and three Sentinels, of which one is asked.
type oracle struct {
	guard   *enginetest.Redis
	replica *enginetest.Redis
}

func startOracle(t *testing.T) *oracle {
	master := enginetest.StartRedis(t)
	o := &oracle{}
	for range 2 {
		o.replica = enginetest.StartRedis(t, "--replicaof", "127.0.0.1", master.Port())
	}
	o.await(t, master.Client(t), "its replicas", func(r string) bool { return strings.Count(r, "state=online") == 2 }, "INFO", "replication")
	for range 3 {
		o.guard = enginetest.StartSentinel(t, master, 300*time.Millisecond)
	}
	c := o.guard.Client(t)
	o.await(t, c, "all Sentinels", func(m string) bool {
		return strings.Contains(m, "num-slaves\r\n$1\r\n2") && strings.Contains(m, "num-other-sentinels\r\n$1\r\n2")
	}, "SENTINEL", "MASTER", "mymaster")
	o.await(t, c, "replicas that are looked at", func(r string) bool { return strings.Count(r, "$2\r\nok\r\n") == 2 }, "SENTINEL", "REPLICAS", "mymaster")
	return o
}

// patience is for real Sentinels, which look every two seconds.
const patience = 30 * time.Second

func (o *oracle) await(t *testing.T, c *enginetest.RedisClient, what string, is func(reply string) bool, ask ...string) {
	t.Helper()
	for end := time.Now().Add(patience); !is(c.Do(ask...)); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("redis does not see %s: %q", what, c.Do(ask...))
		}
	}
}

// TestBesideSentinel: what redis-sentinel 7.0 answers, in both protocols.
func TestBesideSentinel(t *testing.T) {
	o := startOracle(t)
	s, _ := newFace(t)
	for _, hello := range []string{"2", "3"} {
		ask := func(line string) (ours, theirs string) {
			words := enginetest.Words(t, line)
			c, r := s.ClientAt(engine.FaceSentinel), o.guard.Client(t)
			defer r.Close()
			c.Do("HELLO", hello)
			r.Do("HELLO", hello)
			return c.Do(words...), r.Do(words...)
		}
		for line := range strings.Lines(strings.TrimSpace(same)) {
			if ours, theirs := ask(line); ours != theirs {
				t.Errorf("RESP%s %s: %q, redis-sentinel %q", hello, strings.TrimSpace(line), ours, theirs)
			}
		}
		for line := range strings.Lines(strings.TrimSpace(alike)) {
			ours, theirs := ask(line)
			for end := time.Now().Add(patience); strings.Contains(theirs, "s-down-time") && time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
				ours, theirs = ask(line) // on a busy machine a server that lives may be silent for a moment
			}
			if a, b := shape(t, ours), shape(t, theirs); a != b {
				t.Errorf("RESP%s %s: \n%s, redis-sentinel\n%s", hello, strings.TrimSpace(line), a, b)
			}
		}
	}
	o.replica.Kill()
	o.await(t, o.guard.Client(t), "that a replica is lost", func(r string) bool { return strings.Contains(r, "s_down,slave,disconnected") }, "SENTINEL", "REPLICAS", "mymaster")
	v := withFaces(enginetest.ThreeNodes(1, 1))
	v.Nodes[1].Up = false
	s.Cluster.SetView(v)
	c, r := s.ClientAt(engine.FaceSentinel), o.guard.Client(t)
	if a, b := lost(t, c.Do("SENTINEL", "REPLICAS", "mymaster")), lost(t, r.Do("SENTINEL", "REPLICAS", "mymaster")); a != b {
		t.Errorf("a lost replica:\n%s, redis-sentinel\n%s", a, b)
	}
	if ours, theirs := c.Do("SENTINEL", "RESET", "my*"), r.Do("SENTINEL", "RESET", "my*"); ours != theirs {
		t.Errorf("RESET: %q, redis-sentinel %q", ours, theirs)
	}
}

// TestMessagesBesideSentinel: what a planned change of master publishes here is said by
// redis-sentinel, too, in that order and in those words.
func TestMessagesBesideSentinel(t *testing.T) {
	o := startOracle(t)
	l := o.guard.Client(t)
	l.Do("PSUBSCRIBE", "*")
	o.await(t, o.guard.Client(t), "that it may change the master", func(r string) bool { return r == "+OK\r\n" }, "SENTINEL", "FAILOVER", "mymaster")
	var theirs []string
	for !slices.ContainsFunc(theirs, func(m string) bool { return strings.HasPrefix(m, "+slave ") }) {
		theirs = append(theirs, wording(enginetest.Parsed(t, l.Next())))
	}
	s, c := newFace(t)
	s.LookAgain()
	c.Do("PSUBSCRIBE", "*")
	v := enginetest.ThreeNodes(1, 2)
	v.Epoch = 8
	s.Cluster.SetView(withFaces(v))
	s.LookAgain()
	at := 0
	for rest := []byte(c.Hear()); len(rest) > 0; {
		n, after, err := enginetest.Parse(rest)
		if err != nil {
			t.Fatal(err)
		}
		rest = after
		ours := wording(n)
		i := slices.Index(theirs[at:], ours)
		if i < 0 {
			t.Fatalf("%q is not what redis-sentinel says here: %q", ours, theirs[at:])
		}
		if at += i; !strings.HasPrefix(ours, "+slave ") { // one for each replica
			at++
		}
	}
	if at != len(theirs)-1 {
		t.Errorf("not said: %q", theirs[at:])
	}
}

// wording is a message's channel and words, without which node and epoch it is about.
func wording(n enginetest.Node) string {
	text := n.Elems[2].Text + " " + n.Elems[3].Text
	text = regexp.MustCompile(`\b[0-9a-f]{40}\b`).ReplaceAllString(text, "ID")
	text = regexp.MustCompile(`\d+\.\d+\.\d+\.\d+`).ReplaceAllString(text, "IP")
	return regexp.MustCompile(`\b\d+\b`).ReplaceAllString(text, "N")
}

// lost is the row of the replica that is lost: its names and its flags. What a Sentinel
// says of its link to the master is as old as its last word.
func lost(t *testing.T, reply string) string {
	for _, row := range enginetest.Parsed(t, reply).Elems {
		var b strings.Builder
		for i := 0; i+1 < len(row.Elems); i += 2 {
			name, value := row.Elems[i].Text, row.Elems[i+1].Text
			if name == "flags" {
				name += "=" + value
			}
			b.WriteString(name + " ")
		}
		if strings.Contains(b.String(), "s_down") {
			return b.String()
		}
	}
	return "none"
}

// shape is a reply's names and types: of a list of pairs every name, of a text in lines
// what stands before each colon.
func shape(t *testing.T, reply string) string {
	t.Helper()
	return shapeOf(enginetest.Parsed(t, reply))
}

func shapeOf(n enginetest.Node) string {
	name := regexp.MustCompile(`^[a-z][a-z-]+$`)
	switch {
	case n.Null:
		return string(n.Type) + "null"
	case n.Type == '$' || n.Type == '=':
		if strings.Contains(n.Text, "\r\n") {
			return string(n.Type) + lineNames(n.Text)
		}
		return string(n.Type)
	case n.Type == ':':
		return ":"
	case n.Elems == nil:
		return string(n.Type) + n.Text
	}
	pairs := len(n.Elems)%2 == 0
	for i := 0; pairs && i < len(n.Elems); i += 2 {
		pairs = n.Elems[i].Type == '$' && name.MatchString(n.Elems[i].Text)
	}
	parts := make([]string, len(n.Elems))
	for i, el := range n.Elems {
		if parts[i] = shapeOf(el); pairs && i%2 == 0 {
			parts[i] = el.Text
		}
	}
	return fmt.Sprintf("%c%d[%s]", n.Type, len(n.Elems), strings.Join(parts, " "))
}

// lineNames are the names in INFO's lines that tell of Sentinels.
func lineNames(text string) string {
	var names []string
	for line := range strings.Lines(text) {
		name, _, _ := strings.Cut(strings.TrimSpace(line), ":")
		if strings.HasPrefix(name, "sentinel") || strings.HasPrefix(name, "master0") || slices.Contains([]string{"redis_mode", "run_id", "tcp_port", "# Sentinel", "# Server"}, name) {
			names = append(names, name)
		}
	}
	return strings.Join(names, ",")
}
