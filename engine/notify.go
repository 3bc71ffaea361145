package engine

import (
	"strconv"

	"regent/engine/config"
	"regent/engine/pubsub"
)

// Keyspace notifications (notify-keyspace-events): messages that say what happened to a
// key, to channels of these names:
//
//	__keyspace@0__:mykey   del       one channel for each key, K
//	__keyevent@0__:del     mykey     one channel for each event, E
//
// A handler says Notify where Redis has notifyKeyspaceEvent. What it said is kept until
// its effects are in the log, and then published with the log's end as what the messages
// rest on: an event leaves when the write it tells of is committed. A follower tells of
// what it applies, which is committed. While nobody asks for a class of events, this
// costs a look at one word.

// An Event is a class of events, a letter of notify-keyspace-events.
type Event int64

// Classes of events, as the configuration has them.
const (
	EventGeneric Event = config.EventGeneric // g
	EventString  Event = config.EventString  // $
	EventList    Event = config.EventList    // l
	EventSet     Event = config.EventSet     // s
	EventHash    Event = config.EventHash    // h
	EventZset    Event = config.EventZset    // z
	EventStream  Event = config.EventStream  // t

	eventExpired Event = config.EventExpired // x
	eventEvicted Event = config.EventEvicted // e
	eventNew     Event = config.EventNew     // n
	eventMiss    Event = config.EventMiss    // m
)

// A happening is an event that has not been told yet.
type happening struct {
	db    int
	event string
	key   []byte
}

// Notify says that event has happened to key in the session's database.
func (c *Ctx) Notify(class Event, event string, key []byte) {
	if c.events&class != 0 {
		c.happens(c.s.db, class, event, key)
	}
}

// NotifyIn is Notify in another database.
func (c *Ctx) NotifyIn(db int, class Event, event string, key []byte) {
	if c.events&class != 0 {
		c.happens(db, class, event, key)
	}
}

func (c *Ctx) happens(db int, class Event, event string, key []byte) {
	if c.e.tells(class) {
		c.happened = append(c.happened, happening{db, event, append([]byte(nil), key...)})
	}
}

// NotifyGone says that a change has left nothing of key, if gone.
func (c *Ctx) NotifyGone(key []byte, gone bool) {
	if gone {
		c.Notify(EventGeneric, "del", key)
	}
}

// tells reports whether events of a class are told at all, and anybody listens.
func (e *Engine) tells(class Event) bool {
	flags := e.Config.KeyspaceEvents.Get()
	return flags != 0 && flags&int64(class) != 0 && flags&(config.EventKeyspace|config.EventKeyevent) != 0 && !e.listeners[FacePort].Quiet()
}

// tellHappened publishes what a command has said, whose effects end at off in the log.
func (c *Ctx) tellHappened(off int64) {
	c.tellPublished()
	on := c.e.restingOn(off)
	for i := range c.happened {
		c.e.tell(&c.happened[i], on)
	}
	clear(c.happened)
	c.happened = c.happened[:0]
}

// restingOn is what a message about a write rests on that ends at off, 0: on nothing.
// At a leader that is its leadership too, since another's records may come to stand
// there.
func (e *Engine) restingOn(off int64) rest {
	v := e.cluster.View()
	if off == 0 || !v.Clustered {
		return rest{off: off}
	}
	return rest{off, v.Epoch}
}

// tell publishes an event in its two forms.
func (e *Engine) tell(h *happening, on rest) {
	flags := e.Config.KeyspaceEvents.Get()
	var room [128]byte
	channel := func(form string) []byte {
		return append(strconv.AppendInt(append(room[:0], form...), int64(h.db), 10), "__:"...)
	}
	if flags&config.EventKeyspace != 0 {
		e.publish(pubsub.Channel, append(channel("__keyspace@"), h.key...), []byte(h.event), on, nil)
	}
	if flags&config.EventKeyevent != 0 {
		e.publish(pubsub.Channel, append(channel("__keyevent@"), h.event...), h.key, on, nil)
	}
}

// notify is Ctx.Notify for what no command does: expiry and eviction.
func (e *Engine) notify(class Event, event string, db int, key []byte, off int64) {
	if e.tells(class) {
		e.tell(&happening{db, event, key}, e.restingOn(off))
	}
}
