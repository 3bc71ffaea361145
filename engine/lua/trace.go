package lua

import "github.com/yuin/gopher-lua/ast"

// Which keys a chunk's commands name, as far as its source tells. A command's argument
// is declared if it is certain to be an element of KEYS:
//
//	redis.call('get', KEYS[i])                        the argument itself
//	local k = KEYS[1]; redis.call('incr', k)          a local that nothing else is assigned to
//	for _, k in ipairs(KEYS) do … end                 what a loop over KEYS gives
//	redis.call('del', unpack(KEYS))                   all of them
//	local call = redis.call; call('get', KEYS[1])     as redis.call
//
// # Why that is certain
//
//   - Globals cannot be replaced, neither KEYS nor ipairs (sandbox.go); and a chunk that has
//     a local of such a name is given up.
//   - The elements of KEYS stay what they were: the table itself goes nowhere. A chunk that
//     uses it in any other way than those above, or # of it, is given up.
//   - Commands are carried out nowhere else: redis.call and redis.pcall are values of no
//     expression but those calls and local call = redis.call, and neither are what holds
//     them (redis, _G), nor what compiles other sources. Such a local is called and nothing else.
//   - No local counts as declared whose name is assigned to anywhere in the chunk.
//
// The same shows whether the tables KEYS and ARGV end with the script, so that the next one may
// have them (State.setGlobal).

// A Call is where a chunk calls redis.call or redis.pcall.
type Call struct {
	Args []Arg // with the command's name
	// Open: the last argument stands for any number of them.
	Open bool
}

// An Arg is what the source tells of an argument.
type Arg struct {
	Text     string
	Known    bool // Text is what it is
	Declared bool // it is an element of KEYS
}

// Words are a call's arguments, and which of them are elements of KEYS; false: its command is
// not known.
func (c *Call) Words() (args [][]byte, declared []bool, ok bool) {
	if len(c.Args) == 0 || !c.Args[0].Known {
		return nil, nil, false
	}
	for _, a := range c.Args {
		args, declared = append(args, []byte(a.Text)), append(declared, a.Declared)
	}
	return args, declared, true
}

// maxTraced is how many calls a chunk may have that are looked at.
const maxTraced = 256

// A traced is what was found out about a chunk.
type traced struct {
	calls []Call
	all   bool // calls are all of them, and what they say of keys is certain
	keys  bool // the table KEYS goes nowhere
	args  bool // the table ARGV goes nowhere
	loops bool // it may run without end
	// bounds are the arguments that say where loops end; if loops is not set there are no others
	// without a known end.
	bounds []int
}

// Calls are those of the chunk; all: there are no others, and what they say of keys is
// certain.
func (c *Chunk) Calls() (calls []Call, all bool) { return c.traced.calls, c.traced.all }

// MayLoop reports whether the chunk may run without end, as far as its source tells.
func (c *Chunk) MayLoop() bool { return c.traced.loops }

// EndsWith reports whether the chunk's loops end soon where its arguments say when.
func (c *Chunk) EndsWith(argv [][]byte) bool { return c.traced.ends(argv) }

// trace finds the calls of a source that was rewritten, which bounds its depth.
func trace(stmts []ast.Stmt) traced {
	t := tracer{assigned: map[string]bool{}, keysName: globalKeys, argsName: globalArgs}
	t.block(stmts)
	return t.found()
}

// found is what the walk has come to.
func (t *tracer) found() traced {
	found := traced{keys: !t.lost, args: !t.lost && !t.argsUsed, loops: t.endless.may(t.assigned), bounds: t.endless.bounds}
	found.loops = found.loops || found.bounds != nil && !found.args // they may be others by then
	for _, name := range t.relied {
		t.lost = t.lost || t.assigned[name]
	}
	if !t.lost && len(t.calls) <= maxTraced {
		found.calls, found.all = t.calls, true
	}
	return found
}

