package libs

import (
	"encoding/binary"
	"math"

	lua "github.com/yuin/gopher-lua"
)

// maxMsgpackNesting is how many tables may be nested; nil stands for the deeper ones.
const maxMsgpackNesting = 16

func openMsgpack(L *lua.LState) {
	t := library(L, "cmsgpack", map[string]lua.LGFunction{
		"pack": msgPack, "unpack": msgUnpack, "unpack_one": msgUnpackOne, "unpack_limit": msgUnpackLimit,
	})
	t.RawSetString("_NAME", lua.LString("cmsgpack"))
	t.RawSetString("_VERSION", lua.LString("lua-cmsgpack 0.4.0"))
	t.RawSetString("_COPYRIGHT", lua.LString("Copyright (C) 2012, Salvatore Sanfilippo"))
	t.RawSetString("_DESCRIPTION", lua.LString("MessagePack C implementation for Lua"))
}

func msgPack(L *lua.LState) int {
	n := L.GetTop()
	if n == 0 {
		argError(L, 0, "MessagePack pack needs input.")
	}
	if n > maxSlots/2 {
		argError(L, 0, "Too many arguments for MessagePack pack.")
	}
	p := &packer{buffer{L: L}}
	for i := 1; i <= n; i++ {
		p.value(L.Get(i), 0)
	}
	return p.push()
}

// A packer is one call of cmsgpack.pack.
type packer struct{ buffer }

// Tags of MessagePack.
const (
	tagFixMap = 0x80
	tagFixArr = 0x90
	tagFixStr = 0xa0
	tagNil    = 0xc0
	tagFalse  = 0xc2
	tagTrue   = 0xc3
	tagFloat  = 0xca
	tagDouble = 0xcb
	tagUint8  = 0xcc
	tagUint16 = 0xcd
	tagUint32 = 0xce
	tagUint64 = 0xcf
	tagInt8   = 0xd0
	tagInt16  = 0xd1
	tagInt32  = 0xd2
	tagInt64  = 0xd3
	tagStr8   = 0xd9
	tagStr16  = 0xda
	tagStr32  = 0xdb
	tagArr16  = 0xdc
	tagArr32  = 0xdd
	tagMap16  = 0xde
	tagMap32  = 0xdf
	tagNegFix = 0xe0
)

// What the tags of one byte hold.
const (
	maxFixInt = 127
	minFixInt = -32
	maxFixLen = 15 // of arrays and maps
	maxFixStr = 31
)

// value packs a value that stands in level tables.
func (p *packer) value(v lua.LValue, level int) {
	switch v := v.(type) {
	case lua.LString:
		p.text(string(v))
	case lua.LBool:
		if v {
			p.byte(tagTrue)
		} else {
			p.byte(tagFalse)
		}
	case lua.LNumber:
		p.number(float64(v))
	case *lua.LTable:
		if level == maxMsgpackNesting {
			p.byte(tagNil)
			return
		}
		p.table(v, level)
	default:
		p.byte(tagNil)
	}
}

func (p *packer) text(s string) {
	switch n := len(s); {
	case n <= maxFixStr:
		p.byte(tagFixStr | byte(n))
	case n <= math.MaxUint8:
		p.bytes(tagStr8, byte(n))
	case n <= math.MaxUint16:
		p.tagged16(tagStr16, uint16(n))
	default:
		p.tagged32(tagStr32, uint32(n))
	}
	p.string(s)
}

// number packs an integer as one, and another number as a float if that is exact.
func (p *packer) number(f float64) {
	if n := toInt64(f); float64(n) == f {
		p.integer(n)
	} else if g := float32(f); float64(g) == f {
		p.tagged32(tagFloat, math.Float32bits(g))
	} else {
		p.tagged64(tagDouble, math.Float64bits(f))
	}
}

func (p *packer) integer(n int64) {
	switch {
	case n >= 0 && n <= maxFixInt, n < 0 && n >= minFixInt:
		p.byte(byte(n))
	case n >= 0 && n <= math.MaxUint8:
		p.bytes(tagUint8, byte(n))
	case n >= 0 && n <= math.MaxUint16:
		p.tagged16(tagUint16, uint16(n))
	case n >= 0 && n <= math.MaxUint32:
		p.tagged32(tagUint32, uint32(n))
	case n >= 0:
		p.tagged64(tagUint64, uint64(n))
	case n >= math.MinInt8:
		p.bytes(tagInt8, byte(n))
	case n >= math.MinInt16:
		p.tagged16(tagInt16, uint16(n))
	case n >= math.MinInt32:
		p.tagged32(tagInt32, uint32(n))
	default:
		p.tagged64(tagInt64, uint64(n))
	}
}

func (p *packer) tagged16(tag byte, n uint16) {
	p.bytes(binary.BigEndian.AppendUint16([]byte{tag}, n)...)
}

func (p *packer) tagged32(tag byte, n uint32) {
	p.bytes(binary.BigEndian.AppendUint32([]byte{tag}, n)...)
}

func (p *packer) tagged64(tag byte, n uint64) {
	p.bytes(binary.BigEndian.AppendUint64([]byte{tag}, n)...)
}

// head packs how many elements follow.
func (p *packer) head(fix, tag16, tag32 byte, n int) {
	switch {
	case n <= maxFixLen:
		p.byte(fix | byte(n))
	case n <= math.MaxUint16:
		p.tagged16(tag16, uint16(n))
	default:
		p.tagged32(tag32, uint32(n))
	}
}

// table packs a table whose keys are 1 to n as an array, another as a map.
func (p *packer) table(t *lua.LTable, level int) {
	items, array, most := 0, true, 0
	for k, _ := t.Next(lua.LNil); k != lua.LNil; k, _ = t.Next(k) {
		items++
		n, ok := k.(lua.LNumber)
		if i := toInt32(float64(n)); !ok || i <= 0 || float64(i) != float64(n) {
			array = false
		} else {
			most = max(most, int(i))
		}
	}
	if array && most == items {
		p.head(tagFixArr, tagArr16, tagArr32, items)
		for i := 1; i <= items; i++ {
			p.value(t.RawGet(lua.LNumber(i)), level+1)
		}
		return
	}
	p.head(tagFixMap, tagMap16, tagMap32, items)
	for k, v := t.Next(lua.LNil); k != lua.LNil; k, v = t.Next(k) {
		p.value(k, level+1)
		p.value(v, level+1)
	}
}
