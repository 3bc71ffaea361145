package resp

// Every error text that a client can see stands in this file, in Redis's
// wording to the letter: clients match on them. Texts with a %s or %d are
// formatted by the caller.
const (
	ErrSyntax        = "ERR syntax error"
	ErrNotInteger    = "ERR value is not an integer or out of range"
	ErrNotFloat      = "ERR value is not a valid float"
	ErrCountNeg      = "ERR COUNT must be > 0"
	ErrOverflow      = "ERR increment or decrement would overflow"
	ErrNoSuchKey     = "ERR no such key"
	ErrWrongType     = "WRONGTYPE Operation against a key holding the wrong kind of value"
	ErrOutOfRange    = "ERR value is out of range"
	ErrIndexRange    = "ERR index out of range"
	ErrStringTooLong = "ERR string exceeds maximum allowed size (proto-max-bulk-len)"
	ErrOffsetRange   = "ERR offset is out of range"
	ErrDecrOverflow  = "ERR decrement would overflow"
	ErrNaNOrInfinity = "ERR increment would produce NaN or Infinity"
	ErrExpireTime    = "ERR invalid expire time in '%s' command"
	ErrExpireNX      = "ERR NX and XX, GT or LT options at the same time are not compatible"
	ErrExpireGTLT    = "ERR GT and LT options at the same time are not compatible"
	ErrOption        = "ERR Unsupported option %s"
	ErrBetween       = "ERR value is out of range, value must between %d and %d"
	ErrDBRange       = "ERR DB index is out of range"
	ErrSameObject    = "ERR source and destination objects are the same"
	ErrNumkeysArgs   = "ERR Number of keys can't be greater than number of args"
	ErrLimitNeg      = "ERR LIMIT can't be negative"
	ErrCursor        = "ERR invalid cursor"
	ErrNoLFU         = "ERR An LFU maxmemory policy is not selected, access frequency not tracked. Please note that when switching between policies at runtime LRU and LFU data will take some time to adjust."
	ErrLFU           = "ERR An LFU maxmemory policy is selected, idle time not tracked. Please note that when switching between policies at runtime LRU and LFU data will take some time to adjust."
	ErrRankZero      = "ERR RANK can't be zero: use 1 to start from the first match, 2 from the second ... or use negative to start from the end of the list"
	ErrNegative      = "ERR %s can't be negative"
	ErrNumKeys       = "ERR numkeys should be greater than 0"
	ErrCountPositive = "ERR count should be greater than 0"
	ErrTimeoutFloat  = "ERR timeout is not a float or out of range"
	ErrTimeoutInt    = "ERR timeout is not an integer or out of range"
	ErrTimeoutNeg    = "ERR timeout is negative"
	ErrWaitReplica   = "ERR WAIT cannot be used with replica instances. Please also note that since Redis 4.0 if a replica is configured to be writable (which is not the default) writes to replicas are just local and are not propagated."
	ErrUnblockedRole = "UNBLOCKED force unblock from blocking operation, instance state changed (master -> replica?)"
	ErrLCSTypes      = "ERR The specified keys must contain string values"
	ErrLCSBoth       = "ERR If you want both the length and indexes, please just use IDX."
	ErrLCSMemory     = "ERR Insufficient memory, transient memory for LCS exceeds proto-max-bulk-len"
	ErrNoMulti       = "ERR Command not allowed inside a transaction"
	ErrMultiNested   = "ERR MULTI calls can not be nested"
	ErrMultiTooLarge = "ERR the transaction is too large"
	ErrExecAlone     = "ERR EXEC without MULTI"
	ErrDiscardAlone  = "ERR DISCARD without MULTI"
	ErrWatchInMulti  = "ERR WATCH inside MULTI is not allowed"
	ErrExecAbort     = "EXECABORT Transaction discarded because of previous errors."
	ErrExecAbortBy   = "EXECABORT Transaction discarded because of: %s"
	ErrMonitorDenied = "ERR MONITOR isn't allowed for DENY BLOCKING client"
	ErrTooManySubs   = "ERR too many subscriptions"
	ErrListening     = "ERR Can't execute '%s': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in this context"
	ErrUnknownCmd    = "ERR unknown command '%s', with args beginning with: %s"
	ErrUnknownSub    = "ERR unknown subcommand '%s'. Try %s HELP."
	ErrArity         = "ERR wrong number of arguments for '%s' command"
	ErrNoAuth        = "NOAUTH Authentication required."
	ErrWrongPass     = "WRONGPASS invalid username-password pair or user is disabled."
	ErrOOM           = "OOM command not allowed when used memory > 'maxmemory'."
	ErrLoading       = "LOADING Redis is loading the dataset in memory"
	ErrReadOnly      = "READONLY You can't write against a read only replica."
	ErrMisconf       = "MISCONF Errors writing to the AOF file: %s"
	ErrBgsave        = "MISCONF Redis is configured to save RDB snapshots, but it's currently unable to persist to disk. Commands that may modify the data set are disabled, because this instance is configured to report errors during writes if RDB snapshotting fails (stop-writes-on-bgsave-error option). Please check the Redis logs for details about the RDB error."
	ErrMoved         = "MOVED %d %s"
	ErrNoCluster     = "ERR This instance has cluster support disabled"
	ErrClusterDown   = "CLUSTERDOWN The cluster is down"
	ErrMasterDown    = "MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'."
	ErrRedirect      = "REDIRECT %s" // Valkey's, to clients that have asked for it
	ErrNoReplicas    = "NOREPLICAS Not enough good replicas to write."
	ErrLatencyEvent  = "ERR No samples available for event '%s'"
	ErrSlowCount     = "ERR count should be greater than or equal to -1"
	ErrSwapIndex     = "ERR invalid %s DB index"
	ErrRewriting     = "ERR Background append only file rewriting already in progress"
	ErrNoRewrite     = "ERR Can't execute an AOF background rewriting. Please check the server logs for more information."
	ErrSaving        = "ERR Background save already in progress"
	ErrSaveBusy      = "ERR Another child process is active (AOF?): can't BGSAVE right now. Use BGSAVE SCHEDULE in order to schedule a BGSAVE whenever possible."
	ErrSave          = "ERR"
	ErrShutdown      = "ERR Errors trying to SHUTDOWN. Check logs."
	ErrWitness       = "ERR This node is a witness: it has a vote and the log, and no data"
	ErrBackups       = "ERR Too many backups at a time"
	ErrBackup        = "ERR No backup can be made: %v"
	ErrNoShutdown    = "ERR No shutdown in progress."
	ErrConfigUnknown = "ERR Unknown option or number of arguments for CONFIG SET - '%s'"
	ErrConfigSet     = "ERR CONFIG SET failed (possibly related to argument '%s') - %s"
	ErrNoConfigFile  = "ERR The server is running without a config file"
	ErrConfigRewrite = "ERR Rewriting config file: %s"
	ErrDebugOff      = "ERR DEBUG command not allowed. If the enable-debug-command option is set to \"local\", you can run it from a local connection, otherwise you need to set this option in the configuration file, and then restart the server."
	ErrDebugReload   = "ERR DEBUG RELOAD only supports the MERGE, NOFLUSH and NOSAVE options."
	// ErrReload is Regent's own: redis-server ends where that goes wrong.
	ErrLoadOver        = "Error trying to load the RDB dump"
	ErrReload          = "ERR The data could not be loaded anew: %v"
	ErrPackedThreshold = "ERR argument must be a memory value bigger than 1 and smaller than 4gb"
	ErrFunctionFlush   = "ERR FUNCTION FLUSH only supports SYNC|ASYNC option"
	ErrUnknownArgument = "ERR Unknown argument %s"
	ErrDebugType       = "ERR Wrong protocol type name. Please use one of the following: %s"
	ErrNeedsRESP3      = "ERR RESP2 is not supported by this command"
	// ErrUncertain is Regent's own: the write left this node but its outcome
	// is not known here; it may or may not survive.
	ErrUncertain = "UNCERTAIN The write was not confirmed in time: it may or may not have been applied"

	// Refusals of the listener, before a command is known. The connection is closed after each.
	ErrBigInline     = "ERR Protocol error: too big inline request"
	ErrBigCount      = "ERR Protocol error: too big mbulk count string"
	ErrBigBulkHeader = "ERR Protocol error: too big bulk count string"
	ErrQuotes        = "ERR Protocol error: unbalanced quotes in request"
	ErrCount         = "ERR Protocol error: invalid multibulk length"
	ErrBulkLength    = "ERR Protocol error: invalid bulk length"
	ErrStrangerCount = "ERR Protocol error: unauthenticated multibulk length"
	ErrStrangerBulk  = "ERR Protocol error: unauthenticated bulk length"
	ErrNoDollar      = "ERR Protocol error: expected '$', got '%s'"
	ErrMaxClients    = "ERR max number of clients reached"
	ErrProtected     = "DENIED Redis is running in protected mode because protected mode is enabled and no password is set for the " +
		"default user. In this mode connections are only accepted from the loopback interface. If you want to connect " +
		"from external computers to Redis you may adopt one of the following solutions: 1) Just disable protected mode " +
		"sending the command 'CONFIG SET protected-mode no' from the loopback interface by connecting to Redis from the " +
		"same host the server is running, however MAKE SURE Redis is not publicly accessible from internet if you do " +
		"so. Use CONFIG REWRITE to make this change permanent. 2) Alternatively you can just disable the protected mode " +
		"by editing the Redis configuration file, and setting the protected mode option to 'no', and then restarting " +
		"the server. 3) If you started the server manually just for testing, restart it with the '--protected-mode no' " +
		"option. 4) Setup a an authentication password for the default user. NOTE: You only need to do one of the above " +
		"things in order for the server to start accepting connections from the outside."

	// Of hashes. ErrNaNOrInfinityArg is about the increment, ErrNaNOrInfinity about
	// the sum.
	ErrHashNotInteger   = "ERR hash value is not an integer"
	ErrHashNotFloat     = "ERR hash value is not a float"
	ErrNaNOrInfinityArg = "ERR value is NaN or Infinity"
)

