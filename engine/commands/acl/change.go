package acl

import (
	"errors"
	"fmt"

	"regent/engine"
	"regent/engine/acl"
	"regent/resp"
)

func doSetUser(c *engine.Ctx) {
	name := string(c.Args[2])
	if !acl.ValidName(name) {
		c.Err(resp.ErrUserName)
		return
	}
	rules := make([]string, 0, len(c.Args)-3)
	for _, a := range c.Args[3:] {
		rules = append(rules, string(a))
	}
	err := c.SetUser(name, rules)
	var bad *acl.RuleError
	var unmatched *acl.UnmatchedError
	switch {
	case err == nil:
		c.W.OK()
	case errors.As(err, &bad):
		c.Err(fmt.Sprintf(resp.ErrUserRule, engine.Clip([]byte(bad.Rule), maxShown), bad.Why))
	case errors.As(err, &unmatched):
		c.Err(fmt.Sprintf(resp.ErrUserUnmatched, engine.Clip([]byte(unmatched.Rule), maxShown)))
	default:
		c.Err("ERR " + err.Error())
	}
}

// maxShown is how many bytes of a rule an error shows.
const maxShown = 4096

func doDelUser(c *engine.Ctx) {
	for _, name := range c.Args[2:] {
		if string(name) == acl.Default {
			c.Err(resp.ErrUserDefault)
			return
		}
	}
	n := int64(0)
	for _, name := range c.Args[2:] {
		if c.DeleteUser(string(name)) {
			n++
		}
	}
	c.W.Int(n)
}

func doLoad(c *engine.Ctx) {
	if c.Config().ACLFile.Get() == "" {
		c.Err(resp.ErrNoACLFile)
		return
	}
	c.LoadUsers()
}

func doSave(c *engine.Ctx) {
	if c.Config().ACLFile.Get() == "" {
		c.Err(resp.ErrNoACLFile)
		return
	}
	c.SaveUsers()
}
