// Package enginetest drives an engine in tests: with a clock that stands
// still until it is moved, a cluster that is what the test says it is, and a
// log that is remembered. It also compares an engine's replies with those of
// a real redis-server (oracle.go), by scripts (script.go).
package enginetest

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"regent/engine"
	"regent/engine/commands"
	"regent/engine/config"
)

// Start is the wall clock of a new Host in milliseconds.
const Start = 1_700_000_000_000

// A Host is an engine.Host whose time moves by Advance alone.
type Host struct {
	TB testing.TB

	now    atomic.Int64 // ms since 1970, if nobody has set the wall clock
	ahead  atomic.Int64 // ms by which somebody has
	mu     sync.Mutex
	rnd    *rand.Rand
	timers map[*timer]struct{}
	onLog  func(line string)
}

type timer struct {
	at int64 // of Host.now
	f  func()
}

// NewHost returns a host at Start.
func NewHost(t testing.TB) *Host {
	h := &Host{TB: t, rnd: rand.New(rand.NewPCG(1, 2)), timers: map[*timer]struct{}{}}
	h.now.Store(Start)
	return h
}

// Now is wall milliseconds.
func (h *Host) Now() int64 { return h.now.Load() + h.ahead.Load() }

// Mono moves with Set and Advance.
func (h *Host) Mono() int64 { return (h.now.Load() - Start) * int64(time.Millisecond) }

// Ticks moves with Mono.
func (h *Host) Ticks() int64 { return h.Mono() }

// Rand is the same in every run.
func (h *Host) Rand() uint64 {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.rnd.Uint64()
}

// AfterFunc calls f in the Advance that reaches its time.
func (h *Host) AfterFunc(d time.Duration, f func()) (stop func() bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	tm := &timer{h.now.Load() + d.Milliseconds(), f}
	h.timers[tm] = struct{}{}
	return func() bool {
		h.mu.Lock()
		defer h.mu.Unlock()
		_, waiting := h.timers[tm]
		delete(h.timers, tm)
		return waiting
	}
}

// Logf goes to the test's log, and to what was given to OnLog.
func (h *Host) Logf(_ engine.Level, format string, args ...any) {
	h.TB.Helper()
	h.TB.Logf(format, args...)
	h.mu.Lock()
	f := h.onLog
	h.mu.Unlock()
	if f != nil {
		f(fmt.Sprintf(format, args...))
	}
}

// OnLog has f called with every line of the log that follows, from any goroutine.
func (h *Host) OnLog(f func(line string)) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.onLog = f
}

// Set moves time to a number of milliseconds since 1970; timers are left alone.
func (h *Host) Set(ms int64) { h.now.Store(ms) }

// StepWall sets the wall clock by d, and no other clock.
func (h *Host) StepWall(d time.Duration) { h.ahead.Add(d.Milliseconds()) }

// Advance moves time by d and calls the timers that come due, in no order.
func (h *Host) Advance(d time.Duration) {
	now := h.now.Add(d.Milliseconds())
	h.mu.Lock()
	var due []func()
	for tm := range h.timers {
		if tm.at <= now {
			due = append(due, tm.f)
			delete(h.timers, tm)
		}
	}
	h.mu.Unlock()
	for _, f := range due {
		f()
	}
}

// A Cluster is an engine.Cluster as the test says. The zero value does not
// lead; NewCluster's does.
type Cluster struct {
	view   atomic.Pointer[engine.View]
	over   atomic.Bool
	silent atomic.Bool
	acked  atomic.Pointer[[]int64]
	refuse error
	Asked  []string // handovers
}

// NewCluster is a server without peers: it leads.
func NewCluster() *Cluster {
	c := &Cluster{}
	c.SetView(engine.View{Leading: true, NodeID: 1, LeaderID: 1})
	c.SetAcked()
	return c
}

// View is what SetView said.
func (c *Cluster) View() *engine.View { return c.view.Load() }

// SetView replaces the view.
func (c *Cluster) SetView(v engine.View) { c.view.Store(&v) }

// MustHold is what SetLeaseOver said.
func (c *Cluster) MustHold() bool { return c.over.Load() }

// LeaseOver is what SetLeaseOver said.
func (c *Cluster) LeaseOver() bool { return c.over.Load() }

// SetLeaseOver says whether the leader's lease has run out.
func (c *Cluster) SetLeaseOver(v bool) { c.over.Store(v) }

// LeaderSilent is what SetLeaderSilent said.
func (c *Cluster) LeaderSilent() bool { return c.silent.Load() }

// SetLeaderSilent says whether nothing is heard of the leader.
func (c *Cluster) SetLeaderSilent(v bool) { c.silent.Store(v) }

// SetAcked says up to which offset each of the other nodes holds the log.
func (c *Cluster) SetAcked(offsets ...int64) { c.acked.Store(&offsets) }

// AckedBy counts the nodes that SetAcked put at off or beyond.
func (c *Cluster) AckedBy(off int64) (n int) {
	for _, o := range *c.acked.Load() {
		if o >= off {
			n++
		}
	}
	return n
}

// SyncedBy is AckedBy.
func (c *Cluster) SyncedBy(off int64) int { return c.AckedBy(off) }

// Publish goes nowhere.
func (c *Cluster) Publish(bool, []byte, []byte) {}

// Links is empty.
func (c *Cluster) Links() []engine.LinkView { return nil }