// A tracer walks over a source.
type tracer struct {
	scopes   [][]tracedLocal // the innermost last
	assigned map[string]bool // locals that something is assigned to, by name
	relied   []string        // locals that are taken for elements of KEYS, or for redis.call
	calls    []Call
	lost     bool
	argsUsed bool // ARGV may be changed, or go somewhere
	endless  endless

	keysName, argsName string // of KEYS and ARGV; "": there is none

	pending []tracedLocal   // functions of a library's that are to be traced, too
	used    map[string]bool // those that were found
}

type tracedLocal struct {
	name     string
	declared bool
	command  bool              // it is redis.call or redis.pcall
	param    bool              // it is a function's parameter
	arg      int               // it is tonumber(ARGV[arg])
	fn       *ast.FunctionExpr // it is a function of a library's
}

// Names of globals that matter.
const (
	globalKeys  = "KEYS"
	globalArgs  = "ARGV"
	globalRedis = "redis"
)

// special reports whether a global is one that no local may hide.
func (t *tracer) special(name string) bool {
	switch name {
	case t.keysName, t.argsName, globalRedis, "unpack", "ipairs", "pairs":
		return true
	}
	return false
}

func (t *tracer) declare(name string, declared bool) {
	t.lost = t.lost || t.special(name)
	last := len(t.scopes) - 1
	t.scopes[last] = append(t.scopes[last], tracedLocal{name: name, declared: declared})
}

// local finds a local variable.
func (t *tracer) local(name string) (v tracedLocal, is bool) {
	for i := len(t.scopes) - 1; i >= 0; i-- {
		for j := len(t.scopes[i]) - 1; j >= 0; j-- {
			if t.scopes[i][j].name == name {
				return t.scopes[i][j], true
			}
		}
	}
	return tracedLocal{}, false
}

func (t *tracer) block(stmts []ast.Stmt, names ...string) {
	t.open(stmts, names...)
	t.scopes = t.scopes[:len(t.scopes)-1]
}

func (t *tracer) open(stmts []ast.Stmt, names ...string) {
	t.scopes = append(t.scopes, nil)
	for _, name := range names {
		t.declare(name, false)
	}
	for _, s := range stmts {
		t.stmt(s)
	}
}

func (t *tracer) stmt(s ast.Stmt) {
	switch s := s.(type) {
	case *ast.AssignStmt:
		walkAll(t, s.Rhs...)
		for i, e := range s.Lhs {
			t.target(e)
			_, member := e.(*ast.AttrGetExpr)
			_, plain := s.Rhs[min(i, len(s.Rhs)-1)].(*ast.StringExpr)
			t.endless.fields = t.endless.fields || member && !plain
		}
	case *ast.LocalAssignStmt:
		t.locals(s)
	case *ast.WhileStmt:
		t.endless.found = true
		walkStmt(t, s)
	case *ast.RepeatStmt:
		t.endless.found = true
		t.open(s.Stmts)
		t.expr(s.Condition)
		t.scopes = t.scopes[:len(t.scopes)-1]
	case *ast.NumberForStmt:
		t.numberLoop(s)
		walkStmt(t, s)
	case *ast.GenericForStmt:
		t.loop(s)
	case *ast.FuncDefStmt:
		if s.Name.Func != nil {
			t.target(s.Name.Func)
			_, member := s.Name.Func.(*ast.AttrGetExpr)
			t.endless.fields = t.endless.fields || member
		}
		t.endless.fields = t.endless.fields || s.Name.Receiver != nil
		t.expr(s.Name.Receiver)
		t.expr(s.Func)
	default:
		walkStmt(t, s)
	}
}

// target is what is assigned to.
func (t *tracer) target(e ast.Expr) {
	switch e := e.(type) {
	case *ast.IdentExpr:
		t.assigned[e.Value] = true
		t.lost = t.lost || t.special(e.Value)
	case *ast.AttrGetExpr:
		t.expr(e.Object) // KEYS[1] = x: KEYS is used otherwise
		t.expr(e.Key)
	default:
		t.lost = true
	}
}

