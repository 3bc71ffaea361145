package peer

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"syscall"
)

// A refusedError says that every address of a peer refused the connection: it was
// answered that nobody listens there.
type refusedError struct {
	addr string           // as it was dialled
	at   []netip.AddrPort // what that stands for
}

func (r *refusedError) Error() string { return r.addr + ": nobody listens" }

// refusedAt are the addresses that refused a Dial, nil: it did not fail so.
func refusedAt(err error) []netip.AddrPort {
	var r *refusedError
	if errors.As(err, &r) {
		return r.at
	}
	return nil
}

// maxAddresses bounds the addresses of one host that are tried.
const maxAddresses = 8

// dial tries each of the host's addresses, and tells of each. It says refused only when all of
// them were: a name may stand for several machines or networks.
func (d *Dialer) dial(ctx context.Context, addr string) (net.Conn, error) {
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
	open := d.Net
	if open == nil {
		open = (&net.Dialer{Control: tune}).DialContext
	}
	refused := &refusedError{addr: addr}
	for _, h := range hosts[:min(len(hosts), maxAddresses)] {
		if ip, err := netip.ParseAddr(h); err == nil && d.Tried != nil {
			d.Tried(ip.Unmap().WithZone(""))
		}
		var c net.Conn
		if c, err = open(ctx, "tcp", net.JoinHostPort(h, port)); err == nil {
			return c, nil // TCP_NODELAY is Go's default
		}
		if errors.Is(err, syscall.ECONNREFUSED) {
			if at, err := netip.ParseAddrPort(net.JoinHostPort(h, port)); err == nil {
				refused.at = append(refused.at, at)
			}
		}
	}
	if len(refused.at) == len(hosts) && len(hosts) > 0 {
		return nil, refused
	}
	return nil, err
}
