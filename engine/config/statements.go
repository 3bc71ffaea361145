package config

import (
	"errors"
	"fmt"
	"strings"

	"regent/engine/spec"
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
		c.Renamed = append(c.Renamed, Rename{From: spec.Lower(words[0]), To: spec.Lower(words[1])})
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
