package acl

import (
	"slices"
	"strings"

	"regent/engine/spec"
	"regent/resp"
)

// An Access is what may be done with a key.
type Access uint8

const (
	Read Access = 1 << iota
	Write
	accesses = 4 // sets of them

	readWrite = Read | Write
)

// A keyPattern names keys and what may be done with them.
type keyPattern struct {
	access Access
	text   string
}

// A selector is one set of rules: the commands, keys and channels that go together.
type selector struct {
	allCommands bool // +@all, and nothing was taken away since
	future      bool // +@all was said after the last -@all: commands to come are allowed
	allKeys     bool
	allChannels bool
	allowed     []uint64 // a bit for each command of the table
	// firstArgs are first arguments with which a command is allowed that is not allowed
	// otherwise ("+select|0"), by the command's number.
	firstArgs map[int][]string
	keys      []keyPattern
	channels  []string

	match [accesses]matcher // of keys, by what is to be done; made by seal
}

// newSelector allows nothing, but channels if that is the default.
func newSelector(table *spec.Table, allChannels bool) *selector {
	return &selector{allowed: make([]uint64, (table.Size()+63)/64), allChannels: allChannels}
}

func (s *selector) clone() *selector {
	c := *s
	c.allowed, c.keys, c.channels = slices.Clone(s.allowed), slices.Clone(s.keys), slices.Clone(s.channels)
	c.firstArgs = make(map[int][]string, len(s.firstArgs))
	for id, args := range s.firstArgs {
		c.firstArgs[id] = slices.Clone(args)
	}
	return &c
}

func (s *selector) has(id int) bool { return s.allowed[id/64]>>(id%64)&1 != 0 }

// permit allows or forbids a command and its subcommands.
func (s *selector) permit(cmd *spec.Command, allow bool) {
	id := cmd.Index()
	if allow {
		s.allowed[id/64] |= 1 << (id % 64)
	} else {
		s.allowed[id/64] &^= 1 << (id % 64)
		s.allCommands = false
	}
	delete(s.firstArgs, id)
	for _, sub := range cmd.Subcommands() {
		s.permit(sub, allow)
	}
}

// permitCategory is permit for all commands of a category; false: there is none of
// that name.
func (s *selector) permitCategory(table *spec.Table, name string, allow bool) bool {
	cat := spec.CategoryNamed([]byte(name))
	if cat == 0 {
		return false
	}
	table.Each(func(cmd *spec.Command) {
		if cmd.Cats&cat != 0 {
			s.permit(cmd, allow)
		}
	})
	return true
}

// permitAll is +@all and -@all.
func (s *selector) permitAll(allow bool) {
	var word uint64
	if allow {
		word = ^word
	}
	for i := range s.allowed {
		s.allowed[i] = word
	}
	s.allCommands, s.future = allow, allow
	s.firstArgs = nil
}

// apply carries out one rule about commands, keys or channels; the error is a reason.
func (s *selector) apply(table *spec.Table, rule string) error {
	switch strings.ToLower(rule) {
	case "allkeys", "~*":
		s.allKeys, s.keys = true, nil
	case "resetkeys":
		s.allKeys, s.keys = false, nil
	case "allchannels", "&*":
		s.allChannels, s.channels = true, nil
	case "resetchannels":
		s.allChannels, s.channels = false, nil
	case "allcommands", "+@all":
		s.permitAll(true)
	case "nocommands", "-@all":
		s.permitAll(false)
	default:
		return s.applySign(table, rule)
	}
	return nil
}

// applySign carries out a rule that begins with a sign.
func (s *selector) applySign(table *spec.Table, rule string) error {
	if rule == "" {
		return because(resp.WhyRuleSyntax)
	}
	sign, rest := rule[0], rule[1:]
	switch sign {
	case '~', '%':
		return s.addKeys(rule)
	case '&':
		return s.addChannels(rest)
	case '+', '-':
		if category, is := strings.CutPrefix(rest, "@"); is {
			if !s.permitCategory(table, category, sign == '+') {
				return because(resp.WhyRuleUnknown)
			}
			return nil
		}
		if sign == '+' && strings.Contains(rest, "|") {
			return s.permitPart(table, rest)
		}
		cmd := table.Named([]byte(rest))
		if cmd == nil {
			return because(resp.WhyRuleUnknown)
		}
		s.permit(cmd, sign == '+')
		return nil
	}
	return because(resp.WhyRuleSyntax)
}