// Sorted sets.
const (
	ErrScoreNaN    = "ERR resulting score is not a number (NaN)"
	ErrAddNXXX     = "ERR XX and NX options at the same time are not compatible"
	ErrAddGTLT     = "ERR GT, LT, and/or NX options at the same time are not compatible"
	ErrAddIncr     = "ERR INCR option supports a single increment-element pair"
	ErrMinMaxFloat = "ERR min or max is not a float"
	ErrMinMaxLex   = "ERR min or max not valid string range item"
	ErrRangeLimit  = "ERR syntax error, LIMIT is only supported in combination with either BYSCORE or BYLEX"
	ErrRangeScores = "ERR syntax error, WITHSCORES not supported in combination with BYLEX"
	ErrInputKeys   = "ERR at least 1 input key is needed for '%s' command"
	ErrWeight      = "ERR weight value is not a float"
)

// DUMP, RESTORE and SORT.
const (
	ErrBusyKey  = "BUSYKEY Target key name already exists."
	ErrTTL      = "ERR Invalid TTL value, must be >= 0"
	ErrIdleTime = "ERR Invalid IDLETIME value, must be >= 0"
	ErrFreq     = "ERR Invalid FREQ value, must be >= 0 and <= 255"
	ErrPayload  = "ERR DUMP payload version or checksum are wrong"
	ErrBadData  = "ERR Bad data format"
	ErrSortBy   = "ERR One or more scores can't be converted into double"
)

