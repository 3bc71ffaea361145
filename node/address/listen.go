package address

import (
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"

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

// Listen opens the configured ports, and the unix socket at path unless that is
// "". What is open when it fails is closed.
func Listen(cfg *config.Config, path string) (socks []net.Listener, err error) {
	defer func() {
		if err != nil {
			for _, l := range socks {
				_ = l.Close()
			}
			socks = nil
		}
	}()
	port := int(cfg.Port.Get())
	binds := bindAddrs(cfg)
	if len(binds) > maxBinds {
		return nil, fmt.Errorf("bind: more than %d addresses", maxBinds)
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
			return socks, fmt.Errorf("can't listen on port %d: %w", port, err)
		}
		socks = append(socks, l)
	}
	if path != "" {
		l, err := listenUnix(path, os.FileMode(cfg.UnixSocketPerm.Get()))
		if err != nil {
			return socks, err
		}
		socks = append(socks, l)
	}
	if len(socks) == 0 {
		return nil, errors.New("nothing to listen on: port is 0 or bind is empty, and there is no unixsocket")
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
	l, err := net.Listen("unix", path)
	if err != nil {
		return nil, fmt.Errorf("can't listen on the unix socket: %w", err)
	}
	if perm != 0 {
		if err := os.Chmod(path, perm); err != nil {
			return nil, errors.Join(fmt.Errorf("unixsocketperm: %w", err), l.Close())
		}
	}
	return l, nil
}
