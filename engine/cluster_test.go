package engine_test

import (
	"cmp"
	"strings"
	"testing"

	"regent/engine"
	"regent/engine/config"
	"regent/engine/enginetest"
)

// TestALeaderWithoutALease does not say that it leads, since another may by now;
// but clients find no one else in its list yet.
func TestALeaderWithoutALease(t *testing.T) {
	s := enginetest.NewEngine(t)
	c := s.Client()
	s.Cluster.SetView(enginetest.ThreeNodes(1, 1))
	slots := c.Do("CLUSTER", "SLOTS")
	for _, lease := range []bool{true, false} {
		s.Cluster.SetLeaseOver(!lease)
		for _, ask := range [][]string{{"INFO", "replication"}, {"ROLE"}, {"HELLO"}} {
			if got := c.Do(ask...); strings.Contains(got, "master\r\n") != lease {
				t.Errorf("lease %v, %v: %s", lease, ask, got)
			}
		}
		if got := c.Do("INFO", "regent"); strings.Contains(got, "leader_id:1\r\n") != lease || strings.Contains(got, "election_in_progress:1\r\n") == lease {
			t.Errorf("lease %v: %s", lease, got)
		}
		if got := c.Do("CLUSTER", "SLOTS"); got != slots {
			t.Errorf("lease %v: slots %q", lease, got)
		}
	}
}

// TestMasterOfAFollower: a follower names a master whatever happens, another node
// than itself, and by the same address everywhere.
func TestMasterOfAFollower(t *testing.T) {
	s := enginetest.NewEngine(t)
	c := s.Client()
	check := func(when, host string, v engine.View) {
		t.Helper()
		s.Cluster.SetView(v)
		if got := c.Do("INFO", "replication"); !strings.Contains(got, "master_host:"+host+"\r\nmaster_port:7000\r\n") {
			t.Errorf("%s: %s", when, got)
		}
		if got := enginetest.Parsed(t, c.Do("ROLE")).String(); !strings.HasPrefix(got, `*["slave" "`+host+`" :7000 `) {
			t.Errorf("%s: %s", when, got)
		}
	}
	check("one leads", "10.0.0.3", enginetest.ThreeNodes(1, 3))
	v := enginetest.ThreeNodes(1, 0)
	v.LastLeaderID = 2
	check("one has led", "10.0.0.2", v)
	v = enginetest.ThreeNodes(1, 0)
	v.LastLeaderID = 1
	check("this one has led", "10.0.0.2", v)
	v = enginetest.ThreeNodes(1, 0)
	v.Nodes[1].Up = false
	check("none has led yet", "10.0.0.3", v)
	v = enginetest.ThreeNodes(1, 0)
	v.Nodes[1].Up, v.Nodes[2].Up = false, false
	check("nobody is there", "10.0.0.2", v)
}

// TestFollowerReads: which node answers reads.
func TestFollowerReads(t *testing.T) {
	s := enginetest.NewEngine(t)
	s.Client().Do("SET", "k", "v")
	s.Cluster.SetView(enginetest.ThreeNodes(1, 3))
	const here, moved = "$1\r\nv\r\n", "-MOVED 7629 10.0.0.3:7000\r\n"
	for _, c := range []struct {
		mode            int64
		plain, readonly string
	}{
		{config.FollowerReadsYes, here, here},
		{config.FollowerReadsReadonly, moved, here},
		{config.FollowerReadsNo, moved, moved},
	} {
		s.Config.FollowerReads.Set(c.mode)
		cl := s.Client()
		if got := cl.Do("GET", "k"); got != c.plain {
			t.Errorf("mode %d: %q", c.mode, got)
		}
		cl.Do("READONLY")
		if got := cl.Do("GET", "k"); got != c.readonly {
			t.Errorf("mode %d after READONLY: %q", c.mode, got)
		}
		if got := cl.Do("SET", "k", "w"); got != moved {
			t.Errorf("mode %d: a write: %q", c.mode, got)
		}
		cl.Do("READWRITE")
		if got := cl.Do("GET", "k"); got != c.plain {
			t.Errorf("mode %d after READWRITE: %q", c.mode, got)
		}
	}
	s.Config.FollowerReads.Set(config.FollowerReadsReadonly)
	s.Cluster.SetView(enginetest.ThreeNodes(1, 0))
	if got := s.Client().Do("GET", "k"); !strings.HasPrefix(got, "-CLUSTERDOWN") {
		t.Errorf("nobody leads: %q", got)
	}
}