// MIGRATE. ErrMigrateChanged is Regent's own: redis-server lets nobody write meanwhile.
const (
	ErrMigrateKeys    = "ERR When using MIGRATE KEYS option, the key argument must be set to the empty string"
	ErrMigrateConnect = "IOERR error or timeout connecting to the client"
	ErrMigrateIO      = "IOERR error or timeout %s to target instance"
	ErrMigrateTarget  = "ERR Target instance replied with error: %s"
	ErrMigrateChanged = "TRYAGAIN A key was changed again and again while it was migrated. It is still here, and an older value may be there"
)

// Bitmaps and HyperLogLogs.
const (
	ErrBit          = "ERR bit is not an integer or out of range"
	ErrBitOffset    = "ERR bit offset is not an integer or out of range"
	ErrBitArg       = "ERR The bit argument must be 1 or 0."
	ErrBitopNot     = "ERR BITOP NOT must be called with a single source key."
	ErrFieldType    = "ERR Invalid bitfield type. Use something like i16 u8. Note that u64 is not supported but i64 is."
	ErrFieldOver    = "ERR Invalid OVERFLOW type specified"
	ErrFieldRO      = "ERR BITFIELD_RO only supports the GET subcommand"
	ErrNotHLL       = "WRONGTYPE Key is not a valid HyperLogLog string value."
	ErrHLLDamaged   = "INVALIDOBJ Corrupted HLL object detected"
	ErrHLLNoKey     = "ERR The specified key does not exist"
	ErrHLLNotSparse = "ERR HLL encoding is not sparse"
	ErrHLLUnknown   = "ERR Unknown PFDEBUG subcommand '%s'"
	ErrHLLSelfTest  = "ERR TESTFAILED %s"
)

