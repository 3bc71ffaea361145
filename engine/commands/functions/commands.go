package functions

import (
	"bytes"
	"errors"
	"fmt"

	"regent/engine"
	"regent/engine/decimal"
	"regent/engine/glob"
	"regent/engine/lua"
	"regent/engine/rdb"
	"regent/engine/spec"
	"regent/resp"
)

// firstKey is where the keys begin: FCALL function numkeys key ... arg ...
const firstKey = 3

func (s *store) call(c *engine.Ctx) {
	f := s.find(c.Args)
	if f == nil {
		c.Err(resp.ErrNoFunction)
		return
	}
	keys, ok := decimal.Parse(c.Args[firstKey-1])
	switch {
	case !ok:
		c.Err(resp.ErrNumkeysBad)
		return
	case keys > int64(len(c.Args)-firstKey):
		c.Err(resp.ErrNumkeysArgs)
		return
	case keys < 0:
		c.Err(resp.ErrKeysNeg)
		return
	}
	f.judge(c)
	callee, st := &f.Function, (*lua.State)(nil)
	if c.Keyed() {
		cp := s.take()
		defer s.give(cp)
		if callee, st = cp.function(f), cp.state; callee == nil || !f.keyed() {
			c.BeginAnew() // another library has come in its place
			return
		}
	} else {
		st = s.interpreter()
	}
	host, refusal := c.BeginScript(f.flags(), c.Cmd.Scripts == engine.ScriptsRead, &f.pace)
	if refusal != "" {
		c.Err(refusal)
		return
	}
	host.Function(f.Name)
	args := c.Args[firstKey:]
	from := c.W.Len()
	failed := st.Run(callee.Lua(), &lua.Run{Name: f.Name, Host: host, Keys: args[:keys], Args: args[keys:], Function: callee}, c.W)
	reply := c.W.Bytes()
	host.End(failed, len(reply) > from && reply[from] == '-')
}

