package config

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// MaxPeers bounds the nodes of one cluster.
const MaxPeers = 32

// A Peer is one configured node: its ID and where its client port is.
type Peer struct {
	ID   int64
	Host string
	Port int
}

// Spell is an address as Redis spells it for clients, in MOVED and everywhere else:
// an IPv6 address has no brackets, the port follows the last colon.
func Spell(host string, port int) string { return host + ":" + strconv.Itoa(port) }

// splitSpelled takes host:port apart, with or without brackets around an IPv6
// address.
func splitSpelled(addr string) (host, port string, err error) {
	if i := strings.LastIndexByte(addr, ':'); i > 0 && addr[0] != '[' {
		if ip, err := netip.ParseAddr(addr[:i]); err == nil && ip.Is6() {
			return addr[:i], addr[i+1:], nil
		}
	}
	return net.SplitHostPort(addr)
}

// Addr is host:port, as it is dialled: an IPv6 address has brackets.
func (p Peer) Addr() string { return net.JoinHostPort(p.Host, strconv.Itoa(p.Port)) }

// String is the peer as ParsePeer reads it.
func (p Peer) String() string { return strconv.FormatInt(p.ID, 10) + "@" + p.Addr() }

// Far reports whether the peer is reached over more than the loopback
// interface. A name may stand for another machine, so it counts as one.
func (p Peer) Far() bool {
	ip, err := netip.ParseAddr(p.Host)
	return !strings.EqualFold(p.Host, "localhost") && (err != nil || !ip.Unmap().IsLoopback())
}

// Apart returns a peer that is reached over the loopback interface and one that
// is not, if there are both: the first can be reached from its own machine alone,
// where the second need not be.
func Apart(peers []Peer) (near, far Peer, apart bool) {
	n := slices.IndexFunc(peers, func(p Peer) bool { return !p.Far() })
	f := slices.IndexFunc(peers, Peer.Far)
	if n < 0 || f < 0 {
		return near, far, false
	}
	return peers[n], peers[f], true
}

// FormatPeers is a list as ParsePeers reads it.
func FormatPeers(peers []Peer) string {
	words := make([]string, len(peers))
	for i, p := range peers {
		words[i] = p.String()
	}
	return strings.Join(words, ",")
}

// SharedAddr returns two peers at one address, if there are any.
func SharedAddr(peers []Peer) (a, b Peer, shared bool) {
	for i, p := range peers {
		for _, q := range peers[:i] {
			if p.Addr() == q.Addr() {
				return q, p, true
			}
		}
	}
	return a, b, false
}

// ParsePeers reads the value of the peers directive: "1@host:port,host:port",
// separated by commas or spaces. Without "id@" the port is the ID.
func ParsePeers(list string) ([]Peer, error) {
	words := strings.FieldsFunc(list, func(r rune) bool { return r == ',' || r == ' ' })
	if len(words) > MaxPeers {
		return nil, fmt.Errorf("more than %d peers", MaxPeers)
	}
	var peers []Peer
	seen := map[int64]bool{}
	for _, w := range words {
		p, err := ParsePeer(w)
		if err != nil {
			return nil, fmt.Errorf("peer %q: %w", w, err)
		}
		if seen[p.ID] {
			return nil, fmt.Errorf("peer %q: ID %d is there twice", w, p.ID)
		}
		seen[p.ID] = true
		peers = append(peers, p)
	}
	return peers, nil
}

// ParsePeer reads one node of such a list.
func ParsePeer(w string) (Peer, error) {
	id, addr, named := strings.Cut(w, "@")
	if !named {
		addr = w
	}
	host, port, err := splitSpelled(addr)
	if err != nil {
		return Peer{}, err
	}
	if host == "" {
		return Peer{}, errors.New("no host")
	}
	if err := hostName(host); err != nil {
		return Peer{}, err
	}
	n, err := strconv.Atoi(port)
	if err != nil || n < 1 || n > 65535 {
		return Peer{}, fmt.Errorf("bad port %q", port)
	}
	p := Peer{ID: int64(n), Host: host, Port: n}
	if named {
		if p.ID, err = strconv.ParseInt(id, 10, 64); err != nil || p.ID < 1 {
			return Peer{}, fmt.Errorf("bad ID %q: a whole number above 0", id)
		}
	}
	return p, nil
}
