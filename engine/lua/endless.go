package lua

import (
	"strconv"

	"github.com/yuin/gopher-lua/ast"
)

// Whether a chunk may run without end, as far as its source tells: what loops over a table, or up
// to a number that is written there, ends; a while does not need to, nor does a function that
// calls itself. A function may come to call itself where
//
//   - it is a local that is called, or goes anywhere, inside of it;
//   - something is assigned to the local that is called (local f; function f() ... f() ... end);
//   - it is a parameter that is called, or what stands in a table that functions are put into.

// mostTurns is up to how many turns a loop may have by the numbers that are written there.
const mostTurns = 1 << 20

// An endless is what was found out about that.
type endless struct {
	found   bool
	within  int      // functions that the walk is in
	making  []string // locals that are being made functions
	called  []string // locals that are called inside of functions
	fields  bool     // functions are put into tables
	members bool     // what stands in a table of the script's is called inside of a function
}

// loop is a loop over numbers.
func (d *endless) loop(s *ast.NumberForStmt) {
	switch limit := s.Limit.(type) {
	case *ast.UnaryLenOpExpr:
	case *ast.NumberExpr:
		n, ok := numberOf(limit)
		d.found = d.found || !ok || n > mostTurns || n < -mostTurns
	default:
		d.found = true
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
	for _, name := range d.called {
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

func numberOf(e *ast.NumberExpr) (n float64, ok bool) {
	n, err := strconv.ParseFloat(e.Value, 64)
	return n, err == nil
}
