package engine

import (
	"fmt"
	"slices"
	"sync"
	"sync/atomic"

	"regent/engine/glob"
	"regent/engine/pubsub"
	"regent/engine/spec"
	"regent/resp"
)

// Publish and subscribe. The table of which client listens to what is package pubsub's; here
// are the commands, and a message's way to a session.
//
//	PUBLISH ch m  ─► table ─► inbox of each listener ─► Conn.Wake
//	                               │ bounded
//	the listener's own turn: TakePushes ─► its output, behind what it holds ─► barrier
//
// # Invariants
//
//   - A session's output is its own: a client that publishes puts the message into its
//     inbox, and the session takes it on its turn, between two replies.
//   - Nobody waits for a listener. An inbox holds at most what the hard limit of the
//     class pubsub (client-output-buffer-limit) allows; beyond it the listener is
//     disconnected, and so are those that do not take their output.
//   - A message of PUBLISH rests on no data and leaves at once. An event of the
//     keyspace (notify.go) rests on the log: it leaves when the write is committed, and
//     never if it is not, so nobody hears of what a failover takes back.
//   - Messages of one publisher come in its order. Delivery is at most once.

// An inbox is what has been published for a session and not been taken by it.
type inbox struct {
	full atomic.Bool

	mu   sync.Mutex
	buf  []byte // encoded
	rest rest
	over bool // it was more than it may be, and is dropped
}

// A rest is what messages rest on, as Session.Barrier and LeaderEpoch; zero: nothing.
type rest struct{ off, epoch int64 }

// put adds a message and reports whether the session must be woken.
func (in *inbox) put(msg []byte, on rest, limit int64) (first bool) {
	in.mu.Lock()
	defer in.mu.Unlock()
	if !in.over {
		in.over = limit > 0 && int64(len(in.buf)+len(msg)) > limit
		if in.over {
			in.buf = nil
		} else {
			in.buf = append(in.buf, msg...)
		}
	}
	in.rest.off = max(in.rest.off, on.off)
	if on.epoch != 0 {
		in.rest.epoch = mixed(in.rest.epoch, on.epoch)
	}
	return !in.full.Swap(true)
}

// keptInbox is how many bytes of memory an inbox keeps.
const keptInbox = 4 << 10

// Pushed reports whether something has been published for s that it has not taken.
func (s *Session) Pushed() bool {
	in := s.inbox.Load()
	return in != nil && in.full.Load()
}

// box is the session's inbox; any goroutine may ask.
func (s *Session) box() *inbox {
	if in := s.inbox.Load(); in != nil {
		return in
	}
	s.inbox.CompareAndSwap(nil, &inbox{})
	return s.inbox.Load()
}

// TakePushes appends what has been published for s to its output, on its turn, and
// raises s.Barrier and s.LeaderEpoch to what that rests on. The output overflows if that
// was too much.
func (e *Engine) TakePushes(s *Session) {
	in := s.box()
	in.mu.Lock()
	defer in.mu.Unlock()
	in.full.Store(false)
	s.W.Raw(in.buf)
	if in.over {
		s.W.Overflow()
	}
	s.Barrier = max(s.Barrier, in.rest.off)
	if in.rest.epoch != 0 {
		s.claim(in.rest.epoch)
	}
	if in.buf, in.rest = in.buf[:0], (rest{}); cap(in.buf) > keptInbox {
		in.buf = nil
	}
}

// Listens reports whether s listens to anything; any goroutine may ask.
func (s *Session) Listens() bool { return s.Shared.has(clientPubSub) }

// subscriptions are what a session listens to, by kind.
type subscriptions [pubsub.Kinds]map[string]struct{}

// listenersAt are the listeners of a face. The Sentinel face has channels of its own, which
// this node alone publishes on; all data is one, whatever face it is seen at.
func (e *Engine) listenersAt(f Face) *pubsub.Table[*Session] {
	if f == FaceSentinel {
		return &e.listeners[FaceSentinel]
	}
	return &e.listeners[FacePort]
}

// A message in both protocols, made when it is first asked for.
type message struct {
	kind, pattern    string
	channel, payload []byte
	by               [resp.RESP3 + 1][]byte
}

func (m *message) in(proto int) []byte {
	if m.by[proto] == nil {
		var w resp.Writer
		w.SetProto(proto)
		if m.pattern == "" {
			w.Push(3)
			w.BulkString(m.kind)
		} else {
			w.Push(4)
			w.BulkString("pmessage")
			w.BulkString(m.pattern)
		}
		w.Bulk(m.channel)
		w.Bulk(m.payload)
		m.by[proto] = w.Bytes()
	}
	return m.by[proto]
}