// Streams.
const (
	ErrStreamID         = "ERR Invalid stream ID specified as stream command argument"
	ErrStreamStart      = "ERR invalid start ID for the interval"
	ErrStreamEnd        = "ERR invalid end ID for the interval"
	ErrTrimBoth         = "ERR syntax error, MAXLEN and MINID options at the same time are not compatible"
	ErrTrimMaxLen       = "ERR The MAXLEN argument must be >= 0."
	ErrTrimLimit        = "ERR The LIMIT argument must be >= 0."
	ErrTrimLimitAlone   = "ERR syntax error, LIMIT cannot be used without specifying a trimming strategy"
	ErrTrimNone         = "ERR syntax error, XTRIM must be called with a trimming strategy"
	ErrTrimLimitExact   = "ERR syntax error, LIMIT cannot be used without the special ~ option"
	ErrAddZeroID        = "ERR The ID specified in XADD must be greater than 0-0"
	ErrAddExhausted     = "ERR The stream has exhausted the last possible ID, unable to add more items"
	ErrAddSmallID       = "ERR The ID specified in XADD is equal or smaller than the target stream top item"
	ErrAddTooLarge      = "ERR Elements are too large to be stored"
	ErrReadUnbalanced   = "ERR Unbalanced XREAD list of streams: for each stream key an ID or '$' must be specified."
	ErrReadGroup        = "ERR The GROUP option is only supported by XREADGROUP. You called XREAD instead."
	ErrReadNoAck        = "ERR The NOACK option is only supported by XREADGROUP. You called XREAD instead."
	ErrReadScript       = "ERR %s command is not allowed with BLOCK option from scripts"
	ErrReadNoGroup      = "ERR Missing GROUP option for XREADGROUP"
	ErrReadDollar       = "ERR The $ ID is meaningless in the context of XREADGROUP: you want to read the history of this consumer by specifying a proper ID, or use the > ID to get new messages. The $ ID would just return an empty result set."
	ErrReadNew          = "ERR The > ID can be specified only when calling XREADGROUP using the GROUP <group> <consumer> option."
	ErrNoGroupRead      = "NOGROUP No such key '%s' or consumer group '%s' in XREADGROUP with GROUP option"
	ErrNoGroup          = "NOGROUP No such key '%s' or consumer group '%s'"
	ErrNoGroupFor       = "NOGROUP No such consumer group '%s' for key name '%s'"
	ErrNoGroupAnyMore   = "NOGROUP the consumer group this client was blocked on no longer exists"
	ErrStreamGone       = "UNBLOCKED the stream key no longer exists"
	ErrBusyGroup        = "BUSYGROUP Consumer Group name already exists"
	ErrGroupNoKey       = "ERR The XGROUP subcommand requires the key to exist. Note that for CREATE you may want to use the MKSTREAM option to create an empty stream automatically."
	ErrGroupRead        = "ERR value for ENTRIESREAD must be positive or -1"
	ErrSetIDAdded       = "ERR entries_added must be positive"
	ErrSetIDDeleted     = "ERR The ID specified in XSETID is smaller than the provided max_deleted_entry_id"
	ErrSetIDSmall       = "ERR The ID specified in XSETID is smaller than the target stream top item"
	ErrSetIDLength      = "ERR The entries_added specified in XSETID is smaller than the target stream length"
	ErrClaimIdle        = "ERR Invalid min-idle-time argument for %s"
	ErrClaimOptionValue = "ERR Invalid %s option argument for XCLAIM"
	ErrClaimOption      = "ERR Unrecognized XCLAIM option '%s'"
)

// Users and what they may do. Those that begin with Why are parts of others.
const (
	ErrNoPermCommand = "NOPERM this user has no permissions to run the '%s' command"
	ErrNoPermKey     = "NOPERM this user has no permissions to access one of the keys used as arguments"
	ErrNoPermChannel = "NOPERM this user has no permissions to access one of the channels used as arguments"
	ErrCallDenied    = "The user executing the script can't run this command or subcommand"
	ErrCallKey       = "The user executing the script can't access at least one of the keys mentioned in the command arguments"
	ErrCallChannel   = "The user executing the script can't publish to the channel mentioned in the command"
	ErrNoPermExec    = "NOPERM ACLs rules changed between the moment the transaction was accumulated and the EXEC call. This command is no longer allowed for the following reason: %s"
	WhyExecCommand   = "no permission to execute the command or subcommand"
	WhyExecKey       = "no permission to touch the specified keys"
	WhyExecChannel   = "no permission to access one of the channels used as arguments"
	ErrSortByDenied  = "ERR BY option of SORT denied due to insufficient ACL permissions."
	ErrSortGetDenied = "ERR GET option of SORT denied due to insufficient ACL permissions."

	ErrUserName      = "ERR Usernames can't contain spaces or null characters"
	ErrUserRule      = "ERR Error in ACL SETUSER modifier '%s': %s"
	ErrUserUnmatched = "ERR Unmatched parenthesis in acl selector starting at '%s'."
	ErrUserDefault   = "ERR The 'default' user cannot be removed"
	ErrUserNotFound  = "ERR User '%s' not found"
	ErrNoCommand     = "ERR Command '%s' not found"
	ErrNoCategory    = "ERR Unknown category '%s'"
	ErrGenPass       = "ERR ACL GENPASS argument must be the number of bits for the output password, a positive number up to 4096"
	ErrNoACLFile     = "ERR This Redis instance is not configured to use an ACL file. You may want to specify users via the ACL SETUSER command and then issue a CONFIG REWRITE (assuming you have a Redis configuration file set) in order to store users in the Redis configuration."
	ErrACLSave       = "ERR There was an error trying to save the ACLs. Please check the server logs for more information"
	DryRunCommand    = "This user has no permissions to run the '%s' command"
	DryRunKey        = "This user has no permissions to access the '%s' key"
	DryRunChannel    = "This user has no permissions to access the '%s' channel"

	WhyRuleUnknown     = "Unknown command or category name in ACL"
	WhyRuleSyntax      = "Syntax error"
	WhyRuleNoPassword  = "The password you are trying to remove from the user does not exist"
	WhyRuleDigest      = "The password hash must be exactly 64 characters and contain only lowercase hexadecimal characters"
	WhyRuleFirstArg    = "Allowing first-arg of a subcommand is not supported"
	WhyRuleAllKeys     = "Adding a pattern after the * pattern (or the 'allkeys' flag) is not valid and does not have any effect. Try 'resetkeys' to start with an empty list of patterns"
	WhyRuleAllChannels = "Adding a pattern after the * pattern (or the 'allchannels' flag) is not valid and does not have any effect. Try 'resetchannels' to start with an empty list of channels"
	WhyUserTwice       = "Duplicate user found. A user can only be defined once in config files"

	WhyFileNoUser    = "%s:%d should start with user keyword followed by the username. "
	WhyFileTwice     = "WARNING: Duplicate user '%s' found on line %d. "
	WhyFileName      = "'%s:%d: username '%s' contains invalid characters. "
	WhyFileUnmatched = "%s:%d: Unmatched parenthesis in selector definition."
	WhyFileRule      = "%s:%d: Error in applying operation '%s': %s. "
	WhyFileOther     = "%s:%d: %s. "
	WhyFileNotTaken  = "WARNING: ACL errors detected, no change to the previously active ACL rules was performed"
	WhyFileOpen      = "Error loading ACLs, opening file '%s': %s"
)

