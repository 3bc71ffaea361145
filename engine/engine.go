package engine

import (
	"hash/maphash"
	"math/bits"
	"slices"
	"sync"
	"sync/atomic"

	"regent/engine/config"
	"regent/engine/dict"
	"regent/engine/large"
	"regent/engine/latency"
	"regent/engine/pubsub"
	"regent/engine/rdb"
	"regent/engine/slots"
	"regent/engine/tracking"
)

// Limits of the engine.
const (
	// maxShards bounds the keyspace's split; a power of two.
	maxShards = 256
	// minShards keeps two cores out of each other's way.
	minShards = 16
)

// Options are the engine's surroundings.
type Options struct {
	Config  *config.Config
	Host    Host
	Log     Log // nil: nothing is recorded
	Cluster Cluster
	Control Control
	Dial    Dialer // nil: no other server can be reached
	// Replicas are those that are no nodes; nil: there are none.
	Replicas func() []Replica
	Rooms    []Room // of commands, beside the kernel's own
	Version  string // Regent's own, for INFO
	// ConfigFile is the file that CONFIG REWRITE writes, "" when there is none.
	ConfigFile string
	Shards     int // rounded up to a power of two, within minShards and maxShards
	// Poison overwrites memory that the dictionaries free: for tests (dict.Options).
	Poison bool
}

// An Engine is the database: keyspace, command table and sessions.
type Engine struct {
	Config   *config.Config
	host     Host
	logs     atomic.Pointer[Log] // the log, nil: none is kept. It changes with every shard locked
	cluster  Cluster
	control  Control
	remotes  Remotes
	replicas func() []Replica
	errands  chan struct{} // those that are at work

	table  *table // of the port and the plain face, and of the log
	guard  *table // of the Sentinel face
	shards []shard
	mask   uint32
	// shardBits are the bits of a slot that choose the shard.
	shardBits int
	poison    bool
	seed      maphash.Seed
	spans     large.Pool
	leaving   leaving
	purging   atomic.Bool // MEMORY PURGE is to be done for a transaction or a script
	codecs    *rdb.Registry
	libraries Libraries             // nil: no room has them
	small     [dict.Forms]MakeSmall // of views, by form
	stats     stats
	sections  []InfoSection

	load    loadState
	save    saveState
	slow    slowlog
	events  latency.Monitor // what took long
	version string
	buildID string // of version
	runID   string // 40 hex digits, another one with each start

	configFile string
	rebuilds   atomic.Int64
	moved      atomic.Int64           // how often a whole database was emptied or exchanged
	expireOff  atomic.Bool            // DEBUG SET-ACTIVE-EXPIRE 0
	unsummed   atomic.Bool            // DEBUG SET-SKIP-CHECKSUM-VALIDATION 1
	writeErr   atomic.Pointer[string] // why writes are refused, nil: they are not
	started    int64                  // wall ms

	sessMu   sync.Mutex
	sessions map[int64]*Session
	lastID   atomic.Int64

	evictTurn atomic.Uint32 // the shard that evictAsAsked looks at next

	expireTurn atomic.Uint32 // where ExpireCycle begins, so that no shard starves

	outOfCache atomic.Bool // the data is larger than a cache: see foresee.go

	attackAt atomic.Int64 // wall ms of the last warning about HTTP, 0: none
	refused  allowance    // of lines about payloads

	pause    pausing
	snaps    *snapshots
	room     roomState
	scripts  scriptState
	standIns sync.Pool // of *standIn, for scripts that begin in the loop of their client

	acks    ackWaiters
	blocked blockedSessions

	accounts  accounts
	listeners [faces]pubsub.Table[*Session] // at [FacePort] those of the plain face, too
	looks     looks
	monitors  monitors
	tracked   tracking.Table
	trackers  atomic.Int64 // sessions that track
	trackMu   sync.Mutex   // of what begins and ends

	// caring counts what wants to know of what commands do: watched keys, once for each
	// session that watches it, sessions that track, and those that monitor.
	caring atomic.Int64

	watching atomic.Int64 // keys that are watched, once for each session
}

// A shard is a part of the keyspace under one lock.
type shard struct {
	mu    sync.Mutex
	dbs   []*dict.Dict // by database number; nil while empty
	marks marks
	queue waitQueues
	// watched are the keys that transactions watch; nil while there are none.
	watched map[watchedKey][]watcher
	noted   []dbNote     // what each of dbs takes, as of the last write
	used    atomic.Int64 // the sum of its bytes
	views   views
	// Of scripts, see script_turn.go: those that have it locked with their keys' shards alone,
	// and commands that may be in its mutex.
	scripts, waiting atomic.Int32
	_                [64]byte // keep neighbours' locks off this cache line
}

