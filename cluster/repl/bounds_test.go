package repl_test

import (
	"bytes"
	"errors"
	"hash/crc32"
	"io"
	"net"
	"strconv"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"regent/cluster/peer"
	"regent/cluster/repl"
)

// TestTheWindowEnds: a follower that reads and acknowledges nothing is sent a window, and no more.
func TestTheWindowEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := leaderLog(t, epoch)
		add(t, log, repl.Window, false)
		for range 100 {
			add(t, log, 64<<10, false)
		}
		a, b := net.Pipe()
		conn, other := peer.Pair(a, b, leader, follower)
		s := repl.NewSender(repl.SenderConfig{
			Stream: log.Stream(), Self: leader, Peer: follower, Epoch: epoch, Patience: patience,
			Cluster: func() string { return peer.Unknown }, Commit: func() int64 { return 0 },
			Opened: func(int64) {}, Asked: func() int64 { return 0 }, Answered: func(int64, int64) {},
			Awaited: func() int64 { return 0 }, Applied: func(int64) {}, Held: func(repl.Progress) {},
		}, conn)
		stop := runs(t, s, other)
		var got atomic.Int64
		go func() {
			var f peer.Frame
			for other.Next(&f) == nil {
				if f.Type == peer.Data {
					got.Add(int64(len(f.Args[2])))
				}
			}
		}()
		synctest.Wait()
		if n := got.Load(); n < repl.Window || n > repl.Window+1<<20 {
			t.Errorf("%d bytes were sent, with a window of %d", n, repl.Window)
		}
		stop()
	})
}

// A reading node takes a copy as it comes.
type reading struct {
	got []byte
	err error
}

func (n *reading) Await(int64) (bool, int64) { return true, epoch }

func (n *reading) Install(_ int64, _ repl.Place, _ int64, r io.Reader) error {
	n.got, n.err = io.ReadAll(r)
	return n.err
}

// TestACopyIsWhole: a copy is one only if every piece of it has come, in order and as it was
// sent, and the sender has said that it was all.
func TestACopyIsWhole(t *testing.T) {
	pieces := [][]byte{[]byte("one"), []byte("two!")}
	table := crc32.MakeTable(crc32.Castagnoli)
	whole := bytes.Join(pieces, nil)
	frame := func(kind peer.Type, args ...string) []byte {
		f := peer.Frame{Type: kind, Cluster: peer.Unknown, From: leader, To: follower, Epoch: epoch}
		for _, a := range args {
			f.Args = append(f.Args, []byte(a))
		}
		return peer.AppendFrame(nil, &f)
	}
	text := func(n int64) string { return strconv.FormatInt(n, 10) }
	sum := func(b []byte) string { return text(int64(crc32.Checksum(b, table))) }
	base := frame(peer.Base, "0", "0", text(int64(len(whole))), "")
	first, second := frame(peer.Part, "0", sum(pieces[0]), string(pieces[0])), frame(peer.Part, "3", sum(pieces[1]), string(pieces[1]))
	done := frame(peer.Done, text(int64(len(whole))), sum(whole))
	for name, c := range map[string]struct {
		sent  [][]byte
		whole bool
	}{
		"all of it":                   {[][]byte{base, first, second, done}, true},
		"ends early":                  {[][]byte{base, first, second}, false},
		"ends at once":                {[][]byte{base}, false},
		"a piece is missing":          {[][]byte{base, first, done}, false},
		"a piece comes twice":         {[][]byte{base, first, first, second, done}, false},
		"a piece is another":          {[][]byte{base, first, frame(peer.Part, "3", sum(pieces[1]), "Two!"), done}, false},
		"the whole's sum is another":  {[][]byte{base, first, second, frame(peer.Done, text(int64(len(whole))), sum(pieces[0]))}, false},
		"the whole's size is another": {[][]byte{base, first, second, frame(peer.Done, text(6), sum(whole))}, false},
	} {
		t.Run(name, func(t *testing.T) {
			a, b := sockets(t)
			conn, other := peer.Pair(a, b, leader, follower)
			node := &reading{}
			r := &repl.CopyReceiver{
				Conn: other, Node: node, Self: follower,
				Cluster: func() string { return peer.Unknown }, Learn: func(*peer.Frame) error { return nil },
			}
			if _, err := conn.Write(bytes.Join(c.sent, nil)); err != nil {
				t.Fatal(err)
			}
			if err := a.(*net.TCPConn).CloseWrite(); err != nil {
				t.Fatal(err)
			}
			err := r.Run()
			_ = conn.Close()
			switch {
			case c.whole && (err != nil || !bytes.Equal(node.got, whole)):
				t.Errorf("%q, %v", node.got, err)
			case !c.whole && (err == nil || node.err == nil || errors.Is(err, io.EOF)):
				t.Errorf("%q was taken for the whole: %v", node.got, err)
			}
		})
	}
}
