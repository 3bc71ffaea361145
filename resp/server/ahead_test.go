package server

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
)

// TestLooksAheadOnly: commands behind one that parks are read before their turn
// and carried out at it, each once, with a frame that has come in part behind
// them.
func TestLooksAheadOnly(t *testing.T) {
	models(t, func(t *testing.T, model int64) {
		h := start(t, model, nil)
		w := h.dial()
		last := command("SET", "n", "100")
		for parked := range maxAhead + 2 {
			h.Cluster.SetAcked(0)
			var want strings.Builder
			ask := command("SET", "n", "0")
			for i := range 2 * maxAhead {
				if i == parked {
					ask += command("WAIT", "1", "0")
				}
				ask += command("INCR", "n")
			}
			w.send(ask + last[:len(last)-5])
			want.WriteString("+OK\r\n")
			for i := range parked {
				fmt.Fprintf(&want, ":%d\r\n", i+1)
			}
			w.expect(want.String())
			w.silent()
			h.Cluster.SetAcked(h.Log.End())
			h.ReplicaAcked()
			want.Reset()
			want.WriteString(":1\r\n")
			for i := parked; i < 2*maxAhead; i++ {
				fmt.Fprintf(&want, ":%d\r\n", i+1)
			}
			w.expect(want.String())
			w.send(last[len(last)-5:])
			w.expect("+OK\r\n")
		}
	})
}

// TestEndsAhead: what was read behind a command that ends the connection, or
// behind bytes that are no command, does not happen.
func TestEndsAhead(t *testing.T) {
	models(t, func(t *testing.T, model int64) {
		h := start(t, model, nil)
		for _, end := range []struct{ ask, reply string }{
			{command("QUIT"), "+OK\r\n"},
			{"*1\r\n!", "-ERR Protocol error: expected '$', got '!'\r\n"},
		} {
			w := h.dial()
			w.send(command("SET", "k", "v") + end.ask + "\r\n" + command("SET", "k", "w"))
			w.expect("+OK\r\n" + end.reply)
			w.ended()
		}
		w := h.dial()
		w.send(command("GET", "k"))
		w.expect("$1\r\nv\r\n")
	})
}

// TestAheadForgetsBigFrames: the memory of arguments is kept, that of a big
// frame is not.
func TestAheadForgetsBigFrames(t *testing.T) {
	var a ahead
	a.free()
	frame := make([]byte, bigFrame)
	gone := make(chan struct{})
	runtime.SetFinalizer(&frame[0], func(*byte) { close(gone) })
	a.args = append(a.args, frame)
	a.big, frame = true, nil
	a.forget()
	eventually(t, "the frame's memory is free", func() bool {
		runtime.GC()
		select {
		case <-gone:
			return true
		default:
			return false
		}
	})
	if cap(a.args) == 0 {
		t.Fatal("the arguments' memory is gone as well")
	}
}

// TestForeseesEveryCommand: whatever their keys, each command's are fetched once and before its turn,
// and no more commands at once than there is said to be room for.
func TestForeseesEveryCommand(t *testing.T) {
	const room = 32
	for _, keys := range [][]int{{1, 1, 1}, {10, 10, 10, 10, 10, 10, 10}, {40, 1, 1, 33}, {0, 16, 0, 17}, {0, 0}} {
		var a ahead
		for _, n := range keys {
			a.cmds[a.n] = parsed{args: make([][]byte, n), n: 1}
			a.n++
		}
		foreseen, commands := 0, 0
		for !a.empty() {
			if a.next == a.seen {
				sum := 0
				a.group(func(args [][]byte) bool {
					if sum >= room {
						t.Errorf("%v: a command is shown although there is no room", keys)
					}
					foreseen++
					sum += len(args)
					return sum < room
				})
			}
			if len(a.cmds[a.next].args) > 0 {
				commands++
			}
			if a.pop(); a.next > a.seen {
				t.Fatalf("%v: command %d was not foreseen", keys, a.next)
			}
		}
		if foreseen != commands {
			t.Errorf("%v: %d of %d are foreseen", keys, foreseen, commands)
		}
	}
}
