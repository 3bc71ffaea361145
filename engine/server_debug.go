package engine

import (
	"crypto/sha1"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"regent/engine/config"
	"regent/engine/decimal"
	"regent/engine/rdb"
	"regent/engine/spec"
	"regent/engine/units"
	"regent/resp"
)

// DEBUG: what tests of clients and servers need, where enable-debug-command
// allows it. Its subcommands are not in the table, as in Redis: they may
// change at any time.

func debugCommands() []Command {
	return []Command{{Do: doDebug, refuses: debugOff, Locks: LockAll, showsData: debugShowsData, Command: spec.Command{
		Name: "debug", Arity: -2, Flags: spec.Admin | spec.NoScript | spec.Loading | spec.Stale, Since: "1.0.0", Complex: "Depends on subcommand.",
		Summary:  "Helps to test and to take apart a server.",
		Internal: true,
	}}}
}

// A debugCommand is one subcommand: its number of arguments, its own name
// included, and what it does. HELP says of it what resp.HelpDebug does; like redis-server's it is silent
// about set-disable-deny-scripts.
type debugCommand struct {
	name string
	args int
	do   func(c *Ctx)
	more bool // there may be more arguments
	data bool // it shows the data
}

// debugShowsData is Command.ShowsData.
func debugShowsData(args [][]byte) bool {
	return slices.ContainsFunc(debugTable(), func(d debugCommand) bool { return d.data && spec.EqualFold(args[1], d.name) })
}

func debugTable() []debugCommand {
	return []debugCommand{
		{name: "error", args: 2, do: func(c *Ctx) { c.Err(string(c.Args[2])) }},
		{name: "digest", args: 1, do: debugDigest, data: true},
		{name: "digest-value", args: 1, do: debugDigestValue, more: true, data: true},
		{name: "loadaof", args: 1, do: debugLoadAOF},
		{name: "log", args: 2, do: debugLog},
		{name: "object", args: 2, do: debugObject, data: true},
		{name: "panic", args: 1, do: func(c *Ctx) { c.e.control.Crash("panic"); c.W.OK() }},
		// Taken and without effect: no command waits for background work.
		{name: "pause-cron", args: 2, do: func(c *Ctx) { c.W.OK() }},
		{name: "populate", args: 2, do: debugPopulate, more: true, data: true},
		{name: "protocol", args: 2, do: debugProtocol},
		// Taken and without effect: every element is packed.
		{name: "quicklist-packed-threshold", args: 2, do: debugPackedThreshold},
		{name: "reload", args: 1, do: debugReload, more: true},
		{name: "replybuffer", args: 3, do: debugReplyBuffer},
		{name: "segfault", args: 1, do: func(c *Ctx) { c.e.control.Crash("segfault"); c.W.OK() }},
		{name: "set-active-expire", args: 2, do: debugActiveExpire},
		{name: "set-disable-deny-scripts", args: 2, do: func(c *Ctx) {
			c.e.scripts.denyNothing.Store(string(c.Args[2]) != "0")
			c.W.OK()
		}},
		{name: "set-skip-checksum-validation", args: 2, do: func(c *Ctx) {
			n, _ := decimal.Parse(c.Args[2]) // as Redis: no number is 0
			c.e.unsummed.Store(n != 0)
			c.W.OK()
		}},
		{name: "sleep", args: 2, do: debugSleep},
	}
}

// debugHelp is what HELP says.
func debugHelp() (lines []string) {
	lines, _ = helped(resp.HelpDebug, func(name string) bool {
		return slices.ContainsFunc(debugTable(), func(d debugCommand) bool { return d.name == name })
	})
	return append(lines, "HELP", "    Prints this help.")
}

// debugOff is why a client may not say DEBUG, "" if it may: asked before DEBUG is queued, too, so that
// what is refused ends the transaction, as in Redis.
func debugOff(c *Ctx) string {
	if c.s.isTrustedBy(&c.e.Config.EnableDebugCommand) {
		return ""
	}
	return resp.ErrDebugOff
}

func doDebug(c *Ctx) {
	if msg := debugOff(c); msg != "" {
		c.Err(msg)
		return
	}
	if spec.EqualFold(c.Args[1], "help") && len(c.Args) == 2 {
		c.writeHelp(debugHelp())
		return
	}
	for _, d := range debugTable() {
		if spec.EqualFold(c.Args[1], d.name) && (len(c.Args) == d.args+1 || d.more && len(c.Args) > d.args) {
			d.do(c)
			return
		}
	}
	c.Err(fmt.Sprintf(resp.ErrSubSyntax, Clip(c.Args[1], 128), c.Spoken()))
}