// publish gives a message to all sessions here that listen, and counts how often. The
// one that publishes hears it at once, before its reply, if self is its.
func (e *Engine) publish(kind pubsub.Kind, channel, payload []byte, on rest, self *Ctx) int {
	return e.publishAt(FacePort, kind, channel, payload, on, self)
}

// publishAt is publish for those that listen at a face.
func (e *Engine) publishAt(f Face, kind pubsub.Kind, channel, payload []byte, on rest, self *Ctx) int {
	plain := message{kind: "message", channel: channel, payload: payload}
	if kind == pubsub.Shard {
		plain.kind = "smessage"
	}
	var matched message // of the pattern that was met last: its listeners come together
	limit := e.Config.OutputHardPubsub.Get()
	return e.listenersAt(f).Deliver(kind, channel, func(s *Session, pattern string) {
		m := &plain
		if pattern != "" {
			if matched.pattern != pattern {
				matched = message{pattern: pattern, channel: channel, payload: payload}
			}
			m = &matched
		}
		if self != nil && s == self.s {
			self.W.Raw(m.in(self.W.Proto()))
			return
		}
		if s.box().put(m.in(int(s.Shared.proto.Load())), on, limit) {
			s.conn.Wake()
		}
	})
}

func pubsubCommands() []Command {
	const flags = spec.PubSub | spec.NoScript | spec.Loading | spec.Stale
	const quick = spec.PubSub | spec.Loading | spec.Stale | spec.Fast
	channels := spec.Args{spec.String("channel").Many()}
	shards := spec.Args{spec.String("shardchannel").Many()}
	shardKeys := spec.Keys{spec.Span(1, -1, 1, spec.KeyNotKey)}
	return []Command{
		{Do: func(c *Ctx) { c.subscribe(pubsub.Channel) }, Sentinel: true, whileListening: true, Command: spec.Command{
			Name: "subscribe", Arity: -2, Flags: flags, Since: "2.0.0", Complex: "O(N) in the number of channels",
			Summary: "Listens to channels.", Args: channels, Channels: spec.AllChannels,
		}},
		{Do: func(c *Ctx) { c.subscribe(pubsub.Pattern) }, Sentinel: true, whileListening: true, Command: spec.Command{
			Name: "psubscribe", Arity: -2, Flags: flags, Since: "2.0.0", Complex: "O(N) in the number of patterns that the client has",
			Summary: "Listens to all channels whose names match one of the patterns.",
			Args:    spec.Args{spec.Block("pattern", spec.Pattern("pattern")).Many()}, Channels: spec.ChannelPatterns,
		}},
		{Do: func(c *Ctx) { c.subscribe(pubsub.Shard) }, whileListening: true, Command: spec.Command{
			Name: "ssubscribe", Arity: -2, Flags: flags, Since: "7.0.0", Complex: "O(N) in the number of channels",
			Summary: "Listens to shard channels.", Keys: shardKeys, Args: shards, Channels: spec.AllChannels,
		}},
		{Do: func(c *Ctx) { c.unsubscribe(pubsub.Channel) }, Sentinel: true, whileListening: true, Command: spec.Command{
			Name: "unsubscribe", Arity: -1, Flags: flags, Since: "2.0.0", Complex: "O(N) in the number of channels",
			Summary: "Stops listening to channels, to all of them if none is named.",
			Args:    spec.Args{spec.String("channel").Many().Opt()},
		}},
		{Do: func(c *Ctx) { c.unsubscribe(pubsub.Pattern) }, Sentinel: true, whileListening: true, Command: spec.Command{
			Name: "punsubscribe", Arity: -1, Flags: flags, Since: "2.0.0", Complex: "O(N) in the number of patterns",
			Summary: "Stops listening to channels that match patterns, to all of them if none is named.",
			Args:    spec.Args{spec.Pattern("pattern").Many().Opt()},
		}},
		{Do: func(c *Ctx) { c.unsubscribe(pubsub.Shard) }, whileListening: true, Command: spec.Command{
			Name: "sunsubscribe", Arity: -1, Flags: flags, Since: "7.0.0", Complex: "O(N) in the number of channels",
			Summary: "Stops listening to shard channels, to all of them if none is named.",
			Keys:    shardKeys, Args: spec.Args{spec.String("shardchannel").Many().Opt()},
		}},
		{Do: func(c *Ctx) { c.publish(pubsub.Channel) }, ofNode: greetsSentinels, Command: spec.Command{
			Name: "publish", Arity: 3, Flags: quick | spec.MayReplicate, Since: "2.0.0", Complex: "O(N+M) in the number of listeners and of all patterns",
			Summary: "Sends a message to all who listen to a channel.",
			Args:    spec.Args{spec.String("channel"), spec.String("message")}, Channels: spec.OneChannel,
		}},
		{Do: func(c *Ctx) { c.publish(pubsub.Shard) }, Command: spec.Command{
			Name: "spublish", Arity: 3, Flags: quick | spec.MayReplicate, Since: "7.0.0", Complex: "O(N) in the number of listeners",
			Summary: "Sends a message to all who listen to a shard channel.",
			Keys:    spec.Keys{spec.One(1, spec.KeyNotKey)},
			Args:    spec.Args{spec.String("shardchannel"), spec.String("message")}, Channels: spec.OneChannel,
		}},
		{Help: resp.HelpPubsub, Command: spec.Command{
			Name: "pubsub", Arity: -2, Since: "2.8.0", Complex: "Depends on the subcommand",
			Summary: "Holds the commands that tell who listens to what.",
		}, Subs: pubsubSubs()},
	}
}

