package config

import (
	"sync/atomic"
	"time"
)

// An Int is a whole number, a memory size in bytes, or an enumeration's value.
type Int struct{ v atomic.Int64 }

// Get returns the value.
func (i *Int) Get() int64 { return i.v.Load() }

// Set stores n.
func (i *Int) Set(n int64) { i.v.Store(n) }

// Millis reads the value as milliseconds.
func (i *Int) Millis() time.Duration { return time.Duration(i.Get()) * time.Millisecond }

// Seconds reads the value as seconds.
func (i *Int) Seconds() time.Duration { return time.Duration(i.Get()) * time.Second }

// A Bool is yes or no.
type Bool struct{ v atomic.Bool }

// Get returns the value.
func (b *Bool) Get() bool { return b.v.Load() }

// Set stores v.
func (b *Bool) Set(v bool) { b.v.Store(v) }

// A Str is text.
type Str struct{ v atomic.Pointer[string] }

// Get returns the value.
func (s *Str) Get() string {
	if p := s.v.Load(); p != nil {
		return *p
	}
	return ""
}

// Set stores v.
func (s *Str) Set(v string) { s.v.Store(&v) }

// Fsync policies, the values of AppendFsync.
const (
	FsyncEverysec = iota
	FsyncAlways
	FsyncNo
)

// Acknowledgement policies, the values of WriteAcks.
const (
	AcksLeader = iota
	AcksQuorum
	AcksAll
)

// Listeners, the values of IOModel.
const (
	IOAuto = iota
	IOEventLoop
	IOGoroutine
)

// What a returning higher ID does, the values of Takeover.
const (
	TakeoverAuto = iota
	TakeoverManual
	TakeoverOff
)

// What a node keeps, the values of Role.
const (
	RoleData    = iota // the log and the keyspace
	RoleWitness        // the log
)

// Where reads are answered, the values of FollowerReads.
const (
	FollowerReadsYes = iota
	FollowerReadsReadonly
	FollowerReadsNo
)

// Eviction policies, the values of MaxMemoryPolicy.
const (
	VolatileLRU = iota
	VolatileLFU
	VolatileRandom
	VolatileTTL
	AllKeysLRU
	AllKeysLFU
	AllKeysRandom
	NoEviction
)

// What a signal's shutdown does, the bits of ShutdownOnSigint and
// ShutdownOnSigterm: the words of SHUTDOWN.
const (
	ShutdownSave = 1 << iota
	ShutdownNoSave
	ShutdownNow
	ShutdownForce
)

