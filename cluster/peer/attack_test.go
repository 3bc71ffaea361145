package peer_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/tls"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"regent/cluster/bully"
	"regent/cluster/peer"
	"regent/resp"
)

// An edit changes what passes between two nodes: at byte at of what the dialer says, or of
// what it hears, drop bytes go and put comes in their place.
type edit struct {
	heard   bool
	at      int
	drop    int
	put     []byte
	present bool // it has been applied
	was     byte // what stood there
}

// A meeting is one handshake with somebody on the way between, in memory.
type meeting struct {
	dialer, acceptor *peer.Conn // nil: that side refused
	toAcceptor       peer.Hello // as the acceptor understood it
}

// meet has node 2 dial node 1 through edits, in the time of a synctest bubble.
func meet(dials, accepts *peer.Secrets, tells *bully.Configuration, edits []edit) (m meeting) {
	near, nearFar := net.Pipe()
	farNear, far := net.Pipe()
	var wg sync.WaitGroup
	pass := func(from, to net.Conn, heard bool) {
		wg.Go(func() {
			defer func() { _, _ = from.Close(), to.Close() }()
			b, done := make([]byte, 4096), 0
			for {
				n, err := from.Read(b)
				if err != nil {
					return
				}
				if _, err := to.Write(apply(edits, heard, done, b[:n])); err != nil {
					return
				}
				done += n
			}
		})
	}
	pass(nearFar, farNear, false)
	pass(farNear, nearFar, true)
	wg.Go(func() {
		words, early, err := greeting(far)
		if err == nil {
			var nonce string
			if m.toAcceptor, nonce, err = peer.ParseHello(words); err == nil {
				a := peer.Acceptor{Cluster: "c", Secrets: accepts, Limit: limit, Proved: func() (string, *bully.Configuration) { return "", tells }}
				m.acceptor, err = a.Accept(far, early, m.toAcceptor, nonce)
			}
		}
		if err != nil {
			_ = far.Close()
		}
	})
	d := peer.Dialer{Secrets: dials, Limit: limit, Net: func(context.Context, string, string) (net.Conn, error) { return near, nil }}
	m.dialer, _ = d.Dial(context.Background(), "127.0.0.1:1", hello)
	// What has been said has arrived, or a side waits for what never comes, up to its limit.
	time.Sleep(2 * limit)
	_, _ = near.Close(), far.Close()
	wg.Wait()
	return m
}

// apply carries out the edits that fall into b, the bytes from done on in one direction.
func apply(edits []edit, heard bool, done int, b []byte) []byte {
	var out []byte
	for i := 0; i < len(b); i++ {
		skip := 0
		for j := range edits {
			if e := &edits[j]; e.heard == heard && e.at == done+i && !e.present {
				e.present, e.was = true, b[i]
				out = append(out, e.put...)
				skip = max(skip, e.drop)
			}
		}
		if skip == 0 {
			out = append(out, b[i])
		}
		i += max(0, skip-1)
	}
	return out
}

var told = &bully.Configuration{Epoch: 3, Version: 7, Voters: []int64{1, 3}, Addrs: "1@a:1,3@b:3"}

// deceived is what one side believes that the other has not said; "": nothing.
func (m *meeting) deceived() string {
	switch {
	case m.acceptor != nil && m.toAcceptor != hello:
		return fmt.Sprintf("node 1 believes %+v", m.toAcceptor)
	case m.acceptor != nil && m.acceptor.Process != hello.Process:
		return "node 1 believes in process " + m.acceptor.Process
	case m.dialer != nil && m.acceptor == nil:
		return "node 2 believes that it was let in"
	case m.dialer != nil && fmt.Sprint(m.dialer.Told) != fmt.Sprint(*told):
		return fmt.Sprintf("node 2 is told %+v", m.dialer.Told)
	}
	return ""
}

// taken is whether the side that one edit of a byte was for went on as if nothing had been.
func (m *meeting) taken(e edit) bool {
	// Words' case means nothing, and the command's name is the server's to read.
	const name = "*9\r\n$6\r\nREGENT\r\n$4\r\nPEER\r\n"
	if !e.present || strings.EqualFold(string(e.was), string(e.put)) || !e.heard && e.at < len(name) {
		return false
	}
	return e.heard && m.dialer != nil || !e.heard && m.acceptor != nil
}

