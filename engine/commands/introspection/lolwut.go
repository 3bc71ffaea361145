package introspection

import (
	"fmt"
	"strings"

	"regent/engine"
	"regent/engine/spec"
)

// LOLWUT: a picture that is another one each time, and the version. It shows
// what Regent is about: nodes of different standing, and the one that leads.

func lolwutCommands() []engine.Command {
	return []engine.Command{{Do: doLolwut, Command: spec.Command{
		Name: "lolwut", Arity: -1, Flags: spec.ReadOnly | spec.Fast, Cats: spec.CatRead, Since: "5.0.0",
		Summary: "Draws a picture and tells the version.",
		Args:    spec.Args{spec.Integer("version").With("VERSION").Opt()},
	}}}
}

// The picture's size in towers, and a tower's height in rows.
const (
	lolwutTowers = 21
	lolwutLowest = 1
	lolwutHeight = 9
)

// doLolwut takes Redis's VERSION and the sizes that its pictures have, and
// draws its own.
func doLolwut(c *engine.Ctx) {
	rest := c.Args[1:]
	if len(rest) >= 2 && spec.EqualFold(rest[0], "version") {
		if _, ok := c.IntArg(rest[1]); !ok {
			return
		}
	}
	picture := drawTowers(c.Rand)
	c.W.Verbatim("txt", fmt.Sprintf("%s\nRegent ver. %s, speaking Redis %s\n", picture, c.Version(), engine.RedisVersion))
}

// drawTowers draws towers of windows, some of them lit, and a crown over the
// highest: of equals over the last, for the highest ID leads.
func drawTowers(rnd func() uint64) string {
	var heights [lolwutTowers]int
	leader := 0
	for i := range heights {
		heights[i] = lolwutLowest + int(rnd()%(lolwutHeight-lolwutLowest+1))
		if heights[i] >= heights[leader] {
			leader = i
		}
	}
	var b strings.Builder
	for row := heights[leader] + 1; row > 0; row-- {
		var line strings.Builder
		for i, h := range heights {
			switch {
			case row == h+1 && i == leader:
				line.WriteString(" ♛ ")
			case row > h:
				line.WriteString("   ")
			case rnd()%3 == 0:
				line.WriteString("▐▒▌")
			default:
				line.WriteString("▐█▌")
			}
		}
		b.WriteString(strings.TrimRight(line.String(), " "))
		b.WriteByte('\n')
	}
	return b.String()
}