// isTrustedBy asks enable-debug-command and its like: no, yes, or local connections alone.
func (s *Session) isTrustedBy(directive *config.Str) bool {
	switch directive.Get() {
	case "yes":
		return true
	case "local":
		return isLocal(s.conn)
	}
	return false
}

// isLocal reports whether a client is on this machine.
func isLocal(conn Conn) bool {
	addr, err := netip.ParseAddrPort(conn.RemoteAddr())
	return err != nil || addr.Addr().Unmap().IsLoopback() // a unix socket has no such address
}

func debugLog(c *Ctx) {
	c.e.host.Logf(LevelWarning, "DEBUG LOG: %s", c.Args[2])
	c.W.OK()
}

func debugActiveExpire(c *Ctx) {
	n, _ := decimal.Parse(c.Args[2]) // as Redis: no number is 0
	c.e.expireOff.Store(n == 0)
	c.W.OK()
}

// TakesUnsummed reports whether payloads are taken whose checksum is wrong: tests of damage behind
// it are written so (DEBUG SET-SKIP-CHECKSUM-VALIDATION).
func (c *Ctx) TakesUnsummed() bool { return c.e.unsummed.Load() }

// debugSleep holds every command of every client, as Redis does, whose one thread
// sleeps: tests use it for a server that is busy. What other nodes hear of this one
// goes on. As in Redis no number is 0.
func debugSleep(c *Ctx) {
	seconds, err := strconv.ParseFloat(string(c.Args[2]), 64)
	if err != nil || !(seconds > 0) {
		seconds = 0
	}
	took := max(int64(min(seconds*1000, longestWait)), 1)
	end := c.e.ticks() + took
	if seconds > 0 {
		c.e.pauseUntil(pauseBySleep, pauseAll, end)
	}
	if c.nested {
		// It does not sleep with its locks: for the rest of the transaction it is later, and until
		// then nobody is served. In a script time stands still.
		if c.slept = took * int64(time.Millisecond); !c.InScript() {
			c.Now += took
		}
		c.W.OK()
		return
	}
	ended := c.timed()
	c.park(parking{
		deadline: end,
		resume: func(c *Ctx, timedOut bool) bool {
			if timedOut {
				c.W.OK()
				ended(c)
			}
			return timedOut
		},
		held: true,
	})
}

// debugObject shows a value as Redis does, as far as there is something
// behind the field.
func debugObject(c *Ctx) {
	d := c.dictOf(c.DB(), c.Args[2])
	en := Entry{d, d.Find(c.Args[2])} // one that has expired is shown, too
	if !en.OK() {
		c.Err(resp.ErrNoSuchKey)
		return
	}
	idle := idleSeconds(en.d.Access(en.ref), c.Now)
	c.W.Status(fmt.Sprintf("Value at:0x%x refcount:1 encoding:%s serializedlength:%d lru:%d lru_seconds_idle:%d",
		uint64(en.ref), EncodingName(en.Value()), c.serializedLen(en), en.d.Access(en.ref), idle))
}

// serializedLen is the bytes that the value takes in a snapshot.
func (c *Ctx) serializedLen(en Entry) int {
	compress := c.e.Config.RdbCompression.Get()
	v := en.Value()
	if v.Kind.IsString() {
		var buf [decimal.MaxLen]byte
		return len(rdb.DumpString(nil, Text(v, &buf), compress)) - dumpExtra
	}
	o := c.object(en)
	codec := c.e.codecs.Of(o.TypeName())
	if codec == nil {
		return int(v.Weight)
	}
	return len(rdb.DumpValue(nil, codec, o, compress)) - dumpExtra
}

// dumpExtra is what DUMP's form has around the value: a type before it, a
// version and a checksum behind.
const dumpExtra = 1 + 2 + 8

// errLoadOver is what redis-server says where a library of the file is loaded already.
var errLoadOver = errors.New(resp.ErrLoadOver)

// DEBUG RELOAD and LOADAOF: the data goes through a file and comes back.

func debugLoadAOF(c *Ctx) { c.reload(c.e.control.ReloadLog) }

