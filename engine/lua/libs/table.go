package libs

import (
	lua "github.com/yuin/gopher-lua"
)

func openTable(L *lua.LState) {
	library(L, "table", map[string]lua.LGFunction{
		"concat": tableConcat, "foreach": tableForeach, "foreachi": tableForeachi, "getn": tableGetn, "insert": tableInsert,
		"maxn": tableMaxn, "remove": tableRemove, "setn": tableSetn, "sort": tableSort,
	})
}

// at is an element of a table, without metamethods.
func at(t *lua.LTable, i int) lua.LValue { return t.RawGet(lua.LNumber(i)) }

func tableConcat(L *lua.LState) int {
	sep, t := optString(L, 2, ""), checkTable(L, 1)
	i := optInt(L, 3, 1)
	last := optInt(L, 4, t.Len())
	out := &buffer{L: L}
	for ; i <= last; i++ {
		s, ok := text(at(t, i))
		if !ok {
			raise(L, "invalid value (%s) at index %d in table for 'concat'", at(t, i).Type(), i)
		}
		out.string(s)
		if i < last {
			out.string(sep)
		}
	}
	return out.push()
}

// visit calls the function with a key and its value; true: its result is the end.
func visit(L *lua.LState, f *lua.LFunction, k, v lua.LValue) bool {
	L.Push(f)
	L.Push(k)
	L.Push(v)
	L.Call(2, 1)
	if L.Get(-1) != lua.LNil {
		return true
	}
	L.Pop(1)
	return false
}

func tableForeach(L *lua.LState) int {
	t, f := checkTable(L, 1), checkFunction(L, 2)
	for k, v := t.Next(lua.LNil); k != lua.LNil; k, v = t.Next(k) {
		if visit(L, f, k, v) {
			return 1
		}
	}
	return 0
}

func tableForeachi(L *lua.LState) int {
	t := checkTable(L, 1)
	n, f := t.Len(), checkFunction(L, 2)
	for i := 1; i <= n; i++ {
		if visit(L, f, lua.LNumber(i), at(t, i)) {
			return 1
		}
	}
	return 0
}

func tableGetn(L *lua.LState) int {
	L.Push(lua.LNumber(checkTable(L, 1).Len()))
	return 1
}

func tableSetn(L *lua.LState) int {
	checkTable(L, 1)
	raise(L, "'setn' is obsolete")
	return 0
}

func tableMaxn(L *lua.LState) int {
	t, most := checkTable(L, 1), lua.LNumber(0)
	for k, _ := t.Next(lua.LNil); k != lua.LNil; k, _ = t.Next(k) {
		if n, ok := k.(lua.LNumber); ok && n > most {
			most = n
		}
	}
	L.Push(most)
	return 1
}

func tableInsert(L *lua.LState) int {
	t := checkTable(L, 1)
	switch end := t.Len() + 1; L.GetTop() {
	case 2:
		t.RawSetInt(end, L.Get(2))
	case 3:
		pos := checkInt(L, 2)
		if pos >= 1 && pos <= end { // the library's own moves them at once
			t.Insert(pos, L.Get(3))
			return 0
		}
		for i := max(end, pos); i > pos; i-- {
			t.RawSet(lua.LNumber(i), at(t, i-1))
		}
		(&unpacker{L: L}).set(t, lua.LNumber(pos), L.Get(3))
	default:
		raise(L, "wrong number of arguments to 'insert'")
	}
	return 0
}

func tableRemove(L *lua.LState) int {
	t := checkTable(L, 1)
	end := t.Len()
	pos := optInt(L, 2, end)
	if pos < 1 || pos > end {
		return 0
	}
	v := at(t, pos)
	if pos == end {
		t.RawSetInt(end, lua.LNil)
	} else {
		for ; pos < end; pos++ {
			t.RawSetInt(pos, at(t, pos+1))
		}
		t.RawSetInt(end, lua.LNil)
	}
	L.Push(v)
	return 1
}

// A sorter sorts the first elements of a table as PUC's Lua does: the same comparisons in
// the same order, so that a function that is no order gives the same table or error.
type sorter struct {
	L *lua.LState
	t *lua.LTable
	f *lua.LFunction // nil: <
}

func tableSort(L *lua.LState) int {
	s := &sorter{L: L, t: checkTable(L, 1)}
	if L.Get(2) != lua.LNil {
		s.f = checkFunction(L, 2)
	}
	s.sort(1, s.t.Len())
	return 0
}

func (s *sorter) less(a, b lua.LValue) bool {
	if s.f == nil {
		return less(s.L, a, b)
	}
	s.L.Push(s.f)
	s.L.Push(a)
	s.L.Push(b)
	s.L.Call(2, 1)
	r := s.L.ToBool(-1)
	s.L.Pop(1)
	return r
}

// less is a < b.
func less(L *lua.LState, a, b lua.LValue) bool {
	if x, ok := a.(lua.LNumber); ok {
		if y, ok := b.(lua.LNumber); ok {
			return x < y
		}
	}
	if x, ok := a.(lua.LString); ok {
		if y, ok := b.(lua.LString); ok {
			return x < y
		}
	}
	if a.Type() == b.Type() && a.Type() != lua.LTNumber && a.Type() != lua.LTString {
		if f := L.GetMetaField(a, "__lt"); f != lua.LNil && f == L.GetMetaField(b, "__lt") {
			return L.LessThan(a, b)
		}
		raiseAt(L, 0, "attempt to compare two "+a.Type().String()+" values")
	}
	raiseAt(L, 0, "attempt to compare "+a.Type().String()+" with "+b.Type().String())
	return false
}

func (s *sorter) at(i int) lua.LValue { return at(s.t, i) }

func (s *sorter) set(i int, v lua.LValue) { s.t.RawSetInt(i, v) }

func (s *sorter) swap(i, j int) {
	a, b := s.at(i), s.at(j)
	s.set(i, b)
	s.set(j, a)
}

// sort sorts from lo to hi: the median of three is the pivot, and the smaller half is sorted
// first.
func (s *sorter) sort(lo, hi int) {
	for lo < hi {
		if s.less(s.at(hi), s.at(lo)) {
			s.swap(lo, hi)
		}
		if hi-lo == 1 {
			return
		}
		mid := (lo + hi) / 2
		if s.less(s.at(mid), s.at(lo)) {
			s.swap(mid, lo)
		} else if s.less(s.at(hi), s.at(mid)) {
			s.swap(mid, hi)
		}
		if hi-lo == 2 {
			return
		}
		pivot := s.at(mid)
		s.swap(mid, hi-1)
		i := s.partition(lo, hi, pivot)
		s.swap(hi-1, i)
		if i-lo < hi-i {
			s.sort(lo, i-1)
			lo = i + 1
		} else {
			s.sort(i+1, hi)
			hi = i - 1
		}
	}
}

// partition brings what is less than the pivot before what is not, and returns where the
// latter begins.
func (s *sorter) partition(lo, hi int, pivot lua.LValue) int {
	const wrong = "invalid order function for sorting"
	i, j := lo, hi-1
	for {
		for i++; s.less(s.at(i), pivot); i++ {
			if i > hi {
				raise(s.L, wrong)
			}
		}
		for j--; s.less(pivot, s.at(j)); j-- {
			if j < lo {
				raise(s.L, wrong)
			}
		}
		if j < i {
			return i
		}
		s.swap(i, j)
	}
}
