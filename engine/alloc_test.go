package engine_test

import (
	"hash/maphash"
	"testing"

	"regent/engine"
	"regent/engine/dict"
	"regent/engine/enginetest"
)

func raw(args ...string) [][]byte { return enginetest.Raw(args...) }

// dictAllocations is what the dictionary alone allocates to store value over
// an earlier one, and anew after a deletion.
func dictAllocations(value string) (over, again float64) {
	d := dict.New(dict.Options{Seed: maphash.MakeSeed()})
	key, v := []byte("k"), dict.Value{Kind: dict.Raw, Bytes: []byte(value)}
	d.Put(key, v, 0)
	over = testing.AllocsPerRun(100, func() { d.Put(key, v, 0) })
	again = testing.AllocsPerRun(100, func() { d.Put(key, v, 0); d.Delete(key) })
	return over, again
}

// TestHotPathAllocations: what clients do all day makes no garbage, beyond
// what the dictionary needs to hold it.
func TestHotPathAllocations(t *testing.T) {
	value := string(make([]byte, 64))
	over, again := dictAllocations(value)
	logs := map[string]engine.Log{"without a log": nil, "with a log": &enginetest.Tape{}}
	for name, log := range logs {
		do := enginetest.HotSession(t, log)
		do(raw("SET", "k", value))
		do(raw("SET", "n", "1"))
		do(raw("EXPIRE", "k", "100"))
		do(raw("RPUSH", "l", "3", "1", "2"))
		do(raw("SADD", "i", "1", "2", "3"))
		do(raw("SADD", "j", "2", "3", "4"))
		do(raw("XADD", "x", "1-1", "a", "b"))
		do(raw("XGROUP", "CREATE", "x", "g", "$"))
		do(raw("XREADGROUP", "GROUP", "g", "c", "STREAMS", "x", "0"))
		for _, cmd := range [][][]byte{
			raw("GET", "k"), raw("INCR", "n"), raw("GET", "n"), raw("EXPIRE", "k", "100"),
			raw("TTL", "k"), raw("EXISTS", "k", "n"), raw("DEL", "nokey"), raw("MGET", "k", "n", "nokey"), raw("STRLEN", "k"),
			raw("GETRANGE", "k", "0", "9"), raw("SETRANGE", "k", "5", "xyz"), raw("INCRBY", "n", "5"), raw("DECR", "n"), raw("DECRBY", "n", "5"),
			raw("SET", "k", value, "XX"), raw("SETNX", "k", value), raw("MSET", "k", value, "m", value), raw("UNLINK", "nokey"),
			raw("PERSIST", "k"), raw("PEXPIRE", "k", "100000"), raw("PTTL", "k"), raw("EXPIRETIME", "k"), raw("TOUCH", "k", "n"), raw("TYPE", "k"),
			raw("GETEX", "k"), raw("PING"), raw("ECHO", "hello"), raw("SELECT", "0"), raw("DBSIZE"), raw("EXISTS", "k"), raw("MGET", "k"), raw("TTL", "nokey"),
			raw("SORT", "l", "DESC", "LIMIT", "0", "2"), raw("DEL", "nokey", "nokeys"), raw("XREAD", "COUNT", "1", "STREAMS", "x", "0"),
			raw("XREADGROUP", "GROUP", "g", "c", "COUNT", "1", "STREAMS", "x", ">"), raw("SINTERCARD", "2", "i", "j"), raw("SINTER", "i", "j"),
			raw("SMEMBERS", "i"),
		} {
			do(cmd)
			if n := testing.AllocsPerRun(100, func() { do(cmd) }); n != 0 {
				t.Errorf("%s %s: %v allocations", cmd[0], name, n)
			}
		}
		for _, set := range [][][]byte{raw("SET", "k", value), raw("SET", "k", value, "EX", "10")} {
			if n := testing.AllocsPerRun(100, func() { do(set) }); n > over {
				t.Errorf("%q %s: %v allocations", set, name, n)
			}
		}
		// A string that grows has room for more than it needs, and moves seldom.
		grow := raw("APPEND", "a", "x")
		do(raw("SET", "a", value))
		if n := testing.AllocsPerRun(100, func() { do(grow) }); n != 0 {
			t.Errorf("APPEND %s: %v allocations", name, n)
		}
		set, del := raw("SET", "d", value), raw("DEL", "d")
		do(set)
		do(del)
		if n := testing.AllocsPerRun(100, func() { do(set); do(del) }); n > again {
			t.Errorf("SET and DEL %s: %v allocations", name, n)
		}
	}
}

func BenchmarkExecute(b *testing.B) {
	const key = "key:000000000042"
	value := string(make([]byte, 64))
	for _, cmd := range [][][]byte{
		raw("GET", key), raw("SET", key, value), raw("INCR", "counter:00000042"), raw("EXPIRE", key, "100"), raw("DEL", "nokey"),
	} {
		b.Run(string(cmd[0]), func(b *testing.B) {
			do := enginetest.HotSession(b, &enginetest.Tape{})
			do(raw("SET", key, value))
			b.ReportAllocs()
			for b.Loop() {
				do(cmd)
			}
		})
	}
}