// Positions.
const (
	ErrPlace         = "ERR invalid longitude,latitude pair %s,%s"
	ErrUnit          = "ERR unsupported unit provided. please use M, KM, FT, MI"
	ErrRadius        = "ERR need numeric radius"
	ErrRadiusNeg     = "ERR radius cannot be negative"
	ErrWidth         = "ERR need numeric width"
	ErrHeight        = "ERR need numeric height"
	ErrBoxNeg        = "ERR height or width cannot be negative"
	ErrGeoMember     = "ERR could not decode requested zset member"
	ErrGeoAny        = "ERR the ANY argument requires COUNT argument"
	ErrGeoFrom       = "ERR exactly one of FROMMEMBER or FROMLONLAT can be specified for %s"
	ErrGeoBy         = "ERR exactly one of BYRADIUS and BYBOX can be specified for %s"
	ErrGeoStoreShows = "ERR %s is not compatible with WITHDIST, WITHHASH and WITHCOORD options"
)

// Connections, clients and the cluster's faces.
const (
	ErrNoPassword    = "ERR AUTH <password> called without any password configured for the default user. Are you sure your configuration is correct?"
	ErrHelloNoAuth   = "NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO AUTH <user> <pass> option can be used to authenticate the client and select the RESP protocol version at the same time"
	ErrHelloOption   = "ERR Syntax error in HELLO option '%s'"
	ErrHelloVersion  = "ERR Protocol version is not an integer or out of range"
	ErrNoProto       = "NOPROTO unsupported protocol version"
	ErrClientName    = "ERR Client names cannot contain spaces, newlines or special characters."
	ErrClientInfo    = "ERR %s cannot contain spaces, newlines or special characters."
	ErrClientOption  = "ERR Unrecognized option '%s'"
	ErrClientType    = "ERR Unknown client type '%s'"
	ErrClientID      = "ERR Invalid client ID"
	ErrClientIDRange = "ERR client-id should be greater than 0"
	ErrNoSuchClient  = "ERR No such client"
	ErrNoSuchUser    = "ERR No such user '%s'"
	ErrPauseMode     = "ERR CLIENT PAUSE mode must be WRITE or ALL"
	ErrUnblockReason = "ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR"
	ErrUnblocked     = "UNBLOCKED client unblocked via CLIENT UNBLOCK"
	ErrSubSyntax     = "ERR unknown subcommand or wrong number of arguments for '%s'. Try %s HELP."
	ErrInvalidSlot   = "ERR Invalid slot"
	ErrSlotOrKeys    = "ERR Invalid slot or number of keys"
	ErrUnknownNode   = "ERR Unknown node %s"
	ErrNotMaster     = "ERR The specified node is not a master"
	ErrNoKeyArgs     = "ERR The command has no key arguments"
	ErrBadCommand    = "ERR Invalid command specified"
	ErrBadArgCount   = "ERR Invalid number of arguments specified for command"
	ErrBadArgs       = "ERR Invalid arguments specified for command"
)

