package peer

import (
	"encoding/binary"
	"errors"
	"net/netip"

	"golang.org/x/sys/unix"
)

// The kernel's answer to which sockets of this machine listen, by NETLINK_SOCK_DIAG
// (sock_diag(7), linux/inet_diag.h): it walks the listeners alone, some
// microseconds. The tables in /proc walk all connections that there could be, a
// millisecond on a machine with much memory; they are read where a kernel, a
// sandbox or a service's rules do not let a process ask.
//
//	request   nlmsghdr 16 | inet_diag_req_v2 56: family protocol … states … port(2, network order) …
//	answers   nlmsghdr 16 | inet_diag_msg 72: family state … port(2, network order) … source address(16) …
//	          nlmsghdr 16 | errno 4: the end
//
// "Nobody listens" ends a promise, so it must never be said because something went wrong: the kernel is asked
// for the listeners of the one port, which fit into one answer, and an end with an error, as where it
// cannot tell of TCP, or an answer that changed meanwhile, says nothing.

const (
	sockDiagByFamily = 20
	diagRequestLen   = 16 + 56
	diagAnswerLeast  = 16 + 24 // up to the source address's end
	diagEndLen       = 16 + 4
	// maxDiagReads bounds the answers that are read, each of some hundred sockets.
	maxDiagReads = 1024
	diagRoom     = 32 << 10 // bytes of one answer
	// diagPatience bounds the wait for an answer, in milliseconds: the kernel gives it at once.
	diagPatienceMs = 100
)

var errDiag = errors.New("the kernel's answer about sockets could not be read")

// asked reports whether a socket listens at an address, as the kernel says when
// it is asked.
func asked(at netip.AddrPort) (open bool, err error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, unix.NETLINK_SOCK_DIAG)
	if err != nil {
		return false, err
	}
	defer unix.Close(fd)
	patience := unix.NsecToTimeval(diagPatienceMs * 1e6)
	if err := unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &patience); err != nil {
		return false, err
	}
	families := []byte{unix.AF_INET, unix.AF_INET6} // one of [::] takes IPv4 as well
	if at.Addr().Is6() {
		families = families[1:]
	}
	room := make([]byte, diagRoom)
	for _, family := range families {
		open, err := askFamily(fd, family, at, room)
		if open || err != nil {
			return open, err
		}
	}
	return false, nil
}

// askFamily asks for the listeners of one address family, and reads the answer to its end.
func askFamily(fd int, family byte, at netip.AddrPort, room []byte) (open bool, err error) {
	var q [diagRequestLen]byte
	e := binary.NativeEndian
	e.PutUint32(q[0:], diagRequestLen)
	e.PutUint16(q[4:], sockDiagByFamily)
	e.PutUint16(q[6:], unix.NLM_F_REQUEST|unix.NLM_F_DUMP)
	q[16], q[17] = family, unix.IPPROTO_TCP
	e.PutUint32(q[20:], 1<<stateListen)
	binary.BigEndian.PutUint16(q[24:], at.Port())
	if err := unix.Sendto(fd, q[:], 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return false, err
	}
	for range maxDiagReads {
		n, err := unix.Read(fd, room)
		if err != nil {
			return false, err
		}
		found, done, err := readDiag(room[:n], at)
		if open = open || found; done || err != nil {
			return open, err
		}
	}
	return false, errDiag
}

// readDiag looks one answer of the kernel through; done is that it was the last.
func readDiag(b []byte, at netip.AddrPort) (open, done bool, err error) {
	e := binary.NativeEndian
	for len(b) > 0 {
		if len(b) < unix.NLMSG_HDRLEN {
			return open, true, errDiag
		}
		size, kind := int(e.Uint32(b)), e.Uint16(b[4:])
		if size < unix.NLMSG_HDRLEN || size > len(b) {
			return open, true, errDiag
		}
		switch {
		case e.Uint16(b[6:])&unix.NLM_F_DUMP_INTR != 0:
			return open, true, errDiag
		case kind == unix.NLMSG_DONE:
			if size < diagEndLen || e.Uint32(b[unix.NLMSG_HDRLEN:]) != 0 {
				err = errDiag
			}
			return open, true, err
		case kind == unix.NLMSG_ERROR || size < diagAnswerLeast:
			return open, true, errDiag
		case kind == sockDiagByFamily && listensAt(b[unix.NLMSG_HDRLEN:size], at):
			open = true
		}
		b = b[min((size+unix.NLMSG_ALIGNTO-1)&^(unix.NLMSG_ALIGNTO-1), len(b)):]
	}
	return open, false, nil
}

// listensAt reports whether a listener of the kernel's answer, from its family on, takes
// connections to an address.
func listensAt(m []byte, at netip.AddrPort) bool {
	if m[1] != stateListen || binary.BigEndian.Uint16(m[4:]) != at.Port() {
		return false
	}
	if m[0] == unix.AF_INET {
		ip := netip.AddrFrom4([4]byte(m[8:12]))
		return ip == at.Addr() || ip.IsUnspecified()
	}
	ip := netip.AddrFrom16([16]byte(m[8:24])).Unmap()
	return ip == at.Addr() || ip.IsUnspecified()
}
