package server

import (
	"fmt"
	"net"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"regent/engine"
)

// A listener is a listening socket in the first loop.
type listener struct {
	sock   int
	of     net.Listener  // whose socket it is, a copy of which sock is
	gone   chan struct{} // closed with it
	tag    tag
	socket net.Addr // where it listens
	face   engine.Face
	secure bool  // clients speak TLS
	shut   bool  // accepting has failed: not before until
	until  int64 // ticks
}

const (
	// maxAccepts is how many connections one turn accepts from a listener.
	maxAccepts = 64
	// firstListener is the place of the first listener; the others count down from it.
	firstListener = nudgePlace - 1
)

// listenerOf makes a listener of a listener; nil: it is not one of the system's
// plain sockets.
func listenerOf(l net.Listener, face engine.Face, secure bool) *listener {
	switch l.(type) {
	case *net.TCPListener, *net.UnixListener:
	default:
		return nil
	}
	raw, err := l.(syscall.Conn).SyscallConn()
	if err != nil {
		return nil
	}
	d := &listener{sock: -1, of: l, gone: make(chan struct{}), socket: l.Addr(), face: face, secure: secure}
	if err := raw.Control(func(fd uintptr) {
		if n, err := unix.FcntlInt(fd, unix.F_DUPFD_CLOEXEC, 0); err == nil {
			d.sock = n
		}
	}); err != nil || d.sock < 0 {
		return nil
	}
	return d
}

// own leaves the loop's copy as the only one of a TCP socket: Go's runtime watches its own, and
// would wake a thread for every connection that comes. A unix socket's takes the path with it.
func (d *listener) own() {
	if l, ok := d.of.(*net.TCPListener); ok {
		_ = l.Close() // what closes it later finds it closed
	}
}

func (d *listener) close() {
	closeNow(d.sock)
	close(d.gone)
}

func closeNow(fd int) { _ = unix.Close(fd) } // there is nobody to tell

// accept lets in the connections that wait at the listener.
func (d *listener) accept(lp *loop) {
	s := lp.set.srv
	for range maxAccepts {
		fd, from, err := unix.Accept4(d.sock, unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC)
		switch err {
		case nil:
			d.admit(lp, fd, from)
		case unix.EAGAIN:
			return
		case unix.EINTR, unix.ECONNABORTED:
		default:
			s.log(engine.LevelWarning, "Accepting client connection: %v", err)
			s.crowded()
			d.pause(lp)
			return
		}
	}
}

// pause accepts nobody for a while: there are no descriptors left, most
// likely.
func (d *listener) pause(lp *loop) {
	d.shut, d.until = true, lp.set.ticks()+int64(acceptPause)
	_ = lp.poll.change(d.sock, d.tag, 0)
}

// reopen ends the pauses that are over.
func (lp *loop) reopen() {
	for _, d := range lp.listeners {
		if d != nil && d.shut && lp.set.ticks() >= d.until {
			d.shut = lp.poll.change(d.sock, d.tag, unix.EPOLLIN) != nil
		}
	}
}

// shutListeners ends accepting.
func (lp *loop) shutListeners() {
	for _, d := range lp.listeners {
		if d != nil {
			d.close()
		}
	}
	lp.listeners = nil
}

// dropListener ends accepting at one; its place is free for another.
func (lp *loop) dropListener(of net.Listener) {
	for i, d := range lp.listeners {
		if d != nil && d.of == of {
			d.close()
			lp.listeners[i] = nil
		}
	}
}

// admit makes a client of a connection, if it may be one.
func (d *listener) admit(lp *loop, fd int, from unix.Sockaddr) {
	s := lp.set.srv
	remote := d.addressOf(from)
	local := d.addressOf(nil)
	if _, ok := d.socket.(*net.TCPAddr); ok {
		if name, err := unix.Getsockname(fd); err == nil {
			local = d.addressOf(name)
		}
	}
	p := &slot{sock: fd, client: client{srv: s, face: d.face, secure: d.secure, peer: remote.text, local: lp.set.intern(local.text)}}
	p.client.link = p
	p.at.Store(lp)
	why := s.refusal(remote, d.face, 0)
	if why != "" && !s.invite(&p.client, remote.from) && !s.hears(&p.client, why) {
		if told := s.uninvited(why); !d.secure {
			_, _ = writeNow(fd, told) // the socket is new: the text fits
		}
		closeNow(fd)
		return
	}
	if _, ok := d.socket.(*net.TCPAddr); ok {
		s.tune(fd)
	}
	if d.secure {
		p.secure(s.tls())
	}
	if !s.welcome(&p.client, why) {
		closeNow(fd)
		return
	}
	if to := lp.set.home(); to != lp {
		p.queued.Store(true)
		p.at.Store(to)
		if to.post(p, nil) {
			return
		}
		p.at.Store(lp)
		p.queued.Store(false)
	}
	lp.adopt(p)
}

// tune sets what Redis sets on a connection.
func (s *Server) tune(fd int) {
	_ = unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1)
	secs := int(s.cfg.TCPKeepalive.Seconds() / time.Second)
	if secs <= 0 {
		return
	}
	_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_KEEPALIVE, 1)
	_ = unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_KEEPIDLE, secs)
	_ = unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_KEEPINTVL, max(secs/3, 1))
	_ = unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_KEEPCNT, 3)
}

// addressOf describes a peer, or for nil the listener; as Server's addressOf.
func (d *listener) addressOf(a unix.Sockaddr) address {
	var ip net.IP
	var port int
	zone := ""
	switch a := a.(type) {
	case *unix.SockaddrInet4:
		ip, port = a.Addr[:], a.Port
	case *unix.SockaddrInet6:
		ip, port = a.Addr[:], a.Port
		if a.ZoneId != 0 {
			zone = zoneName(int(a.ZoneId))
		}
	default:
		return addressOf(d.socket, d.socket)
	}
	text := ip.String()
	if zone != "" {
		text += "%" + zone
	}
	return address{net.JoinHostPort(text, strconv.Itoa(port)), ip.IsLoopback(), &net.TCPAddr{IP: ip, Port: port, Zone: zone}}
}

// zoneName is the name of an interface, for link-local addresses.
func zoneName(index int) string {
	if i, err := net.InterfaceByIndex(index); err == nil {
		return i.Name
	}
	return fmt.Sprint(index)
}
