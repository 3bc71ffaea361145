package acl

import (
	"math"
	"strings"

	"regent/engine/spec"
)

// How rights are shown. What commands are allowed is found anew from the bits, as Redis
// 7.0 does: the categories that come nearest, one after the other, and then single
// commands, so that the rules in their order give the same bits.

// A Selector is a set of rules as ACL GETUSER shows it.
type Selector struct{ Commands, Keys, Channels string }

// Flags are the words for what is neither a password nor a selector's.
func (r *Rights) Flags() []string {
	flags := []string{"off"}
	if r.on {
		flags[0] = "on"
	}
	if r.noPass {
		flags = append(flags, "nopass")
	}
	switch r.sanitize {
	case sanitizeOn:
		flags = append(flags, "sanitize-payload")
	case sanitizeSkip:
		flags = append(flags, "skip-sanitize-payload")
	}
	return flags
}

// Digests are those of the passwords.
func (r *Rights) Digests() []string { return r.digests }

// Selectors are the sets of rules, the root first.
func (r *Rights) Selectors() (shown []Selector) {
	for _, s := range r.selectors {
		shown = append(shown, Selector{s.commandRules(r.table), s.keyRules("~"), s.channelRules()})
	}
	return shown
}

// Rules are the rights as a file has them. Where it differs from what redis-server writes that
// could not be read back: a pattern * to read and to write, beside others, is %RW~*, since
// ~* takes the place of those before it and has none behind it.
func (r *Rights) Rules() string {
	words := r.Flags()
	for _, d := range r.digests {
		words = append(words, "#"+d)
	}
	words = append(words, r.selectors[0].rules(r.table))
	for _, s := range r.selectors[1:] {
		words = append(words, "("+s.rules(r.table)+")")
	}
	return strings.Join(words, " ")
}

// rules are a selector's, keys first.
func (s *selector) rules(table *spec.Table) string {
	var words []string
	if keys := s.keyRules("%RW~"); keys != "" {
		words = append(words, keys)
	}
	switch channels := s.channelRules(); {
	case s.allChannels:
		words = append(words, channels)
	case channels == "":
		words = append(words, "resetchannels")
	default:
		words = append(words, "resetchannels", channels)
	}
	return strings.Join(append(words, s.commandRules(table)), " ")
}

// keyRules are the patterns of keys; all is what stands before one of all keys that is
// a pattern as others are.
func (s *selector) keyRules(all string) string {
	if s.allKeys {
		return "~*"
	}
	var words []string
	for _, k := range s.keys {
		sign := [...]string{Read: "%R~", Write: "%W~", readWrite: "~"}[k.access]
		if k.access == readWrite && k.text == "*" && len(s.keys) > 1 {
			sign = all
		}
		words = append(words, sign+k.text)
	}
	return strings.Join(words, " ")
}

func (s *selector) channelRules() string {
	if s.allChannels {
		return "&*"
	}
	var words []string
	for _, c := range s.channels {
		words = append(words, "&"+c)
	}
	return strings.Join(words, " ")
}

// commandRules are rules that give the selector's bits.
func (s *selector) commandRules(table *spec.Table) string {
	so := newSelector(table, false) // what the rules give so far
	so.permitAll(s.future)
	words := []string{"-@all"}
	sign := "+@"
	if s.future {
		words[0], sign = "+@all", "-@"
	}
	left := s.clone() // what is not said by a category yet
	said := map[string]bool{}
	for {
		best := left.bestCategory(table, !s.future, said)
		if best == "" {
			break
		}
		said[best] = true
		so.permitCategory(table, best, !s.future)
		left.permitCategory(table, best, s.future)
		words = append(words, sign+best)
	}
	table.Each(func(cmd *spec.Command) { words = append(words, s.singleRules(so, cmd)...) })
	return strings.Join(words, " ")
}

// bestCategory is the category that changes most bits to what they are to be and fewest to
// what they are not; "": none does more good than harm.
func (s *selector) bestCategory(table *spec.Table, adds bool, said map[string]bool) (best string) {
	least, most := math.MaxInt, 0
	for _, name := range spec.CategoryNames() {
		if said[name] {
			continue
		}
		cat, right, wrong := spec.CategoryNamed([]byte(name)), 0, 0
		table.Each(func(cmd *spec.Command) {
			switch {
			case cmd.Cats&cat == 0:
			case s.has(cmd.Index()) == adds:
				right++
			default:
				wrong++
			}
		})
		if right > wrong && (wrong < least || wrong == least && right > most) {
			best, least, most = name, wrong, right
		}
	}
	return best
}

// singleRules are what is to be said of one command, where so is what was said before.
func (s *selector) singleRules(so *selector, cmd *spec.Command) (words []string) {
	id := cmd.Index()
	is := s.has(id)
	if is != so.has(id) {
		so.permit(cmd, is)
		words = append(words, [...]string{"-", "+"}[btoi(is)]+cmd.FullName())
	}
	if !is {
		for _, first := range s.firstArgsOf(id) {
			words = append(words, "+"+cmd.FullName()+"|"+first)
		}
	}
	return words
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}
