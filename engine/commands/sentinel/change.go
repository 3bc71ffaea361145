package sentinel

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"regent/engine"
	"regent/engine/decimal"
	"regent/engine/glob"
	"regent/engine/spec"
	"regent/resp"
)

// What changes something: for clients on this machine, or with a password.

func (f *face) changes() []engine.Command {
	change := func(name string, arity int, do engine.Handler, summary string, args ...spec.Arg) engine.Command {
		cmd := question(name, arity, do, summary, args...)
		cmd.Harmless = false
		return cmd
	}
	name := spec.String("master-name")
	failover := change("failover", 3, nil, "Has another node lead.", name)
	failover.Administer = f.failover
	return []engine.Command{
		failover,
		change("reset", 3, f.reset, "Says everything that is known of the master again.", spec.Pattern("pattern")),
		change("flushconfig", 2, flushConfig, "Writes the configuration to its file."),
		change("set", -5, f.setOptions, "Changes what is shown of the master, which has no other effect here than how long a SENTINEL FAILOVER may take.",
			name, spec.Block("data", spec.String("option"), spec.String("value")).Many()),
		change("monitor", 6, f.monitor, "Gives the master one more name.", spec.String("name"), spec.String("ip"), spec.Integer("port"), spec.Integer("quorum")),
		change("remove", 3, f.remove, "Takes one of the master's names away.", name),
		change("config", -3, f.config, "Shows or changes a Sentinel's options, which have no effect here.",
			spec.OneOf("action", spec.String("parameter").With("GET"), spec.Block("set", spec.String("parameter"), spec.String("value")).With("SET"))),
		change("simulate-failure", -3, f.simulate, "Ends this process when it has been elected.", spec.String("mode").Many()),
		change("debug", -2, f.debug, "Shows or changes times of a Sentinel, which have no effect here.", spec.Block("data", spec.String("parameter"), spec.String("value")).Many().Opt()),
	}
}

// failover begins a planned change of leader: at the leader to the node that is
// best, elsewhere to this one.
func (f *face) failover(c *engine.Ctx, a engine.Administration) {
	v := f.named(c)
	if v == nil {
		return
	}
	told := c.Sight().View()
	var err error
	switch {
	case v.Failover:
		err = engine.ErrHandoverRuns
	case told.Leading:
		err = a.Handover(0, time.Duration(v.Set.FailoverTimeout)*time.Millisecond)
	default:
		err = a.AskHandover()
	}
	switch {
	case err == nil:
		c.W.OK()
	case errors.Is(err, engine.ErrHandoverRuns):
		c.Err(resp.ErrSentinelRuns)
	default:
		c.Err(resp.ErrSentinelNoTarget)
	}
}

func (f *face) reset(c *engine.Ctx) {
	v, s := f.here(c), c.Sight()
	names := matching(v, c.Args[2])
	for _, name := range names {
		for _, m := range v.Renewed(name) {
			s.Say(m.Channel, m.Payload)
		}
	}
	c.W.Int(int64(len(names)))
}

func flushConfig(c *engine.Ctx) {
	if !c.Sight().WriteConfig() {
		c.Err(resp.ErrSentinelFlush)
		return
	}
	c.W.OK()
}

// option is one of SENTINEL SET.
type option struct {
	name   string
	values int
	least  int64 // of a number
	keep   func(o *options, n int64)
	script bool
}

// optionList is what SENTINEL SET knows.
func optionList() []option {
	return []option{
		{name: "down-after-milliseconds", values: 1, least: 1, keep: func(o *options, n int64) { o.DownAfter = n }},
		{name: "failover-timeout", values: 1, least: 1, keep: func(o *options, n int64) { o.FailoverTimeout = n }},
		{name: "parallel-syncs", values: 1, least: 1, keep: func(o *options, n int64) { o.ParallelSyncs = n }},
		{name: "quorum", values: 1, least: 1, keep: func(o *options, n int64) { o.Quorum = n }},
		{name: "master-reboot-down-after-period", values: 1, keep: func(*options, int64) {}},
		{name: "notification-script", values: 1, script: true},
		{name: "client-reconfig-script", values: 1, script: true},
		{name: "auth-pass", values: 1},
		{name: "auth-user", values: 1},
		{name: "rename-command", values: 2},
	}
}

