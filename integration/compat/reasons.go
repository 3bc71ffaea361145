package main

import "strings"

// A reason explains failures of tests whose name begins with a text, or whose
// message holds one. Of a message the suite leaves out the first ten bytes: "ERR
// unknow" of an unknown command.
type reason struct {
	test, message, why string
	mode               mode // where harms is meant, "": everywhere
	harms              bool // the test waits for ever, or spoils those behind it: it is not run; test is all of its name
}

// What several reasons say.
const (
	missing   = "a command is not there yet"
	oneUnit   = "what a command does for a client that waited is one transaction with it in the stream"
	noSuite   = "the test asks for AES256-SHA256 by TLS 1.2, a suite without forward secrecy that Go's crypto/tls does not have"
	ownWords  = "the server's log has words of Regent's own"
	ownFiles  = "the log's files are named, numbered and removed as Regent's log needs it"
	beneath   = "a test before it has written through Regent: that record is in Regent's own file, behind the one that the suite replaces, and redis-check-aof cuts the last file alone"
	lines     = "between the log's records stand lines with checksums, which redis-server skips, and the test does not"
	switched  = "the files' numbers count on a test before it, which kills a child in the middle of a rewrite: there is none"
	noFork    = "the test looks at the child process that redis-server forks: there is none"
	debugger  = "the unit ends at SCRIPT DEBUG SYNC, which is not tested and not caught: there is no Lua debugger"
	goCrash   = "Go's runtime reports a crash, on standard error"
	unread    = "a client that does not read its replies has no more commands carried out when 256 KB wait: its output does not grow"
	forTests  = "redis-server's directives and DEBUG for its own tests are not there"
	clients   = "of clients' buffers only those of 32 KB and more count for `maxmemory`"
	byDefault = "without a line about it `appendonly` is yes, and then there are save points only where they are asked for"
	unsane    = "redis-server passes by its own end: with `sanitize-dump-payload no` it is to take a damaged value, and to end by an assertion or a panic when that is looked at. Regent refuses the value"
	// These two are tried once more by themselves.
	after     = "a test before it ended inside MULTI, or left a client that waits, since a command is not there yet"
	afterKeys = "a test before it left its keys, since a command is not there yet"
)

