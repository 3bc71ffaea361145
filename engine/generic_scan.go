package engine

import (
	"regent/engine/glob"
	"regent/engine/spec"
	"regent/resp"
)

func walkCommands() []Command {
	return []Command{
		{Do: doKeys, Locks: LockAll, Command: spec.Command{
			Name: "keys", Arity: 2, Flags: spec.ReadOnly, Cats: spec.CatKeyspace | spec.CatDangerous,
			Since: "1.0.0", Complex: "O(N) in the number of keys in the database",
			Summary: "Lists the keys that match a pattern.",
			Tips:    []string{"request_policy:all_shards", "nondeterministic_output_order"},
			Args:    spec.Args{spec.Pattern("pattern")},
		}},
		{Do: doScan, Locks: LockAll, Command: spec.Command{
			Name: "scan", Arity: -2, Flags: spec.ReadOnly,
			Since: "2.8.0", Complex: "O(1) a call, O(N) for the whole iteration",
			Summary: "Walks through the keys of a database step by step.",
			Tips:    []string{"nondeterministic_output", "request_policy:special"},
			Args: spec.Args{
				spec.Integer("cursor"),
				spec.Pattern("pattern").With("MATCH").Opt(),
				spec.Integer("count").With("COUNT").Opt(),
				spec.String("type").With("TYPE").Added("6.0.0").Opt(),
			},
		}},
		{Do: doRandomkey, Locks: LockAll, Command: spec.Command{
			Name: "randomkey", Arity: 1, Flags: spec.ReadOnly, Since: "1.0.0", Complex: "O(1)",
			Summary: "Returns the name of a random key.",
			Tips:    []string{"request_policy:all_shards", "nondeterministic_output"},
		}},
	}
}

// Limits of looking for keys.
const (
	scanCount     = 10  // keys a SCAN without COUNT looks for
	scanPatience  = 10  // buckets per key asked for, before SCAN gives up for this call
	randomRetries = 100 // expired keys RANDOMKEY passes over
)

func doKeys(c *Ctx) {
	pattern := c.Args[1]
	all := string(pattern) == "*"
	mark, n := c.W.Mark(), 0
	c.e.eachKey(c.DB(), func(en Entry) bool {
		if (all || glob.Match(pattern, en.Key())) && !c.expired(en) {
			c.W.Bulk(en.Key())
			n++
		}
		return true
	})
	c.W.ArrayAt(mark, n)
}

func doRandomkey(c *Ctx) {
	for range randomRetries {
		en := c.e.randomEntry(c.DB())
		if !en.OK() {
			break
		}
		if !c.expired(en) {
			c.W.Bulk(en.Key())
			return
		}
		c.Peek(append([]byte(nil), en.Key()...)) // deletes it where it may be deleted
	}
	c.W.Null()
}

func doScan(c *Ctx) {
	cursor, ok := c.CursorArg(c.Args[1])
	if !ok {
		return
	}
	at := scanCursor(cursor)
	o, ok := c.ScanArgs(2)
	if !ok {
		return
	}
	var found []byte  // the keys, as replies
	var over [][]byte // expired ones, deleted afterwards
	listed, seen, patience := 0, int64(0), o.patience()
	for {
		next, looked := c.e.scan(c.DB(), at, func(en Entry) {
			seen++
			if !o.wants(en) {
				return
			}
			if c.expired(en) {
				over = append(over, append([]byte(nil), en.Key()...))
				return
			}
			found = resp.AppendBulk(found, en.Key())
			listed++
		})
		if at = next; at == 0 || seen >= o.count {
			break
		}
		if looked {
			if patience--; patience <= 0 {
				break
			}
		}
	}
	for _, key := range over {
		c.Peek(key)
	}
	c.ReplyScan(uint64(at), listed, found)
}
