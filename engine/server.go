package engine

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"regent/engine/config"
	"regent/engine/decimal"
	"regent/engine/glob"
	"regent/engine/spec"
	"regent/resp"
)

// Commands about the server and its data as a whole. CONFIG is
// below, INFO in server_info.go, DEBUG in server_debug.go, MEMORY
// in server_memory.go, SLOWLOG in slowlog.go, LATENCY in latency.go, SAVE and its kind and SHUTDOWN in
// server_save.go.

func serverCommands() []Command {
	return slices.Concat(dataCommands(), processCommands(), saveCommands(), configCommands(), infoCommands(), debugCommands(), memoryCommands(), slowlogCommands(), latencyCommands(), monitorCommands(), absentCommands(), replicaCommands())
}

func flushArgs() spec.Args {
	return spec.Args{spec.OneOf("async", spec.Word("async", "ASYNC").Added("4.0.0"), spec.Word("sync", "SYNC").Added("6.2.0")).Opt()}
}

// dataCommands see or change whole databases.
func dataCommands() []Command {
	return []Command{
		{Do: doDbsize, Locks: LockEach, Command: spec.Command{
			Name: "dbsize", Arity: 1, Flags: spec.ReadOnly | spec.Fast, Cats: spec.CatKeyspace, Since: "1.0.0", Complex: "O(1)",
			Summary: "Counts the keys of the database.",
			Tips:    []string{"request_policy:all_shards", "response_policy:agg_sum"},
		}},
		{Do: doFlushdb, Locks: LockAll, Command: spec.Command{
			Name: "flushdb", Arity: -1, Flags: spec.Write, Cats: spec.CatKeyspace | spec.CatDangerous, Since: "1.0.0", Complex: "O(N) in the number of keys in the database",
			Summary: "Deletes every key of the database.",
			Tips:    []string{"request_policy:all_shards", "response_policy:all_succeeded"},
			Args:    flushArgs(),
		}},
		{Do: doFlushall, Locks: LockAll, Command: spec.Command{
			Name: "flushall", Arity: -1, Flags: spec.Write, Cats: spec.CatKeyspace | spec.CatDangerous, Since: "1.0.0", Complex: "O(N) in the number of keys in all databases",
			Summary: "Deletes every key of every database.",
			Tips:    []string{"request_policy:all_shards", "response_policy:all_succeeded"},
			Args:    flushArgs(),
		}},
		{Do: doSwapdb, Locks: LockAll, Command: spec.Command{
			Name: "swapdb", Arity: 3, Flags: spec.Write | spec.Fast, Cats: spec.CatKeyspace | spec.CatDangerous, Since: "4.0.0", Complex: "O(1)",
			Summary: "Exchanges two databases.",
			Args:    spec.Args{spec.Integer("index1"), spec.Integer("index2")},
		}},
	}
}

// processCommands are about the process and its part in the cluster.
func processCommands() []Command {
	return []Command{
		{Do: doTime, Command: spec.Command{
			Name: "time", Arity: 1, Flags: spec.Loading | spec.Stale | spec.Fast, Since: "2.6.0", Complex: "O(1)",
			Summary: "Returns the server's time: seconds since 1970 and microseconds.",
			Tips:    []string{"nondeterministic_output"},
		}},
		{Do: doRole, Command: spec.Command{
			Name: "role", Arity: 1, Flags: spec.NoScript | spec.Loading | spec.Stale | spec.Fast, Cats: spec.CatAdmin | spec.CatDangerous, Since: "2.8.12", Complex: "O(1)",
			Summary: "Returns this node's part in replication.",
		}},
	}
}

func doDbsize(c *Ctx) { c.W.Int(c.countKeys()) }

// flushMode takes ASYNC and SYNC alike: giving the memory back takes no time
// here. false: the error was written.
func (c *Ctx) flushMode() bool {
	if len(c.Args) == 1 || len(c.Args) == 2 && (spec.EqualFold(c.Args[1], "async") || spec.EqualFold(c.Args[1], "sync")) {
		return true
	}
	c.Err(resp.ErrSyntax)
	return false
}

func doFlushdb(c *Ctx) {
	if !c.flushMode() {
		return
	}
	c.PropagateN(c.e.flush(c.s.db), []byte("FLUSHDB"))
	c.emptied(c.s.db)
	c.W.OK()
}

func doFlushall(c *Ctx) {
	if !c.flushMode() {
		return
	}
	c.PropagateN(c.e.flush(-1), []byte("FLUSHALL"))
	c.emptied(-1)
	c.saveFlushed()
}

