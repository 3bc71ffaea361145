package peer

import (
	"net"
	"net/netip"
)

// How much a refused dial proves. "Nobody listens" may come from the kernel at
// the peer's address, or from any firewall, proxy or NAT on the way, which says
// it in the name of a node that lives. So it is proof of one kind of death
// alone: of a process on this very machine, whose listening socket this kernel
// showed while there was a connection to it, and shows no more.

// here is where a peer was seen to listen on this machine; the zero value:
// nowhere. A link's goroutine owns it.
type here struct{ at netip.AddrPort }

// met notes where a connection leads. One to another machine tells nothing.
func (h *here) met(remote net.Addr) {
	h.at = netip.AddrPort{}
	tcp, ok := remote.(*net.TCPAddr)
	if !ok {
		return
	}
	at := tcp.AddrPort()
	at = netip.AddrPortFrom(at.Addr().Unmap().WithZone(""), at.Port())
	if open, known := listens(at); open && known && own(at.Addr()) {
		h.at = at
	}
}

// gone reports whether a refusal at some addresses is proof that the process is
// gone.
func (h *here) gone(refused []netip.AddrPort) bool {
	for _, at := range refused {
		if at == h.at {
			open, known := listens(at)
			return known && !open
		}
	}
	return false
}

// own reports whether an address is one of this machine's.
func own(ip netip.Addr) bool {
	if ip.IsLoopback() {
		return true
	}
	mine, err := net.InterfaceAddrs()
	if err != nil {
		return false
	}
	for _, a := range mine {
		if n, ok := a.(*net.IPNet); ok && n.IP.Equal(ip.AsSlice()) {
			return true
		}
	}
	return false
}
