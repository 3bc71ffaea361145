package cli

import (
	"errors"
	"fmt"
	"strconv"
	"time"

	"regent/resp"
)

// scanPage is one SCAN: its cursor, "0" at the end, and its keys.
func (c *client) scanPage(cursor string) (next string, keys []string, err error) {
	words := []string{"SCAN", cursor}
	if c.o.pattern != "" {
		words = append(words, "MATCH", c.o.pattern)
	}
	if c.o.count != 0 {
		words = append(words, "COUNT", strconv.Itoa(c.o.count))
	}
	addr := c.s.addr
	r, err := c.s.exec(words)
	switch {
	case err != nil:
		return "", nil, err
	case r.IsError():
		return "", nil, fmt.Errorf("SCAN error: %s", r.Text)
	case cursor != "0" && c.s.addr != addr:
		//lint:ignore ST1005 shown to people
		return "", nil, fmt.Errorf("The leader changed to %s during the scan, which may have missed keys: begin again", c.s.addr)
	case r.Kind != resp.Array || len(r.Elems) != 2:
		//lint:ignore ST1005 what redis-cli prints
		return "", nil, errors.New("Non ARRAY response from SCAN!")
	}
	for _, e := range r.Elems[1].Elems {
		keys = append(keys, string(e.Text))
	}
	return string(r.Elems[0].Text), keys, nil
}

// scan prints every key.
func (c *client) scan() error {
	for cursor := "0"; ; {
		next, keys, err := c.scanPage(cursor)
		if err != nil {
			return err
		}
		for _, key := range keys {
			line := []byte(key)
			if c.o.style == styleTyped {
				line = resp.AppendQuoted(nil, line)
			}
			if _, err := c.out.Write(append(line, '\n')); err != nil {
				return fmt.Errorf("write: %w", err)
			}
		}
		if c.o.interval > 0 {
			c.out.Flush()
			time.Sleep(c.o.interval)
		}
		if cursor = next; cursor == "0" {
			return nil
		}
	}
}

// ask sends commands that read together and returns a reply for each.
func (c *client) ask(commands [][]string) ([]resp.Value, error) {
	if len(commands) == 0 {
		return nil, nil
	}
	replies := make([]resp.Value, len(commands))
	if err := c.s.ready(); err != nil {
		return nil, ended(err)
	}
	done, rest := c.s.together(commands, func(i int, r resp.Value) { replies[i] = r })
	for i, o := range rest {
		switch {
		case o.again:
			r, err := c.s.exec(commands[done+i])
			if err != nil {
				return nil, err
			}
			replies[done+i] = r
		case o.err != nil:
			return nil, o.err
		default:
			replies[done+i] = o.reply
		}
	}
	return replies, nil
}

// number is the integer that a reply holds.
func (c *client) number(words ...string) (int64, error) {
	r, err := c.s.exec(words)
	if err != nil {
		return 0, err
	}
	if r.IsError() {
		return 0, errors.New(string(r.Text))
	}
	n, err := strconv.ParseInt(string(r.Text), 10, 64)
	if err != nil {
		return 0, fmt.Errorf("%s: an answer that is no number: %.80q", words[0], r.Text)
	}
	return n, nil
}
