package cli

import (
	"fmt"

	"regent/resp"
)

// listen shows what comes after SUBSCRIBE or MONITOR until the connection ends.
func (c *client) listen(words []string) error {
	if err := c.s.ready(); err != nil {
		return ended(err)
	}
	monitor := localName(words) == "monitor"
	if !monitor && c.o.style != styleRaw && len(words) > 1 {
		fmt.Fprintln(c.out, "Reading messages... (press Ctrl-C to quit)")
	}
	if err := c.s.conn.send(resp.AppendCommand(nil, words...)); err != nil {
		c.s.drop()
		return ended(err)
	}
	for first := true; ; first = false {
		r, err := c.s.conn.in.Read() // messages are pushes in RESP3
		if err != nil {
			c.s.drop()
			return ended(err)
		}
		if _, err := c.out.Write(c.o.print(nil, r, false)); err != nil {
			return fmt.Errorf("write: %w", err)
		}
		if err := c.out.Flush(); err != nil {
			return fmt.Errorf("write: %w", err)
		}
		if first && r.IsError() {
			return nil
		}
	}
}

// pushed shows what a RESP3 server sends unasked.
func (s *session) pushed(r resp.Value) {
	if !s.o.pushes {
		return
	}
	if s.o.style == styleTyped && len(r.Elems) == 2 && string(r.Elems[0].Text) == "invalidate" && r.Elems[1].Kind == resp.Array {
		b := []byte("-> invalidate: ")
		for i, key := range r.Elems[1].Elems {
			if i > 0 {
				b = append(b, ", "...)
			}
			b = resp.AppendQuoted(b, key.Text)
		}
		_, _ = s.out.Write(append(b, '\n')) // the last flush tells
		return
	}
	_, _ = s.out.Write(typed(nil, r, ""))
}