// locals is local a, b = KEYS[1], KEYS[2].
func (t *tracer) locals(s *ast.LocalAssignStmt) {
	declared := make([]bool, len(s.Names))
	for i := range s.Names {
		switch last := len(s.Exprs) - 1; {
		case i < last, i == last && !manyValues(s.Exprs[i]):
			declared[i] = t.declared(s.Exprs[i])
		case last >= 0:
			declared[i] = t.allKeys(s.Exprs[last])
		}
	}
	if len(s.Names) == 1 && len(s.Exprs) == 1 {
		if _, is := s.Exprs[0].(*ast.FunctionExpr); is { // local function f: it may call itself
			t.declare(s.Names[0], false)
			t.endless.making = append(t.endless.making, s.Names[0])
			defer func() { t.endless.making = t.endless.making[:len(t.endless.making)-1] }()
		}
	}
	command := make([]bool, len(s.Names))
	for i, e := range s.Exprs {
		if i < len(s.Names) && isCommand(e) {
			command[i] = true
			continue
		}
		t.expr(e)
	}
	bounds := make([]int, len(s.Names))
	for i, e := range s.Exprs {
		if i < len(s.Names) {
			bounds[i] = t.argOf(e)
		}
	}
	for i, name := range s.Names {
		t.declare(name, declared[i])
		last := t.scopes[len(t.scopes)-1]
		last[len(last)-1].command, last[len(last)-1].arg = command[i], bounds[i]
	}
}

// isCommand reports whether e is redis.call or redis.pcall.
func isCommand(e ast.Expr) bool {
	id, is := e.(*ast.IdentExpr)
	return is && (id.Value == nameCall || id.Value == nameDo || id.Value == namePCall)
}

// loop is a loop over what a function gives, as ipairs(KEYS) does.
func (t *tracer) loop(s *ast.GenericForStmt) {
	over, keys := false, false
	if len(s.Exprs) == 1 {
		if call, is := s.Exprs[0].(*ast.FuncCallExpr); is && len(call.Args) == 1 && (t.callsGlobal(call, "ipairs") || t.callsGlobal(call, "pairs")) {
			over, keys = t.isLent(call.Args[0]), t.isKeys(call.Args[0])
		}
	}
	if !over {
		walkAll(t, s.Exprs...)
	}
	t.scopes = append(t.scopes, nil)
	for i, name := range s.Names {
		t.declare(name, keys && i == 1)
	}
	t.block(s.Stmts)
	t.scopes = t.scopes[:len(t.scopes)-1]
}

// expr walks over an expression whose value may go anywhere.
func (t *tracer) expr(e ast.Expr) {
	switch e := e.(type) {
	case *ast.IdentExpr:
		t.ident(e.Value)
	case *ast.AttrGetExpr:
		t.attr(e)
	case *ast.TableExpr:
		for _, f := range e.Fields {
			t.expr(f.Key)
			t.expr(f.Value)
			_, is := f.Value.(*ast.FunctionExpr)
			t.endless.fields = t.endless.fields || is
		}
	case *ast.FuncCallExpr:
		t.call(e)
	case *ast.UnaryLenOpExpr:
		if !t.isLent(e.Expr) {
			walkExpr(t, e)
		}
	case *ast.FunctionExpr:
		t.endless.within++
		t.scopes = append(t.scopes, nil)
		for _, name := range e.ParList.Names {
			t.declare(name, false)
			last := t.scopes[len(t.scopes)-1]
			last[len(last)-1].param = true
		}
		t.block(e.Stmts)
		t.scopes = t.scopes[:len(t.scopes)-1]
		t.endless.within--
	default:
		walkExpr(t, e)
	}
}

// ident is a name whose value may go anywhere.
func (t *tracer) ident(name string) {
	if v, is := t.local(name); is {
		t.lost = t.lost || v.command
		t.endless.found = t.endless.found || t.endless.isMaking(name)
		if v.fn != nil && !t.used[name] {
			t.used[name] = true
			t.pending = append(t.pending, v)
		}
		return
	}
	switch name {
	case t.argsName:
		t.argsUsed = true
	case "load", "loadstring":
		t.lost, t.endless.found = true, true
	case t.keysName, globalRedis, "_G", nameCall, nameDo, namePCall:
		t.lost = true
	}
}

