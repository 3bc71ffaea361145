package engine

import "regent/resp"

// getKeys is COMMAND GETKEYS and GETKEYSANDFLAGS.
func (c *Ctx) getKeys(withFlags bool) {
	args := c.Args[2:]
	cmd, known := c.E.table.Lookup(args)
	n := len(args)
	switch {
	case !known:
		c.Err(resp.ErrBadCommand)
		return
	case !cmd.hasKeys():
		c.Err(resp.ErrNoKeyArgs)
		return
	case cmd.Arity > 0 && n != cmd.Arity || n < -cmd.Arity:
		c.Err(resp.ErrBadArgCount)
		return
	}
	keys, ok := cmd.KeyIndices(args)
	if (!ok || len(keys) == 0) && !cmd.Has(NoMandatoryKeys) {
		c.Err(resp.ErrBadArgs)
		return
	}
	if !ok {
		keys = nil
	}
	c.W.Array(len(keys))
	for _, i := range keys {
		if withFlags {
			c.W.Array(2)
		}
		c.W.Bulk(args[i])
		if withFlags {
			writeWords(c.W, "", names(cmd.keyUse(args, i), keyFlagNames()))
		}
	}
}

// hasKeys reports whether the command has arguments that are keys.
func (cmd *Command) hasKeys() bool {
	if cmd.GetKeys != nil {
		return true
	}
	for i := range cmd.Keys {
		if cmd.Keys[i].Flags&KeyNotKey == 0 {
			return true
		}
	}
	return false
}

// keyUse is what the command does with its key at args[at].
func (cmd *Command) keyUse(args [][]byte, at int) KeyFlags {
	for i := range cmd.Keys {
		k := &cmd.Keys[i]
		first, last, step, ok := k.bounds(args)
		if !ok || at < first || at > last || (at-first)%step != 0 {
			continue
		}
		if k.Flags&KeyVariable != 0 && cmd.KeyUse != nil {
			return cmd.KeyUse(args)
		}
		return k.Flags
	}
	// Found by GetKeys alone: assume the worst, as Redis does.
	return KeyRW | KeyAccess | KeyUpdate
}
