package cluster

import (
	"context"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"regent/aof/disk/disktest"
	"regent/cluster/bully"
	"regent/cluster/clustertest"
	"regent/cluster/peer"
	"regent/engine"
	"regent/engine/commands"
	"regent/engine/config"
	"regent/engine/enginetest"
	"regent/resp"
)

// A loner is node 1 of three, alone in virtual time: the others are what a test has them say.
// So a test says in which order things happen, and synctest.Wait that nothing more comes of them.
type loner struct {
	*Cluster
	t         *testing.T
	log       *clustertest.Log
	keyspace  *engine.Engine
	appending func() // called at the beginning of each AppendRaw, if there is one
}

// watchedStream is a log that tells of what is appended to it.
type watchedStream struct {
	engine.Stream
	x *loner
}

func (s watchedStream) AppendRaw(off int64, p []byte) error {
	if s.x.appending != nil {
		s.x.appending()
	}
	return s.Stream.AppendRaw(off, p)
}

// plainHost is a host whose random numbers are small, so that those of questions are.
type plainHost struct{ *clustertest.Host }

func (plainHost) Rand() uint64 { return 1 }

// newLoner starts the node on a log. It is in a bubble. change changes what it is told.
func newLoner(t *testing.T, log *clustertest.Log, change ...func(*Options)) *loner {
	t.Helper()
	x := &loner{t: t, log: log}
	cfg := config.New()
	cfg.WriteAcks.Set(config.AcksQuorum)
	cfg.FollowerReads.Set(config.FollowerReadsYes) // tests look at what it holds
	host := plainHost{clustertest.NewHost(t, "node 1")}
	o := Options{
		Config: cfg, Host: host, ID: 1, Addr: "198.51.100.1:1", Dir: "/data", Disk: disktest.New(), Boot: "boot", Secrets: peer.NewSecrets("s"),
		Peers: []config.Peer{{ID: 1, Host: "198.51.100.1", Port: 1}, {ID: 2, Host: "198.51.100.2", Port: 1}, {ID: 3, Host: "198.51.100.3", Port: 1}},
		Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		},
		Stream: watchedStream{log.Stream(), x}, Log: log, Seal: func(int64) error { return log.Seal() },
		Rebuild: x.rebuild, Changed: func(bool) {}, Advanced: func() {},
	}
	for _, f := range change {
		f(&o)
	}
	c, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	x.Cluster = c
	log.Moved = c.Sealed
	x.keyspace = engine.New(engine.Options{Config: cfg, Host: host, Log: log, Cluster: c, Control: &enginetest.Control{}, Rooms: commands.All()})
	if err := x.load(log.End()); err != nil {
		t.Fatal(err)
	}
	if err := c.Start(x.keyspace); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Kill)
	synctest.Wait()
	return x
}

func (x *loner) load(upto int64) error {
	a := x.keyspace.NewApplier()
	return x.log.LoadUpTo(upto, func(db int, args [][]byte) error {
		a.SetDB(db)
		return a.Apply(args)
	})
}

func (x *loner) rebuild(upto int64) error {
	x.keyspace.Freeze(x.keyspace.Reset)
	err := x.load(upto)
	x.keyspace.Freeze(func() { x.keyspace.Replaced(upto) })
	return err
}

// hear takes a message and waits for what comes of it.
func (x *loner) hear(m bully.Message) {
	m.To = 1
	x.do(func(now time.Duration) bully.Output { return x.node.Step(now, m) })
	synctest.Wait()
}

// ledBy has another node lead an epoch.
func (x *loner) ledBy(id, epoch int64) {
	x.hear(bully.Message{Kind: bully.Coordinator, From: id, Epoch: epoch, Addr: "198.51.100.9:1"})
	if st := x.status(); st.Epoch != epoch || st.Leader != id {
		x.t.Fatalf("node %d leads epoch %d, not node %d epoch %d", st.Leader, st.Epoch, id, epoch)
	}
}

// elected has this node win an election with the votes of the others, and returns the epoch.
func (x *loner) elected() int64 {
	for range 40 {
		time.Sleep(x.timeout / 4)
		for seq := range uint64(20) { // whichever the question was
			for _, phase := range []bully.Phase{bully.Pre, bully.Real} {
				st := x.status()
				if st.Role == bully.Leader {
					synctest.Wait()
					return st.Epoch
				}
				for from := range int64(2) {
					x.hear(bully.Message{Kind: bully.OK, From: 2 + from, Epoch: st.Epoch, Seq: seq, Phase: phase, Verdict: bully.Grant})
				}
			}
		}
	}
	x.t.Fatal("never elected")
	return 0
}

// append gives records of a leader to the node, as its stream does.
func (x *loner) append(epoch int64, records []byte, commit int64) (ok bool) {
	x.t.Helper()
	_, ok, err := (*follower)(x.Cluster).Append(epoch, x.log.End(), records, commit)
	if err != nil {
		x.t.Fatal(err)
	}
	poke(x.apply)
	synctest.Wait()
	return ok
}