// TestScriptsAfterReadonly: to a client that has said READONLY a follower answers scripts as a replica
// of a cluster of redis-server 7.0.15 was seen to: it runs those that do not say that they write, and
// refuses the writes within; for the others it names the leader. At the plain face it answers every client
// so, if it carries nobody to the leader.
func TestScriptsAfterReadonly(t *testing.T) {
	s := enginetest.NewEngine(t)
	leader := s.Client()
	leader.Do("SET", "k", "v")
	leader.Do("FUNCTION", "LOAD", "#!lua name=lib\n"+
		"redis.register_function('writes', function(k) return redis.call('SET', k[1], 'x') end)\n"+
		"redis.register_function{function_name='reads', callback=function(k) return redis.call('GET', k[1]) end, flags={'no-writes'}}\n"+
		"redis.register_function{function_name='lies', callback=function(k) return redis.call('SET', k[1], 'x') end, flags={'no-writes'}}")
	const (
		get, set = "return redis.call('GET', KEYS[1])", "return redis.call('SET', KEYS[1], 'x')"
		writing  = "#!lua\n"
		reading  = "#!lua flags=no-writes\n"

		value, moved = "$1\r\nv\r\n", "-MOVED 7629 10.0.0.3:7000\r\n"
		refused, ro  = "-READONLY You can't write against a read only replica.", "-ERR Write commands are not allowed from read-only scripts. script: "
		aborted      = "-EXECABORT Transaction discarded because of previous errors.\r\n"
	)
	sum := strings.Split(leader.Do("SCRIPT", "LOAD", get), "\r\n")[1]
	s.Cluster.SetView(enginetest.ThreeNodes(1, 3))
	for _, tt := range []struct {
		words  []string
		want   string
		inside string // of EXEC; "": as by itself
	}{
		{words: []string{"EVAL", get, "1", "k"}, want: value},
		{words: []string{"EVAL", "return 1", "0"}, want: ":1\r\n"},
		{words: []string{"EVAL", "return redis.call('GET', 'k')", "0"}, want: value},
		{words: []string{"EVAL", set, "1", "k"}, want: refused + " script: bd6f3018b28bbdb36260f19d3c44afed740db987, on @user_script:1.\r\n"},
		{words: []string{"EVAL", "return redis.pcall('SET', KEYS[1], 'x')", "1", "k"}, want: refused + "\r\n"},
		{words: []string{"EVALSHA", sum, "1", "k"}, want: value},
		{words: []string{"EVALSHA", strings.Repeat("0", 40), "1", "k"}, want: "-NOSCRIPT No matching script. Please use EVAL.\r\n"},
		{words: []string{"EVAL_RO", get, "1", "k"}, want: value},
		{words: []string{"EVALSHA_RO", sum, "1", "k"}, want: value},
		{words: []string{"EVAL_RO", set, "1", "k"}, want: ro},
		{words: []string{"EVAL", writing + get, "1", "k"}, want: moved, inside: aborted},
		{words: []string{"EVAL", writing + set, "1", "k"}, want: moved, inside: aborted},
		{words: []string{"EVAL_RO", writing + get, "1", "k"}, want: moved, inside: aborted},
		{words: []string{"EVAL", reading + get, "1", "k"}, want: value},
		{words: []string{"EVAL", reading + set, "1", "k"}, want: ro},
		{words: []string{"FCALL", "writes", "1", "k"}, want: moved, inside: aborted},
		{words: []string{"FCALL_RO", "writes", "1", "k"}, want: moved, inside: aborted},
		{words: []string{"FCALL", "reads", "1", "k"}, want: value},
		{words: []string{"FCALL_RO", "reads", "1", "k"}, want: value},
		{words: []string{"FCALL", "lies", "1", "k"}, want: ro},
		{words: []string{"FCALL", "nosuch", "1", "k"}, want: "-ERR Function not found\r\n"},
		{words: []string{"SET", "k", "x"}, want: moved, inside: aborted},
	} {
		c := s.Client()
		c.Do("READONLY")
		if got := c.Do(tt.words...); !strings.HasPrefix(got, tt.want) {
			t.Errorf("%q: %q, want %q", tt.words, got, tt.want)
		}
		c.Do("MULTI")
		c.Do("GET", "k")
		c.Do(tt.words...)
		if got, want := c.Do("EXEC"), cmp.Or(tt.inside, "*2\r\n"+value+tt.want); !strings.HasPrefix(got, want) {
			t.Errorf("EXEC of %q: %q, want %q", tt.words, got, want)
		}
		c.Do("READWRITE")
		if got := c.Do(tt.words...); !strings.HasPrefix(got, "-MOVED ") && !strings.HasSuffix(tt.words[0], "_RO") {
			t.Errorf("%q after READWRITE: %q", tt.words, got)
		}
	}
	s.Config.FollowerReads.Set(config.FollowerReadsYes)
	if got := s.Client().Do("GET", "k"); got != value {
		t.Errorf("the value is %q", got)
	}
	s.Config.FollowerReads.Set(config.FollowerReadsReadonly)
	if got := s.Client().Do("FCALL_RO", "writes", "1", "k"); got != moved {
		t.Errorf("without READONLY: FCALL_RO of what may write: %q", got)
	}
	s.Config.PlainForward.Set(false)
	for _, tt := range []struct {
		words []string
		want  string
	}{
		{[]string{"EVAL", get, "1", "k"}, value},
		{[]string{"EVAL", set, "1", "k"}, refused + " script: "},
		{[]string{"EVAL", writing + get, "1", "k"}, refused + "\r\n"},
		{[]string{"EVAL_RO", writing + get, "1", "k"}, refused + "\r\n"},
		{[]string{"FCALL", "writes", "1", "k"}, refused + "\r\n"},
		{[]string{"FCALL_RO", "writes", "1", "k"}, refused + "\r\n"},
		{[]string{"FCALL", "reads", "1", "k"}, value},
	} {
		plain := s.ClientAt(engine.FacePlain)
		if got := plain.Do(tt.words...); !strings.HasPrefix(got, tt.want) {
			t.Errorf("at the plain face, %q: %q, want %q", tt.words, got, tt.want)
		}
		plain.Do("MULTI")
		plain.Do(tt.words...)
		want := "*1\r\n" + tt.want
		if strings.HasSuffix(tt.want, ".\r\n") {
			want = aborted
		}
		if got := plain.Do("EXEC"); !strings.HasPrefix(got, want) {
			t.Errorf("at the plain face, EXEC of %q: %q, want %q", tt.words, got, want)
		}
	}
}

