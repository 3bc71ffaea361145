package commands_test

import (
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"regent/engine/enginetest"
)

// changesOfEach are commands in their order. Some are there for those after them.
const changesOfEach = `

flushall
flushdb
set s 1
set s 2 nx
set s 2 xx get keepttl ex 100
set s x get
setnx s 1
setnx n 1
setex s 10 x
psetex s 10000 x
mset a 1 b 2 a 3
msetnx a 1 z 2
msetnx y 1 z 2
getset a 4
getdel a
getdel a
getex b
getex b ex 100
getex b persist
getex b persist
getex b pxat 1
getex b ex 10
append n 23
append new x
append new2 {}
setrange n 1 {}
setrange n 1 x
setrange none 0 {}
setrange new3 5 x
incr i
decr i
incrby i 5
incrby i 0
decrby i 5
incrbyfloat i 1.5
incr s
del i new none new
del none
unlink new2 new3 none
unlink none
exists s
touch s
expire s 100
expire s 50 gt
pexpire s 1000000
expireat s 4102444800 nx
pexpireat s 4102444800000
persist s
persist s
expire none 10
expire s -1
expire s -1
mset a 1 b 2 c 3
rename a a
rename a b
renamenx b c
renamenx b b
renamenx b d
copy c d
copy c d replace
copy c e
copy c e db 1
copy c e db 1
move d 1
move c 1
move none 1
swapdb 0 0
swapdb 0 1
swapdb 1 0
flushdb
flushdb async
rpush l 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15
lpush l a b
lpushx l a b c
rpushx none a b
lpop l
lpop l 0
lpop l 3
rpop l 100
lpop l
rpush l x y x z x x y y y y
lrem l 1 x
lrem l -2 x
lrem l 0 y
lrem l 0 none
rpush l a b c d e f
lset l 0 v
lset l 99 v
linsert l before a new
linsert l after none new
linsert none after none new
ltrim l 0 -1
ltrim l 1 -2
ltrim l 9 3
ltrim l 0 1
rpush l a b c d e f
rpush one x
lmove one m left left
lmove l l left right
lmove l m left right
lmove none m left right
rpoplpush l m
rpoplpush l l
lmpop 2 none l left
lmpop 2 none l right count 3
lmpop 2 none l right count 99
rpush l a b c d
lmpop 1 none left
blpop none l 0
brpop l 0
blmpop 0 2 none m left count 5
rpush l 1 2 3 4
blmove l m left right 0
brpoplpush l m 0
sadd t 1 2 3 1 x
sadd t 1 2 3
sadd t 3 4
srem t 1 9
srem t 9
srem none 1
smove t u 2
sadd v x 3
smove t v x
smove t t 3
smove t u none
smove none u x
sadd t 1 2 3 4 5 6 7 8 9 10 11 12
spop t
spop t 0
spop t 3
spop t 100
spop t
spop t 3
sadd t 1 2 3
sadd u 2 3
sinterstore w t u
sunionstore w t u none
sdiffstore w t u
sdiffstore w none
sdiffstore w none
sinterstore w none t
hset h a 1 b 2
hset h a 1
hset h a 1 a 2 c 3
hmset h a 5 d 6
hsetnx h a 1
hsetnx h e 1
hincrby h a 5
hincrby h b x
hincrbyfloat h a 1.5
hdel h a x b
hdel h x
hdel none x
hdel h c d e
setbit bits 100 1
setbit bits 100 1
setbit bits 200 0
setbit bits 7 0
bitfield bits set u8 0 1 set u8 0 1 incrby u8 0 3 get u8 0
bitfield bits overflow fail set u8 0 300
bitfield bits get u8 0
bitop not bits2 bits
bitop or bits2 none
bitop or bits2 none
pfadd hll
pfadd hll
pfadd hll a b c a
pfadd hll a
pfcount hll
pfcount hll
pfcount hll none
pfmerge hll2 hll none
pfmerge hll2
pfdebug todense hll
pfdebug todense hll
set str 1
rpush str 1
sadd str 1
get str
scard t
smembers t
flushall
`

func TestChangesAgainstRedis(t *testing.T) {
	s := enginetest.NewEngine(t)
	ours, theirs := s.Client(), enginetest.StartRedis(t).Client(t)
	y := enginetest.NewTally(t, s, theirs)
	total := int64(0)
	for line := range strings.Lines(strings.TrimSpace(changesOfEach)) {
		c := strings.Fields(line)
		for i := range c {
			if c[i] == "{}" {
				c[i] = ""
			}
		}
		if ours.Do(c...) == "" {
			t.Fatalf("%q waits", c)
		}
		theirs.Do(c...)
		total += y.Since(t.Errorf, c)
	}
	if total < 100 {
		t.Errorf("all commands together made %d changes", total)
	}
}

// TestChangesOfReplayedCommands: a follower counts as the leader does.
func TestChangesOfReplayedCommands(t *testing.T) {
	s, follower := enginetest.NewEngine(t), enginetest.NewEngine(t)
	ours, a := s.Client(), follower.NewApplier()
	before, seen := int64(0), 0
	for line := range strings.Lines(strings.TrimSpace(changesOfEach)) {
		if c := strings.Fields(line); !strings.HasPrefix(line, "spop") { // DEL of the whole is one change there, as in redis-server
			if ours.Do(c...) == "" {
				t.Fatalf("%q waits", c)
			}
			records := s.Log.Records()
			for _, rec := range records[seen:] {
				a.SetDB(rec.DB)
				if err := a.Apply(rec.Args); err != nil {
					t.Fatal(err)
				}
			}
			seen = len(records)
			if got := follower.Changes() - before; got != s.Changes()-before {
				t.Errorf("%q: the follower counts %d changes, the leader %d", c, got, s.Changes()-before)
			}
			before = s.Changes()
		}
	}
}

func TestRandomChangesAgainstRedis(outer *testing.T) {
	theirs := enginetest.StartRedis(outer).Client(outer)
	rapid.Check(outer, func(t *rapid.T) {
		theirs.Do("FLUSHALL")
		s := enginetest.NewEngine(outer)
		s.Host.Set(time.Now().UnixMilli())
		ours, y := s.Client(), enginetest.NewTally(outer, s, theirs)
		for range rapid.IntRange(1, oracleSteps).Draw(t, "steps") {
			c := drawExact(t)
			ours.Do(c...)
			theirs.Do(c...)
			y.Since(t.Fatalf, c)
		}
	})
}