func doSwapdb(c *Ctx) {
	var db [2]int64
	for i, what := range []string{"first", "second"} {
		n, ok := decimal.Parse(c.Args[i+1])
		if !ok || n < math.MinInt32 || n > math.MaxInt32 {
			c.Err(fmt.Sprintf(resp.ErrSwapIndex, what))
			return
		}
		db[i] = n
	}
	for _, n := range db {
		if n < 0 || n >= int64(c.e.databases()) {
			c.Err(resp.ErrDBRange)
			return
		}
	}
	if db[0] != db[1] { // no key has changed otherwise; a log says it all the same, as redis-server's
		c.e.swapDB(int(db[0]), int(db[1]))
		c.swapped(int(db[0]), int(db[1]))
	}
	c.PropagateSelf()
	c.W.OK()
}

func doTime(c *Ctx) {
	c.W.Array(2)
	c.W.BulkInt(c.Now / 1000)
	c.W.BulkInt(c.Now % 1000 * 1000)
}

// doRole answers as a Redis master or replica (replication.c, roleCommand).
func doRole(c *Ctx) {
	v := c.e.toldView().toward(c.s.TLS)
	if v.Leading {
		c.roleLeader(v)
		return
	}
	host, port := v.master(c.s.face)
	state := "connect"
	switch {
	case v.LinkUp:
		state = "connected"
	case v.SyncProgress:
		state = "sync"
	}
	c.W.Array(5)
	c.W.BulkString("slave")
	c.W.BulkString(host)
	c.W.Int(int64(port))
	c.W.BulkString(state)
	c.W.Int(c.e.logEnd())
}

func (c *Ctx) roleLeader(v *View) {
	c.W.Array(3)
	c.W.BulkString("master")
	c.W.Int(c.e.logEnd())
	up := v.Followers()
	c.W.Array(len(up))
	for _, n := range up {
		c.W.Array(3)
		host, port, _ := n.At(c.s.face)
		c.W.BulkString(host)
		c.W.BulkString(strconv.Itoa(port))
		c.W.BulkInt(n.Offset)
	}
}

// logEnd is the offset after the log's last record, 0 without a log.
func (e *Engine) logEnd() int64 {
	if log := e.log(); log != nil {
		return log.End()
	}
	return 0
}

// CONFIG: what engine/config knows, as clients see it.

func configCommands() []Command {
	const flags = spec.Admin | spec.NoScript | spec.Loading | spec.Stale
	return []Command{{Help: resp.HelpConfig, Command: spec.Command{
		Name: "config", Arity: -2, Since: "2.0.0", Complex: "Depends on subcommand.",
		Summary: "Reads and changes the configuration.",
	}, Subs: []Command{
		{Do: doConfigGet, Command: spec.Command{
			Name: "get", Arity: -3, Flags: flags, Since: "2.0.0", Complex: "O(N) in the number of directives",
			Summary: "Returns the directives that match any of the patterns.",
			Args:    spec.Args{spec.Block("parameter", spec.String("parameter")).Many()},
		}},
		{Do: doConfigSet, Aside: configWaits, Command: spec.Command{
			Name: "set", Arity: -4, Flags: flags, Since: "2.0.0", Complex: "O(N) in the number of directives",
			Summary: "Changes directives, all or none of them.",
			Tips:    []string{"request_policy:all_nodes", "response_policy:all_succeeded"},
			Args:    spec.Args{spec.Block("parameter_value", spec.String("parameter"), spec.String("value")).Many()},
			Secrets: configSecrets,
		}},
		{Do: func(c *Ctx) { c.e.stats.reset(); c.tally.forget(); c.W.OK() }, Command: spec.Command{
			Name: "resetstat", Arity: 2, Flags: flags, Since: "2.0.0", Complex: "O(1)",
			Summary: "Sets the statistics of INFO back to 0.",
		}},
		{Do: doConfigRewrite, Aside: Always, Command: spec.Command{
			Name: "rewrite", Arity: 2, Flags: flags, Since: "2.8.0", Complex: "O(1)",
			Summary: "Writes the configuration in force back into its file.",
		}},
		HelpCommand(spec.Loading|spec.Stale, "5.0.0"),
	}}}
}

