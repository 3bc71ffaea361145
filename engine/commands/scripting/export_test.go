package scripting

import "regent/engine"

// KeysAlone is keysAlone for a source.
func KeysAlone(c *engine.Ctx, source []byte) bool {
	s, err := compile(source)
	return err == nil && keysAlone(c, s.chunk)
}
