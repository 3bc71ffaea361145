package acl

import (
	"slices"

	"regent/engine/glob"
	"regent/engine/spec"
)

// A Reason is why a command is not allowed; the greater one counts where selectors
// disagree.
type Reason uint8

const (
	Allowed Reason = iota
	Command
	Key
	Auth // a wrong password: no question about a command has this answer
	Channel
)

// A Denial says why a command is not allowed, and for which argument. The zero value
// allows it.
type Denial struct {
	Why Reason
	At  int // of a key or a channel; 0 with Command
}

// Check says whether a command with these arguments is allowed. If no selector allows
// it, the reason is that of the selector which came furthest.
func (r *Rights) Check(cmd *spec.Command, args [][]byte) Denial {
	if r.Free {
		return Denial{}
	}
	worst := Denial{Why: Command}
	for _, s := range r.selectors {
		d := s.check(cmd, args)
		if d.Why == Allowed {
			return d
		}
		if d.Why > worst.Why || d.Why == worst.Why && d.At > worst.At {
			worst = d
		}
	}
	return worst
}

// AnyKey reports whether the command is allowed with any keys at all, for reading:
// SORT looks up keys that its arguments do not name.
func (r *Rights) AnyKey(cmd *spec.Command, args [][]byte) bool {
	return r.Free || slices.ContainsFunc(r.selectors, func(s *selector) bool {
		return s.anyKey(Read) && s.check(cmd, args).Why == Allowed
	})
}

// Reads reports whether the user may read a key, by whichever command.
func (r *Rights) Reads(key []byte) bool {
	return r.Free || slices.ContainsFunc(r.selectors, func(s *selector) bool {
		return s.allKeys || s.match[Read].matches(key)
	})
}

// Subscribed reports whether the user may go on listening to what it listens to:
// channels by name, and patterns.
func (r *Rights) Subscribed(channels, patterns [][]byte) bool {
	all := func(names [][]byte, literal bool) bool {
		return !slices.ContainsFunc(names, func(name []byte) bool {
			return !slices.ContainsFunc(r.selectors, func(s *selector) bool { return s.channel(name, literal) })
		})
	}
	return r.Free || all(channels, false) && all(patterns, true)
}

func (s *selector) check(cmd *spec.Command, args [][]byte) Denial {
	if !s.allCommands && !cmd.Has(spec.NoAuth) && !s.has(cmd.Index()) && !s.hasFirst(cmd, args) {
		return Denial{Why: Command}
	}
	if !s.allKeys {
		if at := s.deniedKey(cmd, args); at > 0 {
			return Denial{Key, at}
		}
	}
	if !s.allChannels && cmd.Channels != spec.NoChannels {
		if at := s.deniedChannel(cmd, args); at > 0 {
			return Denial{Channel, at}
		}
	}
	return Denial{}
}

// hasFirst reports whether the command is allowed for the sake of its first argument.
func (s *selector) hasFirst(cmd *spec.Command, args [][]byte) bool {
	firsts := s.firstArgs[cmd.Index()]
	at := 1
	if cmd.Parent() != nil {
		at = 2
	}
	return len(firsts) > 0 && len(args) > at && slices.ContainsFunc(firsts, func(first string) bool {
		return spec.EqualFold(args[at], spec.Lower(first))
	})
}

// needs is what must be allowed for a use of a key.
func needs(use spec.KeyFlags) (need Access) {
	if use&spec.KeyAccess != 0 {
		need |= Read
	}
	if use&(spec.KeyInsert|spec.KeyDelete|spec.KeyUpdate) != 0 {
		need |= Write
	}
	return need
}

// deniedKey is where the first key stands that is not allowed, 0: there is none.
func (s *selector) deniedKey(cmd *spec.Command, args [][]byte) int {
	if cmd.OneKey() {
		k := &cmd.Keys[0]
		if k.Index < len(args) && !s.match[needs(k.Flags)].matches(args[k.Index]) {
			return k.Index
		}
		return 0
	}
	if !cmd.HasKeys() {
		return 0
	}
	keys, ok := cmd.KeyIndices(args)
	if !ok {
		keys, ok = cmd.SpecIndices(args)
	}
	if !ok {
		return 0 // the command makes no sense and says so itself, as in Redis
	}
	for _, at := range keys {
		if at < len(args) && !s.match[needs(cmd.UseOf(args, at))].matches(args[at]) {
			return at
		}
	}
	return 0
}

// deniedChannel is where the first channel stands that is not allowed, 0: there is
// none.
func (s *selector) deniedChannel(cmd *spec.Command, args [][]byte) int {
	last := len(args) - 1
	if cmd.Channels == spec.OneChannel {
		last = min(last, 1)
	}
	for at := 1; at <= last; at++ {
		if !s.channel(args[at], cmd.Channels == spec.ChannelPatterns) {
			return at
		}
	}
	return 0
}

// channel reports whether a channel is allowed, or literally a pattern.
func (s *selector) channel(name []byte, literal bool) bool {
	return s.allChannels || slices.ContainsFunc(s.channels, func(pattern string) bool {
		return pattern == string(name) || !literal && glob.Match([]byte(pattern), name)
	})
}
