package scripting

import (
	"regent/engine"
	"regent/engine/lua"
	"regent/engine/spec"
	"regent/resp"
)

// firstKey is where the keys begin: EVAL script numkeys key ... arg ...
const firstKey = 3

func (ss *scripts) eval(c *engine.Ctx) {
	keys, ok := countKeys(c)
	if !ok {
		return
	}
	s, msg := ss.compiled(c, c.Args[1], false)
	if msg != "" {
		c.Err(msg)
		return
	}
	ss.run(c, s, keys)
}

func (ss *scripts) evalSHA(c *engine.Ctx) {
	if len(c.Args[1]) != len(sum{}) {
		c.Err(resp.ErrNoScript)
		return
	}
	keys, ok := countKeys(c)
	if !ok {
		return
	}
	s := ss.find(c.Args[1])
	if s == nil {
		c.Err(resp.ErrNoScript)
		return
	}
	ss.run(c, s, keys)
}

// maxHere is how many bytes a script may have that is compiled in the loop of its client.
const maxHere = 16 << 10

// evalCourse is how EVAL's script is carried out.
func (ss *scripts) evalCourse(args [][]byte) engine.Course {
	if len(args) < 2 {
		return engine.CourseWide
	}
	switch s := ss.cached(args[1]); {
	case s != nil:
		return s.course(args)
	case len(args[1]) > maxHere:
		return engine.CourseAside
	}
	return engine.CourseWide | engine.CourseLeaves
}

// shaCourse is evalCourse for a script's SHA-1.
func (ss *scripts) shaCourse(args [][]byte) engine.Course {
	if len(args) < 2 {
		return engine.CourseWide
	}
	if s := ss.find(args[1]); s != nil {
		return s.course(args)
	}
	return engine.CourseWide
}

func (s *script) course(args [][]byte) engine.Course {
	return s.pace.Course(s.keyed, s.chunk.EndsWith(engine.ScriptArgs(args)))
}

// evalFlags are what a script says of itself.
func (ss *scripts) evalFlags(args [][]byte) (engine.ScriptFlags, bool) {
	if len(args) < 2 {
		return 0, false
	}
	if s := ss.cached(args[1]); s != nil {
		return s.flags, true
	}
	flags, _, err := shebang(args[1])
	return flags, err == nil
}

// shaFlags is evalFlags for a script's SHA-1.
func (ss *scripts) shaFlags(args [][]byte) (engine.ScriptFlags, bool) {
	if len(args) < 2 {
		return 0, false
	}
	if s := ss.find(args[1]); s != nil {
		return s.flags, true
	}
	return 0, false
}

// countKeys reads the number of keys; false: an error was written.
func countKeys(c *engine.Ctx) (n int, ok bool) {
	keys, ok := c.IntArg(c.Args[firstKey-1])
	switch {
	case !ok:
		return 0, false
	case keys > int64(len(c.Args)-firstKey):
		c.Err(resp.ErrNumkeysArgs)
		return 0, false
	case keys < 0:
		c.Err(resp.ErrKeysNeg)
		return 0, false
	}
	return int(keys), true
}

// run runs a script with the first keys of the arguments as keys.
func (ss *scripts) run(c *engine.Ctx, s *script, keys int) {
	host, refusal := c.BeginScript(s.flags, c.Cmd.Scripts == engine.ScriptsRead, &s.pace)
	if refusal != "" {
		c.Err(refusal)
		return
	}
	st := ss.take()
	args := c.Args[firstKey:]
	from := c.W.Len()
	failed := st.Run(st.Function(s.chunk), &lua.Run{
		Name: s.sha, Host: host, Keys: args[:keys], Args: args[keys:], Globals: s.chunk,
	}, c.W)
	ss.give(st)
	reply := c.W.Bytes()
	host.End(failed, len(reply) > from && reply[from] == '-')
}

func (ss *scripts) load(c *engine.Ctx) {
	s, msg := ss.compiled(c, c.Args[2], true)
	if msg != "" {
		c.Err(msg)
		return
	}
	c.W.BulkString(s.sha)
}

func (ss *scripts) exists(c *engine.Ctx) {
	c.W.Array(len(c.Args) - 2)
	for _, sha := range c.Args[2:] {
		if ss.find(sha) != nil {
			c.W.Int(1)
		} else {
			c.W.Int(0)
		}
	}
}

func (ss *scripts) flush(c *engine.Ctx) {
	if n := len(c.Args); n > 3 || n == 3 && !spec.EqualFold(c.Args[2], "sync") && !spec.EqualFold(c.Args[2], "async") {
		c.Err(resp.ErrScriptFlush)
		return
	}
	ss.mu.Lock()
	defer ss.mu.Unlock()
	ss.of, ss.bytes, ss.idle = map[sum]*script{}, 0, nil
	c.CountScripts(0, 0)
	c.W.OK()
}

func (ss *scripts) debug(c *engine.Ctx) {
	switch {
	case c.Nested(): // replies of other commands stand before its own
		c.Err(resp.ErrScriptDebugAlone)
	case spec.EqualFold(c.Args[2], "no"):
		c.W.OK()
	case spec.EqualFold(c.Args[2], "yes"), spec.EqualFold(c.Args[2], "sync"):
		c.Err(resp.ErrScriptNoDebug)
	default:
		c.Err(resp.ErrScriptDebug)
	}
}

func (ss *scripts) kill(c *engine.Ctx) {
	if msg := c.KillScript(false); msg != "" {
		c.Err(msg)
		return
	}
	c.W.OK()
}
