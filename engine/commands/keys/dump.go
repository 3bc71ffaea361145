package keys

import (
	"errors"
	"strconv"

	"regent/engine"
	"regent/engine/decimal"
	"regent/engine/dict"
	"regent/engine/rdb"
	"regent/engine/spec"
	"regent/resp"
)

// DUMP and RESTORE: a value by itself, in Redis's format, with the version and a checksum
// behind it (engine/rdb). What a payload says is believed as far as the checksum goes: a
// value that is damaged all the same is refused when it is read.

func dumpCommands() []engine.Command {
	restore := func(name string) spec.Command {
		return spec.Command{
			Name: name, Arity: -4, Flags: spec.Write | spec.DenyOOM, Cats: spec.CatKeyspace | spec.CatDangerous,
			Complex: "O(N) in the size of the value",
			Keys:    spec.Keys{spec.One(1, spec.KeyOW|spec.KeyUpdate)},
			Args: spec.Args{
				spec.Key("key", 0), spec.Integer("ttl"), spec.String("serialized-value"),
				spec.Word("replace", "REPLACE").Added("3.0.0").Opt(), spec.Word("absttl", "ABSTTL").Added("5.0.0").Opt(),
				spec.Integer("seconds").With("IDLETIME").Added("5.0.0").Opt(), spec.Integer("frequency").With("FREQ").Added("5.0.0").Opt(),
			},
		}
	}
	plain, asking := restore("restore"), restore("restore-asking")
	plain.Since, plain.Summary = "2.6.0", "Makes a key of what DUMP gave."
	asking.Since, asking.Summary = "3.0.0", "Makes a key of what DUMP gave, for the moves of slots in a cluster."
	asking.Group, asking.Flags, asking.Internal = spec.GroupServer, asking.Flags|spec.Asking, true
	return []engine.Command{
		{Do: doDump, Sized: true, Command: spec.Command{
			Name: "dump", Arity: 2, Flags: spec.ReadOnly, Since: "2.6.0", Complex: "O(N) in the size of the value",
			Summary: "Returns the value at a key in Redis's own format.",
			Tips:    []string{"nondeterministic_output"},
			Keys:    spec.Keys{spec.One(1, spec.KeyRO|spec.KeyAccess)},
			Args:    spec.Args{spec.Key("key", 0)},
		}},
		{Do: doRestore, Weighs: true, Command: plain},
		{Do: doRestore, Weighs: true, Command: asking},
	}
}

func doDump(c *engine.Ctx) {
	en := c.Read(c.Args[1])
	if !en.OK() {
		c.W.Null()
		return
	}
	c.W.Bulk(payloadOf(c, en))
}

// payloadWeighs is what a byte of a payload is taken to weigh in Ctx.Heavy: it is summed, and compressed
// or looked at one by one.
const payloadWeighs = 4

// payloadOf is the value at an entry as DUMP gives it.
func payloadOf(c *engine.Ctx, en engine.Entry) []byte {
	compress := c.Config().RdbCompression.Get()
	if v := en.Value(); v.Kind.IsString() {
		c.Heavy(payloadWeighs * len(v.Bytes))
		var buf [decimal.MaxLen]byte
		return rdb.DumpString(nil, engine.Text(v, &buf), compress)
	}
	o, _ := engine.ObjectOf[engine.Object](c, en) // all that is no string is one
	return rdb.DumpValue(nil, c.Codecs().Of(o.TypeName()), o, compress)
}

// restoreOptions are RESTORE's.
type restoreOptions struct {
	replace, absolute bool
	use               rdb.Meta // how it was used; its expiry is not set
}