func doConfigGet(c *Ctx) {
	if name := string(c.Args[2]); len(c.Args) == 3 && !strings.ContainsAny(name, globSigns) {
		value, ok := c.e.Config.Lookup(name) // as nearly all ask: not all directives are looked at
		if !ok {
			c.W.Map(0)
			return
		}
		c.W.Map(1)
		c.W.BulkString(name)
		c.W.BulkString(c.atFace(name, value))
		return
	}
	var found [][2]string
	patterns := make([]string, len(c.Args)-2)
	signs := make([]bool, len(patterns)) // it is a pattern, not a name
	for i := range patterns {
		patterns[i] = spec.Lower(string(c.Args[2+i]))
		signs[i] = strings.ContainsAny(patterns[i], globSigns)
	}
	asked := func(name string, hidden bool) (as string, ok bool) {
		for i, p := range patterns {
			if p == name {
				return string(c.Args[2+i]), true // as it was asked for
			}
			if signs[i] && !hidden && glob.Match([]byte(p), []byte(name)) {
				return name, true
			}
		}
		return "", false
	}
	c.e.Config.EachAsked(asked, func(name, value string) { found = append(found, [2]string{name, value}) })
	c.W.Map(len(found))
	for _, pair := range found {
		c.W.BulkString(pair[0])
		c.W.BulkString(c.atFace(pair[0], pair[1]))
	}
}

// atFace is a directive's value as the client's face shows it: whether there is a cluster, as INFO says.
func (c *Ctx) atFace(name, value string) string {
	switch {
	case !strings.EqualFold(name, "cluster-enabled"):
		return value
	case c.ClusterFace():
		return "yes"
	}
	return "no"
}

