package config

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Statements are lines that no directive's value stands for: CONFIG knows
// nothing of them, and CONFIG REWRITE leaves them where they are.

// A Rename is a rename-command line: the command From is called To, or nothing
// at all where To is empty.
type Rename struct{ From, To string }

// state takes a statement; include is parse's own.
func (c *Config) state(name string, words []string) error {
	switch strings.ToLower(name) {
	case "rename-command":
		if len(words) != 2 {
			return fmt.Errorf("rename-command: %w", errArguments)
		}
		c.Renamed = append(c.Renamed, Rename{From: strings.ToLower(words[0]), To: strings.ToLower(words[1])})
		return nil
	case "user":
		return c.user(words)
	case "loadmodule":
		return errors.New("loadmodule: modules are libraries of redis-server's own; Regent cannot load them")
	case "sentinel":
		return errors.New("sentinel: the nodes elect their leader by themselves, there is nothing to monitor; name them in peers")
	}
	return fmt.Errorf("%s: unknown directive", name)
}

// A DefaultUser is what a "user default ..." line says beyond the password,
// which becomes requirepass: the digest of a password that requirepass has to
// give.
type DefaultUser struct{ digest string }

// allowed are the rules that leave the default user what it always has here.
var allowed = []string{"on", "~*", "allkeys", "&*", "allchannels", "+@all", "allcommands", "sanitize-payload", "skip-sanitize-payload"}

// afterReset are the rules that "reset" takes away and that have to follow it.
var afterReset = [][]string{{"on"}, {"~*", "allkeys"}, {"&*", "allchannels"}, {"+@all", "allcommands"}}

// user takes the line that CONFIG REWRITE of redis-server writes for the
// default user, which is the only one.
func (c *Config) user(words []string) error {
	if len(words) == 0 {
		return fmt.Errorf("user: %w", errArguments)
	}
	if words[0] != "default" {
		return fmt.Errorf("user %s: users beyond the default one are not there yet; requirepass sets its password", words[0])
	}
	since := -1 // the place of the last reset
	for i, rule := range words[1:] {
		switch low := strings.ToLower(rule); {
		case low == "reset":
			since = i + 1
			c.forget()
		case low == "nopass" || low == "resetpass":
			c.forget()
		case rule[:min(len(rule), 1)] == ">":
			c.RequirePass.Set(rule[1:])
			c.DefaultUser.digest = ""
		case rule[:min(len(rule), 1)] == "#":
			c.DefaultUser.digest = rule[1:]
		case slices.Contains(allowed, low):
		default:
			return errors.New("user default: a rule would take rights away, which is not there yet; the default user may do everything")
		}
	}
	if since < 0 {
		return nil
	}
	for _, want := range afterReset {
		if !slices.ContainsFunc(words[1+since:], func(rule string) bool { return slices.Contains(want, strings.ToLower(rule)) }) {
			return fmt.Errorf("user default: %q is missing after reset; the default user may do everything here", want[0])
		}
	}
	return nil
}

func (c *Config) forget() {
	c.RequirePass.Set("")
	c.DefaultUser.digest = ""
}

// check compares the digest of a user line with requirepass, whose password it
// has to be: nobody could log in to the one with the other's.
func (u DefaultUser) check(password string) error {
	sum := sha256.Sum256([]byte(password))
	if u.digest == "" || hex.EncodeToString(sum[:]) == strings.ToLower(u.digest) {
		return nil
	}
	return errors.New("user default: the password is given as a digest that is not requirepass's; say the password itself in requirepass")
}
