// Package commands is the list of the rooms: each package below it holds the
// commands that belong together, with the type of value they work on.
//
//	strings        SET, GET and their kin       lists   LPUSH, BLPOP …
//	keys           DEL, EXPIRE, SCAN, OBJECT    sets    SADD, SINTER …
//	hashes         HSET, HGETALL …
//	cluster        CLUSTER, FAILOVER, REGENT    introspection   COMMAND
//	functions      FUNCTION, FCALL              zsets   ZADD, ZRANGE, BZPOPMIN …
//	bitmaps        SETBIT, BITOP, BITFIELD …    streams XADD, XREADGROUP …
//	acl            ACL
//	hyperlogs      PFADD, PFCOUNT, PFMERGE      zsets   GEOADD, GEOSEARCH … (a second room)
//	scripting      EVAL, EVALSHA, SCRIPT        sentinel   SENTINEL, at a face of its own
//
// A room imports the engine, what it says of commands (engine/spec) and its own
// type of value (engine/list, engine/set, engine/zset, engine/stream); no room imports another. What it may do
// is what the engine exports: locks, shards, marks and sessions are out of its
// reach. A new command touches its room alone, a new room one line below.
package commands

import (
	"regent/engine"
	"regent/engine/commands/acl"
	"regent/engine/commands/bitmaps"
	"regent/engine/commands/cluster"
	"regent/engine/commands/functions"
	"regent/engine/commands/hashes"
	"regent/engine/commands/hyperlogs"
	"regent/engine/commands/introspection"
	"regent/engine/commands/keys"
	"regent/engine/commands/lists"
	"regent/engine/commands/scripting"
	"regent/engine/commands/sentinel"
	"regent/engine/commands/sets"
	"regent/engine/commands/streams"
	"regent/engine/commands/strings"
	"regent/engine/commands/zsets"
)

// All are the rooms of a server, beside the commands of the kernel itself.
func All() []engine.Room {
	return []engine.Room{
		strings.Room(),
		keys.Room(),
		lists.Room(),
		sets.Room(),
		hashes.Room(),
		zsets.Room(),
		zsets.GeoRoom(),
		bitmaps.Room(),
		streams.Room(),
		hyperlogs.Room(),
		cluster.Room(),
		scripting.Room(),
		functions.Room(),
		introspection.Room(),
		sentinel.Room(),
		acl.Room(),
	}
}