func debugReload(c *Ctx) {
	save, over, merge := true, false, false
	for _, word := range c.Args[2:] {
		switch {
		case spec.EqualFold(word, "nosave"):
			save = false
		case spec.EqualFold(word, "noflush"):
			over = true
		case spec.EqualFold(word, "merge"):
			over, merge = true, true
		default:
			c.Err(resp.ErrDebugReload)
			return
		}
	}
	e := c.e
	c.reload(func() (err error) {
		if over && !merge { // libraries that are there already end a load
			e.Freeze(func() {
				if len(e.codes()) > 0 {
					err = errLoadOver
				}
			})
		}
		if err == nil {
			err = e.control.ReloadDump(save, over)
		}
		return err
	})
}

// reload leaves the files to another goroutine, and lets nobody write meanwhile.
func (c *Ctx) reload(work func() error) {
	if c.nested { // it would wait for the shards that its transaction has
		c.Err(resp.ErrNoMulti)
		return
	}
	e, what := c.e, strings.ToUpper(string(c.Args[1]))
	held := func() error {
		e.HoldWrites()
		defer e.ReleaseWrites()
		return work()
	}
	c.InBackground(held, func(c *Ctx, err error) {
		if err != nil {
			e.host.Logf(LevelWarning, "DEBUG %s: %v", what, err)
			c.Err(fmt.Sprintf(resp.ErrReload, err))
			return
		}
		c.W.OK()
	})
}

// debugPackedThreshold takes what redis-server's tests say of elements that have
// a node of their own: lists here have none.
func debugPackedThreshold(c *Ctx) {
	const most = 4 << 30 // bytes
	if n, ok := config.ParseBytes(string(c.Args[2])); !ok || n >= most {
		c.Err(resp.ErrPackedThreshold)
		return
	}
	c.W.OK()
}

// DEBUG DIGEST names data by 40 hex digits: nodes that hold the same show the
// same, in whatever order they hold it. The sums are redis-server's own
// (debug.c), so that a Regent can be compared with a Redis as well.
//
//	key   mix(key) mix(type) mix(value) xor(expires?)
//	data  for each database that is not empty: mix(number), then xor(each key)

// A Digest is SHA-1's size. Mixed in, the order matters; xored in, it does not.
type Digest [sha1.Size]byte

// Xor takes p in as one of several in any order.
func (d *Digest) Xor(p []byte) {
	for i, b := range sha1.Sum(p) {
		d[i] ^= b
	}
}

// Mix takes p in as the next of a sequence.
func (d *Digest) Mix(p []byte) {
	d.Xor(p)
	*d = sha1.Sum(d[:])
}

// MixNumber is Mix for a number: of a database, or of a type.
func (d *Digest) MixNumber(n int) {
	d.Mix(binary.BigEndian.AppendUint32(nil, uint32(n)))
}

// The numbers that Redis gives to types.
const (
	typeString = 0
	TypeList   = 1
	TypeSet    = 2
	TypeZset   = 3
	TypeHash   = 4
	TypeStream = 6 // 5 is a module's
)

// mixValue mixes a value in.
func (d *Digest) mixValue(c *Ctx, en Entry) {
	if o := c.object(en); o != nil {
		o.Digest(d)
	} else {
		var buf [decimal.MaxLen]byte
		d.MixNumber(typeString)
		d.Mix(Text(en.Value(), &buf))
	}
	if en.ExpireAt() != 0 {
		d.Xor([]byte("!!expire!!"))
	}
}

func (d *Digest) String() string { return hex.EncodeToString(d[:]) }

func debugDigest(c *Ctx) {
	var all Digest
	for db := range c.e.databases() {
		if c.e.dbSize(db) == 0 {
			continue
		}
		all.MixNumber(db)
		c.e.eachKey(db, func(en Entry) bool {
			var one Digest
			one.Mix(en.Key())
			one.mixValue(c, en)
			all.Xor(one[:])
			return true
		})
	}
	c.W.Status(all.String())
}

func debugDigestValue(c *Ctx) {
	keys := c.Args[2:]
	c.W.Array(len(keys))
	for _, key := range keys {
		var d Digest
		if en := c.Peek(key); en.OK() {
			d.mixValue(c, en)
		}
		c.W.Status(d.String())
	}
}

// DEBUG PROTOCOL: a reply of each type, with the values of redis-server's, so
// that a client library can be tested against either.

// A protocolReply is one type's reply.
type protocolReply struct {
	name  string
	write func(c *Ctx)
}

