package engine

import (
	"fmt"
	"strings"

	"regent/engine/spec"
	"regent/resp"
)

// DEBUG PROTOCOL: a reply of each type, with the values of redis-server's, so
// that a client library can be tested against either.

// A protocolReply is one type's reply.
type protocolReply struct {
	name  string
	write func(c *Ctx)
}

func protocolReplies() []protocolReply {
	return []protocolReply{
		{"string", func(c *Ctx) { c.W.BulkString("Hello World") }},
		{"integer", func(c *Ctx) { c.W.Int(12345) }},
		{"double", func(c *Ctx) { c.W.Double(3.141) }},
		{"bignum", func(c *Ctx) { c.W.BigNumber("1234567999999999999999999999999999999") }},
		{"null", func(c *Ctx) { c.W.Null() }},
		{"array", func(c *Ctx) { c.W.Array(3); c.countTo3() }},
		{"set", func(c *Ctx) { c.W.Set(3); c.countTo3() }},
		{"map", protocolMap},
		{"attrib", protocolAttribute},
		{"push", protocolPush},
		{"verbatim", func(c *Ctx) { c.W.Verbatim("txt", "This is a verbatim\nstring") }},
		{"true", func(c *Ctx) { c.W.Bool(true) }},
		{"false", func(c *Ctx) { c.W.Bool(false) }},
	}
}

func protocolTypes() (names []string) {
	for _, r := range protocolReplies() {
		names = append(names, r.name)
	}
	return names
}

func debugProtocol(c *Ctx) {
	for _, r := range protocolReplies() {
		if spec.EqualFold(c.Args[2], r.name) {
			r.write(c)
			return
		}
	}
	c.Err(fmt.Sprintf(resp.ErrDebugType, strings.Join(protocolTypes(), "|")))
}

func (c *Ctx) countTo3() {
	for i := range int64(3) {
		c.W.Int(i)
	}
}

func protocolMap(c *Ctx) {
	c.W.Map(3)
	for i := range int64(3) {
		c.W.Int(i)
		c.W.Bool(i == 1)
	}
}

// protocolAttribute: RESP2 has no attributes, and its clients get the reply
// alone.
func protocolAttribute(c *Ctx) {
	if c.W.Proto() == resp.RESP3 {
		c.W.Attribute(1)
		c.W.BulkString("key-popularity")
		c.W.Array(2)
		c.W.BulkString("key:123")
		c.W.Int(90)
	}
	c.W.BulkString("Some real reply following the attribute")
}

func protocolPush(c *Ctx) {
	if c.W.Proto() != resp.RESP3 {
		c.Err(resp.ErrNeedsRESP3)
		return
	}
	c.W.Push(2)
	c.W.BulkString("server-cpu-usage")
	c.W.Int(42)
	c.W.BulkString("Some real reply following the push reply")
}