// find is the function that a command names, nil: there is none.
func (s *store) find(args [][]byte) *function {
	if len(args) < 2 {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	var lower [maxFunctionName]byte
	return s.functions[string(toLower(lower[:0], args[1]))]
}

// maxFunctionName is up to how many bytes of a name are looked up without an allocation.
const maxFunctionName = 64

// toLower appends name in lower case.
func toLower(to, name []byte) []byte {
	for _, b := range name {
		if 'A' <= b && b <= 'Z' {
			b += 'a' - 'A'
		}
		to = append(to, b)
	}
	return to
}

// course is how a function is carried out.
func (s *store) course(args [][]byte) engine.Course {
	f := s.find(args)
	if f == nil {
		return engine.CourseWide
	}
	return f.pace.Course(f.keyed(), f.EndsWith(engine.ScriptArgs(args)))
}

// flagsOf are what a function says of itself.
func (s *store) flagsOf(args [][]byte) (engine.ScriptFlags, bool) {
	if f := s.find(args); f != nil {
		return f.flags(), true
	}
	return 0, false
}

func (s *store) load(c *engine.Ctx) {
	last := len(c.Args) - 1
	replace := false
	for _, word := range c.Args[2:last] {
		if !spec.EqualFold(word, "replace") {
			c.Err(fmt.Sprintf(resp.ErrUnknownOption, cut(word)))
			return
		}
		replace = true
	}
	host := &guest{c: c}
	if !c.Applying() {
		host.limit = loadTime
	}
	t := s.begin()
	l, err := t.add(bytes.Clone(c.Args[last]), replace, host)
	if err != nil {
		c.Err("ERR " + err.Error())
		return
	}
	t.commit()
	c.PropagateSelf()
	c.W.BulkString(l.name)
}

// cut is a word up to a zero byte, where C ends.
func cut(word []byte) []byte {
	word, _, _ = bytes.Cut(word, []byte{0})
	return word
}

func (s *store) remove(c *engine.Ctx) {
	l := s.libraries[string(c.Args[2])]
	if l == nil {
		c.Err(resp.ErrNoLibrary)
		return
	}
	t := s.begin()
	t.unlink(l)
	t.commit()
	c.PropagateSelf()
	c.W.OK()
}

func (s *store) flush(c *engine.Ctx) {
	if len(c.Args) > 3 {
		badArity(c)
		return
	}
	if len(c.Args) == 3 && !spec.EqualFold(c.Args[2], "sync") && !spec.EqualFold(c.Args[2], "async") {
		c.Err(resp.ErrFunctionFlush)
		return
	}
	s.Reset()
	c.PropagateSelf()
	c.W.OK()
}

// badArity is Redis's answer where a subcommand has too many arguments.
func badArity(c *engine.Ctx) {
	const shown = 128
	c.Err(fmt.Sprintf(resp.ErrSubSyntax, engine.Clip(c.Args[1], shown), c.Spoken()))
}

func (s *store) dump(c *engine.Ctx) {
	s.mu.Lock()
	codes := s.Codes()
	s.mu.Unlock()
	c.W.Bulk(rdb.DumpLibraries(nil, codes, c.Config().RdbCompression.Get()))
}

func (s *store) restore(c *engine.Ctx) {
	if len(c.Args) > 4 {
		badArity(c)
		return
	}
	flush, replace := false, false
	if len(c.Args) == 4 {
		switch word := c.Args[3]; {
		case spec.EqualFold(word, "append"):
		case spec.EqualFold(word, "replace"):
			replace = true
		case spec.EqualFold(word, "flush"):
			flush = true
		default:
			c.Err(resp.ErrRestorePolicy)
			return
		}
	}
	codes, err := rdb.UndumpLibraries(c.Args[2])
	if errors.Is(err, rdb.ErrDump) {
		c.Err(resp.ErrPayload)
		return
	}
	if err == nil {
		err = s.restored(codes, flush, replace, &guest{c: c})
	}
	if err != nil {
		c.Err("ERR " + err.Error())
		return
	}
	c.PropagateSelf()
	c.W.OK()
}

// restored loads the libraries of a payload. As in Redis they must go together by
// themselves, and then with what is there.
func (s *store) restored(codes [][]byte, flush, replace bool, host lua.Host) error {
	alone := &change{s, map[string]*library{}, map[string]*function{}}
	var list []*library
	for _, code := range codes {
		l, err := alone.add(bytes.Clone(code), false, host)
		if err != nil {
			return err
		}
		list = append(list, l)
	}
	if flush {
		alone.commit()
		return nil
	}
	t := s.begin()
	for _, l := range list {
		if old := t.libraries[l.name]; old != nil {
			if !replace {
				return refusef(resp.ErrLibraryThere, l.name)
			}
			t.unlink(old)
		}
	}
	for _, l := range list {
		if err := t.link(l); err != nil {
			return err
		}
	}
	t.commit()
	return nil
}

func (s *store) list(c *engine.Ctx) {
	var pattern []byte
	code := false
	for i := 2; i < len(c.Args); i++ {
		switch {
		case !code && spec.EqualFold(c.Args[i], "withcode"):
			code = true
		case pattern == nil && spec.EqualFold(c.Args[i], "libraryname"):
			if i++; i == len(c.Args) {
				c.Err(resp.ErrLibraryName)
				return
			}
			pattern = append([]byte{}, c.Args[i]...)
		default:
			c.Err(fmt.Sprintf(resp.ErrUnknownArgument, cut(c.Args[i])))
			return
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	shown := s.sorted()
	if pattern != nil {
		pattern = bytes.ToLower(pattern)
		kept := shown[:0]
		for _, l := range shown {
			if glob.Match(pattern, bytes.ToLower([]byte(l.name))) {
				kept = append(kept, l)
			}
		}
		shown = kept
	}
	c.W.Array(len(shown))
	for _, l := range shown {
		l.show(c.W, code)
	}
}

// show writes what FUNCTION LIST says of a library.
func (l *library) show(w *resp.Writer, code bool) {
	const fields, withCode = 3, 4
	if code {
		w.Map(withCode)
	} else {
		w.Map(fields)
	}
	w.BulkString("library_name")
	w.BulkString(l.name)
	w.BulkString("engine")
	w.BulkString(engineName)
	w.BulkString("functions")
	w.Array(len(l.functions))
	for _, f := range l.functions {
		w.Map(fields)
		w.BulkString("name")
		w.BulkString(f.Name)
		w.BulkString("description")
		if f.Desc == nil {
			w.Null()
		} else {
			w.BulkString(*f.Desc)
		}
		w.BulkString("flags")
		words := f.flags().Names()
		w.Set(len(words))
		for _, word := range words {
			w.Status(word)
		}
	}
	if code {
		w.BulkString("library_code")
		w.Bulk(l.code)
	}
}

func (s *store) stats(c *engine.Ctx) {
	const fields = 2
	busy, ms := c.BusyScript()
	if busy != nil && busy.Function == "" {
		c.Err(resp.ErrBusyScript)
		return
	}
	s.mu.Lock()
	libraries, functions := len(s.libraries), 0
	for _, l := range s.libraries {
		functions += len(l.functions)
	}
	s.mu.Unlock()
	c.W.Map(fields)
	c.W.BulkString("running_script")
	running(c.W, busy, ms)
	c.W.BulkString("engines")
	c.W.Map(1)
	c.W.BulkString(engineName)
	c.W.Map(fields)
	c.W.BulkString("libraries_count")
	c.W.Int(int64(libraries))
	c.W.BulkString("functions_count")
	c.W.Int(int64(functions))
}

func kill(c *engine.Ctx) {
	if msg := c.KillScript(true); msg != "" {
		c.Err(msg)
		return
	}
	c.W.OK()
}

// running writes what FUNCTION STATS says of the function that is running.
func running(w *resp.Writer, busy *engine.Busy, ms int64) {
	if busy == nil {
		w.Null()
		return
	}
	const fields = 3
	w.Map(fields)
	w.BulkString("name")
	w.BulkString(busy.Function)
	w.BulkString("command")
	w.Array(len(busy.Args))
	for _, arg := range busy.Args {
		w.Bulk(arg)
	}
	w.BulkString("duration_ms")
	w.Int(ms)
}