// SetHandover says what Handover and its kin return; they are noted in Asked.
func (c *Cluster) SetHandover(err error) { c.refuse = err }

// Handover is noted.
func (c *Cluster) Handover(to int64, limit time.Duration) error {
	c.Asked = append(c.Asked, fmt.Sprintf("hand over to %d within %s", to, limit))
	return c.refuse
}

// AbortHandover is noted; it fails if SetHandover said so.
func (c *Cluster) AbortHandover() bool {
	c.Asked = append(c.Asked, "abort")
	return c.refuse == nil
}

// ForceLeader is noted.
func (c *Cluster) ForceLeader() error {
	c.Asked = append(c.Asked, "force")
	return c.refuse
}

// AddNode is noted.
func (c *Cluster) AddNode(p config.Peer, limit time.Duration) error {
	c.Asked = append(c.Asked, fmt.Sprintf("add %s within %s", p, limit))
	return c.refuse
}

// RemoveNode is noted.
func (c *Cluster) RemoveNode(id int64, limit time.Duration) error {
	c.Asked = append(c.Asked, fmt.Sprintf("remove %d within %s", id, limit))
	return c.refuse
}

// AskHandover is noted.
func (c *Cluster) AskHandover() error {
	c.Asked = append(c.Asked, "ask")
	return c.refuse
}

// A Conn is a client's connection that counts what is asked of it.
type Conn struct {
	Woken, Killed atomic.Int64
	HungUp        atomic.Bool // what Gone returns
}

// Wake counts.
func (c *Conn) Wake() { c.Woken.Add(1) }

// Kill counts.
func (c *Conn) Kill() { c.Killed.Add(1) }

// RemoteAddr is made up.
func (c *Conn) RemoteAddr() string { return "127.0.0.1:50000" }

// LocalAddr is made up.
func (c *Conn) LocalAddr() string { return "127.0.0.1:6379" }

// FD is made up.
func (c *Conn) FD() int { return 8 }

// Gone is HungUp.
func (c *Conn) Gone() bool { return c.HungUp.Load() }

// Buffers are empty.
func (c *Conn) Buffers() engine.Buffers { return engine.Buffers{} }

// A Control remembers what was asked of the process.
type Control struct {
	mu    sync.Mutex
	Calls []string
	Fail  error // what RewriteConfig and Save return
	Job   engine.Job
	AtEnd bool   // what SavesAtEnd returns
	Users string // aclfile's text
}

func (c *Control) note(format string, args ...any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.Calls = append(c.Calls, fmt.Sprintf(format, args...))
}

// Shutdown is noted.
func (c *Control) Shutdown(reason string) { c.note("shutdown %s", reason) }

// Rewrite is noted.
func (c *Control) Rewrite() engine.Job { c.note("rewrite log"); return c.Job }

// SaveSoon is noted.
func (c *Control) SaveSoon(afterwards bool) engine.Job {
	c.note("save soon, afterwards %v", afterwards)
	return c.Job
}

// Save is noted.
func (c *Control) Save(giveUp bool) error { c.note("save, give up %v", giveUp); return c.Fail }

// GiveUpSave is noted.
func (c *Control) GiveUpSave() { c.note("give up the save") }

// SavesAtEnd is AtEnd.
func (c *Control) SavesAtEnd() bool { return c.AtEnd }

// ReloadLog is noted.
func (c *Control) ReloadLog() error { c.note("reload log"); return c.Fail }

// ReloadDump is noted.
func (c *Control) ReloadDump(save, over bool) error {
	c.note("reload dump, save %v, over %v", save, over)
	return c.Fail
}

// RewriteConfig is noted.
func (c *Control) RewriteConfig() error { c.note("rewrite"); return c.Fail }

// ReloadTLS is noted.
func (c *Control) ReloadTLS() error { c.note("tls"); return c.Fail }

// KeepLog is noted.
func (c *Control) KeepLog(on bool) error { c.note("log %v", on); return c.Fail }

// Listen is noted.
func (c *Control) Listen() error { c.note("listen"); return c.Fail }

// ReadUsers is Users.
func (c *Control) ReadUsers() (string, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.Users, c.Fail
}

// WriteUsers sets Users.
func (c *Control) WriteUsers(text string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.Users = text
	return c.Fail
}

// Usage is made up.
func (c *Control) Usage() engine.Usage {
	return engine.Usage{PID: 1, OS: "Test", Resident: 1 << 20, Memory: 1 << 30, Listener: "none"}
}

// FreeMemory is noted.
func (c *Control) FreeMemory() { c.note("free memory") }

// Crash is noted.
func (c *Control) Crash(how string) { c.note("crash %s", how) }

// A Server is an engine with its surroundings.
type Server struct {
	*engine.Engine
	Host    *Host
	Cluster *Cluster
	Log     *Log
	Control *Control
	Config  *config.Config
}

// NewEngine returns an engine that leads, alone, at time Start; change may give
// it other options.
func NewEngine(t testing.TB, change ...func(o *engine.Options)) *Server {
	s := &Server{Host: NewHost(t), Cluster: NewCluster(), Log: &Log{}, Control: &Control{}, Config: config.New()}
	o := engine.Options{Config: s.Config, Host: s.Host, Log: s.Log, Cluster: s.Cluster, Control: s.Control, Rooms: commands.All(), Poison: true}
	for _, f := range change {
		f(&o)
	}
	s.Engine = engine.New(o)
	return s
}
