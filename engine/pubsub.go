package engine

import (
	"bytes"
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
//	PUBLISH ch m  ─► outbox of the loop ─► table ─► inbox of each listener ─► Conn.Wake
//	                 │ until its replies leave           │ bounded
//	the listener's own turn: TakePushes ─► its output, behind what it holds ─► barrier
//
// # Invariants
//
//   - A session's output is its own: a client that publishes puts the message into its
//     inbox, and the session takes it on its turn, between two replies.
//   - Inboxes share the messages: what is encoded is never changed.
//   - What a loop's clients publish to one channel, one behind the other, reaches the inboxes at
//     once, before the replies of those that publish leave, and before anything else that is put
//     there by a command of that loop (Ctx.tellPublished). So nobody sees that it was late.
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

	mu    sync.Mutex
	msgs  [][]byte // encoded, and shared with other inboxes
	bytes int64    // of all of them
	rest  rest
	over  bool // it was more than it may be, and is dropped
}

// A rest is what messages rest on, as Session.Barrier and LeaderEpoch; zero: nothing.
type rest struct{ off, epoch int64 }

// put adds messages and reports whether the session must be woken.
func (in *inbox) put(msgs []byte, on rest, limit int64) (first bool) {
	in.mu.Lock()
	defer in.mu.Unlock()
	if !in.over {
		in.bytes += int64(len(msgs))
		in.over = limit > 0 && in.bytes > limit
		if in.over {
			in.msgs = nil
		} else {
			in.msgs = append(in.msgs, msgs)
		}
	}
	in.rest.off = max(in.rest.off, on.off)
	if on.epoch != 0 {
		in.rest.epoch = mixed(in.rest.epoch, on.epoch)
	}
	if in.full.Load() {
		return false
	}
	in.full.Store(true)
	return true
}