// permitPart allows a subcommand, or a command with a first argument.
func (s *selector) permitPart(table *spec.Table, name string) error {
	at := strings.LastIndexByte(name, '|')
	first := name[at+1:]
	cmd := table.Named([]byte(name[:at]))
	switch {
	case cmd == nil:
		return because(resp.WhyRuleUnknown)
	case cmd.Parent() != nil:
		return because(resp.WhyRuleFirstArg)
	case first == "":
		return because(resp.WhyRuleSyntax)
	case len(cmd.Subcommands()) == 0:
		s.permitFirst(cmd.Index(), first)
		return nil
	}
	if cmd = table.Named([]byte(name)); cmd == nil {
		return because(resp.WhyRuleUnknown)
	}
	s.permit(cmd, true)
	return nil
}

func (s *selector) permitFirst(id int, first string) {
	same := func(old string) bool { return strings.EqualFold(old, first) }
	if slices.ContainsFunc(s.firstArgs[id], same) {
		return
	}
	if s.firstArgs == nil {
		s.firstArgs = map[int][]string{}
	}
	s.firstArgs[id] = append(s.firstArgs[id], first)
}

// addKeys adds a pattern: ~text, or %R~text, %W~text, %RW~text.
func (s *selector) addKeys(rule string) error {
	if s.allKeys {
		return because(resp.WhyRuleAllKeys)
	}
	access, text := readWrite, rule[1:]
	if rule[0] == '%' {
		at := strings.IndexByte(rule, '~')
		if at < 0 {
			at = len(rule)
		}
		access = 0
		for _, c := range strings.ToLower(rule[1:at]) {
			switch {
			case c == 'r' && access&Read == 0:
				access |= Read
			case c == 'w' && access&Write == 0:
				access |= Write
			default:
				return because(resp.WhyRuleSyntax)
			}
		}
		if text = rule[min(at+1, len(rule)):]; access == 0 {
			return because(resp.WhyRuleSyntax)
		}
	}
	if hasSpaces(text) {
		return because(resp.WhyRuleSyntax)
	}
	for i := range s.keys {
		if s.keys[i].text == text {
			s.keys[i].access |= access
			return nil
		}
	}
	s.keys = append(s.keys, keyPattern{access, text})
	return nil
}

func (s *selector) addChannels(pattern string) error {
	switch {
	case s.allChannels:
		return because(resp.WhyRuleAllChannels)
	case hasSpaces(pattern):
		return because(resp.WhyRuleSyntax)
	}
	if !slices.Contains(s.channels, pattern) {
		s.channels = append(s.channels, pattern)
	}
	return nil
}

// seal makes what questions are answered with, once the rules are complete.
func (s *selector) seal() {
	for need := range Access(accesses) {
		var texts []string
		for _, k := range s.keys {
			if k.access&need == need {
				texts = append(texts, k.text)
			}
		}
		s.match[need] = newMatcher(texts)
	}
}

// free reports whether the selector allows everything.
func (s *selector) free() bool { return s.allCommands && s.allKeys && s.allChannels }

// anyKey reports whether access to every key is allowed.
func (s *selector) anyKey(need Access) bool {
	return s.allKeys || slices.ContainsFunc(s.keys, func(k keyPattern) bool { return k.text == "*" && k.access&need == need })
}

// hasSpaces reports whether s holds what a line of a file could not.
func hasSpaces(s string) bool { return strings.ContainsAny(s, " \t\r\n\v\f\x00") }

// firstArgsOf are the first arguments of a command, in order.
func (s *selector) firstArgsOf(id int) []string { return s.firstArgs[id] }
