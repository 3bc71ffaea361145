package scripting

import (
	"bytes"
	"crypto/sha1"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"sync"

	"regent/engine"
	"regent/engine/lua"
	"regent/resp"
)

// Limits of what is kept.
const (
	// maxScript is how many bytes a script may have: compiling it takes many times that.
	maxScript = 8 << 20
	// maxCached is how many bytes of scripts the cache holds. With more it is emptied,
	// except for what SCRIPT LOAD has put there, unless that is too much itself.
	maxCached = 128 << 20
	// maxIdle is how many interpreters are kept for later scripts.
	maxIdle = 8
)

// A sum is a script's SHA-1 in hexadecimal digits, lower case.
type sum [2 * sha1.Size]byte

// A script is one that was compiled.
type script struct {
	sha    string
	chunk  *lua.Chunk
	flags  engine.ScriptFlags
	size   int64
	loaded bool // by SCRIPT LOAD
	keyed  bool // it touches no keys but its own
	pace   engine.Pace
}

// scripts are a server's: the cache, and interpreters.
type scripts struct {
	mu    sync.Mutex
	of    map[sum]*script
	bytes int64
	idle  []*lua.State
}

func newScripts() *scripts { return &scripts{of: map[sum]*script{}} }

// find finds a script by its SHA-1, nil: it is not there.
func (ss *scripts) find(sha []byte) *script {
	var at sum
	if len(sha) != len(at) {
		return nil
	}
	for i, b := range sha {
		if 'A' <= b && b <= 'Z' {
			b += 'a' - 'A'
		}
		at[i] = b
	}
	ss.mu.Lock()
	defer ss.mu.Unlock()
	return ss.of[at]
}

// sumOf is a body's sum.
func sumOf(body []byte) (at sum) {
	raw := sha1.Sum(body)
	hex.Encode(at[:], raw[:])
	return at
}

// cached is the script with that body, nil: it is not in the cache.
func (ss *scripts) cached(body []byte) *script {
	at := sumOf(body)
	ss.mu.Lock()
	defer ss.mu.Unlock()
	return ss.of[at]
}

// compiled is the script with that body, which is compiled unless it is in the cache.
func (ss *scripts) compiled(c *engine.Ctx, body []byte, loaded bool) (*script, string) {
	at := sumOf(body)
	ss.mu.Lock()
	s := ss.of[at]
	if s != nil {
		s.loaded = s.loaded || loaded
	}
	ss.mu.Unlock()
	if s != nil {
		return s, ""
	}
	s, err := compile(body)
	if err != nil {
		return nil, err.Error()
	}
	s.sha, s.size, s.loaded, s.keyed = string(at[:]), int64(len(body)), loaded, keysAlone(c, s.chunk)
	ss.mu.Lock()
	defer ss.mu.Unlock()
	ss.of[at] = s
	if ss.bytes += s.size; ss.bytes > maxCached {
		ss.shrink(s)
	}
	c.CountScripts(len(ss.of), ss.bytes)
	return s, ""
}

// shrink empties the cache but for keep and what was loaded, if that makes it small
// enough.
func (ss *scripts) shrink(keep *script) {
	for _, all := range []bool{false, true} {
		for at, s := range ss.of {
			if s != keep && (all || !s.loaded) {
				delete(ss.of, at)
				ss.bytes -= s.size
			}
		}
		if ss.bytes <= maxCached/2 {
			return
		}
	}
}

// compile compiles a script.
func compile(body []byte) (*script, error) {
	if len(body) > maxScript {
		return nil, errors.New(resp.ErrScriptTooLarge)
	}
	flags, rest, err := shebang(body)
	if err != nil {
		return nil, err
	}
	chunk, err := lua.Compile("user_script", rest)
	if err != nil {
		return nil, fmt.Errorf(resp.ErrScriptCompile, err)
	}
	s := &script{chunk: chunk, flags: flags}
	s.pace.MayLoop = chunk.MayLoop()
	return s, nil
}

// shebang reads the first line of a script that begins with "#!", and returns the rest,
// with the end of that line.
func shebang(body []byte) (flags engine.ScriptFlags, rest []byte, err error) {
	if !bytes.HasPrefix(body, []byte("#!")) {
		return engine.ScriptPlain, body, nil
	}
	end := bytes.IndexByte(body, '\n')
	if end < 0 {
		return 0, nil, errors.New(resp.ErrShebangLine)
	}
	parts, err := resp.SplitWords(body[:end])
	if err != nil || len(parts) == 0 {
		return 0, nil, errors.New(resp.ErrShebangEngine)
	}
	if string(parts[0]) != "#!lua" {
		return 0, nil, fmt.Errorf(resp.ErrShebangOther, parts[0])
	}
	for _, part := range parts[1:] {
		list, is := strings.CutPrefix(string(part), "flags=")
		if !is {
			return 0, nil, fmt.Errorf(resp.ErrShebangOption, part)
		}
		if list == "" {
			continue
		}
		for word := range strings.SplitSeq(list, ",") {
			f, ok := engine.ScriptFlagNamed(word)
			if !ok {
				return 0, nil, fmt.Errorf(resp.ErrShebangFlag, word)
			}
			flags |= f
		}
	}
	return flags, body[end:], nil
}

// take takes an interpreter.
func (ss *scripts) take() *lua.State {
	ss.mu.Lock()
	if last := len(ss.idle) - 1; last >= 0 {
		st := ss.idle[last]
		ss.idle = ss.idle[:last]
		ss.mu.Unlock()
		return st
	}
	ss.mu.Unlock()
	return lua.NewState()
}

// give gives one back.
func (ss *scripts) give(st *lua.State) {
	if st.Spoiled() {
		return
	}
	ss.mu.Lock()
	defer ss.mu.Unlock()
	if len(ss.idle) < maxIdle {
		ss.idle = append(ss.idle, st)
	}
}