// setOptions takes the options one after the other, as Redis does: what stands before
// one that is wrong is kept.
func (f *face) setOptions(c *engine.Ctx) {
	v := f.named(c)
	if v == nil {
		return
	}
	known := optionList()
	for rest := c.Args[3:]; len(rest) > 0; {
		i := slices.IndexFunc(known, func(o option) bool { return spec.EqualFold(rest[0], o.name) })
		word := engine.Clip(rest[0], 128)
		if i < 0 || len(rest) <= known[i].values {
			c.Err(fmt.Sprintf(resp.ErrSentinelSetName, word))
			return
		}
		o, value := known[i], rest[1]
		if o.script {
			c.Err(resp.ErrSentinelScript)
			return
		}
		if o.keep != nil {
			n, ok := decimal.Parse(value)
			if !ok || n < o.least {
				c.Err(fmt.Sprintf(resp.ErrSentinelSet, engine.Clip(value, 128), word))
				return
			}
			f.change(func(all *options) { o.keep(all, n) })
		}
		rest = rest[1+o.values:]
	}
	c.W.OK()
}

// monitor gives the master, which must be one of the cluster's nodes, one more name.
func (f *face) monitor(c *engine.Ctx) {
	quorum, ok := decimal.Parse(c.Args[5])
	if !ok {
		c.Err(resp.ErrSentinelVotes)
		return
	}
	if quorum <= 0 {
		c.Err(resp.ErrSentinelQuorum)
		return
	}
	port, ok := decimal.Parse(c.Args[4])
	if !ok || port < 0 || port > 65535 {
		c.Err(resp.ErrSentinelPort)
		return
	}
	v, name, host := f.here(c), string(c.Args[2]), string(c.Args[3])
	if v.Known(name) {
		c.Err(resp.ErrSentinelTwice)
		return
	}
	if !v.Has(host, port) {
		if _, err := netip.ParseAddr(host); err != nil {
			c.Err(resp.ErrSentinelHost)
			return
		}
		c.Err(fmt.Sprintf(resp.ErrSentinelForeign, engine.Clip([]byte(host+":"+strconv.FormatInt(port, 10)), 128)))
		return
	}
	if !c.SetMasterNames(append(slices.Clone(v.Names), name)) {
		c.Err(resp.ErrSyntax)
		return
	}
	c.W.OK()
}

func (f *face) remove(c *engine.Ctx) {
	v := f.named(c)
	if v == nil {
		return
	}
	names := slices.DeleteFunc(slices.Clone(v.Names), func(name string) bool { return name == string(c.Args[2]) })
	if !c.SetMasterNames(names) {
		c.Err(resp.ErrSentinelOnly)
		return
	}
	c.W.OK()
}

// A parameter is one of SENTINEL CONFIG.
type parameter struct {
	name, def string
	fits      func(value string) bool
}

func parameters() []parameter {
	yesNo := func(s string) bool { return strings.EqualFold(s, "yes") || strings.EqualFold(s, "no") }
	any := func(string) bool { return true }
	return []parameter{
		{"resolve-hostnames", "no", yesNo}, {"announce-hostnames", "no", yesNo}, {"announce-ip", "", any},
		{"announce-port", "0", func(s string) bool { n, ok := decimal.Parse([]byte(s)); return ok && n >= 0 && n <= 65535 }},
		{"sentinel-user", "", any}, {"sentinel-pass", "", any},
	}
}

func (f *face) config(c *engine.Ctx) {
	switch {
	case len(c.Args) == 4 && spec.EqualFold(c.Args[2], "get"):
		f.configGet(c)
	case len(c.Args) == 5 && spec.EqualFold(c.Args[2], "set"):
		f.configSet(c)
	default:
		c.Err(resp.ErrSentinelConfig)
	}
}

