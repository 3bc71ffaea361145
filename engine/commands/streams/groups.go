package streams

import (
	"fmt"

	"regent/engine"
	"regent/engine/spec"
	"regent/engine/stream"
	"regent/resp"
)

func groupCommands() []engine.Command {
	keyGroup := spec.Args{spec.Key("key", 0), spec.String("groupname")}
	consumer := spec.Args{spec.Key("key", 0), spec.String("groupname"), spec.String("consumername")}
	id := spec.OneOf("id", spec.String("id"), spec.Word("new_id", "$"))
	entriesRead := spec.Integer("entries_read").With("ENTRIESREAD").Opt()
	return []engine.Command{{Help: resp.HelpXgroup, Command: spec.Command{
		Name: "xgroup", Arity: -2, Since: "5.0.0", Complex: "See the subcommands.",
		Summary: "Holds the commands for consumer groups.",
	}, Subs: []engine.Command{
		{Do: doGroupDestroy, Command: spec.Command{
			Name: "destroy", Arity: 4, Flags: spec.Write, Since: "5.0.0",
			Complex: "O(N) in the consumers of the group",
			Summary: "Removes a consumer group.",
			Keys:    spec.Keys{spec.One(2, spec.KeyRW|spec.KeyDelete)}, Args: keyGroup,
		}},
		{Do: doGroupDelconsumer, Command: spec.Command{
			Name: "delconsumer", Arity: 5, Flags: spec.Write, Since: "5.0.0",
			Complex: "O(N) in the entries that are pending for it",
			Summary: "Removes a consumer of a group, with what is pending for it.",
			Keys:    spec.Keys{spec.One(2, spec.KeyRW|spec.KeyDelete)}, Args: consumer,
		}},
		{Do: doGroupCreateconsumer, Command: spec.Command{
			Name: "createconsumer", Arity: 5, Flags: spec.Write | spec.DenyOOM, Since: "6.2.0",
			Complex: "O(1)",
			Summary: "Adds a consumer to a group.",
			Keys:    spec.Keys{spec.One(2, spec.KeyRW|spec.KeyInsert)}, Args: consumer,
		}},
		{Do: doGroupCreate, Command: spec.Command{
			Name: "create", Arity: -5, Flags: spec.Write | spec.DenyOOM, Since: "5.0.0",
			Complex: "O(1)",
			Summary: "Adds a consumer group to a stream.",
			Keys:    spec.Keys{spec.One(2, spec.KeyRW|spec.KeyInsert)},
			Args:    append(keyGroup[:2:2], id, spec.Word("mkstream", "MKSTREAM").Opt(), entriesRead),
		}},
		engine.HelpCommand(spec.Loading|spec.Stale, "5.0.0"),
		{Do: doGroupSetid, Command: spec.Command{
			Name: "setid", Arity: -5, Flags: spec.Write, Since: "5.0.0",
			Complex: "O(1)",
			Summary: "Sets after which entry a group reads on.",
			Keys:    spec.Keys{spec.One(2, spec.KeyRW|spec.KeyUpdate)},
			Args:    append(keyGroup[:2:2], id, entriesRead),
		}},
	}}}
}

// subSyntax is the error of a subcommand whose arguments fit no form of it.
func subSyntax(c *engine.Ctx) {
	c.Err(fmt.Sprintf(resp.ErrSubSyntax, engine.Clip(c.Args[1], 128), c.Spoken()))
}

// A grouping is what an XGROUP command says, and what it is about.
type grouping struct {
	key, name []byte
	make      bool // MKSTREAM
	read      int64
	en        engine.Entry
	s         *streamObject // nil: with make alone
}

