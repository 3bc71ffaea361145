package engine

import (
	"strconv"
	"strings"

	"regent/engine/spec"
	"regent/resp"
)

// MEMORY: what the dictionaries hold, and the process around them.

func memoryCommands() []Command {
	return []Command{{Help: resp.HelpMemory, Command: spec.Command{
		Name: "memory", Arity: -2, Since: "4.0.0", Complex: "Depends on subcommand.",
		Summary: "Tells what takes how much memory.",
	}, Subs: []Command{
		{Do: doMemoryUsage, Command: spec.Command{
			Name: "usage", Arity: -3, Flags: spec.ReadOnly, Since: "4.0.0", Complex: "O(1) for strings, O(N) in the samples for other types",
			Summary: "Returns the bytes that a key and its value take.",
			Keys:    spec.Keys{spec.One(2, spec.KeyRO)},
			Args:    spec.Args{spec.Key("key", 0), spec.Integer("count").With("SAMPLES").Opt()},
		}},
		{Do: doMemoryDoctor, Command: spec.Command{
			Name: "doctor", Arity: 2, Since: "4.0.0", Complex: "O(1)",
			Summary: "Looks for something wrong with the memory.",
			Tips:    []string{"nondeterministic_output", "request_policy:all_shards", "response_policy:special"},
		}},
		{Do: doMemoryPurge, Command: spec.Command{
			Name: "purge", Arity: 2, Since: "4.0.0", Complex: "Depends on how much memory can be given back.",
			Summary: "Gives memory that is not needed back to the system.",
			Tips:    []string{"request_policy:all_shards", "response_policy:all_succeeded"},
		}},
		{Do: doMemoryStats, Command: spec.Command{
			Name: "stats", Arity: 2, Since: "4.0.0", Complex: "O(1)",
			Summary: "Returns what takes how much memory, in bytes.",
			Tips:    []string{"nondeterministic_output", "request_policy:all_shards", "response_policy:special"},
		}},
		{Do: func(c *Ctx) { c.W.BulkString("Stats not supported for the current allocator") }, Command: spec.Command{
			Name: "malloc-stats", Arity: 2, Since: "4.0.0", Complex: "O(1)",
			Summary: "Returns the statistics of the memory allocator, if it has any.",
			Tips:    []string{"nondeterministic_output", "request_policy:all_shards", "response_policy:special"},
			// Redis's answer without jemalloc; the slabs are in MEMORY STATS.
		}},
		HelpCommand(spec.Loading|spec.Stale, "4.0.0"),
	}}}
}

// doMemoryPurge gives back what large values have left, and leaves that and the collector's work to another goroutine.
func doMemoryPurge(c *Ctx) {
	e := c.e
	free := func() error {
		e.spans.Purge()
		e.control.FreeMemory()
		return nil
	}
	if c.nested { // it cannot wait, and nobody can tell when it is done
		if e.purging.CompareAndSwap(false, true) {
			e.host.AfterFunc(0, func() {
				e.purging.Store(false)
				_ = free()
			})
		}
		c.W.OK()
		return
	}
	c.InBackground(free, func(c *Ctx, _ error) { c.W.OK() })
}

func doMemoryUsage(c *Ctx) {
	for i := 3; i < len(c.Args); i += 2 {
		if !spec.EqualFold(c.Args[i], "samples") || i+1 == len(c.Args) {
			c.Err(resp.ErrSyntax)
			return
		}
		n, ok := c.IntArg(c.Args[i+1])
		if !ok {
			return
		}
		if n < 0 {
			c.Err(resp.ErrSyntax)
			return
		}
	}
	en := c.Peek(c.Args[2])
	if !en.OK() {
		c.W.Null()
		return
	}
	c.W.Int(en.d.EntryBytes(en.ref))
}

