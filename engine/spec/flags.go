package spec

import "math/bits"

// Flags are a command's flags as COMMAND INFO shows them, in Redis's order.
type Flags uint32

const (
	Write           Flags = 1 << iota // may change data: only the leader runs it
	ReadOnly                          // reads data
	DenyOOM                           // refused while memory is above maxmemory
	Admin                             // administration
	PubSub                            // publish and subscribe
	NoScript                          // not from scripts
	Blocking                          // may park the session
	Loading                           // allowed while the data is being loaded
	Stale                             // allowed at a follower that lost its leader
	SkipMonitor                       // not shown by MONITOR
	SkipSlowlog                       // not in the slow log
	Asking                            // implies ASKING in a cluster
	Fast                              // constant or logarithmic time
	NoAuth                            // allowed before AUTH
	NoMandatoryKeys                   // its key arguments are optional
	NoAsyncLoading                    // not during an asynchronous load
	NoMulti                           // not inside MULTI
	MovableKeys                       // keys are found by looking at the arguments
	AllowBusy                         // allowed while a script is overdue
	MayReplicate                      // no write, and yet followers may hear of it: a pause of writes holds it; not shown
)

// Names are the words for the flags that are set.
func (f Flags) Names() []string {
	return names(uint32(f&^MayReplicate), []string{
		"write", "readonly", "denyoom", "admin", "pubsub", "noscript", "blocking", "loading", "stale",
		"skip_monitor", "skip_slowlog", "asking", "fast", "no_auth", "no_mandatory_keys", "no_async_loading",
		"no_multi", "movablekeys", "allow_busy",
	})
}

// Categories are ACL categories. Those that follow from the flags (@read,
// @write, @fast, @slow, @admin, @dangerous, @pubsub, @blocking) need not be
// written in a literal.
type Categories uint32

const (
	CatKeyspace Categories = 1 << iota
	CatRead
	CatWrite
	CatSet
	CatSortedSet
	CatList
	CatHash
	CatString
	CatBitmap
	CatHyperLogLog
	CatGeo
	CatStream
	CatPubSub
	CatAdmin
	CatFast
	CatSlow
	CatBlocking
	CatDangerous
	CatConnection
	CatTransaction
	CatScripting
)

// CategoryNames are all categories' names, in Redis's order, which is that of
// their bits.
func CategoryNames() []string {
	return []string{
		"keyspace", "read", "write", "set", "sortedset", "list", "hash", "string", "bitmap", "hyperloglog", "geo",
		"stream", "pubsub", "admin", "fast", "slow", "blocking", "dangerous", "connection", "transaction", "scripting",
	}
}

// Names are the words for the categories that are set.
func (c Categories) Names() []string { return names(uint32(c), CategoryNames()) }

// CategoryNamed finds a category by its name in any case, 0 for none.
func CategoryNamed(name []byte) Categories {
	for i, word := range CategoryNames() {
		if EqualFold(name, word) {
			return 1 << i
		}
	}
	return 0
}

// impliedCategories are those that follow from the flags.
func impliedCategories(f Flags) (c Categories) {
	for flag, cats := range map[Flags]Categories{
		Write: CatWrite, ReadOnly: CatRead, Admin: CatAdmin | CatDangerous, PubSub: CatPubSub, Blocking: CatBlocking,
	} {
		if f&flag != 0 {
			c |= cats
		}
	}
	if f&Fast != 0 {
		return c | CatFast
	}
	return c | CatSlow
}

// Group is COMMAND DOCS' group.
type Group string

const (
	GroupGeneric     Group = "generic"
	GroupString      Group = "string"
	GroupConnection  Group = "connection"
	GroupServer      Group = "server"
	GroupCluster     Group = "cluster"
	GroupList        Group = "list"
	GroupSet         Group = "set"
	GroupHash        Group = "hash"
	GroupSortedSet   Group = "sorted-set"
	GroupStream      Group = "stream"
	GroupPubSub      Group = "pubsub"
	GroupScripting   Group = "scripting"
	GroupTransaction Group = "transactions"
	GroupBitmap      Group = "bitmap"
	GroupHyperLogLog Group = "hyperloglog"
	GroupGeo         Group = "geo"
	GroupSentinel    Group = "sentinel"
)

// names are the words for the bits set in mask.
func names(mask uint32, words []string) (set []string) {
	for m := mask; m != 0; m &= m - 1 {
		set = append(set, words[bits.TrailingZeros32(m)])
	}
	return set
}
