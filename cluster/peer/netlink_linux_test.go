package peer

import (
	"net"
	"net/netip"
	"testing"
)

// TestAskedAndShown: what the kernel answers about listeners is what its tables show, for
// sockets that listen and for ports where none does.
func TestAskedAndShown(t *testing.T) {
	for _, where := range []string{"127.0.0.1:0", "127.0.0.2:0", "[::1]:0", "0.0.0.0:0", "[::]:0"} {
		l, err := net.Listen("tcp", where)
		if err != nil {
			t.Logf("%s: %v", where, err)
			continue
		}
		port := l.Addr().(*net.TCPAddr).AddrPort().Port()
		for range 2 {
			for _, ip := range []string{"127.0.0.1", "127.0.0.2", "::1", "192.0.2.7", "2001:db8::1"} {
				at := netip.AddrPortFrom(netip.MustParseAddr(ip), port)
				want, known := shown(at)
				if !known {
					t.Skip("this kernel has no tables")
				}
				got, err := asked(at)
				if err != nil {
					t.Skipf("this kernel does not answer: %v", err)
				}
				if got != want {
					t.Errorf("of a listener at %s the kernel says %v for %s, and its tables %v", where, got, at, want)
				}
			}
			l.Close()
		}
	}
}

// TestDiagDamaged: an answer that is cut or says what cannot be is an error, and never proof.
func TestDiagDamaged(t *testing.T) {
	at := netip.MustParseAddrPort("127.0.0.1:7001")
	end := func(flags byte, errno ...byte) []byte {
		return append([]byte{byte(16 + len(errno)), 0, 0, 0, 3, 0, flags, 0, 0, 0, 0, 0, 0, 0, 0, 0}, errno...)
	}
	if open, done, err := readDiag(end(2, 0, 0, 0, 0), at); open || !done || err != nil {
		t.Errorf("an end without an error: %v, %v, %v", open, done, err)
	}
	for _, b := range [][]byte{end(2, 0xfe, 0xff, 0xff, 0xff), end(2|0x10, 0, 0, 0, 0), end(2), {1}, make([]byte, 16), {255, 255, 0, 0, 20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}, {20, 0, 0, 0, 20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}} {
		if _, _, err := readDiag(b, at); err == nil {
			t.Errorf("%v is an answer", b)
		}
	}
}

func BenchmarkListens(b *testing.B) {
	at := netip.MustParseAddrPort("127.0.0.1:1")
	b.Run("asked", func(b *testing.B) {
		for b.Loop() {
			_, _ = asked(at)
		}
	})
	b.Run("shown", func(b *testing.B) {
		for b.Loop() {
			_, _ = shown(at)
		}
	})
}
