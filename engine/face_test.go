package engine_test

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"regent/engine"
	"regent/engine/config"
	"regent/engine/enginetest"
)

// TestPlainFace: what a client sees at the plain face of a node with peers is a standalone
// server, beside what one at the port sees.
func TestPlainFace(t *testing.T) {
	s := enginetest.NewEngine(t)
	v := enginetest.ThreeNodes(1, 3)
	for i := range v.Nodes {
		v.Nodes[i].PlainPort = 6400 + i + 1
	}
	s.Cluster.SetView(v)
	s.Config.PlainForward.Set(false)
	plain, port := s.ClientAt(engine.FacePlain), s.ClientAt(engine.FacePort)
	for _, try := range []struct{ say, plain, port string }{
		{"HELLO", "\r\n$4\r\nmode\r\n$10\r\nstandalone\r\n", "\r\n$4\r\nmode\r\n$7\r\ncluster\r\n"},
		{"INFO server", "\r\nredis_mode:standalone\r\n", "\r\nredis_mode:cluster\r\n"},
		{"INFO cluster", "\r\ncluster_enabled:0\r\n", "\r\ncluster_enabled:1\r\n"},
		{"CONFIG GET cluster-enabled", "\r\n$2\r\nno\r\n", "\r\n$3\r\nyes\r\n"},
		{"CONFIG GET cluster-e* slave-read-only", "cluster-enabled\r\n$2\r\nno\r\n", "cluster-enabled\r\n$3\r\nyes\r\n"},
		{"INFO replication", "role:slave\r\nmaster_host:10.0.0.3\r\nmaster_port:6403\r\n", "role:slave\r\nmaster_host:10.0.0.3\r\nmaster_port:7000\r\n"},
		{"ROLE", "$5\r\nslave\r\n$8\r\n10.0.0.3\r\n:6403\r\n", "$5\r\nslave\r\n$8\r\n10.0.0.3\r\n:7000\r\n"},
		{"CLUSTER SLOTS", "-ERR This instance has cluster support disabled\r\n", "$8\r\n10.0.0.3\r\n:7000\r\n"},
		{"SELECT 15", "+OK\r\n", "+OK\r\n"},
		{"SET k v", "-READONLY You can't write against a read only replica.\r\n", "-MOVED 7629 10.0.0.3:7000\r\n"},
		{"GET k", "$-1\r\n", "-MOVED 7629 10.0.0.3:7000\r\n"},
		{"READONLY", "+OK\r\n", "+OK\r\n"},
		{"GET k", "$-1\r\n", "$-1\r\n"},
	} {
		words := strings.Fields(try.say)
		if got := plain.Do(words...); !strings.Contains(got, try.plain) {
			t.Errorf("plain: %s: %q, want %q", try.say, got, try.plain)
		}
		if got := port.Do(words...); !strings.Contains(got, try.port) {
			t.Errorf("port: %s: %q, want %q", try.say, got, try.port)
		}
	}
	const down = "-MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.\r\n"
	lost := enginetest.ThreeNodes(1, 0)
	lost.LastLeaderID = 3
	s.Cluster.SetView(lost)
	for _, line := range []string{"SET k v", "GET k"} {
		if got := plain.Do(strings.Fields(line)...); got != down {
			t.Errorf("without a leader: %s: %q", line, got)
		}
	}
	if got := plain.Do("INFO", "replication"); !strings.Contains(got, "master_host:10.0.0.3\r\n") {
		t.Errorf("without a leader: %s", got)
	}
	s.SetLoading(true)
	s.Config.PlainForward.Set(true)
	lost.NoLeaderAt = s.Host.Ticks()/int64(time.Millisecond) + 1
	if got := plain.Do("SET", "k", "v"); got != "-LOADING Redis is loading the dataset in memory\r\n" || plain.Carry() != nil {
		t.Errorf("a node that loads and knows no leader: %q", got)
	}
	s.SetLoading(false)
	s.Cluster.SetView(enginetest.ThreeNodes(1, 1))
	if got := plain.Do("SET", "k", "v"); got != "+OK\r\n" {
		t.Errorf("at the leader: %q", got)
	}
}