// TestEveryByteCounts: whichever bit of a handshake is turned on its way, the side that hears
// it refuses, whatever it stands in, and neither side believes what the other has not said.
func TestEveryByteCounts(t *testing.T) {
	s := peer.NewSecrets("s")
	synctest.Test(t, func(t *testing.T) {
		if m := meet(s, s, told, nil); m.dialer == nil || m.acceptor == nil || m.deceived() != "" {
			t.Fatalf("untouched: %+v, %s", m, m.deceived())
		}
		const most = 400 // more than is said in either direction, in bytes
		for at := range most {
			for bit := range 8 {
				for _, heard := range []bool{false, true} {
					// What stands there is not known: a byte is replaced by each that is a power of 2
					// away from a digit, which is what most of the words consist of.
					e := []edit{{heard: heard, at: at, drop: 1, put: []byte{'0' ^ 1<<bit}}}
					if m := meet(s, s, told, e); m.deceived() != "" {
						t.Fatalf("%+v: %s", e, m.deceived())
					} else if m.taken(e[0]) {
						t.Fatalf("%+v: it is taken", e)
					}
				}
			}
		}
	})
}

// FuzzHandshake: whatever somebody on the way drops, replaces and adds, neither side believes
// what the other has not said; and a stranger that knows no secret is not let in, whatever it says.
func FuzzHandshake(f *testing.F) {
	f.Add([]byte{}, []byte("*9\r\n$6\r\nREGENT\r\n$4\r\nPEER\r\n"))
	f.Add([]byte{0, 30, 0, 1, '3', 1, 40, 0, 0, 'x'}, resp.AppendCommand(nil, "PROOF", strings.Repeat("0", 64)))
	f.Add([]byte{1, 4, 0, 9, '-'}, resp.AppendCommand(nil, "PROOF", ""))
	f.Add([]byte{0, 255, 0, 64, 'a'}, []byte("-ERR no\r\n*2\r\n$5\r\nPROOF\r\n$-1\r\n"))
	f.Fuzz(func(t *testing.T, script, said []byte) {
		var edits []edit
		for ; len(script) >= 5; script = script[5:] {
			edits = append(edits, edit{heard: script[0]&1 == 1, at: int(script[1]) + int(script[2]&1)<<8, drop: int(script[3]), put: script[4:5]})
		}
		synctest.Test(t, func(t *testing.T) {
			s := peer.NewSecrets("s")
			if m := meet(s, s, told, edits); m.deceived() != "" {
				t.Fatalf("%+v: %s", edits, m.deceived())
			}
			alone(t, s, said)
		})
	})
}

// alone has a stranger say what it likes to each end of a handshake.
func alone(t *testing.T, s *peer.Secrets, said []byte) {
	say := func() (theirs net.Conn) {
		ours, theirs := net.Pipe()
		go func() {
			go func() { _, _ = ours.Write(said) }()
			b := make([]byte, 4096)
			for {
				if _, err := ours.Read(b); err != nil {
					return
				}
			}
		}()
		return theirs
	}
	a := peer.Acceptor{Cluster: "c", Secrets: s, Limit: limit, Proved: func() (string, *bully.Configuration) {
		t.Error("a stranger is asked about as if it had proved the secret")
		return "", told
	}}
	to := say()
	if c, err := a.Accept(to, nil, hello, strings.Repeat("ab", 16)); err == nil {
		t.Errorf("a stranger is let in: %+v", c)
	}
	_ = to.Close()
	to = say()
	d := peer.Dialer{Secrets: s, Limit: limit, Net: func(context.Context, string, string) (net.Conn, error) { return to, nil }}
	if c, err := d.Dial(context.Background(), "127.0.0.1:1", hello); err == nil {
		t.Errorf("a stranger is believed: %+v", c)
	}
	_ = to.Close()
	synctest.Wait()
}

// TestSecretsInTurn: a secret takes the place of another in three steps, and at every moment
// of them each node hears each other one. Afterwards the old one is worth nothing.
func TestSecretsInTurn(t *testing.T) {
	steps := [][]string{{"old"}, {"old", "new"}, {"new", "old"}, {"new"}}
	synctest.Test(t, func(t *testing.T) {
		for i, later := range steps {
			for j, earlier := range steps[max(0, i-1) : i+1] {
				a, b := peer.NewSecrets(later...), peer.NewSecrets(earlier...)
				for _, m := range []meeting{meet(a, b, told, nil), meet(b, a, told, nil)} {
					if m.dialer == nil || m.acceptor == nil || m.deceived() != "" {
						t.Errorf("step %d, %d: %q and %q do not meet", i, j, later, earlier)
					}
				}
			}
		}
		s := peer.NewSecrets("old", "new")
		s.Set("new")
		for _, m := range []meeting{meet(peer.NewSecrets("old"), s, told, nil), meet(peer.NewSecrets("old", "new"), s, told, nil), meet(peer.NewSecrets(), s, told, nil), meet(s, peer.NewSecrets("old"), told, nil)} {
			if m.dialer != nil || m.acceptor != nil {
				t.Errorf("the old secret still counts: %+v", m)
			}
		}
	})
}

