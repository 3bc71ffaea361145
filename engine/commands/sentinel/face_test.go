package sentinel_test

import (
	"slices"
	"strings"
	"testing"

	"regent/engine"
	"regent/engine/config"
	"regent/engine/enginetest"
)

// TestNoLeader: a node that cannot know who leads names nobody.
func TestNoLeader(t *testing.T) {
	const none, master = "*-1\r\n", "*2\r\n$8\r\n10.0.0.3\r\n$4\r\n6379\r\n"
	s, c := newFace(t)
	ask := func() string { return c.Do("SENTINEL", "GET-MASTER-ADDR-BY-NAME", "mymaster") }
	see := func(v engine.View) { s.Cluster.SetView(withFaces(v)) }
	see(enginetest.ThreeNodes(1, 3))
	if got := ask(); got != master {
		t.Errorf("a leader that serves: %q", got)
	}
	s.Cluster.SetLeaderSilent(true)
	if got := ask(); got != none {
		t.Errorf("a leader of which nothing is heard: %q", got)
	}
	s.Cluster.SetLeaderSilent(false)
	v := enginetest.ThreeNodes(1, 3)
	v.Serves = false
	see(v)
	if got := ask(); got != none {
		t.Errorf("a leader that does not serve yet: %q", got)
	}
	v = enginetest.ThreeNodes(1, 3)
	v.Nodes[2].Up = false
	see(v)
	if got := ask(); got != none {
		t.Errorf("a leader that is lost: %q", got)
	}
	see(enginetest.ThreeNodes(1, 0))
	if got := ask(); got != none {
		t.Errorf("no leader: %q", got)
	}
	if got := c.Do("SENTINEL", "MASTERS"); !strings.Contains(got, "s_down,o_down,master") {
		t.Errorf("no leader: %q", got)
	}
	see(enginetest.ThreeNodes(1, 1))
	s.Cluster.SetLeaseOver(true)
	if got := ask(); got != none {
		t.Errorf("this node leads, and its lease has run out: %q", got)
	}
}

// TestAddresses: clients are sent to the plain port, and where there is none to the port.
func TestAddresses(t *testing.T) {
	s, c := newFace(t)
	v := withFaces(enginetest.ThreeNodes(1, 3))
	v.Nodes[2].PlainPort = 0
	s.Cluster.SetView(v)
	if got, want := c.Do("SENTINEL", "GET-MASTER-ADDR-BY-NAME", "mymaster"), "*2\r\n$8\r\n10.0.0.3\r\n$4\r\n7000\r\n"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	s.Cluster.SetView(engine.View{Leading: true, Serves: true, NodeID: 1, LeaderID: 1, Nodes: []engine.NodeView{{ID: 1, Name: "n", Host: "10.9.9.9", Port: 7000, Myself: true, Up: true}}})
	if got, want := c.Do("SENTINEL", "GET-MASTER-ADDR-BY-NAME", "mymaster"), "*2\r\n$9\r\n127.0.0.1\r\n$4\r\n7000\r\n"; got != want {
		t.Errorf("alone: %q, want %q: where the client has reached it", got, want)
	}
}

// TestNames: each name is the master's.
func TestNames(t *testing.T) {
	s, c := newFace(t)
	s.Config.SentinelMasterName.Set("mymaster cache")
	if got := c.Do("ROLE"); got != "*2\r\n$8\r\nsentinel\r\n*2\r\n$8\r\nmymaster\r\n$5\r\ncache\r\n" {
		t.Errorf("ROLE: %q", got)
	}
	if n := len(enginetest.Parsed(t, c.Do("SENTINEL", "MASTERS")).Elems); n != 2 {
		t.Errorf("%d masters", n)
	}
	for _, step := range [][2]string{
		{"SENTINEL MONITOR third 10.0.0.2 6379 2", "+OK\r\n"},
		{"SENTINEL MONITOR fourth 10.0.0.9 6379 2", "-ERR This Sentinel watches the nodes of its own cluster alone, and 10.0.0.9:6379 is none of them\r\n"},
		{"SENTINEL RESET *", ":3\r\n"},
		{"SENTINEL REMOVE cache", "+OK\r\n"},
		{"SENTINEL REMOVE third", "+OK\r\n"},
		{"SENTINEL REMOVE mymaster", "-ERR This Sentinel watches the nodes of its own cluster: its last name cannot be removed\r\n"},
	} {
		if got := c.Do(strings.Fields(step[0])...); got != step[1] {
			t.Errorf("%s: %q, want %q", step[0], got, step[1])
		}
	}
}