func protocolReplies() []protocolReply {
	return []protocolReply{
		{"string", func(c *Ctx) { c.W.BulkString("Hello World") }},
		{"integer", func(c *Ctx) { c.W.Int(12345) }},
		{"double", func(c *Ctx) { c.W.Double(3.141) }},
		{"bignum", func(c *Ctx) { c.W.BigNumber("1234567999999999999999999999999999999") }},
		{"null", func(c *Ctx) { c.W.Null() }},
		{"array", func(c *Ctx) { c.W.Array(3); c.countTo3() }},
		{"set", func(c *Ctx) { c.W.Set(3); c.countTo3() }},
		{"map", protocolMap},
		{"attrib", protocolAttribute},
		{"push", protocolPush},
		{"verbatim", func(c *Ctx) { c.W.Verbatim("txt", "This is a verbatim\nstring") }},
		{"true", func(c *Ctx) { c.W.Bool(true) }},
		{"false", func(c *Ctx) { c.W.Bool(false) }},
	}
}

func protocolTypes() (names []string) {
	for _, r := range protocolReplies() {
		names = append(names, r.name)
	}
	return names
}

func debugProtocol(c *Ctx) {
	for _, r := range protocolReplies() {
		if spec.EqualFold(c.Args[2], r.name) {
			r.write(c)
			return
		}
	}
	c.Err(fmt.Sprintf(resp.ErrDebugType, strings.Join(protocolTypes(), "|")))
}

func (c *Ctx) countTo3() {
	for i := range int64(3) {
		c.W.Int(i)
	}
}

func protocolMap(c *Ctx) {
	c.W.Map(3)
	for i := range int64(3) {
		c.W.Int(i)
		c.W.Bool(i == 1)
	}
}

// protocolAttribute: RESP2 has no attributes, and its clients get the reply
// alone.
func protocolAttribute(c *Ctx) {
	if c.W.Proto() == resp.RESP3 {
		c.W.Attribute(1)
		c.W.BulkString("key-popularity")
		c.W.Array(2)
		c.W.BulkString("key:123")
		c.W.Int(90)
	}
	c.W.BulkString("Some real reply following the attribute")
}

func protocolPush(c *Ctx) {
	if c.W.Proto() != resp.RESP3 {
		c.Err(resp.ErrNeedsRESP3)
		return
	}
	c.W.Push(2)
	c.W.BulkString("server-cpu-usage")
	c.W.Int(42)
	c.W.BulkString("Some real reply following the push reply")
}

// DEBUG POPULATE, and subcommands that are taken for the sake of redis-server's
// tests: what they set does not exist here.

// debugPopulate adds keys that are not there: prefix:0 with value:0 and so on, cut or
// filled up with zero bytes to a size.
func debugPopulate(c *Ctx) {
	prefix, size := []byte("key"), int64(-1)
	count, ok := decimal.Parse(c.Args[2])
	if len(c.Args) > 3 {
		prefix = c.Args[3]
	}
	if ok && len(c.Args) > 4 {
		size, ok = decimal.Parse(c.Args[4])
		ok = ok && size >= 0
	}
	switch {
	case len(c.Args) > 5:
		c.Err(fmt.Sprintf(resp.ErrSubSyntax, Clip(c.Args[1], 128), c.Spoken()))
		return
	case !ok || count < 0:
		c.Err(resp.ErrMustBePositive)
		return
	case !c.View().Leading:
		c.Err(resp.ErrReadOnly)
		return
	case count > units.MaxRecords/2 || size > c.e.Config.ProtoMaxBulkLen.Get() || count*max(size, 0) > maxPopulate:
		c.Err(resp.ErrMultiTooLarge)
		return
	}
	key, set := append(prefix[:len(prefix):len(prefix)], ':'), []byte("SET")
	for i := range count {
		name := strconv.AppendInt(key[:len(key):len(key)], i, 10)
		if c.Peek(name).OK() {
			continue
		}
		value := strconv.AppendInt([]byte("value:"), i, 10)
		if size > 0 { // as Redis: 0 is as long as it is
			sized := make([]byte, size)
			copy(sized, value)
			value = sized
		}
		c.PutString(name, value)
		c.Propagate(set, name, value)
	}
	c.W.OK()
}

// maxPopulate bounds what one POPULATE adds, in bytes: it is one unit of the log.
const maxPopulate = 256 << 20

// debugReplyBuffer takes what it is told of reply buffers: a client that waits has none.
func debugReplyBuffer(c *Ctx) {
	switch {
	case len(c.Args) == 4 && (spec.EqualFold(c.Args[2], "peak-reset-time") || spec.EqualFold(c.Args[2], "resizing")):
		c.W.OK()
	default:
		c.Err(resp.ErrSyntax)
	}
}
