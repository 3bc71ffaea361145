package introspection

import (
	"regent/engine"
	"regent/engine/spec"
	"regent/resp"
)

// getKeys is COMMAND GETKEYS and GETKEYSANDFLAGS.
func getKeys(c *engine.Ctx, withFlags bool) {
	args := c.Args[2:]
	cmd, known := c.Told().Lookup(args)
	n := len(args)
	switch {
	case !known:
		c.Err(resp.ErrBadCommand)
		return
	case !cmd.HasKeys():
		c.Err(resp.ErrNoKeyArgs)
		return
	case !cmd.Fits(n):
		c.Err(resp.ErrBadArgCount)
		return
	}
	keys, ok := cmd.KeyIndices(args)
	if (!ok || len(keys) == 0) && !cmd.Has(spec.NoMandatoryKeys) {
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
			writeWords(c.W, "", cmd.UseOf(args, i).Names())
		}
	}
}