// TestReadsWithoutKeys: a follower answers reads that name no keys as a replica of Redis Cluster
// does, without READONLY, unless follower-reads is no. They rest on what those after READONLY do.
func TestReadsWithoutKeys(t *testing.T) {
	s := enginetest.NewEngine(t)
	s.Client().Do("SET", "k", "v")
	s.Cluster.SetView(enginetest.ThreeNodes(1, 3))
	const moved, strange = "-MOVED 0 10.0.0.3:7000\r\n", "-ERR Script attempted to access a non local key in a cluster node"
	reads := map[string]string{
		"DBSIZE": ":1\r\n", "KEYS *": "*1\r\n$1\r\nk\r\n", "RANDOMKEY": "$1\r\nk\r\n", "SCAN 0": "*2\r\n$1\r\n0\r\n*1\r\n$1\r\nk\r\n", "LOLWUT": "$",
		"EVAL_RO return(redis.call('dbsize')) 0":    ":1\r\n",
		"EVAL_RO return(redis.call('get','k')) 0":   strange,
		"EVAL_RO return(redis.pcall('get','k')) 0":  strange,
		"FCALL_RO nosuch 0":                         "-ERR Function not found\r\n",
		"EVAL return(redis.call('dbsize')) 0":       moved, // it may write
		"FLUSHALL":                                  moved,
		"EVAL_RO return(redis.call('get','k')) 1 k": "-MOVED 7629 10.0.0.3:7000\r\n",
	}
	for line, want := range reads {
		words := strings.Fields(line)
		at, readonly := s.Client(), s.Client()
		readonly.Do("READONLY")
		got, after := at.Do(words...), readonly.Do(words...)
		if !strings.HasPrefix(got, want) {
			t.Errorf("%s: %q, want %q", line, got, want)
		}
		if !strings.HasPrefix(want, "-MOVED") && (at.LeaderEpoch != readonly.LeaderEpoch || at.Barrier != readonly.Barrier) {
			t.Errorf("%s: epoch %d, barrier %d, and after READONLY %d, %d", line, at.LeaderEpoch, at.Barrier, readonly.LeaderEpoch, readonly.Barrier)
		}
		if want == strange && !strings.HasPrefix(after, "$1\r\nv") {
			t.Errorf("%s after READONLY: %q", line, after)
		}
		if plain := s.ClientAt(engine.FacePlain); plain.Do(words...) != "" || plain.Carry() == nil {
			t.Errorf("%s at the plain face is not carried to the leader", line)
		}
	}
	all := s.Client()
	all.Do("MULTI")
	all.Do("DBSIZE")
	if got := all.Do("EXEC"); got != "*1\r\n:1\r\n" {
		t.Errorf("EXEC: %q", got)
	}
	if got := s.ClientAt(engine.FaceSentinel).Do("DBSIZE"); !strings.HasPrefix(got, "-ERR unknown command") {
		t.Errorf("DBSIZE at the Sentinel face: %q", got)
	}
	view := enginetest.ThreeNodes(1, 3)
	refused := func(when, want string) {
		t.Helper()
		if got := s.Client().Do("DBSIZE"); !strings.HasPrefix(got, want) {
			t.Errorf("%s: %q, want %q", when, got, want)
		}
	}
	view.Unfilled = true
	s.Cluster.SetView(view)
	refused("what it holds is no state of the data", "-LOADING ")
	view.Unfilled, view.Witness = false, true
	s.Cluster.SetView(view)
	refused("a witness", moved)
	view.Witness = false
	s.Cluster.SetView(view)
	s.Config.FollowerReads.Set(config.FollowerReadsNo)
	refused("follower-reads no", moved)
}