// TestDowngrade: nobody is brought to speak an older version, no TLS, or to a cluster that
// it does not know yet, by somebody on the way.
func TestDowngrade(t *testing.T) {
	s := peer.NewSecrets("s")
	text := string(resp.AppendCommand(nil, "REGENT", "PEER", fmt.Sprint(peer.Version), "c"))
	version := strings.LastIndex(text, fmt.Sprint(peer.Version)+"\r\n")
	cluster := strings.LastIndex(text, "c\r\n")
	challenged := strings.LastIndex(string(resp.AppendCommand(nil, "CHALLENGE", "c", "")), "c\r\n")
	synctest.Test(t, func(t *testing.T) {
		for what, e := range map[string]edit{
			"an older version":       {at: version, drop: 1, put: []byte("1")},
			"no cluster":             {at: cluster, drop: 1, put: []byte(peer.Unknown)},
			"no cluster is answered": {heard: true, at: challenged, drop: 1, put: []byte(peer.Unknown)},
		} {
			if m := meet(s, s, told, []edit{e}); m.dialer != nil || m.acceptor != nil {
				t.Errorf("%s: %+v", what, m)
			}
		}
	})
	// Where TLS is to be spoken, the dialler does not speak to a node that answers without it.
	a := listen(t, &acceptor{secret: "s", cluster: "c"})
	d := peer.Dialer{Secrets: s, Limit: limit, TLS: func() *tls.Config { return &tls.Config{InsecureSkipVerify: true} }}
	if _, err := d.Dial(context.Background(), a.l.Addr().String(), hello); err == nil || strings.Contains(err.Error(), "secret") {
		t.Errorf("TLS that somebody has taken away: %v", err)
	}
	c, _ := net.Pipe()
	if peer.Secured(c, func(tls.ConnectionState) error { return nil }) == nil {
		t.Error("a node without TLS is heard where there is TLS")
	}
}

// TestForeignNode: a node of another cluster that has the same secret, as by a configuration
// that was copied, and proves it as it should, is told so and hears no members.
func TestForeignNode(t *testing.T) {
	a := listen(t, &acceptor{secret: "s", cluster: "d", tells: told})
	nonce := strings.Repeat("ab", 16)
	c, challenge := a.raw(t, nonce)
	h := hmac.New(sha256.New, []byte("s"))
	for _, part := range []string{"regent-peer", "dialer", fmt.Sprint(peer.Version), "2", "1", "c", "d", peer.Control, hello.Process, nonce, challenge[2], ""} {
		h.Write(binary.BigEndian.AppendUint64(nil, uint64(len(part))))
		h.Write([]byte(part))
	}
	if _, err := c.Write(resp.AppendCommand(nil, "PROOF", hex.EncodeToString(h.Sum(nil)))); err != nil {
		t.Fatal(err)
	}
	if in := <-a.opens; !errors.Is(in.err, peer.ErrForeign) {
		t.Errorf("it is let in, or turned away for another reason: %v", in.err)
	}
	if heard, _ := io.ReadAll(c); string(heard) != "-"+resp.ErrPeerForeign+"\r\n" {
		t.Errorf("it hears %q", heard)
	}
}

// TestForeignListener: a node that dials another cluster, which has the same secret, shows it
// no proof.
func TestForeignListener(t *testing.T) {
	near, far := net.Pipe()
	heard := make(chan string, 1)
	go func() {
		defer far.Close()
		if _, _, err := greeting(far); err != nil {
			heard <- err.Error()
			return
		}
		_, _ = far.Write(resp.AppendCommand(nil, "CHALLENGE", "d", strings.Repeat("ab", 16)))
		rest, _ := io.ReadAll(far)
		heard <- string(rest)
	}()
	d := peer.Dialer{Secrets: peer.NewSecrets("s"), Limit: limit, Net: func(context.Context, string, string) (net.Conn, error) { return near, nil }}
	if _, err := d.Dial(t.Context(), "127.0.0.1:1", hello); !errors.Is(err, peer.ErrForeign) {
		t.Errorf("it goes on, or gives another reason: %v", err)
	}
	if text := <-heard; text != "" {
		t.Errorf("the other cluster hears %q", text)
	}
}
