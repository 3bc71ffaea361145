package lua

import (
	"crypto/sha1"
	"encoding/hex"
	"math"
	"strconv"
	"strings"

	lua "github.com/yuin/gopher-lua"

	"regent/engine/decimal"
	"regent/resp"
)

// Version is the version of Redis whose behaviour scripts find, as REDIS_VERSION and
// REDIS_VERSION_NUM tell it.
const (
	Version    = "7.0.15"
	versionNum = 7<<16 | 0<<8 | 15
)

// redisTable is the table redis: what it holds works on the script that runs.
func (st *State) redisTable() *lua.LTable {
	L, t := st.L, st.L.NewTable()
	call, pcall := L.NewFunction(st.call), L.NewFunction(st.pcall)
	st.hidden = []lua.LValue{L.NewFunction(st.concat), nil, call, pcall, L.NewFunction(st.do)}
	t.RawSetString("call", call)
	t.RawSetString("pcall", pcall)
	for name, fn := range map[string]lua.LGFunction{
		"log": st.log, "setresp": st.setResp, "sha1hex": st.sha1hex, "error_reply": st.errorReply, "status_reply": st.statusReply,
		"set_repl": st.setRepl, "acl_check_cmd": st.aclCheck,
		"breakpoint":         func(L *lua.LState) int { L.Push(lua.LFalse); return 1 },
		"debug":              func(L *lua.LState) int { return 0 },
		"replicate_commands": func(L *lua.LState) int { L.Push(lua.LTrue); return 1 },
	} {
		t.RawSetString(name, L.NewFunction(fn))
	}
	t.RawSetString("REDIS_VERSION", lua.LString(Version))
	for name, n := range map[string]int{
		"REDIS_VERSION_NUM": versionNum, "LOG_DEBUG": 0, "LOG_VERBOSE": 1, "LOG_NOTICE": 2, "LOG_WARNING": 3,
		"REPL_NONE": 0, "REPL_AOF": ReplAOF, "REPL_SLAVE": ReplReplica, "REPL_REPLICA": ReplReplica, "REPL_ALL": ReplAOF | ReplReplica,
	} {
		t.RawSetString(name, lua.LNumber(n))
	}
	return t
}

// raise raises an error of Redis's.
func raise(L *lua.LState, text string) int {
	L.Error(errorTable(text), 1)
	return 0
}

// running reports whether a script is, and raises an error if not.
func (st *State) running(L *lua.LState, name string) {
	if st.loading != nil { // there is no such function then
		L.RaiseError(errNoGlobal, strings.TrimPrefix(name, "redis."))
	}
	if st.host == nil {
		raise(L, name+" can only be called inside a script invocation")
	}
}

func (st *State) call(L *lua.LState) int {
	if st.loading != nil {
		st.running(L, "redis.call")
	}
	v, failed := st.command(L)
	if failed {
		L.Error(v, 1)
	}
	L.Push(v)
	return 1
}

// do is call where the value is not wanted.
func (st *State) do(L *lua.LState) int {
	if st.loading != nil {
		st.running(L, "redis.call")
	}
	st.drops = true
	v, failed := st.command(L)
	st.drops = false
	if failed {
		L.Error(v, 1)
	}
	return 0
}

func (st *State) pcall(L *lua.LState) int {
	if st.loading != nil {
		st.running(L, "redis.pcall")
	}
	v, _ := st.command(L)
	L.Push(v)
	return 1
}

// command carries out the command that the arguments are.
func (st *State) command(L *lua.LState) (v lua.LValue, failed bool) {
	st.running(L, "redis.call/pcall")
	if text := st.takeArgs(L); text != "" {
		return errorTable(text), true
	}
	st.inside = true
	reply, refusal := st.host.Call(st.args)
	st.inside = false
	if refusal != "" {
		t := errorTable(refusal)
		t.RawSetString("ignore_error_stats_update", lua.LTrue)
		return t, true
	}
	st.brake.charge(len(reply))
	if st.drops && reply[0] != '-' {
		return lua.LNil, false
	}
	r := replyReader{st: st, b: reply}
	v = r.value()
	return v, r.fail
}

// takeArgs makes st.args the arguments, and says what is wrong with them.
func (st *State) takeArgs(L *lua.LState) string {
	n := L.GetTop()
	if n == 0 {
		return "Please specify at least one argument for this redis lib call"
	}
	buf, args := st.bytes[:0], st.args[:0]
	for i := 1; i <= n; i++ {
		from := len(buf)
		switch v := L.Get(i).(type) {
		case lua.LString:
			buf = append(buf, v...)
		case lua.LNumber:
			buf = decimal.AppendDouble(buf, float64(v))
		default:
			return "Lua redis lib command arguments must be strings or integers"
		}
		args = append(args, buf[from:])
	}
	at := 0
	for i := range args { // buf may have moved
		n := len(args[i])
		args[i] = buf[at : at+n : at+n]
		at += n
	}
	st.bytes, st.args = buf, args
	if cap(buf) > maxKeptArgs {
		st.bytes = nil
	}
	return ""
}

// maxKeptArgs is how many bytes of arguments a State keeps room for.
const maxKeptArgs = 64 << 10

func (st *State) sha1hex(L *lua.LState) int {
	if L.GetTop() != 1 {
		return raise(L, "wrong number of arguments")
	}
	sum := sha1.Sum([]byte(lua.LVAsString(L.Get(1))))
	L.Push(lua.LString(hex.EncodeToString(sum[:])))
	return 1
}

