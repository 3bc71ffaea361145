package config

import (
	"fmt"
	"math"
)

// A User is a "user" line: a name and rules. What rules there are the engine knows.
type User struct {
	Name  string
	Rules []string
}

// What new users may listen to, the values of ACLPubsubDefault.
const (
	AllChannels = iota
	ResetChannels
)

// access are the directives about users and passwords.
func (c *Config) access() []*directive {
	return []*directive{
		text("aclfile", &c.ACLFile, "").fixed(),
		choice("acl-pubsub-default", &c.ACLPubsubDefault, ResetChannels, "allchannels", "resetchannels"),
		number("acllog-max-len", &c.ACLLogMaxLen, 128, 0, math.MaxInt64),
		yesNo("acl-replicate", &c.ACLReplicate, true).settled(),
		number("auth-pause", &c.AuthPause, 5000, 0, maxMs),
		number("unauthenticated-clients", &c.UnauthenticatedClients, 5000, 0, anyInt),
		number("unauthenticated-timeout", &c.UnauthenticatedTimeout, 60, 0, maxSec),
	}
}

// user takes a "user" line.
func (c *Config) user(words []string) error {
	if len(words) == 0 {
		return fmt.Errorf("user: %w", errArguments)
	}
	c.Users = append(c.Users, User{words[0], words[1:]})
	return nil
}