func pubsubSubs() []Command {
	const flags = spec.PubSub | spec.Loading | spec.Stale
	names := func(kind pubsub.Kind) Handler { return func(c *Ctx) { c.listNames(kind) } }
	counts := func(kind pubsub.Kind) Handler { return func(c *Ctx) { c.countListeners(kind) } }
	return []Command{
		{Do: names(pubsub.Channel), Command: spec.Command{
			Name: "channels", Arity: -2, Flags: flags, Since: "2.8.0", Complex: "O(N) in the number of channels",
			Summary: "Lists the channels that somebody listens to.", Args: spec.Args{spec.Pattern("pattern").Opt()},
		}},
		{Do: counts(pubsub.Channel), Command: spec.Command{
			Name: "numsub", Arity: -2, Flags: flags, Since: "2.8.0", Complex: "O(N) in the number of channels",
			Summary: "Counts who listens to channels, without those who do by a pattern.", Args: spec.Args{spec.String("channel").Many().Opt()},
		}},
		{Do: func(c *Ctx) { c.W.Int(int64(c.e.listenersAt(FacePort).Names(pubsub.Pattern))) }, Command: spec.Command{
			Name: "numpat", Arity: 2, Flags: flags, Since: "2.8.0", Complex: "O(1)",
			Summary: "Counts the different patterns that somebody has.",
		}},
		{Do: names(pubsub.Shard), Command: spec.Command{
			Name: "shardchannels", Arity: -2, Flags: flags, Since: "7.0.0", Complex: "O(N) in the number of channels",
			Summary: "Lists the shard channels that somebody listens to.", Args: spec.Args{spec.Pattern("pattern").Opt()},
		}},
		{Do: counts(pubsub.Shard), Command: spec.Command{
			Name: "shardnumsub", Arity: -2, Flags: flags, Since: "7.0.0", Complex: "O(N) in the number of channels",
			Summary: "Counts who listens to shard channels.", Args: spec.Args{spec.String("shardchannel").Many().Opt()},
		}},
		HelpCommand(spec.Loading|spec.Stale, "6.2.0"),
	}
}

// verb is what replies to SUBSCRIBE and UNSUBSCRIBE of a kind begin with.
func verb(kind pubsub.Kind, ends bool) string {
	verbs := [pubsub.Kinds][2]string{
		pubsub.Channel: {"subscribe", "unsubscribe"}, pubsub.Pattern: {"psubscribe", "punsubscribe"}, pubsub.Shard: {"ssubscribe", "sunsubscribe"},
	}
	if ends {
		return verbs[kind][1]
	}
	return verbs[kind][0]
}

func (c *Ctx) subscribe(kind pubsub.Kind) {
	s := c.s
	if s.subs == nil {
		s.subs = &subscriptions{}
	}
	if s.subs[kind] == nil {
		s.subs[kind] = map[string]struct{}{}
	}
	for _, arg := range c.Args[1:] {
		name := string(arg)
		if _, in := s.subs[kind][name]; !in {
			if len(s.subs[kind]) == pubsub.MaxNames {
				c.Err(resp.ErrTooManySubs)
				return
			}
			s.subs[kind][name] = struct{}{}
			s.noteSubscriptions()
			c.e.listenersAt(s.face).Add(kind, name, s)
		}
		c.tellSubscription(verb(kind, false), arg, kind)
	}
}

// unsubscribe ends what the arguments name, or all of the kind.
func (c *Ctx) unsubscribe(kind pubsub.Kind) {
	names := c.Args[1:]
	if len(names) == 0 {
		names = c.s.subscribed(kind)
	}
	for _, name := range names {
		c.e.endSubscription(c.s, kind, string(name))
		c.tellSubscription(verb(kind, true), name, kind)
	}
	if len(names) == 0 {
		c.tellSubscription(verb(kind, true), nil, kind)
	}
}