// Planned changes of leader.
const (
	ErrFailoverRuns      = "ERR FAILOVER already in progress."
	ErrNoFailover        = "ERR No failover in progress."
	ErrFailoverReplica   = "ERR FAILOVER is not valid when server is a replica."
	ErrFailoverAlone     = "ERR FAILOVER requires connected replicas."
	ErrFailoverForce     = "ERR FAILOVER with force option requires both a timeout and target HOST and IP."
	ErrFailoverTarget    = "ERR FAILOVER target HOST and PORT is not a replica."
	ErrFailoverOffline   = "ERR FAILOVER target replica is not online."
	ErrFailoverTimeout   = "ERR FAILOVER timeout must be greater than 0"
	ErrFailoverToReplica = "ERR You should send CLUSTER FAILOVER to a replica"
	ErrForceLeader       = "ERR this node cannot be made to lead: %s"
	ErrFailoverUnknown   = "ERR I'm a replica but my master is unknown to me"
)

// Changes of the nodes.
const (
	ErrNodeAddr       = "ERR not a node as id@host:port: %v"
	ErrNodeAlone      = "ERR This server has no peers: start it with peers to make a cluster of it"
	ErrNodeBusy       = "ERR Another change of the nodes or of the leader is under way: see REGENT NODE LIST, and try again"
	ErrNodeReplaced   = "ERR Another change of the same node came after this one"
	ErrNodeUncertain  = "UNCERTAIN The change of the nodes was not confirmed in time: it may or may not come into force, see REGENT NODE LIST"
	ErrNodeLearns     = "ERR Node %d follows and has not caught up yet: it votes as soon as it has, see REGENT NODE LIST"
	ErrNodeLeads      = "ERR Node %d leads, and no other node can take over: see REGENT NODE LIST, and try again"
	ErrNodeLeaderAddr = "ERR Node %d leads, and is where it announces: hand over with FAILOVER first"
	ErrNodeUnknown    = "ERR No node has the ID %d"
	ErrNodeTakenBy    = "ERR Node %d is at %s: nothing is changed"
	ErrNodeUnproved   = "ERR Node %d has not proved that it is at %s, nothing is changed: %v"
	ErrNodeLoopback   = "ERR %s is on one machine alone, and %s need not be there: nothing is changed"
	ErrNodeSecret     = "ERR A node beyond this machine needs cluster-secret or masterauth on all nodes, or peers-without-secret yes"
	ErrNodeChange     = "ERR The nodes cannot be changed: %v"
)

// What a peer is answered whose greeting is not taken. Peers log it whole.
const (
	ErrPeerGreeting = "ERR The peers' channel does not understand this greeting: the same version of Regent must run on every node"
	ErrPeerVersion  = "ERR The peers' channel speaks protocol version %[2]d here, not %[1]s: the same version of Regent must run on every node"
	ErrPeerSecret   = "WRONGPASS The peers' channel: cluster-secret or masterauth must be the same on every node"
	ErrPeerOther    = "ERR This is node %d, not node %d"
	ErrPeerSelf     = "ERR This node has dialled itself: it is node %d, and the address is listed as node %d's"
	ErrPeerTwin     = "ERR Another process says that it is node %d, from %s, and was heard first: each node needs an ID of its own, and a process ends before another takes its place"
	ErrPeerForeign  = "ERR This node belongs to another cluster"
	ErrPeerStranger = "ERR Node %d is no member of this cluster: REGENT NODE ADD takes a node in"
	ErrPeerTLS      = "ERR The peers' channel: %v"
	ErrPeerAlone    = "ERR This server has no peers: the peers' channel is closed"
)

// Waiting for the log.
const (
	ErrMustBePositive = "ERR value is out of range, must be positive"
	ErrWaitAOFReplica = "ERR WAITAOF cannot be used with replica instances. Please also note that writes to replicas are just local and are not propagated."
	ErrWaitAOFOff     = "ERR WAITAOF cannot be used when numlocal is set but appendonly is disabled."
)

