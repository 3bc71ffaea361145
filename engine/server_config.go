package engine

import (
	"errors"
	"fmt"
	"strings"

	"regent/engine/config"
	"regent/engine/glob"
	"regent/engine/spec"
	"regent/resp"
)

// CONFIG: what engine/config knows, as clients see it.

func configCommands() []Command {
	const flags = spec.Admin | spec.NoScript | spec.Loading | spec.Stale
	return []Command{{Command: spec.Command{
		Name: "config", Arity: -2, Since: "2.0.0", Complex: "Depends on subcommand.",
		Summary: "Reads and changes the configuration.",
	}, Subs: []Command{
		{Do: doConfigGet, Command: spec.Command{
			Name: "get", Arity: -3, Flags: flags, Since: "2.0.0", Complex: "O(N) in the number of directives",
			Summary: "Returns the directives that match any of the patterns.",
			Args:    spec.Args{spec.Block("parameter", spec.String("parameter")).Many()},
		}},
		{Do: doConfigSet, Command: spec.Command{
			Name: "set", Arity: -4, Flags: flags, Since: "2.0.0", Complex: "O(N) in the number of directives",
			Summary: "Changes directives, all or none of them.",
			Tips:    []string{"request_policy:all_nodes", "response_policy:all_succeeded"},
			Args:    spec.Args{spec.Block("parameter_value", spec.String("parameter"), spec.String("value")).Many()},
			Secrets: configSecrets,
		}},
		{Do: func(c *Ctx) { c.e.stats.reset(); c.W.OK() }, Command: spec.Command{
			Name: "resetstat", Arity: 2, Flags: flags, Since: "2.0.0", Complex: "O(1)",
			Summary: "Sets the statistics of INFO back to 0.",
		}},
		{Do: doConfigRewrite, Command: spec.Command{
			Name: "rewrite", Arity: 2, Flags: flags, Since: "2.8.0", Complex: "O(1)",
			Summary: "Writes the configuration in force back into its file.",
		}},
		HelpCommand(spec.Loading|spec.Stale, "5.0.0"),
	}}}
}

func doConfigGet(c *Ctx) {
	var found [][2]string
	patterns := make([]string, len(c.Args)-2)
	for i := range patterns {
		patterns[i] = spec.Lower(string(c.Args[2+i]))
	}
	asked := func(name string) (as string, ok bool) {
		for i, p := range patterns {
			if p == name {
				return string(c.Args[2+i]), true // as it was asked for
			}
			if strings.ContainsAny(p, globSigns) && glob.Match([]byte(p), []byte(name)) {
				return name, true
			}
		}
		return "", false
	}
	c.e.Config.EachAsked(asked, func(name, value string) { found = append(found, [2]string{name, value}) })
	c.W.Map(len(found))
	for _, pair := range found {
		c.W.BulkString(pair[0])
		c.W.BulkString(pair[1])
	}
}

// globSigns are what makes a word a pattern.
const globSigns = `*?[\`

func doConfigSet(c *Ctx) {
	if len(c.Args)%2 != 0 {
		c.Err(resp.ErrSyntax)
		return
	}
	pairs := make([]string, 0, len(c.Args)-2)
	for _, a := range c.Args[2:] {
		pairs = append(pairs, string(a))
	}
	err := c.e.Config.Set(pairs)
	var bad *config.SetError
	switch {
	case err == nil:
		c.e.warnOfMemory(pairs)
		c.e.followPassword(pairs)
		c.W.OK()
	case errors.As(err, &bad) && bad.Unknown:
		c.Err(fmt.Sprintf(resp.ErrConfigUnknown, bad.Name))
	case errors.As(err, &bad):
		c.Err(fmt.Sprintf(resp.ErrConfigSet, bad.Name, bad.Why))
	}
}

// warnOfMemory says in the log that maxmemory was set below what is used.
func (e *Engine) warnOfMemory(pairs []string) {
	named := false
	for i := 0; i < len(pairs); i += 2 {
		named = named || strings.EqualFold(pairs[i], "maxmemory")
	}
	limit, used := e.Config.MaxMemory.Get(), e.usedMemory()
	if named && limit > 0 && used > limit {
		e.host.Logf(LevelWarning, "WARNING: the new maxmemory value set via CONFIG SET (%d) is smaller than the current memory usage (%d). "+
			"This will result in key eviction and/or the inability to accept new write commands depending on the maxmemory-policy.", limit, used)
	}
}

// followPassword has the default user take a requirepass that was set.
func (e *Engine) followPassword(pairs []string) {
	for i := 0; i < len(pairs); i += 2 {
		if strings.EqualFold(pairs[i], "requirepass") {
			setPassword(e.accounts.users, e.Config.RequirePass.Get())
		}
	}
}

// configSecrets are the values of secret directives.
func configSecrets(hidden func(directive string) bool, args [][]byte) (at []int) {
	for i := 2; i+1 < len(args); i += 2 {
		if hidden(string(args[i])) {
			at = append(at, i+1)
		}
	}
	return at
}

// doConfigRewrite leaves the disk to another goroutine.
func doConfigRewrite(c *Ctx) {
	if c.e.configFile == "" {
		c.Err(resp.ErrNoConfigFile)
		return
	}
	c.InBackground(c.e.control.RewriteConfig, func(c *Ctx, err error) {
		if err != nil {
			c.e.host.Logf(LevelWarning, "CONFIG REWRITE failed: %v", err)
			c.Err(fmt.Sprintf(resp.ErrConfigRewrite, err))
			return
		}
		c.e.host.Logf(LevelNotice, "CONFIG REWRITE executed with success.")
		c.W.OK()
	})
}
