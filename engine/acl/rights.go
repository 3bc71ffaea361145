package acl

import (
	"slices"
	"strings"

	"regent/engine/spec"
	"regent/resp"
)

// Rights are what a user may do, and how it shows that it is the user. They are not
// changed once a user has them.
type Rights struct {
	// Free says that every command, key and channel is allowed.
	Free bool

	on, noPass bool
	sanitize   sanitizing
	digests    []string
	selectors  []*selector // the first is the root
	table      *spec.Table
}

// sanitizing is what was said of payloads; it is shown, and payloads are looked through
// whatever it says.
type sanitizing uint8

const (
	sanitizeUnsaid sanitizing = iota
	sanitizeOn
	sanitizeSkip
)

// because is a reason why a rule cannot be.
type because string

func (b because) Error() string { return string(b) }

// A RuleError says which rule cannot be, and why in Redis's words.
type RuleError struct{ Rule, Why string }

func (e *RuleError) Error() string { return e.Rule + ": " + e.Why }

// An UnmatchedError is a rule that opens a parenthesis which nothing closes.
type UnmatchedError struct{ Rule string }

func (e *UnmatchedError) Error() string { return e.Rule + ": unmatched parenthesis" }

// newRights are those of a new user: it is off, and allowed nothing.
func newRights(table *spec.Table, allChannels bool) *Rights {
	r := &Rights{table: table, selectors: []*selector{newSelector(table, allChannels)}}
	r.seal()
	return r
}

// On reports whether the user may log in.
func (r *Rights) On() bool { return r.on }

// NoPass reports whether any password does.
func (r *Rights) NoPass() bool { return r.noPass }

// Accepts reports whether the user is on and the password is right.
func (r *Rights) Accepts(password []byte) bool {
	right := knows(r.digests, password)
	return r.on && (r.noPass || right)
}

func (r *Rights) clone() *Rights {
	c := *r
	c.digests = slices.Clone(r.digests)
	c.selectors = make([]*selector, len(r.selectors))
	for i, s := range r.selectors {
		c.selectors[i] = s.clone()
	}
	return &c
}

func (r *Rights) seal() {
	r.Free = false
	for _, s := range r.selectors {
		s.seal()
		r.Free = r.Free || s.free()
	}
}

// with are the rights after rules, which are one word each but for selectors, whose
// words may come apart. lenient leaves rules out that name what this version does not
// know.
func (r *Rights) with(rules []string, allChannels, lenient bool) (*Rights, error) {
	rules, err := joinSelectors(rules)
	if err != nil {
		return nil, err
	}
	c := r.clone()
	for _, rule := range rules {
		err := c.apply(rule, allChannels, lenient)
		if err == nil || lenient && err == because(resp.WhyRuleUnknown) {
			continue
		}
		return nil, &RuleError{Rule: rule, Why: err.Error()}
	}
	c.seal()
	return c, nil
}

// joinSelectors puts the words between parentheses together.
func joinSelectors(rules []string) (joined []string, err error) {
	for i := 0; i < len(rules); i++ {
		rule := rules[i]
		if strings.HasPrefix(rule, "(") && !strings.HasSuffix(rule, ")") {
			first := rule
			for !strings.HasSuffix(rule, ")") {
				if i++; i == len(rules) {
					return nil, &UnmatchedError{first}
				}
				rule += " " + rules[i]
			}
		}
		joined = append(joined, rule)
	}
	return joined, nil
}

// apply carries out one rule on rights that are nobody's yet.
func (r *Rights) apply(rule string, allChannels, lenient bool) error {
	if rule == "" {
		return nil
	}
	switch strings.ToLower(rule) {
	case "on":
		r.on = true
	case "off":
		r.on = false
	case "nopass":
		r.noPass, r.digests = true, nil
	case "resetpass":
		r.noPass, r.digests = false, nil
	case "sanitize-payload":
		r.sanitize = sanitizeOn
	case "skip-sanitize-payload":
		r.sanitize = sanitizeSkip
	case "clearselectors":
		r.selectors = r.selectors[:1]
	case "reset":
		fresh := newRights(r.table, allChannels)
		*r, r.sanitize = *fresh, sanitizeOn
	default:
		return r.applySign(rule, allChannels, lenient)
	}
	return nil
}

// applySign carries out a rule that begins with a sign.
func (r *Rights) applySign(rule string, allChannels, lenient bool) error {
	sign, rest := rule[0], rule[1:]
	switch {
	case sign == '>' || sign == '#':
		digest, err := digestOf(sign == '>', rest)
		if err != nil {
			return err
		}
		if !slices.Contains(r.digests, digest) {
			r.digests = append(r.digests, digest)
		}
		r.noPass = false
		return nil
	case sign == '<' || sign == '!':
		digest, err := digestOf(sign == '<', rest)
		if err != nil {
			return err
		}
		at := slices.Index(r.digests, digest)
		if at < 0 {
			return because(resp.WhyRuleNoPassword)
		}
		r.digests = slices.Delete(r.digests, at, at+1)
		return nil
	case sign == '(' && strings.HasSuffix(rule, ")"):
		return r.addSelector(rule[1:len(rule)-1], allChannels, lenient)
	}
	return r.selectors[0].apply(r.table, rule)
}

// digestOf is the digest of a password, or the one that is given as such.
func digestOf(plain bool, word string) (string, error) {
	if plain {
		return Digest([]byte(word)), nil
	}
	if !isDigest(word) {
		return "", because(resp.WhyRuleDigest)
	}
	return word, nil
}

func (r *Rights) addSelector(rules string, allChannels, lenient bool) error {
	words, err := resp.SplitWords([]byte(rules))
	if err != nil {
		return because(resp.WhyRuleSyntax)
	}
	s := newSelector(r.table, allChannels)
	for _, w := range words {
		if unreadable(string(w)) {
			return because(resp.WhyRuleSyntax)
		}
		if err := s.apply(r.table, string(w)); err != nil && !(lenient && err == because(resp.WhyRuleUnknown)) {
			return err
		}
	}
	r.selectors = append(r.selectors, s)
	return nil
}

// unreadable reports whether a selector with this word would be written as something else
// than it is read as, which redis-server lets pass: its ACL files cannot be loaded then, and
// here a record of the log could not be applied.
func unreadable(word string) bool {
	return strings.HasSuffix(word, ")") || strings.ContainsAny(word, `"'`)
}
