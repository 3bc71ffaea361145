package regent

import (
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"

	"regent/engine"
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

func bindAddrs(cfg *config.Config) []bindAddr {
	var out []bindAddr
	for _, w := range strings.Fields(cfg.Bind.Get()) {
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

// listen opens the configured ports; the caller closes what is open when it
// fails.
func (s *Server) listen() error {
	if s.opts.Listeners != nil {
		s.socks = s.opts.Listeners
		return s.writePid()
	}
	port := int(s.cfg.Port.Get())
	binds := bindAddrs(s.cfg)
	if len(binds) > maxBinds {
		return fmt.Errorf("bind: more than %d addresses", maxBinds)
	}
	for _, b := range binds {
		if port == 0 {
			break
		}
		l, err := net.Listen(b.network, net.JoinHostPort(b.host, strconv.Itoa(port)))
		if err != nil && b.optional {
			continue
		}
		if err != nil {
			return fmt.Errorf("can't listen on port %d: %w", port, err)
		}
		s.socks = append(s.socks, l)
	}
	if err := s.listenUnix(); err != nil {
		return err
	}
	if len(s.socks) == 0 {
		return fmt.Errorf("nothing to listen on: port is 0 or bind is empty, and there is no unixsocket")
	}
	return s.writePid()
}

func (s *Server) listenUnix() error {
	path := inDir(s.cfg, s.cfg.UnixSocket.Get())
	if path == "" {
		return nil
	}
	// A socket that a killed process left behind would refuse the bind.
	if fi, err := os.Lstat(path); err == nil && fi.Mode()&os.ModeSocket != 0 {
		if err := os.Remove(path); err != nil {
			return fmt.Errorf("unixsocket: %w", err)
		}
	}
	l, err := net.Listen("unix", path)
	if err != nil {
		return fmt.Errorf("can't listen on the unix socket: %w", err)
	}
	s.socks = append(s.socks, l)
	if perm := s.cfg.UnixSocketPerm.Get(); perm != 0 {
		if err := os.Chmod(path, os.FileMode(perm)); err != nil {
			return fmt.Errorf("unixsocketperm: %w", err)
		}
	}
	return nil
}

func (s *Server) writePid() error {
	path := inDir(s.cfg, s.cfg.PidFile.Get())
	if path == "" {
		return nil
	}
	if err := os.WriteFile(path, []byte(strconv.Itoa(os.Getpid())+"\n"), 0o644); err != nil {
		// As in Redis, nothing else depends on it.
		s.host.Logf(engine.LevelWarning, "Failed to write the process ID: %v", err)
	}
	return nil
}
