package engine

import (
	"fmt"
	"math"
	"slices"
	"strconv"

	"regent/resp"
)

// Commands about the server and its data as a whole. CONFIG is in
// server_config.go, INFO in server_info.go, DEBUG in server_debug.go, MEMORY
// in server_memory.go, SLOWLOG in slowlog.go, SAVE and its kind and SHUTDOWN in
// server_save.go.

func serverCommands() []Command {
	return slices.Concat(dataCommands(), processCommands(), saveCommands(), configCommands(), infoCommands(), debugCommands(), memoryCommands(), slowlogCommands(), lolwutCommands())
}

func flushArgs() []Arg {
	return []Arg{argOneOf("async", argWord("async", "ASYNC").since("4.0.0"), argWord("sync", "SYNC").since("6.2.0")).optional()}
}

// dataCommands see or change whole databases.
func dataCommands() []Command {
	return []Command{
		{
			Name: "dbsize", Arity: 1, Flags: ReadOnly | Fast, Cats: CatKeyspace, Group: GroupServer, Since: "1.0.0", Complex: "O(1)",
			Summary: "Counts the keys of the database.",
			Tips:    []string{"request_policy:all_shards", "response_policy:agg_sum"},
			Locks:   LockAll, Do: doDbsize,
		},
		{
			Name: "flushdb", Arity: -1, Flags: Write, Cats: CatKeyspace | CatDangerous, Group: GroupServer, Since: "1.0.0", Complex: "O(N) in the number of keys in the database",
			Summary: "Deletes every key of the database.",
			Tips:    []string{"request_policy:all_shards", "response_policy:all_succeeded"},
			Args:    flushArgs(), Locks: LockAll, Do: doFlushdb,
		},
		{
			Name: "flushall", Arity: -1, Flags: Write, Cats: CatKeyspace | CatDangerous, Group: GroupServer, Since: "1.0.0", Complex: "O(N) in the number of keys in all databases",
			Summary: "Deletes every key of every database.",
			Tips:    []string{"request_policy:all_shards", "response_policy:all_succeeded"},
			Args:    flushArgs(), Locks: LockAll, Do: doFlushall,
		},
		{
			Name: "swapdb", Arity: 3, Flags: Write | Fast, Cats: CatKeyspace | CatDangerous, Group: GroupServer, Since: "4.0.0", Complex: "O(1)",
			Summary: "Exchanges two databases.",
			Args:    []Arg{arg("index1", "integer"), arg("index2", "integer")},
			Locks:   LockAll, Do: doSwapdb,
		},
	}
}

// processCommands are about the process and its part in the cluster.
func processCommands() []Command {
	return []Command{
		{
			Name: "time", Arity: 1, Flags: Loading | Stale | Fast, Group: GroupServer, Since: "2.6.0", Complex: "O(1)",
			Summary: "Returns the server's time: seconds since 1970 and microseconds.",
			Tips:    []string{"nondeterministic_output"},
			Do:      doTime,
		},
		{
			Name: "role", Arity: 1, Flags: NoScript | Loading | Stale | Fast, Cats: CatAdmin | CatDangerous, Group: GroupServer, Since: "2.8.12", Complex: "O(1)",
			Summary: "Returns this node's part in replication.",
			Do:      doRole,
		},
	}
}

func doDbsize(c *Ctx) { c.W.Int(c.E.dbSize(c.S.DB)) }

// flushMode takes ASYNC and SYNC alike: giving the memory back takes no time
// here. false: the error was written.
func (c *Ctx) flushMode() bool {
	if len(c.Args) == 1 || len(c.Args) == 2 && (equalFold(c.Args[1], "async") || equalFold(c.Args[1], "sync")) {
		return true
	}
	c.Err(resp.ErrSyntax)
	return false
}

func doFlushdb(c *Ctx) {
	if !c.flushMode() {
		return
	}
	c.CountChanges(c.E.flush(c.S.DB))
	c.Propagate([]byte("FLUSHDB"))
	c.W.OK()
}

func doFlushall(c *Ctx) {
	if !c.flushMode() {
		return
	}
	c.CountChanges(c.E.flush(-1))
	c.Propagate([]byte("FLUSHALL"))
	c.saveFlushed()
}

func doSwapdb(c *Ctx) {
	var db [2]int64
	for i, what := range []string{"first", "second"} {
		n, ok := parseInt(c.Args[i+1])
		if !ok || n < math.MinInt32 || n > math.MaxInt32 {
			c.Err(fmt.Sprintf(resp.ErrSwapIndex, what))
			return
		}
		db[i] = n
	}
	for _, n := range db {
		if n < 0 || n >= int64(c.E.databases()) {
			c.Err(resp.ErrDBRange)
			return
		}
	}
	c.E.swapDB(int(db[0]), int(db[1]))
	c.swapped(int(db[0]), int(db[1]))
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
	v := c.E.cluster.View()
	if v.Leading {
		c.roleLeader(v)
		return
	}
	host, port := v.master()
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
	c.W.Int(c.E.logEnd())
}

func (c *Ctx) roleLeader(v *View) {
	c.W.Array(3)
	c.W.BulkString("master")
	c.W.Int(c.E.logEnd())
	up := v.followers()
	c.W.Array(len(up))
	for _, n := range up {
		c.W.Array(3)
		c.W.BulkString(n.Host)
		c.W.BulkString(strconv.Itoa(n.Port))
		c.W.BulkInt(n.Offset)
	}
}

// followers are the other nodes that are up.
func (v *View) followers() (out []*NodeView) {
	for i := range v.Nodes {
		if n := &v.Nodes[i]; !n.Myself && n.Up {
			out = append(out, n)
		}
	}
	return out
}

// logEnd is the offset after the log's last record, 0 without a log.
func (e *Engine) logEnd() int64 {
	if e.log == nil {
		return 0
	}
	return e.log.End()
}
