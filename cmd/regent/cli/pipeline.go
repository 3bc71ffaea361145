package cli

import (
	"fmt"
	"time"

	"regent/resp"
)

// An outcome is what became of a command that was sent ahead.
type outcome struct {
	reply resp.Value
	err   error // there is no reply, and the command may have been carried out
	again bool  // it was not carried out, or may be sent twice
}

// pipeline sends a window of commands together and prints their replies in
// order. What was not carried out is sent again in order.
func (c *client) pipeline(window [][]string) {
	last := time.Now()
	show := func(words []string, r resp.Value) {
		_, _ = c.out.Write(c.o.print(nil, r, readsAsText(words))) // the last flush tells
		c.took(time.Since(last))
		last = time.Now()
	}
	done, rest := 0, make([]outcome, len(window))
	if err := c.s.ready(); err == nil {
		done, rest = c.s.together(window, func(i int, r resp.Value) { show(window[i], r) })
	} else {
		for i := range rest {
			rest[i].again = true
		}
	}
	for i, o := range rest {
		words := window[done+i]
		switch {
		case o.again:
			c.repeated(words, 1)
		case o.err != nil:
			c.out.Flush()
			fmt.Fprintln(c.t.Err, o.err)
		default:
			show(words, o.reply)
		}
	}
}

// together sends commands at once and hands on their replies, up to the first
// that is a redirection or does not come: done is how many were handed on, rest
// what became of the others.
func (s *session) together(window [][]string, got func(int, resp.Value)) (done int, rest []outcome) {
	var b []byte
	for _, words := range window {
		b = resp.AppendCommand(b, words...)
	}
	conn := s.conn
	// Written beside the reading: a server may stop reading while its replies
	// are not taken. A write that fails ends the reading too.
	sent := make(chan struct{})
	go func() {
		defer close(sent)
		if conn.conn.SetDeadline(time.Time{}) != nil || conn.send(b) != nil {
			conn.Close()
		}
	}()
	var broken error
	for i := range window {
		var o outcome
		if broken == nil {
			o.reply, broken = conn.reply()
		}
		switch {
		case broken != nil && s.harmless(window[i]):
			o.again = true
		case broken != nil:
			o.err = fmt.Errorf("%w: it is not known whether the command was carried out", ended(broken))
		case s.o.follow && (isMoved(o.reply) || waits(o.reply)):
			o.again = true
		case len(rest) == 0:
			got(i, o.reply)
			done++
			continue
		}
		rest = append(rest, o)
	}
	if broken != nil {
		s.drop()
	}
	<-sent
	return done, rest
}
