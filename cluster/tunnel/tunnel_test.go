package tunnel

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"regent/resp"
)

// writes is a command table of two: what begins with S writes.
func writes(name []byte) bool { return bytes.HasPrefix(name, []byte("S")) }

// drawCommand is a command as clients send it, and whether it does anything and writes.
func drawCommand(t *rapid.T) (raw []byte, does, write bool) {
	name := rapid.SampledFrom([]string{"GET", "SET"}).Draw(t, "name")
	switch rapid.IntRange(0, 9).Draw(t, "form") {
	case 0:
		return []byte("\r\n"), false, false
	case 1:
		return []byte("*0\r\n"), false, false
	case 2:
		return []byte("*-1\r\n"), false, false
	case 3:
		return []byte(name + " a b\r\n"), true, name == "SET"
	case 4:
		return []byte(name + "\n"), true, name == "SET"
	}
	args := []string{name}
	for range rapid.IntRange(0, 4).Draw(t, "args") {
		args = append(args, strings.Repeat("\r\n*1$@", rapid.IntRange(0, 60).Draw(t, "size")))
	}
	return resp.AppendCommand(nil, args...), true, name == "SET"
}

// drawReply is one whole reply of any kind.
func drawReply(t *rapid.T) []byte {
	return []byte(rapid.SampledFrom([]string{
		"+OK\r\n", "-ERR no @ * $\r\n", ":5\r\n", "$-1\r\n", "*-1\r\n", "_\r\n", "#t\r\n", ",1.5\r\n", "(123\r\n", "$0\r\n\r\n", "$7\r\n@1\r\n*3$\r\n",
		"*0\r\n", "*2\r\n*1\r\n:1\r\n$1\r\na\r\n", "%1\r\n+a\r\n~2\r\n:1\r\n:2\r\n", "=6\r\ntxt:ab\r\n", "!3\r\nERR\r\n", "|1\r\n+a\r\n:1\r\n*1\r\n+b\r\n", "*1\r\n|1\r\n+a\r\n:1\r\n+c\r\n",
	}).Draw(t, "reply"))
}

// cut gives b to f in pieces.
func cut(t *rapid.T, b []byte, f func(p []byte)) {
	for len(b) > 0 {
		n := rapid.IntRange(1, min(len(b), 40)).Draw(t, "piece")
		f(bytes.Clone(b[:n]))
		b = b[n:]
	}
}

// TestTunnelAgainstAModel: however commands, replies, pushes and notes are cut and mixed,
// what is in flight is what a list of whole commands says.
func TestTunnelAgainstAModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		tun := New([]byte("first"), writes)
		type command struct {
			before, raw []byte // before: what did nothing, since the command in front
			write       bool
		}
		var nothing []byte // behind the last command
		var flight []command
		state := "first"
		for range rapid.IntRange(1, 30).Draw(t, "steps") {
			switch rapid.IntRange(0, 4).Draw(t, "step") {
			case 0, 1:
				raw, does, write := drawCommand(t)
				cut(t, raw, tun.Send)
				if does {
					flight = append(flight, command{nothing, raw, write})
					nothing = nil
				} else if len(flight) > 0 {
					nothing = append(nothing, raw...)
				}
			case 2:
				if len(flight) == 0 {
					continue
				}
				hear(t, tun, drawReply(t), true)
				if flight = flight[1:]; len(flight) == 0 {
					nothing = nil
				}
			case 3:
				hear(t, tun, []byte(">2\r\n+message\r\n$6\r\n@1\r\n\r\n\r\n"), true)
			case 4:
				state = fmt.Sprint(rapid.IntRange(0, 99).Draw(t, "state"))
				hear(t, tun, resp.AppendNote(nil, resp.NoteState, []byte(state)), false)
			}
			if string(tun.State()) != state || tun.Idle() != (len(flight) == 0) {
				t.Fatalf("state %q, want %q; idle %v with %d in flight", tun.State(), state, tun.Idle(), len(flight))
			}
		}
		var bye, again []byte
		for _, c := range flight {
			text := "D"
			if c.write {
				text = "U"
			}
			bye = append(bye, "-"+text+"\r\n"...)
			again = append(append(again, c.before...), c.raw...)
		}
		again = append(again, nothing...)
		half := []byte(nil)
		if rapid.Bool().Draw(t, "half") {
			raw := resp.AppendCommand(nil, "SET", "k", "value")
			half = raw[:rapid.IntRange(1, len(raw)-1).Draw(t, "at")]
			tun.Send(half)
			again = append(again, half...)
		}
		if got := tun.Farewell("U", "D"); string(got) != string(bye) {
			t.Fatalf("farewell %q, want %q", got, bye)
		}
		if rapid.Bool().Draw(t, "moved") {
			hear(t, tun, resp.AppendNote(nil, resp.NoteMoved, nil), false)
			flight = nil
		}
		got, ok := tun.Leave()
		if want := len(flight) == 0; ok != want || ok && !bytes.Equal(got, again) {
			t.Fatalf("left with %q, %v; want %q, %v", got, ok, again, want)
		}
	})
}

