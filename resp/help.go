package resp

// What HELP says of each container, a subcommand after the other, in redis-server 7.0's
// wording and order to the letter: tools and people compare it. The engine leaves out the
// subcommands that a table has not, and adds those that the text has not.
const (
	HelpACL = "" +
		"CAT [<category>]\n" +
		"    List all commands that belong to <category>, or all command categories\n" +
		"    when no category is specified.\n" +
		"DELUSER <username> [<username> ...]\n" +
		"    Delete a list of users.\n" +
		"DRYRUN <username> <command> [<arg> ...]\n" +
		"    Returns whether the user can execute the given command without executing the command.\n" +
		"GETUSER <username>\n" +
		"    Get the user's details.\n" +
		"GENPASS [<bits>]\n" +
		"    Generate a secure 256-bit user password. The optional `bits` argument can\n" +
		"    be used to specify a different size.\n" +
		"LIST\n" +
		"    Show users details in config file format.\n" +
		"LOAD\n" +
		"    Reload users from the ACL file.\n" +
		"LOG [<count> | RESET]\n" +
		"    Show the ACL log entries.\n" +
		"SAVE\n" +
		"    Save the current config to the ACL file.\n" +
		"SETUSER <username> <attribute> [<attribute> ...]\n" +
		"    Create or modify a user with the specified attributes.\n" +
		"USERS\n" +
		"    List all the registered usernames.\n" +
		"WHOAMI\n" +
		"    Return the current connection username."
	HelpClient = "" +
		"CACHING (YES|NO)\n" +
		"    Enable/disable tracking of the keys for next command in OPTIN/OPTOUT modes.\n" +
		"GETREDIR\n" +
		"    Return the client ID we are redirecting to when tracking is enabled.\n" +
		"GETNAME\n" +
		"    Return the name of the current connection.\n" +
		"ID\n" +
		"    Return the ID of the current connection.\n" +
		"INFO\n" +
		"    Return information about the current client connection.\n" +
		"KILL <ip:port>\n" +
		"    Kill connection made from <ip:port>.\n" +
		"KILL <option> <value> [<option> <value> [...]]\n" +
		"    Kill connections. Options are:\n" +
		"    * ADDR (<ip:port>|<unixsocket>:0)\n" +
		"      Kill connections made from the specified address\n" +
		"    * LADDR (<ip:port>|<unixsocket>:0)\n" +
		"      Kill connections made to specified local address\n" +
		"    * TYPE (NORMAL|MASTER|REPLICA|PUBSUB)\n" +
		"      Kill connections by type.\n" +
		"    * USER <username>\n" +
		"      Kill connections authenticated by <username>.\n" +
		"    * SKIPME (YES|NO)\n" +
		"      Skip killing current connection (default: yes).\n" +
		"LIST [options ...]\n" +
		"    Return information about client connections. Options:\n" +
		"    * TYPE (NORMAL|MASTER|REPLICA|PUBSUB)\n" +
		"      Return clients of specified type.\n" +
		"UNPAUSE\n" +
		"    Stop the current client pause, resuming traffic.\n" +
		"PAUSE <timeout> [WRITE|ALL]\n" +
		"    Suspend all, or just write, clients for <timeout> milliseconds.\n" +
		"REPLY (ON|OFF|SKIP)\n" +
		"    Control the replies sent to the current connection.\n" +
		"SETNAME <name>\n" +
		"    Assign the name <name> to the current connection.\n" +
		"UNBLOCK <clientid> [TIMEOUT|ERROR]\n" +
		"    Unblock the specified blocked client.\n" +
		"TRACKING (ON|OFF) [REDIRECT <id>] [BCAST] [PREFIX <prefix> [...]]\n" +
		"         [OPTIN] [OPTOUT] [NOLOOP]\n" +
		"    Control server assisted client side caching.\n" +
		"TRACKINGINFO\n" +
		"    Report tracking status for the current connection.\n" +
		"NO-EVICT (ON|OFF)\n" +
		"    Protect current client connection from eviction."
	HelpCluster = "" +
		"ADDSLOTS <slot> [<slot> ...]\n" +
		"    Assign slots to current node.\n" +
		"ADDSLOTSRANGE <start slot> <end slot> [<start slot> <end slot> ...]\n" +
		"    Assign slots which are between <start-slot> and <end-slot> to current node.\n" +
		"BUMPEPOCH\n" +
		"    Advance the cluster config epoch.\n" +
		"COUNT-FAILURE-REPORTS <node-id>\n" +
		"    Return number of failure reports for <node-id>.\n" +
		"COUNTKEYSINSLOT <slot>\n" +
		"    Return the number of keys in <slot>.\n" +
		"DELSLOTS <slot> [<slot> ...]\n" +
		"    Delete slots information from current node.\n" +
		"DELSLOTSRANGE <start slot> <end slot> [<start slot> <end slot> ...]\n" +
		"    Delete slots information which are between <start-slot> and <end-slot> from current node.\n" +
		"FAILOVER [FORCE|TAKEOVER]\n" +
		"    Promote current replica node to being a master.\n" +
		"FORGET <node-id>\n" +
		"    Remove a node from the cluster.\n" +
		"GETKEYSINSLOT <slot> <count>\n" +
		"    Return key names stored by current node in a slot.\n" +
		"FLUSHSLOTS\n" +
		"    Delete current node own slots information.\n" +
		"INFO\n" +
		"    Return information about the cluster.\n" +
		"KEYSLOT <key>\n" +
		"    Return the hash slot for <key>.\n" +
		"MEET <ip> <port> [<bus-port>]\n" +
		"    Connect nodes into a working cluster.\n" +
		"MYID\n" +
		"    Return the node id.\n" +
		"NODES\n" +
		"    Return cluster configuration seen by node. Output format:\n" +
		"    <id> <ip:port> <flags> <master> <pings> <pongs> <epoch> <link> <slot> ...\n" +
		"REPLICATE <node-id>\n" +
		"    Configure current node as replica to <node-id>.\n" +
		"RESET [HARD|SOFT]\n" +
		"    Reset current node (default: soft).\n" +
		"SET-CONFIG-EPOCH <epoch>\n" +
		"    Set config epoch of current node.\n" +
		"SETSLOT <slot> (IMPORTING <node-id>|MIGRATING <node-id>|STABLE|NODE <node-id>)\n" +
		"    Set slot state.\n" +
		"REPLICAS <node-id>\n" +
		"    Return <node-id> replicas.\n" +
		"SAVECONFIG\n" +
		"    Force saving cluster configuration on disk.\n" +
		"SLOTS\n" +
		"    Return information about slots range mappings. Each range is made of:\n" +
		"    start, end, master and replicas IP addresses, ports and ids\n" +
		"SHARDS\n" +
		"    Return information about slot range mappings and the nodes associated with them.\n" +
		"LINKS\n" +
		"    Return information about all network links between this node and its peers.\n" +
		"    Output format is an array where each array element is a map containing attributes of a link"
	HelpCommand = "" +
		"(no subcommand)\n" +
		"    Return details about all Redis commands.\n" +
		"COUNT\n" +
		"    Return the total number of commands in this Redis server.\n" +
		"LIST\n" +
		"    Return a list of all commands in this Redis server.\n" +
		"INFO [<command-name> ...]\n" +
		"    Return details about multiple Redis commands.\n" +
		"    If no command names are given, documentation details for all\n" +
		"    commands are returned.\n" +
		"DOCS [<command-name> ...]\n" +
		"    Return documentation details about multiple Redis commands.\n" +
		"    If no command names are given, documentation details for all\n" +
		"    commands are returned.\n" +
		"GETKEYS <full-command>\n" +
		"    Return the keys from a full Redis command.\n" +
		"GETKEYSANDFLAGS <full-command>\n" +
		"    Return the keys and the access flags from a full Redis command."
	HelpConfig = "" +
		"GET <pattern>\n" +
		"    Return parameters matching the glob-like <pattern> and their values.\n" +
		"SET <directive> <value>\n" +
		"    Set the configuration <directive> to <value>.\n" +
		"RESETSTAT\n" +
		"    Reset statistics reported by the INFO command.\n" +
		"REWRITE\n" +
		"    Rewrite the configuration file."
	HelpDebug = "" +
		"AOF-FLUSH-SLEEP <microsec>\n" +
		"    Server will sleep before flushing the AOF, this is used for testing.\n" +
		"ASSERT\n" +
		"    Crash by assertion failed.\n" +
		"CHANGE-REPL-ID\n" +
		"    Change the replication IDs of the instance.\n" +
		"    Dangerous: should be used only for testing the replication subsystem.\n" +
		"CONFIG-REWRITE-FORCE-ALL\n" +
		"    Like CONFIG REWRITE but writes all configuration options, including\n" +
		"    keywords not listed in original configuration file or default values.\n" +
		"CRASH-AND-RECOVER [<milliseconds>]\n" +
		"    Hard crash and restart after a <milliseconds> delay (default 0).\n" +
		"DIGEST\n" +
		"    Output a hex signature representing the current DB content.\n" +
		"DIGEST-VALUE <key> [<key> ...]\n" +
		"    Output a hex signature of the values of all the specified keys.\n" +
		"ERROR <string>\n" +
		"    Return a Redis protocol error with <string> as message. Useful for clients\n" +
		"    unit tests to simulate Redis errors.\n" +
		"LEAK <string>\n" +
		"    Create a memory leak of the input string.\n" +
		"LOG <message>\n" +
		"    Write <message> to the server log.\n" +
		"HTSTATS <dbid>\n" +
		"    Return hash table statistics of the specified Redis database.\n" +
		"HTSTATS-KEY <key>\n" +
		"    Like HTSTATS but for the hash table stored at <key>'s value.\n" +
		"LOADAOF\n" +
		"    Flush the AOF buffers on disk and reload the AOF in memory.\n" +
		"REPLICATE <string>\n" +
		"    Replicates the provided string to replicas, allowing data divergence.\n" +
		"MALLCTL <key> [<val>]\n" +
		"    Get or set a malloc tuning integer.\n" +
		"MALLCTL-STR <key> [<val>]\n" +
		"    Get or set a malloc tuning string.\n" +
		"OBJECT <key>\n" +
		"    Show low level info about `key` and associated value.\n" +
		"DROP-CLUSTER-PACKET-FILTER <packet-type>\n" +
		"    Drop all packets that match the filtered type. Set to -1 allow all packets.\n" +
		"OOM\n" +
		"    Crash the server simulating an out-of-memory error.\n" +
		"PANIC\n" +
		"    Crash the server simulating a panic.\n" +
		"POPULATE <count> [<prefix>] [<size>]\n" +
		"    Create <count> string keys named key:<num>. If <prefix> is specified then\n" +
		"    it is used instead of the 'key' prefix. These are not propagated to\n" +
		"    replicas. Cluster slots are not respected so keys not belonging to the\n" +
		"    current node can be created in cluster mode.\n" +
		"PROTOCOL <type>\n" +
		"    Reply with a test value of the specified type. <type> can be: string,\n" +
		"    integer, double, bignum, null, array, set, map, attrib, push, verbatim,\n" +
		"    true, false.\n" +
		"RELOAD [option ...]\n" +
		"    Save the RDB on disk and reload it back to memory. Valid <option> values:\n" +
		"    * MERGE: conflicting keys will be loaded from RDB.\n" +
		"    * NOFLUSH: the existing database will not be removed before load, but\n" +
		"      conflicting keys will generate an exception and kill the server.\n" +
		"    * NOSAVE: the database will be loaded from an existing RDB file.\n" +
		"    Examples:\n" +
		"    * DEBUG RELOAD: verify that the server is able to persist, flush and reload\n" +
		"      the database.\n" +
		"    * DEBUG RELOAD NOSAVE: replace the current database with the contents of an\n" +
		"      existing RDB file.\n" +
		"    * DEBUG RELOAD NOSAVE NOFLUSH MERGE: add the contents of an existing RDB\n" +
		"      file to the database.\n" +
		"RESTART [<milliseconds>]\n" +
		"    Graceful restart: save config, db, restart after a <milliseconds> delay (default 0).\n" +
		"SDSLEN <key>\n" +
		"    Show low level SDS string info representing `key` and value.\n" +
		"SEGFAULT\n" +
		"    Crash the server with sigsegv.\n" +
		"SET-ACTIVE-EXPIRE <0|1>\n" +
		"    Setting it to 0 disables expiring keys in background when they are not\n" +
		"    accessed (otherwise the Redis behavior). Setting it to 1 reenables back the\n" +
		"    default.\n" +
		"QUICKLIST-PACKED-THRESHOLD <size>\n" +
		"    Sets the threshold for elements to be inserted as plain vs packed nodes\n" +
		"    Default value is 1GB, allows values up to 4GB. Setting to 0 restores to default.\n" +
		"SET-SKIP-CHECKSUM-VALIDATION <0|1>\n" +
		"    Enables or disables checksum checks for RDB files and RESTORE's payload.\n" +
		"SLEEP <seconds>\n" +
		"    Stop the server for <seconds>. Decimals allowed.\n" +
		"STRINGMATCH-TEST\n" +
		"    Run a fuzz tester against the stringmatchlen() function.\n" +
		"STRUCTSIZE\n" +
		"    Return the size of different Redis core C structures.\n" +
		"LISTPACK <key>\n" +
		"    Show low level info about the listpack encoding of <key>.\n" +
		"QUICKLIST <key> [<0|1>]\n" +
		"    Show low level info about the quicklist encoding of <key>.\n" +
		"    The optional argument (0 by default) sets the level of detail\n" +
		"CLIENT-EVICTION\n" +
		"    Show low level client eviction pools info (maxmemory-clients).\n" +
		"PAUSE-CRON <0|1>\n" +
		"    Stop periodic cron job processing.\n" +
		"REPLYBUFFER PEAK-RESET-TIME <NEVER||RESET|time>\n" +
		"    Sets the time (in milliseconds) to wait between client reply buffer peak resets.\n" +
		"    In case NEVER is provided the last observed peak will never be reset\n" +
		"    In case RESET is provided the peak reset time will be restored to the default value\n" +
		"REPLYBUFFER RESIZING <0|1>\n" +
		"    Enable or disable the reply buffer resize cron job\n" +
		"CLUSTERLINK KILL <to|from|all> <node-id>\n" +
		"    Kills the link based on the direction to/from (both) with the provided node."
	HelpFunction = "" +
		"LOAD [REPLACE] <FUNCTION CODE>\n" +
		"    Create a new library with the given library name and code.\n" +
		"DELETE <LIBRARY NAME>\n" +
		"    Delete the given library.\n" +
		"LIST [LIBRARYNAME PATTERN] [WITHCODE]\n" +
		"    Return general information on all the libraries:\n" +
		"    * Library name\n" +
		"    * The engine used to run the Library\n" +
		"    * Library description\n" +
		"    * Functions list\n" +
		"    * Library code (if WITHCODE is given)\n" +
		"    It also possible to get only function that matches a pattern using LIBRARYNAME argument.\n" +
		"STATS\n" +
		"    Return information about the current function running:\n" +
		"    * Function name\n" +
		"    * Command used to run the function\n" +
		"    * Duration in MS that the function is running\n" +
		"    If no function is running, return nil\n" +
		"    In addition, returns a list of available engines.\n" +
		"KILL\n" +
		"    Kill the current running function.\n" +
		"FLUSH [ASYNC|SYNC]\n" +
		"    Delete all the libraries.\n" +
		"    When called without the optional mode argument, the behavior is determined by the\n" +
		"    lazyfree-lazy-user-flush configuration directive. Valid modes are:\n" +
		"    * ASYNC: Asynchronously flush the libraries.\n" +
		"    * SYNC: Synchronously flush the libraries.\n" +
		"DUMP\n" +
		"    Return a serialized payload representing the current libraries, can be restored using FUNCTION RESTORE command\n" +
		"RESTORE <PAYLOAD> [FLUSH|APPEND|REPLACE]\n" +
		"    Restore the libraries represented by the given payload, it is possible to give a restore policy to\n" +
		"    control how to handle existing libraries (default APPEND):\n" +
		"    * FLUSH: delete all existing libraries.\n" +
		"    * APPEND: appends the restored libraries to the existing libraries. On collision, abort.\n" +
		"    * REPLACE: appends the restored libraries to the existing libraries, On collision, replace the old\n" +
		"      libraries with the new libraries (notice that even on this option there is a chance of failure\n" +
		"      in case of functions name collision with another library)."
	HelpLatency = "" +
		"DOCTOR\n" +
		"    Return a human readable latency analysis report.\n" +
		"GRAPH <event>\n" +
		"    Return an ASCII latency graph for the <event> class.\n" +
		"HISTORY <event>\n" +
		"    Return time-latency samples for the <event> class.\n" +
		"LATEST\n" +
		"    Return the latest latency samples for all events.\n" +
		"RESET [<event> ...]\n" +
		"    Reset latency data of one or more <event> classes.\n" +
		"    (default: reset all data for all event classes)\n" +
		"HISTOGRAM [COMMAND ...]\n" +
		"    Return a cumulative distribution of latencies in the format of a histogram for the specified command names.\n" +
		"    If no commands are specified then all histograms are replied."
	HelpMemory = "" +
		"DOCTOR\n" +
		"    Return memory problems reports.\n" +
		"MALLOC-STATS\n" +
		"    Return internal statistics report from the memory allocator.\n" +
		"PURGE\n" +
		"    Attempt to purge dirty pages for reclamation by the allocator.\n" +
		"STATS\n" +
		"    Return information about the memory usage of the server.\n" +
		"USAGE <key> [SAMPLES <count>]\n" +
		"    Return memory in bytes used by <key> and its value. Nested values are\n" +
		"    sampled up to <count> times (default: 5, 0 means sample all)."
	HelpModule = "" +
		"LIST\n" +
		"    Return a list of loaded modules.\n" +
		"LOAD <path> [<arg> ...]\n" +
		"    Load a module library from <path>, passing to it any optional arguments.\n" +
		"LOADEX <path> [[CONFIG NAME VALUE] [CONFIG NAME VALUE]] [ARGS ...]\n" +
		"    Load a module library from <path>, while passing it module configurations and optional arguments.\n" +
		"UNLOAD <name>\n" +
		"    Unload a module."
	HelpObject = "" +
		"ENCODING <key>\n" +
		"    Return the kind of internal representation used in order to store the value\n" +
		"    associated with a <key>.\n" +
		"FREQ <key>\n" +
		"    Return the access frequency index of the <key>. The returned integer is\n" +
		"    proportional to the logarithm of the recent access frequency of the key.\n" +
		"IDLETIME <key>\n" +
		"    Return the idle time of the <key>, that is the approximated number of\n" +
		"    seconds elapsed since the last access to the key.\n" +
		"REFCOUNT <key>\n" +
		"    Return the number of references of the value associated with the specified\n" +
		"    <key>."
	HelpPubsub = "" +
		"CHANNELS [<pattern>]\n" +
		"    Return the currently active channels matching a <pattern> (default: '*').\n" +
		"NUMPAT\n" +
		"    Return number of subscriptions to patterns.\n" +
		"NUMSUB [<channel> ...]\n" +
		"    Return the number of subscribers for the specified channels, excluding\n" +
		"    pattern subscriptions(default: no channels).\n" +
		"SHARDCHANNELS [<pattern>]\n" +
		"    Return the currently active shard level channels matching a <pattern> (default: '*').\n" +
		"SHARDNUMSUB [<shardchannel> ...]\n" +
		"    Return the number of subscribers for the specified shard level channel(s)"
	HelpScript = "" +
		"DEBUG (YES|SYNC|NO)\n" +
		"    Set the debug mode for subsequent scripts executed.\n" +
		"EXISTS <sha1> [<sha1> ...]\n" +
		"    Return information about the existence of the scripts in the script cache.\n" +
		"FLUSH [ASYNC|SYNC]\n" +
		"    Flush the Lua scripts cache. Very dangerous on replicas.\n" +
		"    When called without the optional mode argument, the behavior is determined by the\n" +
		"    lazyfree-lazy-user-flush configuration directive. Valid modes are:\n" +
		"    * ASYNC: Asynchronously flush the scripts cache.\n" +
		"    * SYNC: Synchronously flush the scripts cache.\n" +
		"KILL\n" +
		"    Kill the currently executing Lua script.\n" +
		"LOAD <script>\n" +
		"    Load a script into the scripts cache without executing it."
	HelpSentinel = "" +
		"CKQUORUM <master-name>\n" +
		"    Check if the current Sentinel configuration is able to reach the quorum\n" +
		"    needed to failover a master and the majority needed to authorize the\n" +
		"    failover.\n" +
		"CONFIG SET <param> <value>\n" +
		"    Set a global Sentinel configuration parameter.\n" +
		"CONFIG GET <param>\n" +
		"    Get global Sentinel configuration parameter.\n" +
		"DEBUG [<param> <value> ...]\n" +
		"    Show a list of configurable time parameters and their values (milliseconds).\n" +
		"    Or update current configurable parameters values (one or more).\n" +
		"GET-MASTER-ADDR-BY-NAME <master-name>\n" +
		"    Return the ip and port number of the master with that name.\n" +
		"FAILOVER <master-name>\n" +
		"    Manually failover a master node without asking for agreement from other\n" +
		"    Sentinels\n" +
		"FLUSHCONFIG\n" +
		"    Force Sentinel to rewrite its configuration on disk, including the current\n" +
		"    Sentinel state.\n" +
		"INFO-CACHE <master-name>\n" +
		"    Return last cached INFO output from masters and all its replicas.\n" +
		"IS-MASTER-DOWN-BY-ADDR <ip> <port> <current-epoch> <runid>\n" +
		"    Check if the master specified by ip:port is down from current Sentinel's\n" +
		"    point of view.\n" +
		"MASTER <master-name>\n" +
		"    Show the state and info of the specified master.\n" +
		"MASTERS\n" +
		"    Show a list of monitored masters and their state.\n" +
		"MONITOR <name> <ip> <port> <quorum>\n" +
		"    Start monitoring a new master with the specified name, ip, port and quorum.\n" +
		"MYID\n" +
		"    Return the ID of the Sentinel instance.\n" +
		"PENDING-SCRIPTS\n" +
		"    Get pending scripts information.\n" +
		"REMOVE <master-name>\n" +
		"    Remove master from Sentinel's monitor list.\n" +
		"REPLICAS <master-name>\n" +
		"    Show a list of replicas for this master and their state.\n" +
		"RESET <pattern>\n" +
		"    Reset masters for specific master name matching this pattern.\n" +
		"SENTINELS <master-name>\n" +
		"    Show a list of Sentinel instances for this master and their state.\n" +
		"SET <master-name> <option> <value> [<option> <value> ...]\n" +
		"    Set configuration parameters for certain masters.\n" +
		"SIMULATE-FAILURE [CRASH-AFTER-ELECTION] [CRASH-AFTER-PROMOTION] [HELP]\n" +
		"    Simulate a Sentinel crash."
	HelpSlowlog = "" +
		"GET [<count>]\n" +
		"    Return top <count> entries from the slowlog (default: 10, -1 mean all).\n" +
		"    Entries are made of:\n" +
		"    id, timestamp, time in microseconds, arguments array, client IP and port,\n" +
		"    client name\n" +
		"LEN\n" +
		"    Return the length of the slowlog.\n" +
		"RESET\n" +
		"    Reset the slowlog."
	HelpXgroup = "" +
		"CREATE <key> <groupname> <id|$> [option]\n" +
		"    Create a new consumer group. Options are:\n" +
		"    * MKSTREAM\n" +
		"      Create the empty stream if it does not exist.\n" +
		"    * ENTRIESREAD entries_read\n" +
		"      Set the group's entries_read counter (internal use).\n" +
		"CREATECONSUMER <key> <groupname> <consumer>\n" +
		"    Create a new consumer in the specified group.\n" +
		"DELCONSUMER <key> <groupname> <consumer>\n" +
		"    Remove the specified consumer.\n" +
		"DESTROY <key> <groupname>\n" +
		"    Remove the specified group.\n" +
		"SETID <key> <groupname> <id|$> [ENTRIESREAD entries_read]\n" +
		"    Set the current group ID and entries_read counter."
	HelpXinfo = "" +
		"CONSUMERS <key> <groupname>\n" +
		"    Show consumers of <groupname>.\n" +
		"GROUPS <key>\n" +
		"    Show the stream consumer groups.\n" +
		"STREAM <key> [FULL [COUNT <count>]\n" +
		"    Show information about the stream."
)