// epochRecord is the record with which a leader's epoch begins.
func epochRecord(epoch, leader int64) []byte {
	log := clustertest.NewLog()
	_, err := log.Stream().BeginEpoch(epoch, leader)
	if err != nil {
		panic(err)
	}
	return log.Bytes()
}

func command(words ...string) []byte { return resp.AppendCommand(nil, words...) }

// holds fails unless a reader is told that k is want.
func (x *loner) holds(want string) {
	x.t.Helper()
	c := (&enginetest.Server{Engine: x.keyspace}).Client()
	defer x.keyspace.EndSession(c.Session)
	if got := c.Do("GET", "k"); got != want {
		x.t.Fatalf("k is %q, want %q", got, want)
	}
}

// TestNothingOfAnotherEpochIsTaken: records of an epoch that this node does not follow, or not any
// more when they are in its log, are not acknowledged, and the first do not come into its log.
func TestNothingOfAnotherEpochIsTaken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := newLoner(t, clustertest.NewLog())
		x.ledBy(2, 1)
		if !x.append(1, epochRecord(1, 2), 0) {
			t.Fatal("what its leader sends is not taken")
		}
		x.appending = func() { // it takes a while, in which the next leader is heard
			x.do(func(now time.Duration) bully.Output {
				return x.node.Step(now, bully.Message{Kind: bully.Coordinator, From: 3, To: 1, Epoch: 2, Addr: "198.51.100.3:1"})
			})
		}
		if x.append(1, command("SET", "k", "1"), 0) {
			t.Error("acknowledged to a leader whose epoch is over")
		}
		x.appending = nil
		end := x.log.End()
		if x.append(1, command("SET", "k", "2"), 0) || x.log.End() != end {
			t.Errorf("records of an epoch before are taken: the log ends at %d, and did at %d", x.log.End(), end)
		}
		if !x.append(2, epochRecord(2, 3), 0) {
			t.Error("what the next leader sends is not taken")
		}
	})
}

// TestWhatIsNotCommittedIsNotApplied at a follower.
func TestWhatIsNotCommittedIsNotApplied(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := newLoner(t, clustertest.NewLog())
		x.ledBy(2, 1)
		x.append(1, epochRecord(1, 2), 0)
		committed := x.log.End()
		x.append(1, command("SET", "k", "1"), committed)
		if got := x.applier.Applied(); got != committed {
			t.Errorf("applied up to %d, committed is %d", got, committed)
		}
		x.append(1, nil, x.log.End())
		if got := x.applier.Applied(); got != x.log.End() {
			t.Errorf("applied up to %d of %d, all of which is committed", got, x.log.End())
		}
	})
}

// deposed is a node that has led, in an epoch, and ran ahead: it has incremented k, and nobody
// else has that. committed is where the log ended before. Node 3 leads the next epoch.
func deposed(t *testing.T) (x *loner, epoch, committed int64) {
	x = newLoner(t, clustertest.NewLog())
	epoch = x.elected()
	if x.begun.Load() != epoch || x.View().Leading {
		t.Fatalf("epoch %d of %d has begun, nobody else has its record, and it leads clients: %v", x.begun.Load(), epoch, x.View().Leading)
	}
	committed = x.log.End()
	x.hear(bully.Message{
		Kind: bully.Ack, From: 2, Epoch: epoch, Seq: 1 << 40, SentAt: x.now(), Promise: time.Second,
		Position: bully.Position{Epoch: epoch, Offset: committed}, Durable: committed,
	})
	if !x.View().Leading {
		t.Fatal("a majority has the epoch's record, and it does not lead clients")
	}
	c := (&enginetest.Server{Engine: x.keyspace}).Client()
	defer x.keyspace.EndSession(c.Session)
	c.Do("INCR", "k")
	if x.log.End() == committed {
		t.Fatal("the leader has not run INCR")
	}
	if err := x.log.Seal(); err != nil {
		t.Fatal(err)
	}
	x.ledBy(3, epoch+1)
	if x.View().Leading {
		t.Fatal("it leads clients still")
	}
	return x, epoch, committed
}

// TestALeaderServesFromItsRecordOn: not before a majority has the record of its epoch.
func TestALeaderServesFromItsRecordOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { deposed(t) })
}

// TestWhatRanAheadIsAppliedOnce: the next leader has what a deposed one ran ahead of.
func TestWhatRanAheadIsAppliedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x, epoch, _ := deposed(t)
		x.append(epoch+1, epochRecord(epoch+1, 3), 0)
		x.append(epoch+1, nil, x.log.End())
		if got := x.applier.Applied(); got != x.log.End() {
			t.Fatalf("applied up to %d of %d", got, x.log.End())
		}
		x.holds("$1\r\n1\r\n")
	})
}

// TestWhatIsCutLeavesTheKeyspace: the next leader does not have what a deposed one ran ahead of.
func TestWhatIsCutLeavesTheKeyspace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x, epoch, committed := deposed(t)
		if err := (*follower)(x.Cluster).Cut(epoch+1, committed); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if got := x.applier.Applied(); x.log.End() != committed || got != committed {
			t.Fatalf("the log ends at %d, is applied up to %d, and was cut at %d", x.log.End(), got, committed)
		}
		x.holds("$-1\r\n")
	})
}