// subscribed are the names of a kind, in order.
func (s *Session) subscribed(kind pubsub.Kind) (names [][]byte) {
	if s.subs == nil {
		return nil
	}
	for name := range s.subs[kind] {
		names = append(names, []byte(name))
	}
	slices.SortFunc(names, slices.Compare)
	return names
}

// tellSubscription is the reply for one name, nil: there was none, with how many
// the session has now.
func (c *Ctx) tellSubscription(verb string, name []byte, kind pubsub.Kind) {
	n, start := c.s.subscriptionCount(kind), c.W.Len()
	c.W.Push(3)
	c.W.BulkString(verb)
	if name == nil {
		c.W.Null()
	} else {
		c.W.Bulk(name)
	}
	c.W.Int(int64(n))
	if c.s.ReplyMode != ReplyOn {
		r := c.s.rarely()
		r.always = append(r.always, c.W.Bytes()[start:]...)
	}
}

// subscriptionCount is the count that replies show: shard channels by themselves,
// channels and patterns together.
func (s *Session) subscriptionCount(kind pubsub.Kind) int {
	switch {
	case s.subs == nil:
		return 0
	case kind == pubsub.Shard:
		return len(s.subs[pubsub.Shard])
	}
	return len(s.subs[pubsub.Channel]) + len(s.subs[pubsub.Pattern])
}

// endSubscription forgets a name, if the session has it.
func (e *Engine) endSubscription(s *Session, kind pubsub.Kind, name string) {
	if s.subs == nil {
		return
	}
	if _, in := s.subs[kind][name]; !in {
		return
	}
	delete(s.subs[kind], name)
	e.listenersAt(s.face).Remove(kind, name, s)
	s.noteSubscriptions()
}

// endSubscriptions forgets everything that s listens to, and what has come for it.
func (e *Engine) endSubscriptions(s *Session) {
	if s.subs == nil {
		return
	}
	for kind := range pubsub.Kind(pubsub.Kinds) {
		for name := range s.subs[kind] {
			e.listenersAt(s.face).Remove(kind, name, s)
		}
	}
	s.subs = nil
	s.noteSubscriptions()
}

// noteSubscriptions lets other sessions see what s listens to.
func (s *Session) noteSubscriptions() {
	some := false
	for kind := range s.Shared.subs {
		n := 0
		if s.subs != nil {
			n = len(s.subs[kind])
		}
		s.Shared.subs[kind].Store(int32(n))
		some = some || n > 0
	}
	s.Shared.setFlag(clientPubSub, some)
}

func (c *Ctx) publish(kind pubsub.Kind) {
	self := c
	if c.nested {
		self = nil // its replies are elements of one
	}
	c.W.Int(int64(c.e.publish(kind, c.Args[1], c.Args[2], rest{}, self)))
	c.e.cluster.Publish(kind == pubsub.Shard, c.Args[1], c.Args[2])
}

// Hear gives a message from another node to those that listen here.
func (e *Engine) Hear(shard bool, channel, payload []byte) {
	kind := pubsub.Channel
	if shard {
		kind = pubsub.Shard
	}
	e.publish(kind, channel, payload, rest{}, nil)
}

// listNames is PUBSUB CHANNELS.
func (c *Ctx) listNames(kind pubsub.Kind) {
	if len(c.Args) > 3 {
		c.Err(fmt.Sprintf(resp.ErrSubSyntax, Clip(c.Args[1], 128), "PUBSUB"))
		return
	}
	var names []string
	c.e.listenersAt(FacePort).Each(kind, func(name string) {
		if len(c.Args) == 2 || glob.Match(c.Args[2], []byte(name)) {
			names = append(names, name)
		}
	})
	slices.Sort(names)
	c.W.Array(len(names))
	for _, name := range names {
		c.W.BulkString(name)
	}
}

// countListeners is PUBSUB NUMSUB.
func (c *Ctx) countListeners(kind pubsub.Kind) {
	names := c.Args[2:]
	c.W.Array(2 * len(names))
	for _, name := range names {
		c.W.Bulk(name)
		c.W.Int(int64(c.e.listenersAt(FacePort).Listeners(kind, string(name))))
	}
}

// barred is why the client, which listens, may not say a command, or "": with RESP2 it
// could not tell a reply from a message.
func (c *Ctx) barred() string {
	if c.Cmd.whileListening || c.W.Proto() != resp.RESP2 {
		return ""
	}
	return fmt.Sprintf(resp.ErrListening, c.Cmd.FullName())
}

// sentinelHello is the channel at which redis-server's Sentinels say to one another, by
// way of each node that they watch, where they are.
const sentinelHello = "__sentinel__:hello"

// greetsSentinels: who publishes there asks the node for INFO on the same connection, and
// must go on hearing of this one.
func greetsSentinels(args [][]byte) bool { return string(args[1]) == sentinelHello }
