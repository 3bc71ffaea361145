package peer

import (
	"net/netip"
	"slices"
	"sync"
)

// Limits of connections that have not proved the secret.
const (
	// maxMemberPlaces bounds those from one address of a member.
	maxMemberPlaces = 64
	// maxStrangerPlaces bounds those from one other address.
	maxStrangerPlaces = 4
	// maxStrangers bounds those from all other addresses together.
	maxStrangers = 64
	// strangerBits of an IPv6 address say which network it is in: a machine that has
	// one address there has them all.
	strangerBits = 64
)

// Places bound the connections that may become channels and have not proved
// the secret. When there is no place, the connection gives up its own that has
// had one for longest: of the same address, or of all strangers. An honest
// handshake is over after a round trip, so the one that is pushed out waits.
// Strangers take no place from a member's address, and one stranger's address
// none of another's but its share.
type Places struct {
	mu        sync.Mutex
	strangers []*place                // by arrival
	members   map[netip.Addr][]*place // by arrival
}

type place struct {
	from  netip.Prefix
	evict func()
}

// Enter takes a place for a connection. evict is called, once at most, when
// another connection needs it: the connection is to be closed. leave gives the
// place back.
func (p *Places) Enter(from netip.Addr, member bool, evict func()) (leave func()) {
	from = from.Unmap().WithZone("")
	mine := &place{evict: evict}
	p.mu.Lock()
	var out *place
	if member {
		out = p.enterMember(from, mine)
	} else {
		out = p.enterStranger(from, mine)
	}
	p.mu.Unlock()
	if out != nil {
		out.evict()
	}
	return func() { p.leave(from, mine) }
}

func (p *Places) enterMember(from netip.Addr, mine *place) (out *place) {
	list := p.members[from]
	if len(list) >= maxMemberPlaces {
		out = list[0]
		list = slices.Delete(list, 0, 1)
	}
	if p.members == nil {
		p.members = map[netip.Addr][]*place{}
	}
	p.members[from] = append(list, mine)
	return out
}

func (p *Places) enterStranger(from netip.Addr, mine *place) (out *place) {
	mine.from = network(from)
	same, first := 0, -1
	for i, other := range p.strangers {
		if other.from == mine.from {
			if same++; first < 0 {
				first = i
			}
		}
	}
	at := -1
	switch {
	case same >= maxStrangerPlaces:
		at = first
	case len(p.strangers) >= maxStrangers:
		at = 0
	}
	if at >= 0 {
		out = p.strangers[at]
		p.strangers = slices.Delete(p.strangers, at, at+1)
	}
	p.strangers = append(p.strangers, mine)
	return out
}

// network is what a stranger's address counts as.
func network(from netip.Addr) netip.Prefix {
	bits := from.BitLen()
	if from.Is6() {
		bits = strangerBits
	}
	n, _ := from.Prefix(bits) // the zero value for an address of another kind
	return n
}

func (p *Places) leave(from netip.Addr, mine *place) {
	p.mu.Lock()
	defer p.mu.Unlock()
	is := func(other *place) bool { return other == mine }
	p.strangers = slices.DeleteFunc(p.strangers, is)
	if list := slices.DeleteFunc(p.members[from], is); len(list) > 0 {
		p.members[from] = list
	} else {
		delete(p.members, from)
	}
}
