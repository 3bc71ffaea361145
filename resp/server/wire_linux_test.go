package server

import (
	"bytes"
	"crypto/tls"
	"net"
	"testing"
)

// A diverted connection writes elsewhere, once to says where.
type diverted struct {
	net.Conn
	to *bytes.Buffer
}

func (d *diverted) Write(p []byte) (int, error) {
	if d.to != nil {
		return d.to.Write(p)
	}
	return d.Conn.Write(p)
}

// steadied is the server's end of a connection after its handshake; seal is what its client sends to
// say p: a record for each maxRecord bytes, of the versions that there are.
func steadied(t testing.TB, version uint16) (s *secured, seal func(p []byte) []byte) {
	t.Helper()
	near, far := net.Pipe()
	t.Cleanup(func() { _, _ = near.Close(), far.Close() })
	own := selfSigned(t)
	w := &tlsWire{under: near}
	s = &secured{conn: tls.Server(w, &tls.Config{Certificates: []tls.Certificate{own}, SessionTicketsDisabled: true}), wire: w}
	client := &diverted{Conn: far}
	c := tls.Client(client, &tls.Config{InsecureSkipVerify: true, MaxVersion: version, DynamicRecordSizingDisabled: true})
	over := make(chan error, 1)
	go func() { over <- s.conn.Handshake() }()
	if err := c.Handshake(); err != nil {
		t.Fatal(err)
	}
	if err := <-over; err != nil {
		t.Fatal(err)
	}
	client.to = &bytes.Buffer{}
	const open = 1 << 30 // a number of no descriptor
	w.under, w.sock = nil, open
	return s, func(p []byte) []byte {
		client.to.Reset()
		_, _ = c.Write(p)
		return bytes.Clone(client.to.Bytes())
	}
}

// TestRecordsInPieces: what has come is read at once, wherever it is cut and however little is read at a
// time, and nothing is left behind that no socket would report.
func TestRecordsInPieces(t *testing.T) {
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		for _, room := range []int{1 << 10, plainBytes} {
			for _, step := range []int{1, 3, 100, 137, 4096, 1 << 20} {
				s, seal := steadied(t, version)
				var raw, want, got []byte
				var ends []int // of the raw bytes of each said, in raw and in want
				for _, n := range []int{1, 115, 20, 5000, 40_000, 2, 1023, 1024, 1025} {
					said := bytes.Repeat([]byte{byte('a' + n%26)}, n)
					raw, want = append(raw, seal(said)...), append(want, said...)
					ends = append(ends, len(raw), len(want))
				}
				plain, loops := make([]byte, room), make([]byte, 0, 1<<20)
				for from := 0; from < len(raw); from += step {
					to := min(from+step, len(raw))
					loops = append(loops[:0], raw[from:to]...)
					for fresh := loops; ; fresh = nil {
						s.more = false
						n, end, err := s.read(plain, fresh, false)
						if end || err != nil {
							t.Fatalf("%x, %d at a time: %v, %v", version, step, end, err)
						}
						if got = append(got, plain[:n]...); !s.more {
							break
						}
					}
					clear(loops) // another client's
					whole := 0
					for i := 0; i < len(ends) && ends[i] <= to; i += 2 {
						whole = ends[i+1]
					}
					if len(got) < whole {
						t.Fatalf("%x, %d at a time into %d: %d bytes are read after %d, %d have come", version, step, room, len(got), to, whole)
					}
				}
				if !bytes.Equal(got, want) {
					t.Errorf("%x, %d at a time into %d: %d bytes are read, other than the %d that were said", version, step, room, len(got), len(want))
				}
			}
		}
	}
}

func BenchmarkReadByTLS(b *testing.B) {
	s, seal := steadied(b, tls.VersionTLS13)
	plain, said := make([]byte, plainBytes), bytes.Repeat([]byte("x"), 115) // a SET of 64 bytes
	b.ReportAllocs()
	for b.Loop() {
		if n, _, err := s.read(plain, seal(said), false); n != len(said) || err != nil {
			b.Fatal(n, err)
		}
	}
}
