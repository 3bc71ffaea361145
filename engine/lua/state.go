package lua

import (
	"sync"
	"time"

	lua "github.com/yuin/gopher-lua"

	"regent/resp"
)

// Limits of a State.
const (
	// maxCalls is how many calls may be within each other, as in Lua (LUAI_MAXCALLS).
	maxCalls = 20000
	// firstRegisters and maxRegisters are how many values the stack of all calls has
	// room for, at 16 bytes each.
	firstRegisters = 5 << 10
	maxRegisters   = 1 << 20
	// maxArrayIndex is up to which index a table is an array. What is set there
	// makes room for all before it, at 16 bytes each.
	maxArrayIndex = 4 << 20
	// keptChunks is how many functions a State keeps of chunks that it has run.
	keptChunks = 512
)

// A Host is what scripts reach of the server around them. Its methods are called by
// the goroutine that runs the script.
type Host interface {
	// Call carries out a command. reply is in RESP, as SetProto says, and valid until
	// the next call; refusal, if there is one, is why nothing was carried out: "-CODE text",
	// or a text alone, which gets the code ERR.
	Call(args [][]byte) (reply []byte, refusal string)
	// SetProto sets the version of RESP for the replies that follow.
	SetProto(version int)
	// SetRepl says where the effects of the commands that follow go to: ReplAOF and
	// ReplReplica, or one of them, or neither.
	SetRepl(flags int)
	// Log writes a line to the server's log; level is Redis's, from 0 (debug) to 3.
	Log(level int, text string)
	// MayRun reports whether the client may run a command, and whether there is such
	// a command.
	MayRun(args [][]byte) (allowed, known bool)
	// Interrupt is called again and again while a script runs; what it returns, if
	// anything, ends the script with that error, which cannot be caught.
	Interrupt() string
}

// Where effects go to (redis.set_repl).
const (
	ReplAOF     = 1
	ReplReplica = 2
)

// A State is an interpreter. It runs one script at a time.
type State struct {
	L       *lua.LState
	globals *lua.LTable                 // what scripts see as global variables
	env     *lua.LTable                 // what they get of it: nothing can be assigned there
	locked  map[*lua.LTable]*lua.LTable // tables that cannot be changed, and what they show
	chunks  map[*Chunk]*lua.LFunction
	handler *lua.LFunction
	hidden  []lua.LValue // what hiddenNames stand for
	brake   brake

	loading *loading    // nil: no library is being loaded
	world   *lua.LTable // what it sees then; nil: none was yet

	host   Host
	source *Chunk // what runs is of, nil: not known
	proto  int
	inside bool // a command is being carried out
	drops  bool // its value is not wanted
	keys   lent
	argv   lent
	args   [][]byte
	bytes  []byte
}

// once sets what gopher-lua has for all of a process.
var once = sync.OnceFunc(func() { lua.MaxArrayIndex = maxArrayIndex })

// NewState makes an interpreter.
func NewState() *State {
	once()
	st := &State{
		L: lua.NewState(lua.Options{
			SkipOpenLibs: true, CallStackSize: maxCalls, RegistrySize: firstRegisters, RegistryMaxSize: maxRegisters, RegistryGrowStep: firstRegisters,
		}),
		locked: map[*lua.LTable]*lua.LTable{}, chunks: map[*Chunk]*lua.LFunction{},
	}
	st.L.SetContext(&st.brake)
	st.openLibraries()
	st.handler = st.L.NewFunction(st.handleError)
	st.L.Env = st.env
	return st
}

// Function is chunk as a function of this State.
func (st *State) Function(chunk *Chunk) *lua.LFunction {
	if fn := st.chunks[chunk]; fn != nil {
		return fn
	}
	st.brake.begin(nil)
	fn := st.compiled(chunk)
	if len(st.chunks) >= keptChunks {
		clear(st.chunks)
	}
	st.chunks[chunk] = fn
	return fn
}

// A Run is how a script is run.
type Run struct {
	Name string // in errors: a script's SHA-1, a function's name
	Host Host
	Keys [][]byte
	Args [][]byte
	// Globals is the chunk that the function is of: keys and arguments are the variables
	// KEYS and ARGV. nil: they are arguments of the function.
	Globals *Chunk
	// Function is what fn is of a library; nil: it is none.
	Function *Function
}