// TestRedirect: who has said CLIENT CAPA REDIRECT is told where the leader is, as by Valkey.
func TestRedirect(t *testing.T) {
	s := enginetest.NewEngine(t)
	v := enginetest.ThreeNodes(1, 3)
	v.Nodes[2].PlainPort = 6403
	s.Cluster.SetView(v)
	c := s.ClientAt(engine.FacePlain)
	const away = "-REDIRECT 10.0.0.3:6403\r\n"
	for _, try := range []struct{ say, want string }{
		{"CLIENT CAPA redirect nosuch", "+OK\r\n"}, {"SET k v", away}, {"GET k", away},
		{"READONLY", "+OK\r\n"}, {"GET k", "$-1\r\n"}, {"READWRITE", "+OK\r\n"},
		{"MULTI", "+OK\r\n"}, {"SET k v", away}, {"EXEC", "-EXECABORT Transaction discarded because of previous errors.\r\n"},
		{"RESET", "+RESET\r\n"},
	} {
		if got := c.Do(strings.Fields(try.say)...); got != try.want {
			t.Errorf("%s: %q, want %q", try.say, got, try.want)
		}
	}
}

// TestCarry: which commands take a session to the leader, and what goes along.
func TestCarry(t *testing.T) {
	for _, try := range []struct {
		say   string
		goes  bool
		first []string
	}{
		{"PING", false, nil}, {"INFO", false, nil}, {"SELECT 3", false, nil}, {"CLIENT LIST", false, nil}, {"CONFIG GET port", false, nil}, {"NOSUCH", false, nil}, {"GET", false, nil},
		{"GET k", true, nil}, {"SET k v", true, nil}, {"DBSIZE", true, nil}, {"FLUSHALL", true, nil},
		{"MULTI", true, nil}, {"WATCH k", true, nil}, {"SUBSCRIBE a", true, nil}, {"PUBLISH a b", true, nil}, {"CLIENT TRACKING on", true, nil}, {"WAIT 1 0", true, nil}, {"CLIENT REPLY off", true, nil}, {"CLIENT REPLY skip", true, nil}, {"BLPOP k 0", true, nil},
		{"GET k", false, []string{"READONLY"}}, {"SET k v", true, []string{"READONLY"}}, {"MULTI", true, []string{"READONLY"}},
		{"GET k", false, []string{"CLIENT CAPA redirect"}},
	} {
		s := enginetest.NewEngine(t)
		s.Cluster.SetView(enginetest.ThreeNodes(1, 3))
		c := s.ClientAt(engine.FacePlain)
		c.Do("HELLO", "3", "SETNAME", "tom")
		c.Do("SELECT", "7")
		c.Do("CLIENT", "SETINFO", "lib-name", "lib")
		for _, line := range try.first {
			c.Do(strings.Fields(line)...)
		}
		reply := c.Do(strings.Fields(try.say)...)
		if goes := c.Carry() != nil; goes != try.goes || goes != (reply == "") {
			t.Errorf("%v %s: carried %v, answered %q", try.first, try.say, goes, reply)
		}
		if !try.goes {
			continue
		}
		if got := string(bytes.Join(c.Carry(), []byte(" "))); got != try.say {
			t.Errorf("carried with %q, want %q", got, try.say)
		}
		st := c.State()
		back, err := engine.ParseSessionState(st.Append(nil))
		if err != nil || back != st || st.Proto != 3 || st.DB != 7 || st.Name != "tom" || st.LibName != "lib" || st.Readonly != (try.first != nil) || st.Bound {
			t.Errorf("%s: %+v, read back %+v, %v", try.say, st, back, err)
		}
		there := enginetest.NewEngine(t)
		there.Cluster.SetView(enginetest.ThreeNodes(3, 3))
		far := there.ClientAt(engine.FacePlain)
		there.Restore(far.Session, back, true)
		if got := far.Do("CLIENT", "INFO"); !strings.Contains(got, " name=tom ") || !strings.Contains(got, " db=7 ") || !strings.Contains(got, " resp=3 lib-name=lib ") {
			t.Errorf("there: %s", got)
		}
		there.Cluster.SetView(enginetest.ThreeNodes(3, 1))
		if got := far.Do("GET", "k"); got != "" || far.Carry() == nil {
			t.Errorf("a node that leads no more answers %q", got)
		}
	}
}

