package config

import "strings"

// Classes of keyspace events and how they are told: the letters of
// notify-keyspace-events, a bit for each in Redis's order.
const (
	EventGeneric  = 1 << iota // g
	EventString               // $
	EventList                 // l
	EventSet                  // s
	EventHash                 // h
	EventZset                 // z
	EventExpired              // x
	EventEvicted              // e
	EventStream               // t
	eventModule               // d: there are no modules
	EventNew                  // n
	EventKeyspace             // K: to the key's channel
	EventKeyevent             // E: to the event's channel
	EventMiss                 // m
)

const (
	eventLetters = "g$lshzxetdnKEm"
	eventAll     = EventNew - 1 // A
)

// keyspaceEvents is notify-keyspace-events.
func keyspaceEvents(name string, v *Int) *directive {
	return &directive{name: name, def: "",
		parse: func(word string) (func(), error) {
			var flags int64
			word, _ = cString(word)
			for _, r := range []byte(word) {
				switch at := strings.IndexByte(eventLetters, r); {
				case r == 'A':
					flags |= eventAll
				case at >= 0:
					flags |= 1 << at
				default:
					return nil, asRedis("Invalid event class character. Use 'Ag$lshzxeKEtmdn'.")
				}
			}
			return func() { v.Set(flags) }, nil
		},
		show: func() string {
			flags := v.Get()
			var out []byte
			if flags&eventAll == eventAll {
				out, flags = append(out, 'A'), flags&^(eventAll|EventNew) // n is not shown beside A
			}
			for i := range eventLetters {
				if flags&(1<<i) != 0 {
					out = append(out, eventLetters[i])
				}
			}
			return string(out)
		},
	}
}