// restoreArgs reads the options; false: the error was written.
func restoreArgs(c *engine.Ctx) (o restoreOptions, ok bool) {
	for i := 4; i < len(c.Args); i++ {
		word, more := c.Args[i], i+1 < len(c.Args)
		switch {
		case spec.EqualFold(word, "replace"):
			o.replace = true
		case spec.EqualFold(word, "absttl"):
			o.absolute = true
		case spec.EqualFold(word, "idletime") && more && o.use.UseKind != rdb.UseFreq:
			i++
			if !restoreUse(c, &o, rdb.UseIdle, c.Args[i]) {
				return o, false
			}
		case spec.EqualFold(word, "freq") && more && o.use.UseKind != rdb.UseIdle:
			i++
			if !restoreUse(c, &o, rdb.UseFreq, c.Args[i]) {
				return o, false
			}
		default:
			c.Err(resp.ErrSyntax)
			return o, false
		}
	}
	return o, true
}

// maxFreq is the highest counter of a key's uses.
const maxFreq = 255

func restoreUse(c *engine.Ctx, o *restoreOptions, kind rdb.UseKind, raw []byte) bool {
	n, ok := c.IntArg(raw)
	switch {
	case !ok:
	case kind == rdb.UseIdle && n < 0:
		c.Err(resp.ErrIdleTime)
	case kind == rdb.UseFreq && (n < 0 || n > maxFreq):
		c.Err(resp.ErrFreq)
	default:
		o.use.UseKind, o.use.Use = kind, uint64(n)
		return true
	}
	return false
}

func doRestore(c *engine.Ctx) {
	key, payload := c.Args[1], c.Args[3]
	o, ok := restoreArgs(c)
	if !ok {
		return
	}
	there := c.Write(key).OK()
	if there && !o.replace {
		c.Err(resp.ErrBusyKey)
		return
	}
	at, ok := c.IntArg(c.Args[2])
	if !ok {
		return
	}
	if at < 0 {
		c.Err(resp.ErrTTL)
		return
	}
	if c.TakesUnsummed() { // the log and the followers get a right one
		payload = rdb.Summed(payload)
		c.Args[3] = payload
	}
	u := c.Codecs().Undumper()
	defer c.Codecs().Return(u)
	v, ok := payloadValue(c, u, payload)
	if !ok {
		return
	}
	if there {
		c.Remove(key)
	}
	if at != 0 && !o.absolute {
		at += c.Now // what leaves the range of 64 bits is long over, as in Redis
	}
	if at != 0 && c.Over(at) {
		if there {
			c.Notify(engine.EventGeneric, "del", key)
			c.Propagate([]byte("DEL"), key)
		}
		c.W.OK()
		return
	}
	c.SetUse(c.Put(key, v, at), &o.use)
	c.Notify(engine.EventGeneric, "restore", key)
	propagateRestore(c, &o, at)
	c.W.OK()
}

// payloadValue is what a payload holds, valid as long as u says; false: the error was written.
func payloadValue(c *engine.Ctx, u *rdb.Undumper, payload []byte) (v dict.Value, ok bool) {
	c.Heavy(payloadWeighs * len(payload))
	err := u.Undump(payload)
	en := &u.Entry
	switch {
	case errors.Is(err, rdb.ErrDump):
		c.Err(resp.ErrPayload)
		return v, false
	case err != nil:
		return v, badData(c, err)
	case en.IsInt:
		return dict.Value{Kind: dict.Int, Int: en.Int}, true
	case en.Obj == nil:
		return engine.EncodeString(en.Str), true
	}
	o := en.Obj.(engine.Object)
	if o.Len() == 0 {
		return v, badData(c, rdb.EmptyError(en.Type))
	}
	return engine.ObjectValue(o), true
}

// badData refuses a payload that is damaged though its checksum is right: the client hears that, the log
// why.
func badData(c *engine.Ctx, err error) bool {
	c.TellRefused(err)
	c.Err(resp.ErrBadData)
	return false
}

// propagateRestore puts the command into the log, to expire at the wall ms at.
func propagateRestore(c *engine.Ctx, o *restoreOptions, at int64) {
	if at == 0 && string(c.Args[0]) == "RESTORE" { // as it came
		c.PropagateSelf()
		return
	}
	args := append([][]byte{[]byte("RESTORE")}, c.Args[1:]...)
	if at != 0 && !o.absolute {
		args[2] = strconv.AppendInt(nil, at, 10)
		args = append(args, []byte("ABSTTL"))
	}
	c.Propagate(args...)
}
