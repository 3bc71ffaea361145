package functions

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"regent/engine"
	"regent/engine/lua"
	"regent/resp"
)

// Limits of libraries.
const (
	// loadTime is how long the code of a library may run while it is loaded, by a client.
	loadTime = 500 * time.Millisecond
	// maxLibrary is how many bytes the code of a library may have: compiling it takes many
	// times that.
	maxLibrary = 8 << 20
)

// A refusal is why libraries are not loaded, in Redis's words.
type refusal string

func (r refusal) Error() string { return string(r) }

func refusef(format string, args ...any) refusal { return refusal(fmt.Sprintf(format, args...)) }

// engineName is the one engine, as FUNCTION LIST and STATS call it.
const engineName = "LUA"

// A library is one that is loaded.
type library struct {
	name      string
	code      []byte // with its first line
	functions []*function
}

// A function is one of a library.
type function struct {
	lua.Function
	of     *library
	pace   engine.Pace
	course atomic.Uint32
}

// What is known of the keys of a function.
const (
	keysUnknown = iota // it has not been called yet
	keysAny
	keysDeclared // it touches none but those that it is called with, and leaves nothing behind in its library
)

// judge finds that out.
func (f *function) judge(c *engine.Ctx) {
	if f.course.Load() != keysUnknown {
		return
	}
	calls, all := f.Calls()
	for i := range calls {
		all = all && callsKeys(c, &calls[i])
	}
	if all {
		f.course.Store(keysDeclared)
	} else {
		f.course.Store(keysAny)
	}
}

// keyed reports whether it may run with the shards of its keys alone, in any interpreter.
func (f *function) keyed() bool { return f.course.Load() == keysDeclared }

// callsKeys reports whether a call names no keys but the function's.
func callsKeys(c *engine.Ctx, call *lua.Call) bool {
	args, declared, ok := call.Words()
	return ok && c.KeysDeclared(args, declared, call.Open)
}

// flags are what the function says of itself.
func (f *function) flags() engine.ScriptFlags { return engine.ScriptFlags(f.Flags) }

// A store is what a server has of libraries. Whoever changes it holds every shard's lock,
// and mu, too; so a holder of either may read.
type store struct {
	state *lua.State   // nil until it is needed; under every shard's lock alone
	bytes atomic.Int64 // of the codes

	mu        sync.Mutex
	idle      []*copies
	version   int64 // of the libraries
	libraries map[string]*library
	functions map[string]*function // by their names in lower case
}

func newStore() *store {
	return &store{libraries: map[string]*library{}, functions: map[string]*function{}}
}

// sorted are the libraries by their names.
func (s *store) sorted() []*library {
	return slices.SortedFunc(maps.Values(s.libraries), func(a, b *library) int { return strings.Compare(a.name, b.name) })
}

// Codes are the sources of all libraries.
func (s *store) Codes() (codes [][]byte) {
	for _, l := range s.sorted() {
		codes = append(codes, l.code)
	}
	return codes
}

// Count is how much there is.
func (s *store) Count() (libraries, functions, bytes int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, l := range s.libraries {
		bytes += int64(len(l.code))
	}
	return int64(len(s.libraries)), int64(len(s.functions)), bytes
}

// Load adds a library from a file.
func (s *store) Load(code []byte) error {
	t := s.begin()
	if _, err := t.add(bytes.Clone(code), true, &guest{}); err != nil {
		return err
	}
	t.commit()
	return nil
}

// Bytes is how long all codes are.
func (s *store) Bytes() int64 { return s.bytes.Load() }

// count counts them; the caller has mu.
func (s *store) count() {
	n := int64(0)
	for _, l := range s.libraries {
		n += int64(len(l.code))
	}
	s.bytes.Store(n)
}

// Reset forgets all libraries, and their interpreter.
func (s *store) Reset() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.libraries)
	clear(s.functions)
	s.state = nil
	s.forgetCopies()
	s.count()
}

// Copies are an interpreter for functions that run with the shards of their keys alone, several at
// a time: it has libraries of its own, loaded from the same sources.
type copies struct {
	state   *lua.State
	of      map[*library][]lua.Function
	version int64
}

// Limits of copies.
const (
	// maxIdle is how many of them are kept.
	maxIdle = 8
	// maxCopied is how many libraries one has.
	maxCopied = 64
)

// take takes copies that nobody else has.
func (s *store) take() *copies {
	s.mu.Lock()
	defer s.mu.Unlock()
	if last := len(s.idle) - 1; last >= 0 {
		cp := s.idle[last]
		s.idle = s.idle[:last]
		return cp
	}
	return &copies{state: lua.NewState(), of: map[*library][]lua.Function{}, version: s.version}
}

// give gives them back.
func (s *store) give(cp *copies) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if cp.version == s.version && !cp.state.Spoiled() && len(s.idle) < maxIdle && len(cp.of) <= maxCopied {
		s.idle = append(s.idle, cp)
	}
}

// forgetCopies is called when the libraries change; the caller has mu.
func (s *store) forgetCopies() {
	s.idle = nil
	s.version++
}

