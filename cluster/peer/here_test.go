package peer

import (
	"net"
	"net/netip"
	"runtime"
	"testing"
)

// TestWhatARefusalProves: a refusal is proof where the listener was seen on
// this machine and is not there any more, and nowhere else.
func TestWhatARefusalProves(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("only Linux shows which process listens")
	}
	for _, where := range []string{"127.0.0.1:0", "[::1]:0", "0.0.0.0:0", "[::]:0"} {
		t.Run(where, func(t *testing.T) {
			l, err := net.Listen("tcp", where)
			if err != nil {
				t.Skip(err)
			}
			defer l.Close()
			port := l.Addr().(*net.TCPAddr).AddrPort().Port()
			host := l.Addr().(*net.TCPAddr).AddrPort().Addr().Unmap()
			switch host {
			case netip.IPv4Unspecified():
				host = netip.MustParseAddr("127.0.0.1")
			case netip.IPv6Unspecified():
				host = netip.MustParseAddr("::1")
			}
			at := netip.AddrPortFrom(host, port)
			c, err := net.Dial("tcp", at.String())
			if err != nil {
				t.Skip(err)
			}
			defer c.Close()

			var never, met here
			met.met(c.RemoteAddr())
			refused := []netip.AddrPort{at}
			if met.gone(refused) {
				t.Error("a listener that is there counts as gone: any firewall can refuse in its name")
			}
			l.Close()
			if !met.gone(refused) {
				t.Error("a listener that was there and is closed is no proof")
			}
			if never.gone(refused) {
				t.Error("proof of a death that was not seen alive here")
			}
			if met.gone([]netip.AddrPort{netip.AddrPortFrom(at.Addr(), at.Port()^1)}) {
				t.Error("a refusal elsewhere is proof")
			}
		})
	}
}

// TestFarAddresses: an address of another machine is never proof, even where
// this one has a listener with its port at all of its own.
func TestFarAddresses(t *testing.T) {
	l, err := net.Listen("tcp", ":0")
	if err != nil {
		t.Fatal(err)
	}
	var h here
	h.met(&net.TCPAddr{IP: net.ParseIP("192.0.2.7"), Port: l.Addr().(*net.TCPAddr).Port})
	l.Close()
	if h.gone([]netip.AddrPort{netip.AddrPortFrom(netip.MustParseAddr("192.0.2.7"), uint16(l.Addr().(*net.TCPAddr).Port))}) {
		t.Error("proof about another machine")
	}
}
