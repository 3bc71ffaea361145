package lua

import (
	"math"
	"slices"
	"strconv"

	"github.com/yuin/gopher-lua/ast"

	"regent/engine/decimal"
)

// Whether a chunk may run without end, as far as its source tells: what loops over a table, or up
// to a number that is written there, ends; one up to a number that an argument says ends soon if that
// is small, which is looked at when the script is called; a while does not need to, nor does a function that
// calls itself. A function may come to call itself where
//
//   - it is a local that is called, or goes anywhere, inside of it;
//   - something is assigned to the local that is called (local f; function f() ... f() ... end);
//   - it is a parameter that is called, or what stands in a table that functions are put into.

// mostTurns is up to how many turns a loop may have by the numbers that are written there.
const mostTurns = 1 << 20

// An endless is what was found out about that.
type endless struct {
	found    bool
	within   int      // functions that the walk is in
	making   []string // locals that are being made functions
	called   []string // locals that are called inside of functions
	fields   bool     // functions are put into tables
	bounds   []int    // the arguments that say where loops end
	reliedOn []string // locals that are taken for those
	members  bool     // what stands in a table of the script's is called inside of a function
}

// numberLoop is a loop over numbers.
func (t *tracer) numberLoop(s *ast.NumberForStmt) {
	d := &t.endless
	switch limit := s.Limit.(type) {
	case *ast.UnaryLenOpExpr:
	case *ast.NumberExpr:
		n, ok := numberOf(limit)
		d.found = d.found || !ok || n > mostTurns || n < -mostTurns
	default:
		if !t.boundByArg(limit) {
			d.found = true
		}
	}
	if from, is := s.Init.(*ast.NumberExpr); is {
		n, ok := numberOf(from)
		d.found = d.found || !ok || n > mostTurns || n < -mostTurns
	} else if _, is := s.Init.(*ast.UnaryLenOpExpr); !is {
		d.found = true
	}
	step := s.Step
	if neg, is := step.(*ast.UnaryMinusOpExpr); is {
		step = neg.Expr
	}
	if n, is := step.(*ast.NumberExpr); is {
		by, ok := numberOf(n)
		d.found = d.found || !ok || by < 1
	} else if step != nil {
		d.found = true
	}
}

// isMaking reports whether a local is being made a function.
func (d *endless) isMaking(name string) bool {
	for _, n := range d.making {
		if n == name {
			return true
		}
	}
	return false
}

// may is the answer, when the walk is over.
func (d *endless) may(assigned map[string]bool) bool {
	if d.found || d.fields && d.members {
		return true
	}
	for _, name := range slices.Concat(d.called, d.reliedOn) {
		if assigned[name] {
			return true
		}
	}
	return false
}

// callsOther notes a call of a function that is no command.
func (t *tracer) callsOther(e *ast.FuncCallExpr) {
	d := &t.endless
	if d.within == 0 {
		return
	}
	of := e.Func
	if attr, is := of.(*ast.AttrGetExpr); is {
		of = attr.Object
		if id, is := of.(*ast.IdentExpr); is {
			if _, local := t.local(id.Value); !local {
				return // a function of a library's
			}
		}
		d.members = true
		return
	}
	if e.Receiver != nil {
		d.members = true
		return
	}
	id, is := of.(*ast.IdentExpr)
	if !is {
		d.found = d.found || of != nil
		return
	}
	if v, local := t.local(id.Value); local {
		d.found = d.found || v.param
		d.called = append(d.called, id.Value)
	}
}

// boundByArg reports whether e is at most what an argument says, and notes that: tonumber(ARGV[1]),
// that or a number, or a local that is nothing else.
func (t *tracer) boundByArg(e ast.Expr) bool {
	if id, is := e.(*ast.IdentExpr); is {
		v, is := t.local(id.Value)
		if !is || v.arg == 0 {
			return false
		}
		t.endless.bounds = append(t.endless.bounds, v.arg)
		t.endless.reliedOn = append(t.endless.reliedOn, id.Value)
		return true
	}
	at := t.argOf(e)
	if at != 0 {
		t.endless.bounds = append(t.endless.bounds, at)
	}
	return at != 0
}

// argOf is n where e is tonumber(ARGV[n]), 0: it is not.
func (t *tracer) argOf(e ast.Expr) int {
	if or, is := e.(*ast.LogicalOpExpr); is && or.Operator == "or" {
		n, is := or.Rhs.(*ast.NumberExpr)
		if !is {
			return 0
		}
		if by, ok := numberOf(n); !ok || by > mostTurns {
			return 0
		}
		return t.argOf(or.Lhs)
	}
	call, is := e.(*ast.FuncCallExpr)
	if !is || !t.callsGlobal(call, "tonumber") || len(call.Args) != 1 {
		return 0
	}
	if _, hidden := t.local("tonumber"); hidden {
		return 0
	}
	attr, is := call.Args[0].(*ast.AttrGetExpr)
	if !is {
		return 0
	}
	of, is := attr.Object.(*ast.IdentExpr)
	n, numbered := attr.Key.(*ast.NumberExpr)
	if !is || of.Value != t.argsName || !numbered {
		return 0
	}
	at, ok := numberOf(n)
	if !ok || at < 1 || at > maxBoundArg || at != math.Trunc(at) {
		return 0
	}
	return int(at)
}

// maxBoundArg is up to which argument is looked at.
const maxBoundArg = 64

// mostTurnsByArgs is how many turns all loops that end where arguments say may have together, each
// within the others.
const mostTurnsByArgs = 1 << 16

// ends reports whether what a source tells of its loops means, with these arguments, that they end soon.
func (tr *traced) ends(argv [][]byte) bool {
	turns := int64(1)
	for _, at := range tr.bounds {
		if at > len(argv) {
			continue // it is nil
		}
		n, ok := decimal.Parse(argv[at-1])
		if !ok || n > mostTurnsByArgs || n < -mostTurnsByArgs {
			return false
		}
		if turns *= max(n, -n, 1); turns > mostTurnsByArgs {
			return false
		}
	}
	return true
}

func numberOf(e *ast.NumberExpr) (n float64, ok bool) {
	n, err := strconv.ParseFloat(e.Value, 64)
	return n, err == nil
}