// hear gives b in pieces; shown: it must come out as it went in, else not at all.
func hear(t *rapid.T, tun *Tunnel, b []byte, shown bool) {
	var out []byte
	cut(t, b, func(p []byte) {
		got, err := tun.Hear(p)
		if err != nil {
			t.Fatalf("%q: %v", b, err)
		}
		out = append(out, got...)
	})
	want := b
	if !shown {
		want = nil
	}
	if !bytes.Equal(out, want) {
		t.Fatalf("%q came out of %q", out, b)
	}
}

// TestTunnelLimits: what is too much to be kept is not sent again, and a session that is
// bound goes nowhere.
func TestTunnelLimits(t *testing.T) {
	big := resp.AppendCommand(nil, "SET", "k", strings.Repeat("x", maxKept))
	for _, try := range []struct {
		what string
		do   func(tun *Tunnel)
		ok   bool
	}{
		{"large", func(tun *Tunnel) { tun.Send(big) }, false},
		{"large and answered", func(tun *Tunnel) { tun.Send(big); say(tun, "+OK\r\n") }, true},
		{"half of it", func(tun *Tunnel) { tun.Send(big[:len(big)-1]); tun.Send(nil) }, false},
		{"many", func(tun *Tunnel) { tun.Send(bytes.Repeat([]byte("GET\n"), maxEnds+1)) }, false},
		{"many and answered", func(tun *Tunnel) {
			tun.Send(bytes.Repeat([]byte("GET\n"), maxEnds+1))
			say(tun, strings.Repeat("$-1\r\n", maxEnds+1))
		}, true},
		{"bound", func(tun *Tunnel) { say(tun, string(resp.AppendNote(nil, resp.NoteBound, nil))) }, false},
		{"bound no more", func(tun *Tunnel) {
			say(tun, string(resp.AppendNote(nil, resp.NoteBound, nil))+string(resp.AppendNote(nil, resp.NoteState, nil)))
		}, true},
		{"not understood", func(tun *Tunnel) { tun.Send([]byte("*x\r\n")) }, false},
		{"a reply that is half told", func(tun *Tunnel) { tun.Send([]byte("GET\n")); say(tun, "$5\r\nab") }, false},
		{"an end", func(tun *Tunnel) { say(tun, string(resp.AppendNote(nil, resp.NoteEnd, nil))) }, false},
	} {
		tun := New(nil, writes)
		try.do(tun)
		say(tun, "")
		if tun.out.Between() {
			say(tun, string(resp.AppendNote(nil, resp.NoteMoved, nil)))
		}
		if _, ok := tun.Leave(); ok != try.ok {
			t.Errorf("%s: may go on at another node: %v", try.what, ok)
		}
	}
	tun := New(nil, writes)
	for range maxRuns {
		tun.Send([]byte("SET\nGET\n"))
	}
	if got := tun.Farewell("U", "D"); bytes.Count(got, []byte("\n")) != 2*maxRuns || !bytes.HasSuffix(got, []byte("-U\r\n-U\r\n")) {
		t.Errorf("%d lines, the last %q", bytes.Count(got, []byte("\n")), got[len(got)-8:])
	}
}

func say(tun *Tunnel, text string) {
	if _, err := tun.Hear([]byte(text)); err != nil {
		panic(err)
	}
}

// FuzzTunnel: no input makes it fail, and pieces change nothing.
func FuzzTunnel(f *testing.F) {
	f.Add([]byte("*1\r\n$3\r\nGET\r\nGET a\r\n\r\n"), []byte("+OK\r\n@2\r\nSx\r\n>1\r\n+a\r\n"), 3)
	f.Add([]byte("*2\r\n$3\r\nSET\r\n$-1\r\n"), []byte("*2\r\n@"), 1)
	f.Fuzz(func(t *testing.T, said, heard []byte, size int) {
		size = max(size, 1)
		whole, cut := New(nil, writes), New(nil, writes)
		whole.Send(said)
		for rest := said; len(rest) > 0; rest = rest[min(size, len(rest)):] {
			cut.Send(rest[:min(size, len(rest))])
		}
		want, err := whole.Hear(bytes.Clone(heard))
		want = bytes.Clone(want)
		var got []byte
		var failed error
		for rest := bytes.Clone(heard); len(rest) > 0 && failed == nil; rest = rest[min(size, len(rest)):] {
			var out []byte
			out, failed = cut.Hear(rest[:min(size, len(rest))])
			got = append(got, out...)
		}
		if (err == nil) != (failed == nil) {
			t.Fatalf("whole: %v, in pieces: %v", err, failed)
		}
		if err != nil {
			return
		}
		if !bytes.Equal(got, want) || whole.fly.count != cut.fly.count || whole.bound != cut.bound || whole.Idle() != cut.Idle() {
			t.Fatalf("%q %d, in pieces %q %d", want, whole.fly.count, got, cut.fly.count)
		}
		a, okA := whole.Leave()
		b, okB := cut.Leave()
		if okA != okB || !bytes.Equal(a, b) {
			t.Fatalf("left %q %v, in pieces %q %v", a, okA, b, okB)
		}
	})
}
