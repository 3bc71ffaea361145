package engine

import (
	"fmt"
	"strings"

	"regent/engine/spec"
	"regent/resp"
)

// noRedirect is CLIENT GETREDIR's answer where nothing is tracked.
const noRedirect = -1

// printable reports whether b can stand in a line of CLIENT LIST: no spaces,
// newlines or control characters.
func printable(b []byte) bool {
	for _, c := range b {
		if c < '!' || c > '~' {
			return false
		}
	}
	return true
}

func doClientGetname(c *Ctx) {
	name := c.s.Shared.attributes().name
	if name == "" {
		c.W.Null()
		return
	}
	c.W.BulkString(name)
}

func doClientSetname(c *Ctx) {
	if !printable(c.Args[2]) {
		c.Err(resp.ErrClientName)
		return
	}
	c.s.Shared.setAttributes(func(a *clientAttrs) { a.name = string(c.Args[2]) })
	c.W.OK()
}

func doClientSetinfo(c *Ctx) {
	attr, value := c.Args[2], c.Args[3]
	name, version := spec.EqualFold(attr, "lib-name"), spec.EqualFold(attr, "lib-ver")
	switch {
	case !name && !version:
		c.Err(fmt.Sprintf(resp.ErrClientOption, Clip(attr, 128)))
		return
	case !printable(value):
		c.Err(fmt.Sprintf(resp.ErrClientInfo, strings.ToLower(string(attr))))
		return
	}
	c.s.Shared.setAttributes(func(a *clientAttrs) {
		if name {
			a.libName = string(value)
		} else {
			a.libVer = string(value)
		}
	})
	c.W.OK()
}

func doClientReply(c *Ctx) {
	s := c.s
	switch mode := c.Args[2]; {
	case spec.EqualFold(mode, "on"):
		s.ReplyMode = ReplyOn
		c.W.OK()
	case spec.EqualFold(mode, "off"):
		s.ReplyMode = replyOff
	case spec.EqualFold(mode, "skip"):
		if s.ReplyMode != replyOff {
			s.ReplyMode = replySkipNext
		}
	default:
		c.Err(resp.ErrSyntax)
	}
}

func doClientTrackinginfo(c *Ctx) {
	c.W.Map(3)
	c.W.BulkString("flags")
	c.W.Set(1)
	c.W.BulkString("off")
	c.W.BulkString("redirect")
	c.W.Int(noRedirect)
	c.W.BulkString("prefixes")
	c.W.Array(0)
}

func doClientNotouch(c *Ctx) {
	if on, ok := c.onOff(c.Args[2]); ok {
		c.s.setNoTouch(on)
		c.W.OK()
	}
}

func doClientNoevict(c *Ctx) {
	if on, ok := c.onOff(c.Args[2]); ok {
		c.s.Shared.setFlag(clientNoEvict, on)
		c.W.OK()
	}
}

// onOff reads ON or OFF; !ok: an error was written.
func (c *Ctx) onOff(word []byte) (on, ok bool) {
	on = spec.EqualFold(word, "on")
	if !on && !spec.EqualFold(word, "off") {
		c.Err(resp.ErrSyntax)
		return false, false
	}
	return on, true
}
