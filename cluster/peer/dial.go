package peer

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"syscall"
)

// errRefused says that every address of a peer refused the connection.
var errRefused = errors.New("nobody listens")

// Refused reports whether a Dial failed because the machine at the peer's own
// address answered that nobody listens there: its process is gone.
func Refused(err error) bool { return errors.Is(err, errRefused) }

// maxAddresses bounds the addresses of one host that are tried.
const maxAddresses = 8

// dial tries each of the host's addresses, and tells of each. It says refused only when all of
// them were: a name may stand for several machines or networks.
func dial(ctx context.Context, addr string, tried func(netip.Addr)) (net.Conn, error) {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, err
	}
	hosts := []string{host}
	if _, err := netip.ParseAddr(host); err != nil {
		if hosts, err = net.DefaultResolver.LookupHost(ctx, host); err != nil {
			return nil, err
		}
	}
	d := net.Dialer{Control: tune}
	refused := 0
	for _, h := range hosts[:min(len(hosts), maxAddresses)] {
		if ip, err := netip.ParseAddr(h); err == nil && tried != nil {
			tried(ip.Unmap().WithZone(""))
		}
		var c net.Conn
		if c, err = d.DialContext(ctx, "tcp", net.JoinHostPort(h, port)); err == nil {
			return c, nil // TCP_NODELAY is Go's default
		}
		if errors.Is(err, syscall.ECONNREFUSED) {
			refused++
		}
	}
	if refused == len(hosts) && refused > 0 {
		return nil, fmt.Errorf("%s: %w", addr, errRefused)
	}
	return nil, err
}