// Of the Sentinel face.
const (
	ErrNoPerm           = "NOPERM this user has no permissions to run the '%s' command"
	ErrSentinelMaster   = "ERR No such master with that name"
	ErrSentinelRuns     = "INPROG Failover already in progress"
	ErrSentinelNoTarget = "NOGOODSLAVE No suitable replica to promote"
	ErrSentinelPublish  = "ERR Only HELLO messages are accepted by Sentinel instances."
	ErrSentinelTwice    = "ERR Duplicate master name."
	ErrSentinelQuorum   = "ERR Quorum must be 1 or greater."
	ErrSentinelVotes    = "ERR Invalid quorum"
	ErrSentinelPort     = "ERR Invalid port"
	ErrSentinelHost     = "ERR Invalid IP address or hostname specified"
	ErrSentinelSet      = "ERR Invalid argument '%s' for SENTINEL SET '%s'"
	ErrSentinelSetName  = "ERR Unknown option or number of arguments for SENTINEL SET '%s'"
	ErrSentinelScript   = "ERR Reconfiguration of scripts path is denied for security reasons. Check the deny-scripts-reconfig configuration directive in your Sentinel configuration"
	ErrSentinelConfig   = "ERR Only SENTINEL CONFIG GET <option> / SET <option> <value> are supported."
	ErrSentinelConfName = "ERR Invalid argument '%s' to SENTINEL CONFIG SET"
	ErrSentinelConfVal  = "ERR Invalid value '%s' to SENTINEL CONFIG SET '%s'"
	ErrSentinelFailure  = "ERR Unknown failure simulation specified"
	ErrSentinelDebug    = "ERR Invalid argument '%s' for SENTINEL DEBUG '%s'"
	ErrSentinelDebugArg = "ERR Unknown option or number of arguments for SENTINEL DEBUG '%s'"
	ErrSentinelDown     = "NOQUORUM %d usable Sentinels. %s"
	ErrSentinelFlush    = "ERR The configuration cannot be written: see the log"
	// ErrSentinelForeign is Regent's own: a Sentinel that can watch anything has no use for it.
	ErrSentinelForeign = "ERR This Sentinel watches the nodes of its own cluster alone, and %s is none of them"
	ErrSentinelOnly    = "ERR This Sentinel watches the nodes of its own cluster: its last name cannot be removed"
)

// Of CLIENT TRACKING and CACHING.
const (
	ErrTrackingOne    = "ERR A client can only redirect to a single other client"
	ErrTrackingNobody = "ERR The client ID you want redirect to does not exist"
	ErrTrackingPrefix = "ERR PREFIX option requires BCAST mode to be enabled"
	ErrTrackingBcast  = "ERR You can't switch BCAST mode on/off before disabling tracking for this client, and then re-enabling it with a different mode."
	ErrTrackingBoth   = "ERR OPTIN and OPTOUT are not compatible with BCAST"
	ErrTrackingOpts   = "ERR You can't specify both OPTIN mode and OPTOUT mode"
	ErrTrackingSwitch = "ERR You can't switch OPTIN/OPTOUT mode before disabling tracking for this client, and then re-enabling it with a different mode."
	ErrTrackingOld    = "ERR Prefix '%s' overlaps with an existing prefix '%s'. Prefixes for a single client must not overlap."
	ErrTrackingNew    = "ERR Prefix '%s' overlaps with another provided prefix '%s'. Prefixes for a single client must not overlap."
	ErrCachingMode    = "ERR CLIENT CACHING can be called only when the client is in tracking mode with OPTIN or OPTOUT mode enabled"
	ErrCachingYes     = "ERR CLIENT CACHING YES is only valid when tracking is enabled in OPTIN mode."
	ErrCachingNo      = "ERR CLIENT CACHING NO is only valid when tracking is enabled in OPTOUT mode."
)

// Scripts. What a command called by a script is refused with has no code where Redis gives
// it none: the script sees it with ERR.
const (
	ErrNoScript         = "NOSCRIPT No matching script. Please use EVAL."
	ErrKeysNeg          = "ERR Number of keys can't be negative"
	ErrScriptCompile    = "ERR Error compiling script (new function): %s"
	ErrScriptTooLarge   = "ERR Error compiling script (new function): the script is too large"
	ErrShebangEngine    = "ERR Invalid engine in script shebang"
	ErrShebangOther     = "ERR Unexpected engine in script shebang: %s"
	ErrShebangFlag      = "ERR Unexpected flag in script shebang: %s"
	ErrShebangOption    = "ERR Unknown lua shebang option: %s"
	ErrShebangLine      = "ERR Invalid script shebang"
	ErrScriptFlush      = "ERR SCRIPT FLUSH only support SYNC|ASYNC option"
	ErrScriptDebug      = "ERR Use SCRIPT DEBUG YES/SYNC/NO"
	ErrScriptDebugAlone = "ERR SCRIPT DEBUG must be called outside a pipeline"
	ErrShardSubNested   = "ERR SSUBSCRIBE isn't allowed for a DENY BLOCKING client"
	ErrScriptNoDebug    = "ERR the Lua debugger is not supported"
	ErrNotBusy          = "NOTBUSY No scripts in execution right now."
	ErrUnkillable       = "UNKILLABLE Sorry the script already executed write commands against the dataset. You can either wait the script termination or kill the server in a hard way using the SHUTDOWN NOSAVE command."
	ErrBusyScript       = "BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE."
	ErrBusyFunction     = "BUSY Redis is busy running a script. You can only call FUNCTION KILL or SHUTDOWN NOSAVE."
	ErrScriptKilled     = "Script killed by user with SCRIPT KILL..."
	ErrScriptStrayed    = "Script attempted to access a key that is not among its KEYS"
	ErrScriptMemory     = "not enough memory"
	ErrScriptOOM        = "OOM allow-oom flag is not set on the script, can not run it when used memory > 'maxmemory'"
	ErrScriptCluster    = "ERR Can not run script on cluster, 'no-cluster' flag is set."
	ErrScriptRO         = "ERR Can not execute a script with write flag using *_ro command."
	ErrScriptReplica    = "ERR Can not run script with write flag on readonly replica"
	ErrScriptBgsave     = "MISCONF Redis is configured to save RDB snapshots, but it's currently unable to persist to disk. Writable scripts are blocked. Use 'no-writes' flag for read only scripts."
	ErrScriptMisconf    = "MISCONF Redis is configured to persist data to AOF, but it's currently unable to persist to disk. Writable scripts are blocked. Use 'no-writes' flag for read only scripts. AOF error: %s"

	ErrCallUnknown   = "Unknown Redis command called from script"
	ErrCallArity     = "Wrong number of args calling Redis command from script"
	ErrCallNoScript  = "This Redis command is not allowed from script"
	ErrCallReadOnly  = "Write commands are not allowed from read-only scripts."
	ErrCallElsewhere = "Script attempted to access a non local key in a cluster node"
)