// New makes an engine with an empty keyspace.
func New(o Options) *Engine {
	n := minShards
	for n < o.Shards && n < maxShards {
		n *= 2
	}
	e := &Engine{
		Config: o.Config, host: o.Host, cluster: o.Cluster, control: o.Control,
		remotes: Remotes{dial: o.Dial, host: o.Host}, replicas: o.Replicas, errands: make(chan struct{}, mostErrands),
		shards: make([]shard, n), mask: uint32(n - 1), shardBits: bits.TrailingZeros(uint(n)), seed: maphash.MakeSeed(),
		sessions: map[int64]*Session{}, pause: newPausing(), snaps: newSnapshots(), acks: newAckWaiters(), blocked: newBlockedSessions(),
		started: o.Host.Now(), version: o.Version, buildID: buildID(o.Version), configFile: o.ConfigFile, poison: o.Poison, runID: newRunID(o.Host),
	}
	e.spans.Leaves = e.spansLeave
	e.SetLog(o.Log)
	e.save.last.Store(e.started)
	for i := range e.shards {
		e.shards[i].dbs = make([]*dict.Dict, o.Config.Databases.Get())
		e.shards[i].noted = make([]dbNote, o.Config.Databases.Get())
	}
	for i := range o.Rooms {
		for f, make := range o.Rooms[i].Small {
			e.small[f] = make
		}
		if l := o.Rooms[i].Libraries; l != nil {
			e.libraries = l
		}
	}
	e.table = newTable(o.Rooms)
	e.table.rename(o.Config.Renamed)
	e.guard = newSentinelTable(o.Rooms, e.table)
	e.guard.rename(slices.DeleteFunc(slices.Clone(o.Config.Renamed), func(r config.Rename) bool {
		_, there := e.guard.names.Find([]byte(r.From))
		return !there
	}))
	e.looks.rooms = slices.DeleteFunc(slices.Clone(o.Rooms), func(r Room) bool { return r.Face == FacePort })
	e.newAccounts()
	e.codecs = Codecs(o.Config, o.Rooms...)
	e.stats.init(n, e.guard.spec.End())
	return e
}

// Codecs are for the RDB files that e's data comes from and goes to.
func (e *Engine) Codecs() *rdb.Registry { return e.codecs }

// AddInfo appends sections to INFO, in the order they are shown.
func (e *Engine) AddInfo(s ...InfoSection) { e.sections = append(e.sections, s...) }

// RunID names this start of the server, in hex digits.
func (e *Engine) RunID() string { return e.runID }

// log is the log, nil where none is kept. With a shard locked it stays what it is.
func (e *Engine) log() Log {
	if l := e.logs.Load(); l != nil {
		return *l
	}
	return nil
}

// SetLog has what happens from now on go into a log, nil: none. The caller holds Freeze, and every
// offset of the log is behind those of the one before.
func (e *Engine) SetLog(l Log) {
	if l == nil {
		e.logs.Store(nil)
		return
	}
	e.logs.Store(&l)
}

// RefuseWrites makes every later write answer -MISCONF: the log failed.
func (e *Engine) RefuseWrites(why string) { e.writeErr.Store(&why) }

// AllowWrites takes RefuseWrites back: the log works again.
func (e *Engine) AllowWrites() { e.writeErr.Store(nil) }

func (e *Engine) shardIndex(key []byte) uint32 { return uint32(slots.Of(key)) & e.mask }

func (e *Engine) shardDict(s *shard, db int) *dict.Dict {
	d := s.dbs[db]
	if d == nil {
		d = dict.New(dict.Options{Seed: e.seed, Poison: e.poison, Spans: &e.spans})
		s.dbs[db] = d
	}
	return d
}

func (e *Engine) stripe(key []byte) *stripe { return &e.stats.stripes[e.shardIndex(key)] }

// Freeze runs f while no command runs: every shard is locked. Roles change
// under it, and nothing else that takes time.
func (e *Engine) Freeze(f func()) {
	e.lockAll()
	defer e.unlockAll()
	f()
}

// KeyspaceEpoch names the keyspace between two Resets by a number below 0. What
// a deposed leader ran ahead is thrown away by a Reset, and with it go the
// replies that have seen it and still wait: their offsets may be committed
// later, with other records.
func (e *Engine) KeyspaceEpoch() int64 { return -1 - e.rebuilds.Load() }

// Reset empties the keyspace; the caller holds Freeze.
func (e *Engine) Reset() {
	e.rebuilds.Add(1)
	e.flush(-1)
	if e.libraries != nil {
		e.libraries.Reset()
	}
	for i := range e.shards {
		e.shards[i].marks = marks{}
	}
}

// Replaced ends what Reset began where the new keyspace, which holds the log
// up to off, was loaded without Freeze: what was read of it meanwhile counts as
// another keyspace's, and every reply depends on off. The caller holds Freeze.
func (e *Engine) Replaced(off int64) {
	e.rebuilds.Add(1)
	for i := range e.shards {
		e.shards[i].marks = marks{floor: off, last: off}
	}
}

// SetFloor makes every reply that reads data depend on the log up to off: a
// node that has loaded its whole log does not know yet how much of it is
// committed. The caller holds Freeze.
func (e *Engine) SetFloor(off int64) {
	for i := range e.shards {
		e.shards[i].marks.wrote(anyKey, off)
	}
}

func (e *Engine) lockAll() {
	for i := range e.shards {
		e.shards[i].mu.Lock()
	}
}

func (e *Engine) unlockAll() {
	for i := range e.shards {
		e.shards[i].mu.Unlock()
	}
}

// Marks say how far into the log the readers of a shard depend on it: a reply
// that has seen a write may leave when that write is committed. A shard has few
// locks to share out and many marks: a client that reads a key waits for the writes to
// that key and to the few that share its mark, not for all that happen to be
// behind the same lock. They are under the shard's lock.
type marks struct {
	floor int64 // of every key
	last  int64 // the highest of all
	of    [marksPerShard]int64
}

// marksPerShard is a power of two.
const marksPerShard = 64

// anyKey stands for the mark of commands that touch more keys of a shard than
// one.
const anyKey = -1

// markOf is the mark of the keys in a slot.
func (e *Engine) markOf(slot uint16) int { return int(uint32(slot)>>e.shardBits) % marksPerShard }

// wrote notes a write that ends at offset off.
func (m *marks) wrote(at int, off int64) {
	m.last = max(m.last, off)
	if at == anyKey {
		m.floor = max(m.floor, off)
	} else {
		m.of[at] = max(m.of[at], off)
	}
}

// seen is what a reader depends on.
func (m *marks) seen(at int) int64 {
	if at == anyKey {
		return m.last
	}
	return max(m.floor, m.of[at])
}