// function is the copy of f, nil: there is none.
func (cp *copies) function(f *function) *lua.Function {
	list, is := cp.of[f.of]
	if !is {
		accept := func(string, []lua.Function) string { return "" }
		list, _ = cp.state.LoadLibrary(f.Of(), lua.Load{Host: &guest{}, Flag: flag, Accept: accept})
		cp.of[f.of] = list
	}
	for i := range list {
		if list[i].Name == f.Name {
			return &list[i]
		}
	}
	return nil
}

// interpreter is where all libraries live.
func (s *store) interpreter() *lua.State {
	if s.state == nil {
		s.state = lua.NewState()
	}
	return s.state
}

// A change is what the store will be if all goes well.
type change struct {
	s         *store
	libraries map[string]*library
	functions map[string]*function
}

func (s *store) begin() *change {
	return &change{s, maps.Clone(s.libraries), maps.Clone(s.functions)}
}

func (c *change) commit() {
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	c.s.libraries, c.s.functions = c.libraries, c.functions
	c.s.forgetCopies()
	c.s.count()
}

// unlink takes a library out.
func (c *change) unlink(l *library) {
	delete(c.libraries, l.name)
	for _, f := range l.functions {
		delete(c.functions, strings.ToLower(f.Name))
	}
}

// link puts a library in, unless a function of another one has the same name.
func (c *change) link(l *library) error {
	for _, f := range l.functions {
		if c.functions[strings.ToLower(f.Name)] != nil {
			return refusef(resp.ErrFunctionExists, f.Name)
		}
	}
	for _, f := range l.functions {
		if name := strings.ToLower(f.Name); c.functions[name] == nil { // two of one library may differ in case alone
			c.functions[name] = f
		}
	}
	c.libraries[l.name] = l
	return nil
}

// add loads a library, in the place of one with the same name if replace says so. It keeps
// the code.
func (c *change) add(code []byte, replace bool, host lua.Host) (*library, error) {
	l, body, err := header(code)
	if err != nil {
		return nil, err
	}
	old := c.libraries[l.name]
	if old != nil && !replace {
		return nil, refusef(resp.ErrLibraryExists, l.name)
	}
	if old != nil {
		c.unlink(old)
	}
	if err := c.s.run(l, body, host); err != nil {
		return nil, err
	}
	if len(l.functions) == 0 {
		return nil, refusal(resp.ErrNoFunctions)
	}
	return l, c.link(l)
}

// run runs the code of a library, which registers its functions.
func (s *store) run(l *library, body []byte, host lua.Host) error {
	chunk, err := lua.Compile("user_function", body)
	if err != nil {
		return refusef(resp.ErrFunctionCompile, err)
	}
	functions, failed := s.interpreter().LoadLibrary(chunk, lua.Load{Host: host, Flag: flag, Accept: func(name string, before []lua.Function) string {
		switch {
		case !named(name):
			return resp.ErrLibraryNamed
		case slices.ContainsFunc(before, func(f lua.Function) bool { return f.Name == name }):
			return resp.ErrFunctionTwice
		}
		return ""
	}})
	if failed != "" {
		return refusef(resp.ErrFunctionRegister, failed)
	}
	for _, f := range functions {
		fn := &function{Function: f, of: l}
		fn.pace.MayLoop = fn.MayLoop()
		l.functions = append(l.functions, fn)
	}
	return nil
}

func flag(word string) (uint8, bool) {
	f, ok := engine.ScriptFlagNamed(word)
	return uint8(f), ok
}

// header reads the first line of a library's code: "#!lua name=NAME". body is the rest, with
// the end of that line.
func header(code []byte) (l *library, body []byte, err error) {
	if len(code) > maxLibrary {
		return nil, nil, refusal(resp.ErrLibraryTooLarge)
	}
	if !bytes.HasPrefix(code, []byte("#!")) {
		return nil, nil, refusal(resp.ErrLibraryNoHeader)
	}
	end := bytes.IndexByte(code, '\n')
	if end < 0 || bytes.IndexByte(code[:end], 0) >= 0 {
		return nil, nil, refusal(resp.ErrLibraryHeader)
	}
	words, err := resp.SplitWords(code[:end])
	if err != nil || len(words) == 0 {
		return nil, nil, refusal(resp.ErrLibraryHeader)
	}
	const option = "name="
	name, given := "", false
	for _, word := range words[1:] {
		if len(word) < len(option) || !strings.EqualFold(string(word[:len(option)]), option) {
			return nil, nil, refusef(resp.ErrLibraryOption, word)
		}
		if given {
			return nil, nil, refusal(resp.ErrLibraryNames)
		}
		name, given = string(word[len(option):]), true
	}
	switch kind := string(words[0][len("#!"):]); {
	case !given:
		err = refusal(resp.ErrLibraryNoName)
	case !named(name):
		err = refusal(resp.ErrLibraryNamed)
	case !strings.EqualFold(kind, engineName):
		err = refusef(resp.ErrLibraryEngine, kind)
	}
	return &library{name: name, code: code}, code[end:], err
}

// named reports whether a library or a function may have that name.
func named(name string) bool {
	for i := range len(name) {
		c := name[i]
		if !(c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'z' || c == '_') {
			return false
		}
	}
	return name != ""
}