// parse reads the options from the sixth argument on, and finds the stream and, where it
// is needed, the group; false: the error was written.
func (gr *grouping) parse(c *engine.Ctx, create, setID, needs bool) bool {
	gr.key, gr.name, gr.read = c.Args[2], c.Args[3], stream.NotRead
	var ok bool
	for i := 5; i < len(c.Args); i++ {
		switch {
		case create && spec.EqualFold(c.Args[i], "mkstream"):
			gr.make = true
		case (create || setID) && spec.EqualFold(c.Args[i], "entriesread") && i+1 < len(c.Args):
			i++
			if gr.read, ok = c.IntArg(c.Args[i]); !ok {
				return false
			}
			if gr.read < 0 && gr.read != stream.NotRead {
				c.Err(resp.ErrGroupRead)
				return false
			}
		default:
			subSyntax(c)
			return false
		}
	}
	if gr.en, gr.s, ok = engine.WriteObject[*streamObject](c, gr.key); !ok || gr.make {
		return ok
	}
	if gr.s == nil {
		c.Err(resp.ErrGroupNoKey)
		return false
	}
	if _, ok := gr.s.Group(gr.name); !ok && needs {
		c.Err(fmt.Sprintf(resp.ErrNoGroupFor, engine.Clip(gr.name, len(gr.name)), engine.Clip(gr.key, len(gr.key))))
		return false
	}
	return true
}

// edit is the group, which is there and about to be changed.
func (gr *grouping) edit(c *engine.Ctx) stream.Group {
	c.Changing(gr.en)
	g, _ := gr.s.EditGroup(gr.name)
	return g
}

// changed ends a change of n elements.
func (gr *grouping) changed(c *engine.Ctx, event string) {
	c.Settled(gr.key, gr.en, gr.s)
	c.Notify(engine.EventStream, event, gr.key)
	c.PropagateSelf()
}

// mostCreate and mostSetID are the most arguments that there may be.
const (
	mostCreate = 8
	mostSetID  = 7
)

func doGroupCreate(c *engine.Ctx) {
	var gr grouping
	if !gr.parse(c, true, false, false) {
		return
	}
	if len(c.Args) > mostCreate {
		subSyntax(c)
		return
	}
	var id stream.ID
	if !spec.EqualFold(c.Args[4], "$") {
		var ok bool
		if id, ok = strictID(c, c.Args[4]); !ok {
			return
		}
	} else if gr.s != nil {
		id = gr.s.Last
	}
	if gr.s == nil {
		gr.s = newStream()
		gr.en = c.PutObject(gr.key, gr.s)
	} else {
		c.Changing(gr.en)
	}
	if !gr.s.CreateGroup(gr.name, id, gr.read) {
		c.Err(resp.ErrBusyGroup)
		return
	}
	c.W.OK()
	gr.changed(c, "xgroup-create")
}

func doGroupSetid(c *engine.Ctx) {
	var gr grouping
	if !gr.parse(c, false, true, true) {
		return
	}
	if len(c.Args) > mostSetID {
		subSyntax(c)
		return
	}
	id := gr.s.Last
	if !spec.EqualFold(c.Args[4], "$") {
		var ok bool
		if id, ok = looseID(c, c.Args[4], 0); !ok {
			return
		}
	}
	gr.edit(c).Seek(id, gr.read)
	c.W.OK()
	gr.changed(c, "xgroup-setid")
}

func doGroupDestroy(c *engine.Ctx) {
	var gr grouping
	if !gr.parse(c, false, false, false) {
		return
	}
	if _, there := gr.s.Group(gr.name); !there {
		c.W.Int(0)
		return
	}
	c.Changing(gr.en)
	gr.s.DestroyGroup(gr.name)
	c.W.Int(1)
	gr.changed(c, "xgroup-destroy")
	c.Ready(gr.key)
}

func doGroupCreateconsumer(c *engine.Ctx) {
	var gr grouping
	if !gr.parse(c, false, false, true) {
		return
	}
	if gr.edit(c).AddConsumer(c.Args[4], c.Now) == nil {
		c.W.Int(0)
		return
	}
	c.W.Int(1)
	gr.changed(c, "xgroup-createconsumer")
}

func doGroupDelconsumer(c *engine.Ctx) {
	var gr grouping
	if !gr.parse(c, false, false, true) {
		return
	}
	pending, there := gr.edit(c).DropConsumer(c.Args[4])
	c.W.Int(int64(pending))
	if there {
		gr.changed(c, "xgroup-delconsumer")
	}
}