// globSigns are what makes a word a pattern.
const globSigns = `*?[\`

func doConfigSet(c *Ctx) {
	if len(c.Args)%2 != 0 {
		c.Err(resp.ErrSyntax)
		return
	}
	pairs := make([]string, 0, len(c.Args)-2)
	for _, a := range c.Args[2:] {
		pairs = append(pairs, string(a))
	}
	if c.e.load.on.Load() && c.e.waitsForLoad(pairs) {
		c.Err(resp.ErrLoading)
		return
	}
	was := c.e.Config.Now(pairs)
	err := c.e.Config.Set(pairs, c.s.isTrustedBy(&c.e.Config.EnableProtectedConfigs))
	var bad *config.SetError
	switch {
	case err == nil && c.applies(pairs, was):
	case err == nil:
		c.applied(pairs)
		c.W.OK()
	case errors.As(err, &bad) && bad.Unknown:
		c.Err(fmt.Sprintf(resp.ErrConfigUnknown, Clip([]byte(bad.Name), len(bad.Name))))
	case errors.As(err, &bad):
		c.Err(fmt.Sprintf(resp.ErrConfigSet, bad.Name, bad.Why))
	}
}

// applies has what needs more than another value be done by another goroutine, files be read or ports
// opened; false: there is nothing of that. What cannot be done is taken back, with all that was set
// along with it.
func (c *Ctx) applies(pairs, was []string) bool {
	e := c.e
	tls, moves := "", changedAmong(pairs, was, e.Config.Moves)
	if e.Config.SpeaksTLS() {
		tls = tlsAmong(pairs)
	}
	keeps := changedAmong(pairs, was, isAppendOnly)
	switch {
	case tls == "" && moves == "" && keeps == "":
		return false
	case c.nested && tls == "" && moves == "":
		e.keepLater(was)
		return false
	case c.nested && !c.waitsAside(): // of a script: it cannot wait
		_ = e.Config.Set(was, true)
		c.Err(resp.ErrNoMulti)
		return true
	}
	nested := c.nested
	var failed error // what the client is told
	work := func() error {
		if moves != "" {
			if err := e.control.Listen(); err != nil {
				failed = fmt.Errorf(resp.ErrConfigSet, moves, notListening(moves))
				return err
			}
		}
		if tls != "" {
			if err := e.control.ReloadTLS(); err != nil {
				failed = fmt.Errorf(resp.ErrConfigSet, tls, err)
				return err
			}
		}
		switch {
		case keeps == "":
		case nested:
			e.keepLater(was)
		default:
			if err := e.control.KeepLog(e.Config.AppendOnly.Get()); err != nil {
				failed = fmt.Errorf(resp.ErrConfigSet, keeps, "Unable to turn on AOF. Check server logs.")
				return err
			}
		}
		return nil
	}
	undo := func() error {
		err := work()
		if err == nil {
			return nil
		}
		_ = e.Config.Set(was, true) // it was so before
		if tls != "" && keeps != "" {
			_ = e.control.ReloadTLS() // they were good
		}
		if moves != "" {
			if again := e.control.Listen(); again != nil {
				e.host.Logf(LevelWarning, "CONFIG SET: %v, and going back: %v", err, again)
			}
		}
		return err
	}
	c.InBackground(undo, func(c *Ctx, err error) {
		if err != nil {
			e.host.Logf(LevelWarning, "CONFIG SET failed: %v", err)
			c.Err(failed.Error())
			return
		}
		c.applied(pairs)
		c.W.OK()
	})
	return true
}

// waitsForLoad reports whether pairs say if there is a log, which stays while it is loaded.
func (e *Engine) waitsForLoad(pairs []string) bool {
	for i := 0; i < len(pairs); i += 2 {
		if isAppendOnly(pairs[i]) {
			return true
		}
		if _, ok := e.Config.Lookup(pairs[i]); !ok {
			return false // that is the error
		}
	}
	return false
}

func isAppendOnly(name string) bool { return strings.EqualFold(name, "appendonly") }

// configWaits reports whether CONFIG SET reads files or opens ports.
func configWaits(c *Ctx) bool {
	for i := 2; i < len(c.Args); i += 2 {
		if name := string(c.Args[i]); c.e.Config.Moves(name) || config.AppliesTLS(name) {
			return true
		}
	}
	return false
}

// keepLater has the log begun or ended for a transaction, which cannot wait for that.
func (e *Engine) keepLater(was []string) {
	if e.Config.AppendOnly.Get() {
		e.host.Logf(LevelWarning, "AOF was enabled during a transaction. An AOF background was scheduled to start when possible.")
	}
	e.host.AfterFunc(0, func() {
		if err := e.control.KeepLog(e.Config.AppendOnly.Get()); err != nil {
			_ = e.Config.Set(was, true)
			e.host.Logf(LevelWarning, "CONFIG SET failed: %v", err)
		}
	})
}

// notListening is what redis-server says of a directive whose address it cannot listen at.
func notListening(name string) string {
	if strings.EqualFold(name, "bind") {
		return "Failed to bind to specified addresses."
	}
	return "Unable to listen on this port. Check server logs."
}

// changedAmong is the first directive of pairs that is one of those asked for and had another value;
// "": none.
func changedAmong(pairs, was []string, asked func(name string) bool) string {
	for i := 0; i+1 < len(pairs); i += 2 {
		if asked(pairs[i]) && was[i+1] != pairs[i+1] {
			return pairs[i]
		}
	}
	return ""
}

// tlsAmong is the first directive of pairs that changes certificates or what is spoken; "":
// none.
func tlsAmong(pairs []string) string {
	for i := 0; i < len(pairs); i += 2 {
		if config.AppliesTLS(pairs[i]) {
			return pairs[i]
		}
	}
	return ""
}

// applied is what follows from directives that were set.
func (c *Ctx) applied(pairs []string) {
	c.e.warnOfMemory(pairs)
	c.e.followPassword(pairs)
	c.e.limitTracked() // at once: the readers are told before the replies to what they say next
}

// warnOfMemory says in the log that maxmemory was set below what is used.
func (e *Engine) warnOfMemory(pairs []string) {
	named := false
	for i := 0; i < len(pairs); i += 2 {
		named = named || strings.EqualFold(pairs[i], "maxmemory")
	}
	limit, used := e.Config.MaxMemory.Get(), e.countedMemory()
	if named && limit > 0 && used > limit {
		e.host.Logf(LevelWarning, "WARNING: the new maxmemory value set via CONFIG SET (%d) is smaller than the current memory usage (%d). "+
			"This will result in key eviction and/or the inability to accept new write commands depending on the maxmemory-policy.", limit, used)
	}
}

// followPassword has the default user take a requirepass that was set.
func (e *Engine) followPassword(pairs []string) {
	for i := 0; i < len(pairs); i += 2 {
		if strings.EqualFold(pairs[i], "requirepass") || strings.EqualFold(pairs[i], "requirepass-file") {
			e.TakePassword()
		}
	}
}

// TakePassword has the default user take requirepass as it is now.
func (e *Engine) TakePassword() { setPassword(e.accounts.users, e.Config.RequirePass.Get()) }

// configSecrets are the values of secret directives.
func configSecrets(hidden func(directive string) bool, args [][]byte) (at []int) {
	for i := 2; i+1 < len(args); i += 2 {
		if hidden(string(args[i])) {
			at = append(at, i+1)
		}
	}
	return at
}

// doConfigRewrite leaves the disk to another goroutine.
func doConfigRewrite(c *Ctx) {
	if c.e.configFile == "" {
		c.Err(resp.ErrNoConfigFile)
		return
	}
	c.InBackground(c.e.control.RewriteConfig, func(c *Ctx, err error) {
		if err != nil {
			c.e.host.Logf(LevelWarning, "CONFIG REWRITE failed: %v", err)
			c.Err(fmt.Sprintf(resp.ErrConfigRewrite, err))
			return
		}
		c.e.host.Logf(LevelNotice, "CONFIG REWRITE executed with success.")
		c.W.OK()
	})
}
