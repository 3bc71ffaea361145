package lua

import (
	"math"

	lua "github.com/yuin/gopher-lua"
)

// dice are the random numbers of scripts: the generator drand48 of Unix, so that a
// script draws the same numbers everywhere after math.randomseed (rand.c).
type dice uint64

const (
	diceMask = 1<<48 - 1
	diceA    = 0x5DEECE66D
	diceC    = 0xB
	diceLow  = 0x330E // the lowest 16 bits after a seed
	diceMax  = 1<<31 - 1
)

func (d *dice) seed(n int32) { *d = dice(uint64(uint32(n))<<16 | diceLow) }

// draw is a number of 31 bits.
func (d *dice) draw() int64 {
	*d = (*d*diceA + diceC) & diceMask
	return int64(*d >> 17)
}

func (st *State) random(L *lua.LState) int {
	if st.host == nil {
		L.RaiseError("math.random can only be called inside a script invocation")
	}
	r := float64(st.dice.draw()%diceMax) / diceMax
	switch L.GetTop() {
	case 0:
		L.Push(lua.LNumber(r))
	case 1:
		most := st.int32Arg(L, 1)
		if most < 1 {
			argError(L, 1, "random", "interval is empty")
		}
		L.Push(lua.LNumber(math.Floor(r*float64(most)) + 1))
	case 2:
		least, most := st.int32Arg(L, 1), st.int32Arg(L, 2)
		if least > most {
			argError(L, 2, "random", "interval is empty")
		}
		L.Push(lua.LNumber(math.Floor(r*float64(most-least+1)) + float64(least)))
	default:
		L.RaiseError("wrong number of arguments")
	}
	return 1
}

func (st *State) randomSeed(L *lua.LState) int {
	if st.host == nil {
		L.RaiseError("math.randomseed can only be called inside a script invocation")
	}
	st.dice.seed(st.int32Arg(L, 1))
	return 0
}

// int32Arg is an argument that C keeps in an int.
func (st *State) int32Arg(L *lua.LState, n int) int32 {
	return int32(toInt(float64(L.CheckNumber(n))))
}