// keptInbox is for how many messages an inbox keeps room.
const keptInbox = 64

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
	for _, m := range in.msgs {
		s.W.Raw(m)
	}
	if in.over {
		s.W.Overflow()
	}
	s.Barrier = max(s.Barrier, in.rest.off)
	if in.rest.epoch != 0 {
		s.claim(in.rest.epoch)
	}
	clear(in.msgs)
	if in.msgs, in.bytes, in.rest = in.msgs[:0], 0, (rest{}); cap(in.msgs) > keptInbox {
		in.msgs = nil
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

// An outbox is what clients of a loop have published in its turn, and nobody has heard yet.
type outbox struct {
	kind    pubsub.Kind
	channel []byte
	msgs    resp.Messages
}

// maxOutbox is from how many bytes on an outbox does not wait for the end of the turn.
const maxOutbox = 64 << 10

// messageKind is what messages of a kind of channel begin with.
func messageKind(kind pubsub.Kind) string {
	if kind == pubsub.Shard {
		return "smessage"
	}
	return "message"
}

// publish gives a message to all sessions here that listen, and counts how often. The
// one that publishes hears it at once, before its reply, if self is its.
func (e *Engine) publish(kind pubsub.Kind, channel, payload []byte, on rest, self *Ctx) int {
	return e.publishAt(FacePort, kind, channel, payload, on, self)
}

// publishAt is publish for those that listen at a face.
func (e *Engine) publishAt(f Face, kind pubsub.Kind, channel, payload []byte, on rest, self *Ctx) int {
	table := e.listenersAt(f)
	if table.Quiet() {
		return 0
	}
	var msgs resp.Messages
	msgs.Add(messageKind(kind), channel, payload)
	return e.deliver(table, kind, channel, &msgs, on, self)
}

// deliver puts messages into the inboxes of those that listen.
func (e *Engine) deliver(table *pubsub.Table[*Session], kind pubsub.Kind, channel []byte, msgs *resp.Messages, on rest, self *Ctx) int {
	var texts [resp.RESP3 + 1][]byte // made when they are first asked for
	last := ""                       // for the pattern that was met last: its listeners come together
	limit := e.Config.OutputHardPubsub.Get()
	return table.Deliver(kind, channel, func(s *Session, pattern string) {
		if pattern != last {
			clear(texts[:])
			last = pattern
		}
		own := self != nil && s == self.s
		proto := int(s.Shared.proto.Load())
		if own {
			proto = self.W.Proto()
		}
		if texts[proto] == nil {
			texts[proto] = msgs.Text(proto, pattern)
		}
		if own {
			self.W.Raw(texts[proto])
		} else if s.box().put(texts[proto], on, limit) {
			s.conn.Wake()
		}
	})
}

// TellPublished gives those that listen what the desk's sessions have published. The loop calls
// it before the first reply leaves.
func (e *Engine) TellPublished(d *Desk) { e.tellPublished(&d.out) }

func (e *Engine) tellPublished(out *outbox) {
	if out.msgs.Len() > 0 {
		e.deliver(e.listenersAt(FacePort), out.kind, out.channel, &out.msgs, rest{}, nil)
		out.msgs.Clear()
	}
}

// tellPublished comes before anything else that c's command puts into an inbox, or that changes
// which clients listen.
func (c *Ctx) tellPublished() {
	if c.out != nil {
		c.e.tellPublished(c.out)
	}
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
			Summary: "Sends a message to the subscribers of a channel.",
			Args:    spec.Args{spec.String("channel"), spec.String("message")}, Channels: spec.OneChannel,
		}},
		{Do: func(c *Ctx) { c.publish(pubsub.Shard) }, Command: spec.Command{
			Name: "spublish", Arity: 3, Flags: quick | spec.MayReplicate, Since: "7.0.0", Complex: "O(N) in the number of listeners",
			Summary: "Sends a message to the subscribers of a shard channel.",
			Keys:    spec.Keys{spec.One(1, spec.KeyNotKey)},
			Args:    spec.Args{spec.String("shardchannel"), spec.String("message")}, Channels: spec.OneChannel,
		}},
		{Help: resp.HelpPubsub, Command: spec.Command{
			Name: "pubsub", Arity: -2, Since: "2.8.0", Complex: "Depends on the subcommand",
			Summary: "Holds the commands that tell what is subscribed to.",
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
			Summary: "Counts the subscribers of channels, without those of patterns.", Args: spec.Args{spec.String("channel").Many().Opt()},
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
			Summary: "Counts the subscribers of shard channels.", Args: spec.Args{spec.String("shardchannel").Many().Opt()},
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
	if c.nested && kind == pubsub.Shard { // as in redis-server, where the other kinds may
		c.Err(resp.ErrShardSubNested)
		return
	}
	c.tellPublished()
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
	c.tellPublished()
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

// dropListeners has nothing published any more for clients that have ended. Their own
// turns forget the names.
func (e *Engine) dropListeners() {
	for i := range e.listeners {
		e.listeners[i].Drop(func(s *Session) bool { return s.Shared.has(clientEnded) })
	}
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
	channel, payload := c.Args[1], c.Args[2]
	c.W.Int(int64(c.publishHere(kind, channel, payload)))
	c.e.cluster.Publish(kind == pubsub.Shard, channel, payload)
}

// publishHere gives a message to those that listen here, or to the outbox.
func (c *Ctx) publishHere(kind pubsub.Kind, channel, payload []byte) (heard int) {
	out := c.out
	if out == nil || c.s.subs != nil { // it may hear itself
		c.tellPublished()
		self := c
		if c.nested || c.s.ReplyMode != ReplyOn {
			self = nil // its replies are elements of one, or nobody wants them
		}
		return c.e.publish(kind, channel, payload, rest{}, self)
	}
	if heard = c.e.listenersAt(FacePort).Hearers(kind, channel); heard == 0 {
		return 0
	}
	if out.msgs.Len() > 0 && (out.kind != kind || !bytes.Equal(out.channel, channel)) {
		c.tellPublished()
	}
	if out.msgs.Len() == 0 {
		out.kind, out.channel = kind, append(out.channel[:0], channel...)
	}
	if out.msgs.Add(messageKind(kind), channel, payload); out.msgs.Len() >= maxOutbox {
		c.tellPublished()
	}
	return heard
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
		c.Err(fmt.Sprintf(resp.ErrSubSyntax, Clip(c.Args[1], 128), c.Spoken()))
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

// greetsSentinels reports whether a message is a Sentinel's to the others: that Sentinel asks the
// node for INFO on the same connection, and must go on hearing of this one.
func greetsSentinels(args [][]byte) bool { return string(args[1]) == sentinelHello }
