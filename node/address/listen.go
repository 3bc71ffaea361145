package address

import (
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"regent/engine/config"
)

// maxBinds bounds the addresses of the bind directive, as Redis does.
const maxBinds = 16

// A bindAddr is one word of the bind directive. An optional one ("-::*") may
// be missing on this machine.
type bindAddr struct {
	network, host string
	optional      bool
}

func bindAddrs(bind string) []bindAddr {
	var out []bindAddr
	for _, w := range strings.Fields(bind) {
		b := bindAddr{network: "tcp4", host: strings.TrimPrefix(w, "-"), optional: strings.HasPrefix(w, "-")}
		switch {
		case b.host == "*":
			b.host = "0.0.0.0"
		case b.host == "::*":
			b.network, b.host = "tcp6", "::"
		case strings.Contains(b.host, ":"):
			b.network = "tcp6"
		case net.ParseIP(b.host) == nil:
			b.network = "tcp"
		}
		out = append(out, b)
	}
	return out
}

// Sockets are what a node listens on, by what clients see there.
type Sockets struct {
	Port     []net.Listener // port, and the unix socket
	Plain    []net.Listener // plain-port
	Sentinel []net.Listener // sentinel-port
	HTTP     []net.Listener // http-port
	TLS      struct {       // the same by TLS: tls-port, tls-plain-port, tls-sentinel-port
		Port, Plain, Sentinel []net.Listener
	}
	// What they were opened by: the ports in the order of faces, and bind.
	ports [6]int64
	bind  string
}

// A facePort is a port's directive, and the sockets that are open there.
type facePort struct {
	port *config.Int
	into *[]net.Listener
}

// faces are all of them.
func (s *Sockets) faces(cfg *config.Config) [6]facePort {
	return [...]facePort{
		{&cfg.Port, &s.Port}, {&cfg.PlainPort, &s.Plain}, {&cfg.SentinelPort, &s.Sentinel},
		{&cfg.TLSPort, &s.TLS.Port}, {&cfg.TLSPlainPort, &s.TLS.Plain}, {&cfg.TLSSentinelPort, &s.TLS.Sentinel},
	}
}

// All are all of them.
func (s *Sockets) All() []net.Listener {
	return slices.Concat(s.Port, s.Plain, s.Sentinel, s.TLS.Port, s.TLS.Plain, s.TLS.Sentinel, s.HTTP)
}

// Close closes them.
func (s *Sockets) Close() {
	for _, l := range s.All() {
		_ = l.Close()
	}
}

// Listen opens the configured ports, and the unix socket at path unless that is
// "". What is open when it fails is closed.
func Listen(cfg *config.Config, path string) (s Sockets, err error) {
	defer func() {
		if err != nil {
			s.Close()
			s = Sockets{}
		}
	}()
	s.bind = cfg.Bind.Get()
	for i, face := range s.faces(cfg) {
		s.ports[i] = face.port.Get()
		if *face.into, err = listenAt("bind", s.bind, s.ports[i]); err != nil {
			return s, err
		}
	}
	if s.HTTP, err = listenAt("http-bind", cfg.HTTPBind.Get(), cfg.HTTPPort.Get()); err != nil {
		return s, err
	}
	if len(s.HTTP) == 0 && cfg.HTTPPort.Get() != 0 {
		return s, errors.New("http-port: none of http-bind's addresses can be listened at")
	}
	if path != "" {
		l, err := listenUnix(path, os.FileMode(cfg.UnixSocketPerm.Get()))
		if err != nil {
			return s, err
		}
		s.Port = append(s.Port, l)
	}
	if len(s.Port)+len(s.Plain)+len(s.TLS.Port)+len(s.TLS.Plain) == 0 {
		return s, errors.New("nothing to listen on: port and tls-port are 0 or bind is empty, and there is no unixsocket")
	}
	return s, nil
}