func (f *face) configGet(c *engine.Ctx) {
	set, mark, n := f.set.Load().config, c.W.Mark(), 0
	for _, p := range parameters() {
		if !glob.Match([]byte(spec.Lower(string(c.Args[3]))), []byte(p.name)) {
			continue
		}
		value, there := set[p.name]
		if !there {
			value = p.def
		}
		c.W.BulkString(p.name)
		c.W.BulkString(value)
		n++
	}
	c.W.MapAt(mark, n)
}

func (f *face) configSet(c *engine.Ctx) {
	value := string(c.Args[4])
	for _, p := range parameters() {
		if !spec.EqualFold(c.Args[3], p.name) {
			continue
		}
		if !p.fits(value) {
			c.Err(fmt.Sprintf(resp.ErrSentinelConfVal, engine.Clip(c.Args[4], 128), engine.Clip(c.Args[3], 128)))
			return
		}
		f.change(func(o *options) { o.config[p.name] = value })
		c.W.OK()
		return
	}
	c.Err(fmt.Sprintf(resp.ErrSentinelConfName, engine.Clip(c.Args[3], 128)))
}

// failures are what can be simulated, by their bits.
func failures() []string { return []string{"crash-after-election", "crash-after-promotion"} }

func (f *face) simulate(c *engine.Ctx) {
	fails := int64(0)
	for _, word := range c.Args[2:] {
		if spec.EqualFold(word, "help") {
			c.W.Array(len(failures()))
			for _, name := range failures() {
				c.W.BulkString(name)
			}
			return
		}
		i := slices.IndexFunc(failures(), func(name string) bool { return spec.EqualFold(word, name) })
		if i < 0 {
			c.Err(resp.ErrSentinelFailure)
			return
		}
		fails |= 1 << i
	}
	f.change(func(o *options) { o.fails = fails })
	c.W.OK()
}

// A period is one of SENTINEL DEBUG, in ms.
type period struct {
	name string
	def  int64
}

func periods() []period {
	return []period{
		{"INFO-PERIOD", 10_000}, {"PING-PERIOD", 1000}, {"ASK-PERIOD", 1000}, {"PUBLISH-PERIOD", 2000},
		{"DEFAULT-DOWN-AFTER", 30_000}, {"DEFAULT-FAILOVER-TIMEOUT", 180_000}, {"TILT-TRIGGER", 2000}, {"TILT-PERIOD", 30_000},
		{"SLAVE-RECONF-TIMEOUT", 10_000}, {"MIN-LINK-RECONNECT-PERIOD", 15_000}, {"ELECTION-TIMEOUT", 10_000},
		{"SCRIPT-MAX-RUNTIME", 60_000}, {"SCRIPT-RETRY-DELAY", 30_000},
	}
}

func (f *face) debug(c *engine.Ctx) {
	known := periods()
	if len(c.Args) == 2 {
		set := f.set.Load().debug
		c.W.Map(len(known))
		for _, p := range known {
			n, there := set[p.name]
			if !there {
				n = p.def
			}
			c.W.BulkString(p.name)
			c.W.BulkInt(n)
		}
		return
	}
	for rest := c.Args[2:]; len(rest) > 0; rest = rest[2:] {
		i := slices.IndexFunc(known, func(p period) bool { return spec.EqualFold(rest[0], strings.ToLower(p.name)) })
		if i < 0 || len(rest) < 2 {
			c.Err(fmt.Sprintf(resp.ErrSentinelDebugArg, engine.Clip(rest[0], 128)))
			return
		}
		n, ok := decimal.Parse(rest[1])
		if !ok || n <= 0 {
			c.Err(fmt.Sprintf(resp.ErrSentinelDebug, engine.Clip(rest[1], 128), engine.Clip(rest[0], 128)))
			return
		}
		f.change(func(o *options) { o.debug[known[i].name] = n })
	}
	c.W.OK()
}