// TestMessages: what a change says reaches the clients that listen at this face, and nobody else.
func TestMessages(t *testing.T) {
	s, c := newFace(t)
	s.LookAgain()
	plain := s.ClientAt(engine.FacePlain)
	for _, l := range []*enginetest.Client{c, plain} {
		l.Do("PSUBSCRIBE", "*")
	}
	s.Client().Do("PUBLISH", "+switch-master", "from a client")
	v := enginetest.ThreeNodes(1, 0)
	v.Nodes[2].Up = false
	s.Cluster.SetView(withFaces(v))
	s.LookAgain()
	v = enginetest.ThreeNodes(1, 2)
	v.Epoch = 8
	s.Cluster.SetView(withFaces(v))
	s.LookAgain()
	s.LookAgain()
	heard := c.Hear()
	var channels []string
	for rest := []byte(heard); len(rest) > 0; {
		var n enginetest.Node
		var err error
		if n, rest, err = enginetest.Parse(rest); err != nil {
			t.Fatal(err)
		}
		channels = append(channels, n.Elems[2].Text)
	}
	want := []string{"+new-epoch", "+vote-for-leader", "+elected-leader", "+selected-slave", "+promoted-slave", "+failover-end", "+switch-master", "+slave", "+slave"}
	if !slices.Equal(channels, want) {
		t.Errorf("heard of %q, want %q", channels, want)
	}
	if !strings.Contains(heard, "mymaster 10.0.0.1 6379 10.0.0.2 6379") {
		t.Errorf("the change: %q", heard)
	}
	if got := plain.Hear(); strings.Count(got, "pmessage") != 1 {
		t.Errorf("a client of the data heard %q", got)
	}
}

// farConn is a client of another machine.
type farConn struct{ enginetest.Conn }

func (*farConn) RemoteAddr() string { return "10.1.2.3:40000" }

// TestPermissions: without a password what changes anything is for this machine alone.
func TestPermissions(t *testing.T) {
	s, near := newFace(t)
	far := s.Far(&farConn{}, engine.FaceSentinel)
	for _, step := range []struct {
		line          string
		refused, here bool
	}{
		{"SENTINEL MASTERS", false, true}, {"SENTINEL HELP", false, true}, {"SENTINEL MYID", false, true}, {"INFO", false, true},
		{"SENTINEL SET mymaster quorum 2", true, true}, {"SENTINEL RESET *", true, true}, {"SENTINEL FAILOVER mymaster", true, true},
		{"SENTINEL CONFIG GET *", true, true}, {"SENTINEL DEBUG", true, true}, {"CLIENT KILL TYPE pubsub", true, true},
		{"CLIENT PAUSE 0", true, true}, {"CLIENT SETNAME a", false, true}, {"SHUTDOWN ABORT", true, false},
	} {
		words := strings.Fields(step.line)
		if got := far.Do(words...); strings.HasPrefix(got, "-NOPERM this user has no permissions to run the '") != step.refused {
			t.Errorf("from elsewhere %s: %q", step.line, got)
		}
		if got := near.Do(words...); strings.HasPrefix(got, "-") == step.here {
			t.Errorf("from here %s: %q", step.line, got)
		}
	}
	if got := s.Client().Do("CONFIG", "SET", "requirepass", "of"); got != "+OK\r\n" {
		t.Fatal(got)
	}
	near = s.ClientAt(engine.FaceSentinel)
	for _, step := range [][2]string{ // to be on this machine is not to know the data's password
		{"ACL SETUSER mallory on nopass ~* +@all", "-NOPERM this user has no permissions to run the 'acl|setuser' command\r\n"},
		{"CLIENT KILL TYPE pubsub", "-NOPERM this user has no permissions to run the 'client|kill' command\r\n"},
		{"SHUTDOWN", "-NOPERM this user has no permissions to run the 'shutdown' command\r\n"},
		{"ACL WHOAMI", "$7\r\ndefault\r\n"},
		{"SENTINEL RESET *", ":1\r\n"},
	} {
		if got := near.Do(strings.Fields(step[0])...); got != step[1] {
			t.Errorf("beside a password of the data, %s: %q, want %q", step[0], got, step[1])
		}
	}
	s.Config.SentinelRequirePass.Set("secret")
	far = s.Far(&farConn{}, engine.FaceSentinel)
	for _, step := range [][2]string{
		{"SENTINEL MASTERS", "-NOAUTH Authentication required.\r\n"},
		{"AUTH of", "-WRONGPASS invalid username-password pair or user is disabled.\r\n"},
		{"AUTH secret", "+OK\r\n"},
		{"SENTINEL RESET *", ":1\r\n"},
		{"RESET", "+RESET\r\n"},
		{"SENTINEL RESET *", "-NOAUTH Authentication required.\r\n"},
	} {
		if got := far.Do(strings.Fields(step[0])...); got != step[1] {
			t.Errorf("%s: %q, want %q", step[0], got, step[1])
		}
	}
}