func (st *State) errorReply(L *lua.LState) int {
	text, is := L.Get(1).(lua.LString)
	if L.GetTop() != 1 || !is {
		L.Push(errorTable("wrong number or type of arguments"))
		return 1
	}
	L.Push(errorTable("-" + strings.TrimPrefix(cString(string(text)), "-")))
	return 1
}

func (st *State) statusReply(L *lua.LState) int {
	text, is := L.Get(1).(lua.LString)
	if L.GetTop() != 1 || !is {
		L.Push(errorTable("wrong number or type of arguments"))
		return 1
	}
	t := st.record()
	t.RawSetString("ok", text)
	L.Push(t)
	return 1
}

func (st *State) setRepl(L *lua.LState) int {
	st.running(L, "redis.set_repl")
	if L.GetTop() != 1 {
		return raise(L, "redis.set_repl() requires two arguments.")
	}
	flags := toInt(float64(lua.LVAsNumber(L.Get(1))))
	if flags&^(ReplAOF|ReplReplica) != 0 {
		return raise(L, "Invalid replication flags. Use REPL_AOF, REPL_REPLICA, REPL_ALL or REPL_NONE.")
	}
	st.host.SetRepl(int(flags))
	return 0
}

func (st *State) setResp(L *lua.LState) int {
	st.running(L, "redis.setresp")
	if L.GetTop() != 1 {
		return raise(L, "redis.setresp() requires one argument.")
	}
	version := toInt(float64(lua.LVAsNumber(L.Get(1))))
	if version != resp.RESP2 && version != resp.RESP3 {
		return raise(L, "RESP version must be 2 or 3.")
	}
	st.proto = int(version)
	st.host.SetProto(st.proto)
	return 0
}

func (st *State) aclCheck(L *lua.LState) int {
	st.running(L, "redis.acl_check_cmd")
	if text := st.takeArgs(L); text != "" {
		return raise(L, text)
	}
	allowed, known := st.host.MayRun(st.args)
	if !known {
		return raise(L, "Invalid command passed to redis.acl_check_cmd()")
	}
	L.Push(lua.LBool(allowed))
	return 1
}

func (st *State) log(L *lua.LState) int {
	n := L.GetTop()
	if n < 2 {
		return raise(L, "redis.log() requires two arguments or more.")
	}
	if !isNumber(L.Get(1)) {
		return raise(L, "First argument must be a number (log level).")
	}
	level := float64(lua.LVAsNumber(L.Get(1)))
	if math.Trunc(level) < 0 || math.Trunc(level) > 3 {
		return raise(L, "Invalid debug level.")
	}
	var words []string
	for i := 2; i <= n; i++ {
		if v := L.Get(i); lua.LVCanConvToString(v) {
			words = append(words, toString(v))
		}
	}
	if st.host != nil {
		st.host.Log(int(level), strings.Join(words, " "))
	}
	return 0
}

// concat is a .. b.
func (st *State) concat(L *lua.LState) int {
	n := L.GetTop()
	size := 0
	for i := 1; i <= n; i++ {
		switch v := L.Get(i).(type) {
		case lua.LString:
			size += len(v)
		case lua.LNumber:
			size += 16
		default:
			return st.concatMeta(L, n)
		}
	}
	st.room(L, size)
	var tmp [32]byte
	var b strings.Builder
	b.Grow(size)
	for i := 1; i <= n; i++ {
		if s, is := L.Get(i).(lua.LString); is {
			b.WriteString(string(s))
		} else {
			b.Write(appendNumber(tmp[:0], float64(L.Get(i).(lua.LNumber))))
		}
	}
	L.Push(lua.LString(b.String()))
	return 1
}

// concatMeta concatenates from the right, two values at a time, where one of them may
// have a metamethod.
func (st *State) concatMeta(L *lua.LState, n int) int {
	acc := L.Get(n)
	for i := n - 1; i >= 1; i-- {
		a, b := L.Get(i), acc
		if lua.LVCanConvToString(a) && lua.LVCanConvToString(b) {
			st.room(L, len(toString(a))+len(toString(b)))
			acc = lua.LString(toString(a) + toString(b))
			continue
		}
		fn := metamethod(L, a, "__concat")
		if fn == lua.LNil {
			fn = metamethod(L, b, "__concat")
		}
		if fn == lua.LNil {
			if lua.LVCanConvToString(a) {
				a = b
			}
			L.RaiseError("attempt to concatenate a %s value", a.Type().String())
		}
		L.Push(fn)
		L.Push(a)
		L.Push(b)
		L.Call(2, 1)
		acc = L.Get(-1)
		L.Pop(1)
	}
	L.Push(acc)
	return 1
}

// metamethod is the metamethod that a script has given v.
func metamethod(L *lua.LState, v lua.LValue, event string) lua.LValue {
	switch v.(type) {
	case *lua.LTable, *lua.LUserData:
		return L.GetMetaField(v, event)
	}
	return lua.LNil // other types' metatables are package libs's
}

// maxString is how many bytes a string may have that a script makes.
const maxString = 512 << 20

// room makes sure that a string of n bytes may be made.
func (st *State) room(L *lua.LState, n int) {
	if n > maxString {
		raise(L, "not enough memory")
	}
	st.brake.charge(n)
}

// isNumber reports whether v is a number, or a string that can be read as one.
func isNumber(v lua.LValue) bool {
	if s, is := v.(lua.LString); is {
		_, err := strconv.ParseFloat(strings.TrimSpace(string(s)), 64)
		return err == nil
	}
	return v.Type() == lua.LTNumber
}