// Functions. Those without a code are of loading a library, which files do as well; clients
// get them with ERR.
const (
	ErrLibraryName   = "ERR library name argument was not given"
	ErrNoFunction    = "ERR Function not found"
	ErrNoLibrary     = "ERR Library not found"
	ErrNumkeysBad    = "ERR Bad number of keys provided"
	ErrUnknownOption = "ERR Unknown option given: %s"
	ErrRestorePolicy = "ERR Wrong restore policy given, value should be either FLUSH, APPEND or REPLACE."

	ErrLibraryNoHeader  = "Missing library metadata"
	ErrLibraryHeader    = "Invalid library metadata"
	ErrLibraryNames     = "Invalid metadata value, name argument was given multiple times"
	ErrLibraryOption    = "Invalid metadata value given: %s"
	ErrLibraryNoName    = "Library name was not given"
	ErrLibraryNamed     = "Library names can only contain letters, numbers, or underscores(_) and must be at least one character long"
	ErrLibraryEngine    = "Engine '%s' not found"
	ErrLibraryExists    = "Library '%s' already exists"
	ErrLibraryThere     = "Library %s already exists" // of FUNCTION RESTORE
	ErrLibraryTooLarge  = "Error compiling function: the library is too large"
	ErrFunctionCompile  = "Error compiling function: %s"
	ErrFunctionRegister = "Error registering functions: %s"
	ErrFunctionExists   = "Function %s already exists"
	ErrFunctionTwice    = "Function already exists in the library"
	ErrNoFunctions      = "No functions registered"
	ErrLoadTime         = "FUNCTION LOAD timeout"
)

// What there is instead of commands of redis-server whose thing does not exist here.
const (
	ErrNoModules        = "ERR Modules are libraries of redis-server's own: Regent cannot load them"
	ErrReplicaofCluster = "ERR REPLICAOF not allowed in cluster mode."
	ErrNoReplicaof      = "ERR Nodes find their leader by themselves: name them all in peers, or copy the data with regent backup"
	ErrSlotsFixed       = "ERR The nodes hold all slots together: there are none to give, to move or to take away"
	ErrEpochFixed       = "ERR Epochs come from elections alone"
	ErrNoMeet           = "ERR A node is taken in with REGENT NODE ADD id@host:port, at the leader"
	ErrNoForget         = "ERR A node is taken out with REGENT NODE REMOVE id, at the leader"
	ErrNoReplicate      = "ERR Every node follows the leader by itself: CLUSTER FAILOVER makes this one the leader"
	ErrNoReset          = "ERR A node leaves when it is taken out with REGENT NODE REMOVE id, at the leader"
)

// Replicas that are no nodes.
const (
	ErrReplconf       = "ERR Unrecognized REPLCONF option: %s"
	ErrReplconfFilter = "ERR Unsupported rdb-filter-only option: %s"
	ErrReplconfRange  = "ERR value is out of range, value must between 0 and 1"
	ErrReplconfAddr   = "ERR REPLCONF ip-address provided by replica instance is too long: %d bytes"
	ErrNoMasterLink   = "NOMASTERLINK Can't SYNC while not connected with my master"
	ErrMostReplicas   = "ERR At most %d replicas that are no nodes are served at one time"
)