// TestFailover: a planned change of leader is asked for.
func TestFailover(t *testing.T) {
	s, c := newFace(t)
	failover := func() string { return c.Do("SENTINEL", "FAILOVER", "mymaster") }
	c.Do("SENTINEL", "SET", "mymaster", "failover-timeout", "5000")
	if got := failover(); got != "+OK\r\n" {
		t.Errorf("at the leader: %q", got)
	}
	s.Cluster.SetHandover(engine.ErrNoTarget)
	if got := failover(); got != "-NOGOODSLAVE No suitable replica to promote\r\n" {
		t.Errorf("nobody can take over: %q", got)
	}
	s.Cluster.SetHandover(engine.ErrHandoverRuns)
	if got := failover(); got != "-INPROG Failover already in progress\r\n" {
		t.Errorf("another one runs: %q", got)
	}
	s.Cluster.SetHandover(nil)
	s.Cluster.SetView(withFaces(enginetest.ThreeNodes(1, 3)))
	if got := failover(); got != "+OK\r\n" {
		t.Errorf("at a follower: %q", got)
	}
	v := enginetest.ThreeNodes(1, 1)
	v.Handover = engine.HandoverWaiting
	s.Cluster.SetView(withFaces(v))
	if got := failover(); got != "-INPROG Failover already in progress\r\n" {
		t.Errorf("one runs: %q", got)
	}
	if want := "hand over to 0 within 5s"; !slices.Contains(s.Cluster.Asked, want) || !slices.Contains(s.Cluster.Asked, "ask") {
		t.Errorf("asked of the cluster: %q", s.Cluster.Asked)
	}
	if got := c.Do("SENTINEL", "MASTER", "mymaster"); !strings.Contains(got, "master,failover_in_progress") {
		t.Errorf("MASTER: %q", got)
	}
}

// TestOthersHaveNoSentinel: the data's ports do not know the commands of Sentinels, which
// some clients try there to see what they have reached.
func TestOthersHaveNoSentinel(t *testing.T) {
	s, c := newFace(t)
	for _, f := range []engine.Face{engine.FacePort, engine.FacePlain} {
		if got := s.ClientAt(f).Do("SENTINEL", "MASTERS"); got != "-ERR unknown command 'SENTINEL', with args beginning with: 'MASTERS' \r\n" {
			t.Errorf("face %d: %q", f, got)
		}
	}
	s.SetLoading(true)
	if got := c.Do("SENTINEL", "MYID"); got[0] != '$' {
		t.Errorf("while the data is loaded: %q", got)
	}
	s.SetLoading(false)
	for _, line := range []string{"QUIT", "RESET", "CLIENT SETINFO LIB-NAME x", "CLIENT TRACKING ON OPTIN"} {
		if got := s.ClientAt(engine.FaceSentinel).Do(strings.Fields(line)...); got[0] != '+' {
			t.Errorf("%s: %q", line, got)
		}
	}
}

// TestPausesDoNotStopIt: what holds the data's commands, a handover too, does not hold
// those who ask where the data is.
func TestPausesDoNotStopIt(t *testing.T) {
	s, c := newFace(t)
	if got := s.Client().Do("CLIENT", "PAUSE", "100000", "ALL"); got != "+OK\r\n" {
		t.Fatal(got)
	}
	held := s.Client()
	if held.Do("GET", "a"); !held.Parked() {
		t.Error("the pause holds nothing")
	}
	for _, line := range []string{"PING", "SENTINEL MASTERS", "INFO", "SUBSCRIBE +switch-master"} {
		if got := c.Do(strings.Fields(line)...); got == "" || c.Parked() {
			t.Errorf("%s waits", line)
		}
	}
}

// TestSimulatedFailure: the process ends when it has been elected.
func TestSimulatedFailure(t *testing.T) {
	s, c := newFace(t)
	s.Cluster.SetView(withFaces(enginetest.ThreeNodes(1, 3)))
	s.LookAgain()
	c.Do("SENTINEL", "SIMULATE-FAILURE", "crash-after-election")
	s.LookAgain()
	if len(s.Control.Calls) != 0 {
		t.Errorf("it has not been elected: %q", s.Control.Calls)
	}
	s.Cluster.SetView(withFaces(enginetest.ThreeNodes(1, 1)))
	s.LookAgain()
	if !slices.Equal(s.Control.Calls, []string{"crash exit"}) {
		t.Errorf("it has been elected: %q", s.Control.Calls)
	}
}

// TestNamesOfDirectives: what the commands change is what the directive says.
func TestNamesOfDirectives(t *testing.T) {
	c := config.New()
	if err := c.SetMasterNames([]string{"a", "a"}); err == nil {
		t.Error("one name twice")
	}
	if err := c.SetMasterNames(nil); err == nil {
		t.Error("no name")
	}
	if err := c.SetMasterNames([]string{"a", "b"}); err != nil || !slices.Equal(c.MasterNames(), []string{"a", "b"}) {
		t.Errorf("%q: %v", c.MasterNames(), err)
	}
}