// doMemoryStats has Redis's names where there is something behind them. Total
// is what maxmemory bounds; heap is the process's own, buffers in it.
func doMemoryStats(c *Ctx) {
	e := c.e
	used, data, usage, keys := e.countedMemory(), e.usedMemory(), e.control.Usage(), int64(0)
	held := e.countKeys()
	dbs := 0
	for _, n := range held {
		if keys += n; n > 0 {
			dbs++
		}
	}
	e.notePeak(used)
	peak := e.stats.peak.Load()
	perKey := int64(0)
	if keys > 0 {
		perKey = data / keys
	}
	buffers, beyond := e.sumClients().buffers, usage.Resident-used
	var code int64
	if e.libraries != nil {
		code = e.libraries.Bytes()
	}
	c.W.Map(28 + dbs)
	number := func(name string, n int64) { c.W.BulkString(name); c.W.Int(n) }
	share := func(name string, f float64) { c.W.BulkString(name); c.W.Double(f) }
	number("peak.allocated", peak)
	number("total.allocated", used)
	number("startup.allocated", 0)
	number("replication.backlog", 0) // followers read the log's file
	number("clients.slaves", 0)
	number("clients.normal", buffers)
	number("cluster.links", 0)
	number("aof.buffer", 0)
	number("lua.caches", e.scripts.bytes.Load()) // of sources, as INFO counts them
	number("functions.caches", code)
	for db, n := range held {
		if n == 0 {
			continue
		}
		c.W.BulkString("db." + strconv.Itoa(db))
		c.W.Map(3) // what the dictionaries take themselves is among the data
		number("overhead.hashtable.main", 0)
		number("overhead.hashtable.expires", 0)
		number("overhead.hashtable.slot-to-keys", 0)
	}
	number("overhead.total", used-data)
	number("heap.allocated", usage.Heap)
	number("keys.count", keys)
	number("keys.bytes-per-key", perKey)
	number("dataset.bytes", data)
	share("dataset.percentage", dataShare(data, used))
	share("peak.percentage", percent(used, peak))
	number("allocator.allocated", used)
	number("allocator.active", usage.Resident)
	number("allocator.resident", usage.Resident)
	share("allocator-fragmentation.ratio", ratio(usage.Resident, used))
	number("allocator-fragmentation.bytes", beyond)
	share("allocator-rss.ratio", 1)
	number("allocator-rss.bytes", 0)
	share("rss-overhead.ratio", 1)
	number("rss-overhead.bytes", 0)
	share("fragmentation", ratio(usage.Resident, used))
	number("fragmentation.bytes", beyond)
}

// countKeys counts each database's keys shard by shard, without stopping all.
func (e *Engine) countKeys() []int64 {
	var n []int64
	for i := range e.shards {
		s := &e.shards[i]
		if !e.lockShard(s) {
			continue // a script runs
		}
		n = append(n, make([]int64, max(len(s.dbs)-len(n), 0))...)
		for db, d := range s.dbs {
			if d != nil {
				n[db] += int64(d.Len())
			}
		}
		s.mu.Unlock()
	}
	return n
}

// fragmented is the ratio of resident to used memory that MEMORY DOCTOR
// mentions, once there is enough memory for it to matter.
const (
	fragmented  = 1.4
	worthALook  = 5 << 20 // bytes
	doctorSound = "Hi, nothing looks wrong with the memory of this node."
)

func doMemoryDoctor(c *Ctx) {
	used, usage := c.e.usedMemory(), c.e.control.Usage()
	var b strings.Builder
	if used < worthALook {
		b.WriteString("Hi, this node holds next to nothing: there is nothing to tell yet.")
	} else if ratio(usage.Resident, used) > fragmented {
		b.WriteString("Hi, the process holds " + human(usage.Resident) + " for " + human(used) + " of data. MEMORY PURGE gives some of it back.")
	} else {
		b.WriteString(doctorSound)
	}
	c.W.Verbatim("txt", b.String())
}

// human is bytes as Redis writes them for people: 1.50M.
func human(n int64) string {
	units := []string{"B", "K", "M", "G", "T", "P", "E"}
	v, i := float64(n), 0
	for v >= 1024 && i < len(units)-1 {
		v, i = v/1024, i+1
	}
	if i == 0 {
		return strconv.FormatInt(n, 10) + units[i]
	}
	return strconv.FormatFloat(v, 'f', 2, 64) + units[i]
}
