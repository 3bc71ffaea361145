package engine

import (
	"fmt"
	"math"
	"slices"
	"strconv"

	"regent/engine/decimal"
	"regent/engine/spec"
	"regent/resp"
)

// Commands about the server and its data as a whole. CONFIG is in
// server_config.go, INFO in server_info.go, DEBUG in server_debug.go, MEMORY
// in server_memory.go, SLOWLOG in slowlog.go, LATENCY in latency.go, SAVE and its kind and SHUTDOWN in
// server_save.go.

func serverCommands() []Command {
	return slices.Concat(dataCommands(), processCommands(), saveCommands(), configCommands(), infoCommands(), debugCommands(), memoryCommands(), slowlogCommands(), latencyCommands(), monitorCommands(), absentCommands())
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
	v := c.e.toldView()
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
	if e.log == nil {
		return 0
	}
	return e.log.End()
}