// TestBoundSessions cannot go on elsewhere.
func TestBoundSessions(t *testing.T) {
	for _, try := range []struct {
		say   string
		bound bool
	}{
		{"SET k v", false}, {"MULTI", true}, {"MULTI|EXEC", false}, {"WATCH k", true}, {"WATCH k|UNWATCH", false}, {"WATCH k|MULTI|EXEC", false},
		{"SUBSCRIBE a", true}, {"SUBSCRIBE a|UNSUBSCRIBE a", true}, {"CLIENT TRACKING ON", true}, {"CLIENT TRACKING ON|CLIENT TRACKING OFF", false},
		{"MONITOR", true}, {"CLIENT REPLY OFF", true}, {"CLIENT REPLY OFF|CLIENT REPLY ON", true}, {"CLIENT REPLY SKIP|PING", true},
	} {
		s := enginetest.NewEngine(t)
		s.Config.FollowerReads.Set(config.FollowerReadsYes)
		c := s.ClientAt(engine.FacePlain)
		c.Do("HELLO", "3")
		told := engine.SessionState{}
		for line := range strings.SplitSeq(try.say, "|") {
			c.Do(strings.Fields(line)...)
			if st, moved := c.StateMoved(); moved {
				told = st
			}
		}
		if told.Bound != try.bound || c.State().Bound != try.bound {
			t.Errorf("%s: bound %v, told %v", try.say, c.State().Bound, told.Bound)
		}
	}
}

// TestBoundWhileNobodyLed: a client that became bound while there was no leader to carry it to
// is sent away when there is one: it would be told for ever that this node is read-only, and
// would read old data here.
func TestBoundWhileNobodyLed(t *testing.T) {
	for _, say := range []string{"SET k v", "GET k"} {
		s := enginetest.NewEngine(t)
		s.Cluster.SetView(enginetest.ThreeNodes(1, 0))
		c := s.ClientAt(engine.FacePlain)
		c.Do("HELLO", "3")
		if got := c.Do("CLIENT", "TRACKING", "ON"); got != "+OK\r\n" {
			t.Fatalf("CLIENT TRACKING: %q", got)
		}
		s.Cluster.SetView(enginetest.ThreeNodes(1, 3))
		if got := c.Do(strings.Fields(say)...); !strings.HasPrefix(got, "-MASTERDOWN ") || !c.CloseAfterReply || c.Carry() != nil {
			t.Errorf("%s: %q, the connection is closed: %v", say, got, c.CloseAfterReply)
		}
	}
}

// FuzzSessionState: what a node reads of another's session is whole and within bounds, or refused.
func FuzzSessionState(f *testing.F) {
	st := engine.SessionState{DB: 3, Proto: 3, Authenticated: true, Name: "tom", Readonly: true, Acks: engine.AcksAll}
	f.Add(st.Append(nil))
	f.Add([]byte("*11\r\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		st, err := engine.ParseSessionState(b)
		if err != nil {
			return
		}
		if back, err := engine.ParseSessionState(st.Append(nil)); err != nil || back != st {
			t.Fatalf("%+v, read back %+v, %v", st, back, err)
		}
	})
}

// TestSentinelStaysAtItsNode: what a Sentinel says at a node that does not lead is for that node, also
// the transaction in which it says which is to lead: else INFO behind it would tell of the leader.
func TestSentinelStaysAtItsNode(t *testing.T) {
	s := enginetest.NewEngine(t)
	s.Cluster.SetView(enginetest.ThreeNodes(1, 3))
	sentinel, other := s.ClientAt(engine.FacePlain), s.ClientAt(engine.FacePlain)
	sentinel.Do("PUBLISH", "__sentinel__:hello", "x")
	for _, line := range []string{"MULTI", "CLIENT KILL TYPE normal", "EXEC"} {
		if got := sentinel.Do(strings.Fields(line)...); got == "" || sentinel.Carry() != nil {
			t.Errorf("%s: %q, carried %v", line, got, sentinel.Carry() != nil)
		}
	}
	if got := other.Do("MULTI"); got != "" || other.Carry() == nil {
		t.Errorf("MULTI of another client: %q, and it is not carried", got)
	}
	if got := sentinel.Do("GET", "k"); got != "" || sentinel.Carry() == nil {
		t.Errorf("GET: %q, and it is not carried", got)
	}
}