// reasons are looked through in their order.
var reasons = []reason{
	{test: "SWAPDB wants to wake blocked client, but the key already expired", harms: true, why: oneUnit},
	{test: "MULTI / EXEC with REPLICAOF", harms: true, why: "the election says which node follows which: there is no REPLICAOF"},
	{test: "For all replicated TTL-related commands, absolute expire times are identical on primary and replica", mode: own, harms: true, why: "the election says which node follows which: there is no REPLICAOF"},
	{test: "not enough good replicas state change during long script", mode: own, harms: true, why: "the election says which node follows which: there is no REPLICAOF"},
	{test: "INCRBYFLOAT: We can call scripts expanding client->argv from Lua", mode: own, harms: true, why: "what follows reads the log, which `appendonly no` leaves out"},
	{test: "TLS: Verify tls-cert-file is also used as a client cert if none specified", harms: true, why: "the election says which node follows which: there is no REPLICAOF"},
	{test: "TLS: Verify tls-ciphers behaves as expected", why: noSuite},
	{test: "TLS: Verify tls-prefer-server-ciphers behaves as expected", why: noSuite},
	{test: "CONFIG REWRITE handles save and shutdown properly", why: byDefault},
	{test: "CONFIG save params special case handled properly", why: byDefault},
	{test: "CONFIG REWRITE sanity", why: forTests},
	{test: "trim on SET with big value", why: "it is for servers whose allocator is jemalloc"},
	{test: "failed bgsave prevents writes", mode: own, harms: true, why: noFork},
	{test: "SRANDMEMBER with a dict containing long chain", mode: own, harms: true, why: "DEBUG HTSTATS-KEY shows redis-server's hash tables, which Regent's sets do not have"},
	{test: "config during loading", why: "`dir` can't be changed while the server runs, which is said whether it loads or not"},
	{test: "redis-server command line arguments - error cases", why: "what is wrong with the command line is told in Regent's own words, and there is no REPLICAOF"},
	{test: "CONFIG SET bind-source-addr", why: "the election says which node follows which: there is no REPLICAOF"},
	{test: "client total memory grows during client no-evict", mode: own, harms: true, why: unread},
	{test: "client total memory grows during maxmemory-clients disabled", mode: own, harms: true, why: unread},
	{test: "EVAL timeout with slow verbatim Lua script from AOF", why: "the test puts other bytes into the log's file under a running server: DEBUG LOADAOF loads what Regent has written, up to where it knows it to end"},
	{test: "Multi Part AOF can upgrade when when two redis share the same server dir (", why: "a data directory belongs to one server: its log is locked"},
	{test: "AOF rewrite doesn't open new aof", why: switched},
	{test: "AOF enable/disable auto gc", why: switched},
	{test: "AOF can produce consecutive sequence number", why: switched},
	{test: "Short read: Utility should be able to fix the AOF", why: beneath},
	{test: "Truncate AOF to specific timestamp", why: beneath},
	{test: "Multi Part AOF can create BASE", why: "a test before it has left a dump.rdb: Regent begins an empty log with that, and redis-server does not look at it"},
	{test: "AOF rewrite functions", why: "the test counts on a log that a test before it has turned off, behind a directive of redis-server's own tests: else FUNCTION FLUSH is in the log"},
	{test: "Turning off AOF kills the background writing child if any", why: ownWords},
	{test: "Disconnecting the replica from master", why: "the election says which node follows which: there is no REPLICAOF"},
	{test: "FUNCTION - creation is replicated", why: "the election says which node follows which: there is no REPLICAOF"},
	{test: "FUNCTION - call on replica", why: "the election says which node follows which: there is no REPLICAOF"},
	{test: "FUNCTION - restore is replicated", why: "the election says which node follows which: there is no REPLICAOF"},
	{test: "FUNCTION - delete on read only", why: "the election says which node follows which: there is no REPLICAOF"},
	{test: "FUNCTION - flush is replicated", why: "the election says which node follows which: there is no REPLICAOF"},
	{test: "FUNCTION - create on read only", why: "the election says which node follows which: there is no REPLICAOF"},
	{test: "FUNCTION - function effect is replicated", why: "the election says which node follows which: there is no REPLICAOF"},
	{test: "FUNCTION - modify key space of read only", why: "the election says which node follows which: there is no REPLICAOF"},
	{test: "FUNCTION - test replication to replica", why: "the election says which node follows which: there is no REPLICAOF"},
	{test: "FUNCTION can processes create, delete and flush commands in AOF", why: "the election says which node follows which: there is no REPLICAOF"},
	{test: "Generate timestamp annotations in AOF", why: lines},
	{test: "All time-to-live(TTL) in commands are propagated as absolute timestamp in milliseconds in AOF", why: lines},
	{test: "MULTI with FLUSHALL and AOF", why: lines},
	{test: "MULTI with BGREWRITEAOF", why: noFork},
	{test: "MULTI with config set appendonly", why: noFork},
	{test: "Don't rehash if redis has child process", why: noFork},
	{test: "Process title set as expected", why: "`proc-title-template` is taken and has no effect: the process keeps the title that it was started with"},
	{test: "expired key which is created in writeable replicas", why: "the election says which node follows which: there is no REPLICAOF"},
	{test: "Test when replica paused, offset would not grow", why: "the election says which node follows which: there is no REPLICAOF"},
	{test: "Replication of script multiple pushes to list with BLPOP", why: "the election says which node follows which: there is no REPLICAOF"},
	{test: "Lua scripts using SELECT are replicated correctly", why: "the election says which node follows which: there is no REPLICAOF"},
	{test: "Connect a replica to the master instance", why: "the election says which node follows which: there is no REPLICAOF"},
	{test: "Test selective replication of certain Redis commands from Lua", why: "the election says which node follows which: there is no REPLICAOF"},
	{test: "Using side effects is not a problem with command replication", why: "the election says which node follows which: there is no REPLICAOF"},
	{test: "'x' should be '4' for EVALSHA being replicated by effects", why: "the election says which node follows which: there is no REPLICAOF"},
	{test: "EVALSHA replication when first call is readonly", why: "the election says which node follows which: there is no REPLICAOF"},
	{test: "no-writes shebang flag on replica", why: "the election says which node follows which: there is no REPLICAOF"},
	{test: "allow-stale shebang flag", why: "the election says which node follows which: there is no REPLICAOF"},
	{test: "not enough good replicas", message: "not reached", why: debugger},
	{test: "Test scripting debug", why: debugger},
	{test: "Consistent eval error reporting", why: debugger},
	{test: "LUA redis.error_reply API", why: debugger},
	{test: "LUA redis.status_reply API", why: debugger},
	{test: "LUA test pcall", why: debugger},
	{test: "Shebang support for lua engine", why: debugger},
	{test: "Unknown shebang", why: debugger},
	{test: "allow-oom shebang flag", why: debugger},
	{test: "no-writes shebang flag", why: debugger},
	{test: "reject script do not cause a Lua stack leak", why: debugger},
	{test: "Test replica offset would grow after unpause", why: "the election says which node follows which: there is no REPLICAOF"},
	{test: "FLUSHDB / FLUSHALL should persist in AOF", why: lines},
	{test: "SHUTDOWN ABORT can cancel SIGTERM", why: forTests},
	{test: "Temp rdb will be deleted", why: forTests},
	{test: "Test child sending info", why: forTests},
	{test: "Server is able to generate a stack trace", why: goCrash},
	{test: "Crash report generated", why: goCrash},
	{test: "slave buffer are counted correctly", why: "the election says which node follows which: there is no REPLICAOF"},
	{test: "replica buffer don't induce eviction", why: "the election says which node follows which: there is no REPLICAOF"},
	{test: "BITFIELD: write on master, read on slave", why: "the election says which node follows which: there is no REPLICAOF"},
	{test: "BLMPOP propagate as pop", why: oneUnit},
	{test: "BZMPOP propagate as pop", why: oneUnit},
	{test: "MULTI + LPUSH + EXPIRE + DEBUG SLEEP", why: oneUnit},
	{test: "MULTI propagation of XREADGROUP", why: "XGROUP SETID says how many entries the group has read, which redis-server 7.0 leaves out and 7.2 writes"},
	{test: "No response for multi commands", why: "what the socket takes at once does not count for the limit"},
	{test: "Obuf limit, HRANDFIELD with huge count", why: "with repetition 16,777,216 fields are drawn at most: a count alone could ask for more than there is memory"},
	{test: "eviction due to", why: clients},
	{test: "client tracking don't cause eviction", why: clients},
	{message: "-key-save-delay", why: forTests},
	{message: "key-load-delay", why: forTests},
	{message: "aof-flush-sleep", why: forTests},
	{message: "expected error not found on config file", why: ownWords},
	{message: "expected message not found in log file", why: ownWords},
	{message: "count_message_lines", why: ownWords},
	{message: "crashed by signal", why: ownWords},
	{test: "Server should not start if RDB is corrupted", why: ownWords},
	{message: "ASSERTION FAILED", why: unsane},
	{test: "corrupt payload: hash listpack with duplicate records - convert", why: unsane},
	{test: "corrupt payload: fuzzer findings - infinite loop", why: unsane},
	{test: "corrupt payload: fuzzer findings - lpFind invalid access", why: "with `sanitize-dump-payload no` redis-server takes a hash whose last value reaches far behind the payload's end, and ends by an assertion at the HSETNX after it, at whose answer the test does not look. Regent refuses the value"},
	{test: "corrupt payload: fuzzer findings - negative reply length", why: unsane},
	{test: "corrupt payload: fuzzer findings - stream bad lp_count - unsanitized", why: unsane},
	{test: "corrupt payload: fuzzer findings - stream listpack lpPrev valgrind issue", why: unsane},
	{test: "corrupt payload: fuzzer findings - stream listpack valgrind issue", why: unsane},
	{test: "corrupt payload: fuzzer findings - stream with no records", why: unsane},
	{message: "aofmanifest.tcl", why: ownFiles},
	{test: "Fixed AOF", why: beneath},
	{test: "MULTI propagation of PUBLISH", why: "what is published goes from node to node over the peers' channel, and stands in no log"},
	{message: "nd their leader by themselves", why: "the election says which node follows which: there is no REPLICAOF"},
	{test: "CLUSTER RESET can not be invoke from within a script", why: "nodes come and go by REGENT NODE: there is no CLUSTER RESET"},
	{message: "n command '", why: missing},
	{message: "n subcommand '", why: missing},
	{message: "unknown command", why: missing},
	{message: `"dump": no such variable`, why: missing},
	{message: "lsearch $commands \"eval\"", why: missing},
	{message: "d command specified", why: missing},
	{test: "ZUNIONSTORE command is marked", why: after},
	{message: "movablekeys", why: missing},
	{message: "EXECABORT*BUSY*", why: missing},
	{test: "Test scripts are blocked by pause RO", why: missing},
	{test: "COMMAND GETKEYS MORE THAN 256 KEYS", why: after},
	{message: "to be equal to 'QUEUED'", why: after},
	{message: "but got 'QUEUED'", why: after},
	{message: "lsearch $commands \"set\"", why: after},
	{message: "calls can not be nested", why: after},
	{message: "inside MULTI is not allowed", why: after},
	{message: "not allowed inside a transaction", why: after},
	{test: "BLMPOP_LEFT when new key is moved into place", why: after},
	{test: "BLPOP: with 0.001 timeout", why: after},
	{test: "MOVE basic usage", why: afterKeys},
	{test: "CONFIG GET hidden configs", why: forTests},
	{test: "query buffer resized", why: "a connection that waits has no query buffer of its own: there is nothing to resize"},
	{test: "verify reply buffer limits", why: "a connection that waits has no reply buffer of its own: there is nothing to shrink"},
	{message: "ansaction is too large", why: "a script is one unit of the log, which holds as many records as a follower can take at once"},
	{test: "UNLINK can reclaim memory", why: "`used_memory` is what the data takes, 0 at first: it cannot be below twice that"},
	{message: "lazyfreed_objects", why: "what is unlinked is freed at once: there is no such count"},
	{test: "FLUSHDB ASYNC can reclaim memory", why: "as for UNLINK"},
}

// harmful are the tests that are not run.
func harmful(m mode) (names []string) {
	for _, r := range reasons {
		if r.harms && (r.mode == "" || r.mode == m) {
			names = append(names, r.test)
		}
	}
	return names
}

// reasonFor finds why a test does not pass, "" where nobody knows.
func reasonFor(test, message string) string {
	for _, r := range reasons {
		if r.test != "" && strings.HasPrefix(test, r.test) || r.message != "" && strings.Contains(message, r.message) {
			return r.why
		}
	}
	return ""
}