// Move listens where the configuration says now: fresh is what was opened, and what it says no more
// is dropped by drop, which closes it. An error about a port changes nothing. Where bind has
// changed, addresses may overlap, and nothing is opened before all is closed: after an error the
// configuration is to be taken back, and Move called again. The unix socket stays.
func (s *Sockets) Move(cfg *config.Config, drop func([]net.Listener)) (fresh Sockets, err error) {
	rebound := cfg.Bind.Get() != s.bind
	if rebound {
		s.bind, s.ports = cfg.Bind.Get(), [6]int64{}
		for _, face := range s.faces(cfg) {
			dropTCP(face.into, drop)
		}
	}
	for i, face := range fresh.faces(cfg) {
		if port := face.port.Get(); port != s.ports[i] {
			if *face.into, err = listenAt("bind", s.bind, port); err != nil {
				fresh.Close()
				return Sockets{}, err
			}
		}
	}
	added := fresh.faces(cfg)
	for i, face := range s.faces(cfg) {
		port := face.port.Get()
		if port == s.ports[i] {
			continue
		}
		dropTCP(face.into, drop)
		*face.into, s.ports[i] = append(*face.into, *added[i].into...), port
	}
	return fresh, nil
}

// dropTCP drops what of a face's sockets is none in the file system.
func dropTCP(list *[]net.Listener, drop func([]net.Listener)) {
	var gone, left []net.Listener
	for _, l := range *list {
		if l.Addr().Network() == "unix" {
			left = append(left, l)
		} else {
			gone = append(gone, l)
		}
	}
	drop(gone)
	*list = left
}

// listenAt opens a port at each of the addresses that a directive has, 0: none.
func listenAt(directive, bind string, port int64) (socks []net.Listener, err error) {
	binds := bindAddrs(bind)
	if len(binds) > maxBinds {
		return nil, fmt.Errorf("%s: more than %d addresses", directive, maxBinds)
	}
	for _, b := range binds {
		if port == 0 {
			break
		}
		l, err := net.Listen(b.network, net.JoinHostPort(b.host, strconv.FormatInt(port, 10)))
		if err != nil && b.optional {
			continue
		}
		if err != nil {
			for _, l := range socks {
				_ = l.Close()
			}
			return nil, fmt.Errorf("can't listen on port %d: %w", port, err)
		}
		socks = append(socks, l)
	}
	return socks, nil
}

func listenUnix(path string, perm os.FileMode) (net.Listener, error) {
	// A socket that a killed process left behind would refuse the bind.
	if fi, err := os.Lstat(path); err == nil && fi.Mode()&os.ModeSocket != 0 {
		if err := os.Remove(path); err != nil {
			return nil, fmt.Errorf("unixsocket: %w", err)
		}
	}
	l, err := bindUnix(path, perm)
	if err != nil {
		return nil, fmt.Errorf("can't listen on the unix socket %s: %w", path, err)
	}
	return l, nil
}

// bindUnix makes the socket with its permissions before anybody can connect to it: between
// bind and listen connections are refused. net.Listen leaves no moment for that.
func bindUnix(path string, perm os.FileMode) (l net.Listener, err error) {
	syscall.ForkLock.RLock() // or a process that starts now inherits the descriptor
	fd, err := syscall.Socket(syscall.AF_UNIX, syscall.SOCK_STREAM, 0)
	if err == nil {
		syscall.CloseOnExec(fd)
	}
	syscall.ForkLock.RUnlock()
	if err != nil {
		return nil, os.NewSyscallError("socket", err)
	}
	f := os.NewFile(uintptr(fd), path)
	defer f.Close() // FileListener has a copy
	if err := syscall.Bind(fd, &syscall.SockaddrUnix{Name: path}); err != nil {
		return nil, os.NewSyscallError("bind", err)
	}
	if perm != 0 {
		if err := os.Chmod(path, perm); err != nil {
			return nil, errors.Join(fmt.Errorf("unixsocketperm: %w", err), os.Remove(path))
		}
	}
	if err := syscall.Listen(fd, unixBacklog); err != nil {
		return nil, errors.Join(os.NewSyscallError("listen", err), os.Remove(path))
	}
	l, err = net.FileListener(f)
	if err != nil {
		return nil, errors.Join(err, os.Remove(path))
	}
	if u, ok := l.(*net.UnixListener); ok {
		u.SetUnlinkOnClose(true)
	}
	return l, nil
}

// unixBacklog is how many connections may wait to be accepted; the system has a bound too.
const unixBacklog = 4096