// Config holds every directive's value; the table in directives.go gives each
// its name, default and bounds.
type Config struct {
	fitClients  func(n int64) (most int64)        // nil: any number of them
	readSecret  func(path string) (string, error) // nil: ReadSecrets was not called yet
	secretFiles []secretFile

	// network
	Port, TCPBacklog, TCPKeepalive, Timeout, MaxClients Int
	UnixSocketPerm                                      Int
	Bind, UnixSocket, RequirePass, MasterAuth           Str
	RequirePassFile, MasterAuthFile                     Str
	ProtectedMode                                       Bool
	PeersWithoutSecret                                  Bool // also beyond this machine
	ProtoMaxBulkLen, ClientQueryBufferLimit             Int
	MaxMemoryClients                                    Str // see ClientsLimit
	HLLSparseMaxBytes                                   Int
	// client-output-buffer-limit normal: hard and soft bytes, soft seconds
	OutputHardNormal, OutputSoftNormal, OutputSoftSecondsNormal Int
	OutputHardPubsub, OutputSoftPubsub, OutputSoftSecondsPubsub Int
	// client-output-buffer-limit slave: what waits for a backup that is taken
	// slowly. Followers have the log on disk as their backlog.
	OutputHardReplica, OutputSoftReplica, OutputSoftSecondsReplica Int
	// ReplBacklogSize is how many bytes of what was written are kept in memory for replicas that are no
	// nodes, where no log is on disk, and ReplBacklogTTL for how many seconds without any; 0: for good.
	ReplBacklogSize, ReplBacklogTTL Int

	// general
	Dir, LogFile, LogFormat, PidFile Str
	LogLevel                         Int // engine.Level
	Databases, HZ                    Int
	EnableDebugCommand               Str // no, yes, local
	EnableProtectedConfigs           Str // no, yes, local
	Daemonize                        Bool
	ShutdownOnSigint                 Int // ShutdownSave and the like, 0: as SHUTDOWN without a word
	ShutdownOnSigterm                Int
	Supervised                       Str // no, upstart, systemd, auto
	SlowlogSlowerThan, SlowlogMaxLen Int // µs, entries
	LatencyMonitorThreshold          Int // ms, 0: nothing is remembered
	LatencyTracking                  Bool
	LatencyPercentiles               Str
	TrackingTableMaxKeys             Int // keys, 0: any number
	BusyReplyThreshold               Int // ms a script may take before others are answered -BUSY, 0: any time
	KeyspaceEvents                   Int // EventGeneric and the like
	IOModel                          Int // IOAuto, IOEventLoop, IOGoroutine
	IOThreads                        Int // event loops at most; 0: as many as cores

	// memory
	MaxMemory, MaxMemorySamples Int
	MaxMemoryPolicy             Int
	LFULogFactor, LFUDecayTime  Int // LFUDecayTime in minutes
	ListMaxListpackSize         Int // list.Fill
	ListCompressDepth           Int // has no effect
	SetMaxIntsetEntries         Int
	HashMaxListpackEntries      Int
	HashMaxListpackValue        Int
	ZsetMaxListpackEntries      Int
	ZsetMaxListpackValue        Int // bytes of a member
	StreamNodeMaxBytes          Int // 0: no limit
	StreamNodeMaxEntries        Int // 0: no limit

	// the log
	AppendOnly                    Bool
	AppendFsync                   Int
	AppendFilename, AppendDirname Str
	AofLoadTruncated              Bool
	AofUseRdbPreamble             Bool
	AutoAofRewritePercentage      Int // 0: never by itself
	AutoAofRewriteMinSize         Int // bytes
	DBFilename                    Str
	Save                          SavePoints
	RdbCompression, RdbChecksum   Bool
	StopWritesOnBgsaveError       Bool
	// µs that each key takes longer to load and to save; below 0 one µs for one key of so many
	KeyLoadDelay, RdbKeySaveDelay Int
	SkipUnknownTypes              Bool // of RDB files and logs: values that Regent cannot hold are left out

	// the cluster
	NodeID                                Int  // 0: the port
	Peers                                 Str  // where to start from: a change of the nodes is kept in the state file
	Role                                  Int  // RoleData, RoleWitness
	Join                                  Bool // this node is none of them until REGENT NODE ADD says so
	ClusterEnabled                        Bool // a lone server answers as a cluster of one
	AnnounceHost                          Str
	AnnouncePort                          Int
	ClientAddresses                       Str // where clients reach the nodes, in the form of peers; a node that is not named: where peers do
	HeartbeatInterval                     Int // ms
	LeaderLease                           Int // ms that a leader may answer after a heartbeat that a majority acknowledged
	ElectionTimeout                       Int // ms
	WriteTimeout                          Int // ms
	WriteAcks                             Int // AcksLeader when there are no peers
	ReplicaPriority                       Int
	Takeover                              Int  // TakeoverAuto, TakeoverManual, TakeoverOff
	HandoverPause                         Int  // ms that writes are held at most while leadership moves
	ReadLease                             Bool // no: a read at the leader costs a round trip to a majority
	FollowerReads                         Int  // FollowerReadsYes, FollowerReadsReadonly, FollowerReadsNo
	CrashEvidence                         Bool // a refused dial at the leader's own address proves its end
	MinReplicasToWrite, MinReplicasMaxLag Int
	ClusterSecret, ClusterSecretFile      Str // the internal channel's; masterauth when empty

	// what a node shows beside its port
	PlainPort, SentinelPort Int
	HTTPPort                Int
	HTTPBind                Str  // addresses that it listens at, in the form of bind
	TLSHTTP                 Bool // it speaks TLS
	AnnouncePlainPort       Int  // where clients reach it; 0: at PlainPort
	AnnounceSentinelPort    Int
	AnnounceTLSPort         Int // the same for those by TLS
	AnnounceTLSPlainPort    Int
	AnnounceTLSSentinelPort Int
	PlainForward            Bool // a node that does not lead sends plain clients through to the leader
	SentinelMasterName      Str  // names, with spaces between
	SentinelRequirePass     Str
	SentinelRequirePassFile Str

	// TLS
	TLSPort, TLSPlainPort, TLSSentinelPort                Int
	TLSCertFile, TLSKeyFile, TLSKeyPass                   Str
	TLSClientCertFile, TLSClientKeyFile, TLSClientKeyPass Str // shown to other nodes; the server's when empty
	TLSCAFile, TLSCADir                                   Str
	TLSAuthClients, TLSAuthClientsUser                    Int // TLSAuthNo, TLSUserOff and the like
	TLSProtocols, TLSCiphers, TLSSuites                   Str
	TLSSessions                                           Bool // sessions may be resumed
	TLSSessionSeconds                                     Int  // for how long; 0: as long as crypto/tls lets them
	TLSCluster, TLSReplication                            Bool // see TLSPeers

	// Renamed are the rename-command lines, in their order.
	Renamed []Rename
	// Users are the user lines, in their order.
	Users []User
	// users
	ACLFile          Str
	ACLPubsubDefault Int  // AllChannels, ResetChannels
	ACLLogMaxLen     Int  // entries
	ACLReplicate     Bool // with peers a change of a user is a record of the log
	AuthPause        Int  // ms that an answer to a wrong password waits at most
	// clients that have said no password where one is asked for: how many, for how many
	// seconds; 0: any
	UnauthenticatedClients, UnauthenticatedTimeout Int

	table *table
}
