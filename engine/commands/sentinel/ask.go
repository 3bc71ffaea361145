package sentinel

import (
	"fmt"
	"strconv"

	"regent/engine"
	"regent/engine/glob"
	"regent/engine/sentinel"
	"regent/engine/spec"
	"regent/resp"
)

// What is asked of a Sentinel.

// question is the literal of a subcommand that changes nothing.
func question(name string, arity int, do engine.Handler, summary string, args ...spec.Arg) engine.Command {
	return engine.Command{Do: do, Harmless: true, Command: spec.Command{
		Name: name, Arity: arity, Flags: spec.Admin, Since: "2.8.4", Complex: "O(N) in the number of nodes", Summary: summary, Args: args,
	}}
}

func (f *face) questions() []engine.Command {
	name := spec.String("master-name")
	help := engine.HelpCommand(spec.Loading|spec.Stale, "2.8.4")
	help.Harmless = true
	former := question("slaves", 3, f.replicas, "Lists the master's replicas.", name)
	former.DeprecatedSince, former.ReplacedBy = "5.0.0", "`SENTINEL REPLICAS`"
	return []engine.Command{
		question("masters", 2, f.masters, "Lists the master by each of its names."),
		question("master", 3, f.master, "Shows the master.", name),
		question("replicas", 3, f.replicas, "Lists the master's replicas.", name),
		former,
		question("sentinels", 3, f.sentinels, "Lists the other Sentinels.", name),
		question("get-master-addr-by-name", 3, f.address, "Says where the master is; nothing if none serves.", name),
		question("ckquorum", 3, f.quorum, "Says whether enough Sentinels are there to change the master.", name),
		question("myid", 2, f.myID, "Says this Sentinel's ID."),
		question("pending-scripts", 2, func(c *engine.Ctx) { c.W.Array(0) }, "Lists scripts that wait to run: there are none."),
		question("is-master-down-by-addr", 6, f.isDown, "Says whether a master is down.",
			spec.String("ip"), spec.Integer("port"), spec.Integer("current-epoch"), spec.String("runid")),
		question("info-cache", -3, f.infoCache, "Shows what is known of the nodes' INFO.", spec.String("nodename").Many()),
		help,
	}
}

// fields writes a node's fields as a map.
func fields(c *engine.Ctx, list []sentinel.Field) {
	c.W.Map(len(list))
	for _, l := range list {
		c.W.BulkString(l.Name)
		c.W.BulkString(l.Value)
	}
}

func lists(c *engine.Ctx, all [][]sentinel.Field) {
	c.W.Array(len(all))
	for _, list := range all {
		fields(c, list)
	}
}

// named is the view, if the command's third word is one of the master's names; nil: the
// error was written.
func (f *face) named(c *engine.Ctx) *sentinel.View {
	v := f.here(c)
	if !v.Known(string(c.Args[2])) {
		c.Err(resp.ErrSentinelMaster)
		return nil
	}
	return v
}

func (f *face) masters(c *engine.Ctx) {
	v := f.here(c)
	c.W.Array(len(v.Names))
	for _, name := range v.Names {
		fields(c, v.Master(name))
	}
}

func (f *face) master(c *engine.Ctx) {
	if v := f.named(c); v != nil {
		fields(c, v.Master(string(c.Args[2])))
	}
}

func (f *face) replicas(c *engine.Ctx) {
	if v := f.named(c); v != nil {
		lists(c, v.Replicas())
	}
}

func (f *face) sentinels(c *engine.Ctx) {
	if v := f.named(c); v != nil {
		lists(c, v.Sentinels())
	}
}

func (f *face) address(c *engine.Ctx) {
	v := f.here(c)
	host, port, ok := v.Address()
	if !ok || !v.Known(string(c.Args[2])) {
		c.W.NullArray()
		return
	}
	c.W.Array(2)
	c.W.BulkString(host)
	c.W.BulkString(strconv.Itoa(port))
}

func (f *face) quorum(c *engine.Ctx) {
	v := f.named(c)
	if v == nil {
		return
	}
	why := ""
	quorum, majority := v.Reachable()
	if !quorum {
		why = "Not enough available Sentinels to reach the specified quorum for this master"
	}
	if !majority {
		if why != "" {
			why += ". "
		}
		why += "Not enough available Sentinels to reach the majority and authorize a failover"
	}
	if why != "" {
		c.Err(fmt.Sprintf(resp.ErrSentinelDown, v.Usable(), why))
		return
	}
	c.W.Status(fmt.Sprintf("OK %d usable Sentinels. Quorum and failover authorization can be reached", v.Usable()))
}

func (f *face) myID(c *engine.Ctx) { c.W.BulkString(f.here(c).MyID()) }

// isDown answers another Sentinel. It gets no vote: this cluster elects its leader itself.
func (f *face) isDown(c *engine.Ctx) {
	port, ok := c.IntArg(c.Args[3])
	if !ok {
		return
	}
	if _, ok := c.IntArg(c.Args[4]); !ok {
		return
	}
	down := int64(0)
	if f.here(c).Down(string(c.Args[2]), port) {
		down = 1
	}
	c.W.Array(3)
	c.W.Int(down)
	c.W.BulkString("*")
	c.W.Int(0)
}

// infoCache shows, for each name that is asked for, the master and its replicas, each
// with how old that is in ms.
func (f *face) infoCache(c *engine.Ctx) {
	v := f.here(c)
	var names []string
	for _, name := range v.Names {
		for _, asked := range c.Args[2:] {
			if string(asked) == name {
				names = append(names, name)
				break
			}
		}
	}
	c.W.Array(2 * len(names))
	servers := v.Servers()
	for _, name := range names {
		c.W.BulkString(name)
		c.W.Array(len(servers))
		for _, n := range servers {
			c.W.Array(2)
			c.W.Int(v.Age(n))
			c.W.BulkString(v.InfoCache(n))
		}
	}
}

// publish takes hellos of Sentinels, of which none is wanted here.
func publish(c *engine.Ctx) {
	if string(c.Args[1]) != "__sentinel__:hello" {
		c.Err(resp.ErrSentinelPublish)
		return
	}
	c.W.Int(1)
}

// matching are the master's names that match a pattern.
func matching(v *sentinel.View, pattern []byte) (names []string) {
	for _, name := range v.Names {
		if glob.Match(pattern, []byte(name)) {
			names = append(names, name)
		}
	}
	return names
}