// Run calls fn, and writes what it returns to out. failed says which error it wrote,
// "": none, or one that was counted when it was raised.
func (st *State) Run(fn *lua.LFunction, r *Run, out *resp.Writer) (failed string) {
	st.host, st.proto, st.inside, st.drops = r.Host, resp.RESP2, false, false
	st.source = r.Globals
	if r.Function != nil {
		st.source = r.Function.of
	}
	st.brake.begin(r.Host)
	L := st.L
	L.G.CurrentThread = L.G.MainThread // a coroutine that was killed may have been it
	n := 0
	L.Push(fn)
	if of := r.Globals; of != nil {
		st.setGlobal(globalKeys, &st.keys, r.Keys, of.traced.keys)
		st.setGlobal(globalArgs, &st.argv, r.Args, of.traced.args)
	} else {
		f := r.Function.traced
		L.Push(st.param(&st.keys, r.Keys, f != nil && f.keys))
		L.Push(st.param(&st.argv, r.Args, f != nil && f.args))
		n = 2
	}
	err := L.PCall(n, 1, st.handler)
	if st.inside {
		panic(err) // it is the server's, not the script's
	}
	if err != nil {
		failed = st.writeFailure(r.Name, err, out)
	} else {
		w := replyWriter{st: st, out: out, script: st.proto}
		w.value(L.Get(-1), 0)
		failed = w.failed
		L.Pop(1)
	}
	L.SetTop(0)
	st.host, st.source = nil, nil
	return failed
}

// A lent table is KEYS or ARGV, which scripts have one after the other: those that let it go nowhere.
type lent struct {
	table *lua.LTable
	is    bool // it is the global
}

// Limits of a lent table.
const (
	maxLent      = 64 // elements
	maxLentBytes = 64 << 10
)

// setGlobal makes list the global of that name.
func (st *State) setGlobal(name string, of *lent, list [][]byte, goesNowhere bool) {
	t := st.param(of, list, goesNowhere)
	lends := t == of.table
	if !lends || !of.is {
		st.globals.RawSetString(name, t)
	}
	of.is = lends
}

// param is list as a table, which is lent if it goes nowhere and is small.
func (st *State) param(of *lent, list [][]byte, goesNowhere bool) *lua.LTable {
	size := 0
	for _, b := range list {
		size += len(b)
	}
	if !goesNowhere || len(list) > maxLent || size > maxLentBytes {
		return st.strings(list)
	}
	if of.table == nil {
		of.table = st.L.CreateTable(len(list), 0)
	}
	t := of.table
	for i, b := range list {
		if was, is := t.RawGetInt(i + 1).(lua.LString); !is || string(was) != string(b) {
			t.RawSetInt(i+1, lua.LString(b))
		}
	}
	for t.Len() > len(list) {
		t.Remove(0) // the last
	}
	return t
}

// strings is a table of strings.
func (st *State) strings(list [][]byte) *lua.LTable {
	t := st.L.CreateTable(len(list), 0)
	for _, b := range list {
		t.Append(lua.LString(b))
	}
	return t
}

// Spoiled reports whether the last script was ended by its Host: it may have been
// anywhere, and the State should not be used again.
func (st *State) Spoiled() bool { return st.brake.fatal != "" }

// A brake stops a script that must not go on. The interpreter asks it before each
// instruction: as a context, whose Done counts.
type brake struct {
	left  int // instructions until the next look
	host  Host
	fatal string // what has ended the script, "": nothing
}

// lookEvery is how many instructions a script carries out between two looks.
const lookEvery = 64

func (b *brake) begin(h Host) { b.left, b.host, b.fatal = lookEvery, h, "" }

// Done is asked before each instruction.
func (b *brake) Done() <-chan struct{} {
	if b.left--; b.left < 0 {
		b.look()
	}
	return nil
}

// look asks whether the script may go on.
func (b *brake) look() {
	b.left = lookEvery
	if b.fatal == "" && b.host != nil {
		b.fatal = b.host.Interrupt()
	}
	if b.fatal != "" {
		b.left = 0 // what catches this does not get far
		panic(&lua.ApiError{Type: lua.ApiErrorRun, Object: errorTable(b.fatal)})
	}
}

// charge has the next look come sooner: something costs as much as many instructions.
func (b *brake) charge(bytes int) { b.left -= bytes / bytesPerInstruction }

// bytesPerInstruction is how many bytes cost about as much as an instruction.
const bytesPerInstruction = 1 << 10

// Deadline and Value are what else a context has.
func (b *brake) Deadline() (time.Time, bool) { return time.Time{}, false }

// Err is asked by what is long in itself, as string.find may be.
func (b *brake) Err() error {
	b.look()
	return nil
}

func (b *brake) Value(any) any { return nil }