// attr is an element of a table.
func (t *tracer) attr(e *ast.AttrGetExpr) {
	object, is := e.Object.(*ast.IdentExpr)
	_, named := e.Key.(*ast.StringExpr)
	switch {
	case t.isLent(e.Object):
		t.expr(e.Key)
	case is && object.Value == globalRedis && named: // redis.call and redis.pcall have names of their own
	default:
		t.expr(e.Object)
		t.expr(e.Key)
	}
}

// call is a call of a function.
func (t *tracer) call(e *ast.FuncCallExpr) {
	t.expr(e.Receiver)
	switch {
	case isCommand(e.Func), t.callsAlias(e):
		t.command(e)
	case t.callsGlobal(e, "unpack") && len(e.Args) > 0 && t.isLent(e.Args[0]):
		walkAll(t, e.Args[1:]...)
	default:
		t.callsOther(e)
		t.expr(e.Func)
		walkAll(t, e.Args...)
	}
}

// callsAlias reports whether e calls a local that is redis.call.
func (t *tracer) callsAlias(e *ast.FuncCallExpr) bool {
	fn, is := e.Func.(*ast.IdentExpr)
	if !is {
		return false
	}
	v, is := t.local(fn.Value)
	if is && v.command {
		t.relied = append(t.relied, fn.Value)
	}
	return is && v.command
}

// command is a call of redis.call.
func (t *tracer) command(e *ast.FuncCallExpr) {
	var c Call
	for i, a := range e.Args {
		var arg Arg
		text, is := a.(*ast.StringExpr)
		switch {
		case is:
			arg = Arg{Text: text.Value, Known: true}
		case i == len(e.Args)-1 && manyValues(a):
			c.Open = true
			arg.Declared = t.allKeys(a)
		default:
			arg.Declared = t.declared(a)
		}
		t.expr(a)
		c.Args = append(c.Args, arg)
	}
	t.calls = append(t.calls, c)
}

// isKeys reports whether e is KEYS, and isLent whether it is that or ARGV: no local has their names.
func (t *tracer) isKeys(e ast.Expr) bool {
	id, is := e.(*ast.IdentExpr)
	return is && id.Value == t.keysName
}

func (t *tracer) isLent(e ast.Expr) bool {
	id, is := e.(*ast.IdentExpr)
	return is && (id.Value == t.keysName || id.Value == t.argsName)
}

// callsGlobal reports whether e calls the global function of that name.
func (t *tracer) callsGlobal(e *ast.FuncCallExpr, name string) bool {
	id, is := e.Func.(*ast.IdentExpr)
	return is && id.Value == name && e.Receiver == nil
}

// declared reports whether the first value of e is an element of KEYS, or nil.
func (t *tracer) declared(e ast.Expr) bool {
	switch e := e.(type) {
	case *ast.AttrGetExpr:
		return t.isKeys(e.Object)
	case *ast.IdentExpr:
		v, is := t.local(e.Value)
		if is && v.declared {
			t.relied = append(t.relied, e.Value)
		}
		return is && v.declared
	}
	return t.allKeys(e)
}

// allKeys reports whether all values of e are elements of KEYS.
func (t *tracer) allKeys(e ast.Expr) bool {
	call, is := e.(*ast.FuncCallExpr)
	return is && t.callsGlobal(call, "unpack") && len(call.Args) > 0 && t.isKeys(call.Args[0])
}

// manyValues reports whether e may have another number of values than one.
func manyValues(e ast.Expr) bool {
	switch e := e.(type) {
	case *ast.FuncCallExpr:
		return !e.AdjustRet
	case *ast.Comma3Expr:
		return !e.AdjustRet
	}
	return false
}
