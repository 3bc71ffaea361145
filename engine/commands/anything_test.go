package commands_test

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"regent/engine"
	rooms "regent/engine/commands"
	"regent/engine/enginetest"
)

// TestAnyCommandAnswersOnce: whatever the arguments, a command writes exactly
// one well-formed reply, in either protocol, unless it parks, was told to be
// silent, or hands its connection over.
func TestAnyCommandAnswersOnce(t *testing.T) {
	var commands [][]string
	for _, cmd := range engine.NewTable(rooms.All()...).Commands() {
		if strings.HasSuffix(cmd.Name, "subscribe") {
			continue // it answers once for each channel
		}
		commands = append(commands, []string{cmd.Name})
		for _, sub := range cmd.Subcommands() {
			if sub.Name == "pause" {
				continue // it would hold everything that follows, CLIENT UNPAUSE too
			}
			commands = append(commands, []string{cmd.Name, sub.Name})
		}
	}
	words := []string{
		"", "k", "l", "{k}2", "0", "1", "-1", "2", "3", "16383", "16384", "9223372036854775807", "1.5", "x", "*", "\x00", "two words",
		"on", "off", "skip", "get", "set", "mset", "client", "id", "type", "normal", "addr", "skipme", "no", "yes", "auth", "default", "setname",
		"filterby", "aclcat", "pattern", "module", "ex", "px", "nx", "xx", "count", "match", "write", "all", "timeout", "error", "lib-name", "db", "replace",
	}
	s := enginetest.NewEngine(t)
	s.Client().Do("SET", "k", "v")
	rapid.Check(t, func(t *rapid.T) {
		c := s.Client()
		defer s.EndSession(c.Session)
		c.Do("HELLO", rapid.SampledFrom([]string{"2", "3"}).Draw(t, "protocol"))
		args := slices.Clone(rapid.SampledFrom(commands).Draw(t, "command"))
		args = append(args, rapid.SliceOfN(rapid.SampledFrom(words), 0, 6).Draw(t, "arguments")...)
		reply := c.Do(args...)
		if c.Parked() || c.ReplyMode != engine.ReplyOn {
			if reply != "" {
				t.Fatalf("%q: parked, or silent, and yet %q", args, reply)
			}
			return
		}
		if c.Hijack != nil {
			if reply != "" {
				t.Fatalf("%q: handed over, and yet %q", args, reply)
			}
			return // what takes the connection answers
		}
		if _, rest, err := enginetest.Parse([]byte(reply)); err != nil || len(rest) != 0 {
			t.Fatalf("%q: %q is not one reply: %v", args, reply, err)
		}
	})
}
