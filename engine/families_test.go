package engine_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"regent/engine"
	"regent/engine/commands"
	"regent/engine/config"
	"regent/engine/enginetest"
)

// A familyRow is a family of integration/bench, in whose words it is.
type familyRow struct {
	name, command, before string
	keys                  int
}

func familyRows() []familyRow {
	const set = "SET {key} {}"
	numbers, texts := "SADD {key}", "SADD {key}"
	for i := range 100 {
		numbers += fmt.Sprint(" ", 7*i)
		texts += fmt.Sprint(" member:", i)
	}
	hotStack := "RPUSH hotstack" + strings.Repeat(" {}", 50)
	const rank, million = "ZADD ranked {n} {key}", "ZADD million {n} {key}"
	const many = 100_000
	return []familyRow{
		{"xreadgroup", "XREADGROUP GROUP g c COUNT 10 STREAMS {key} >", "XGROUP CREATE {key} g $ MKSTREAM", many},
		{"xread", "XREAD COUNT 10 STREAMS {key} 0", "XADD {key} * a {} b {n}", many},
		{"sort", "SORT {key} LIMIT 0 10", "RPUSH {key} 9 3 7 1 5 8 2 6 4 10", many},
		{"lpop-hot", "LPOP hotstack", hotStack, many},
		{"rpop-hot", "RPOP hotstack", hotStack, many},
		{"lpush-hot", "LPUSH hotlist {}", "", many},
		{"rpush-hot", "RPUSH hotqueue {}", "", many},
		{"incr-hot", "INCR one", "", many},
		{"append-hot", "APPEND log x", "", many},
		{"del-hot", "DEL nothing", "", many},
		{"ping", "PING", "", many},
		{"get", "GET {key}", set, many},
		{"set", "SET {key} {}", "", many},
		{"del", "DEL {key}", "", many},
		{"sintercard", "SINTERCARD 2 {key} {key}", numbers, many},
		{"sintercard-text", "SINTERCARD 2 {key} {key}", texts, many},
		{"sscan", "SSCAN {key} 0", numbers, many},
		{"dbsize", "DBSIZE", set, many},
		{"zrange-million", "ZRANGE million 500000 500009", million, 1_000_000},
		{"zrangebyscore-million", "ZRANGEBYSCORE million {n} inf LIMIT 0 10", million, 1_000_000},
		{"zrank-million", "ZRANK million {key}", million, 1_000_000},
		{"zadd-hot", rank, rank, many},
		{"hgetall", "HGETALL {key}", "HSET {key} a {} b {} c {}", many},
		{"lrange", "LRANGE {key} 0 9", "RPUSH {key} {} {} {} {} {}", many},
		{"lmove", "LMOVE {key} {key} LEFT RIGHT", "RPUSH {key} {} {} {} {} {}", many},
		{"geosearch", "GEOSEARCH {key} FROMLONLAT 13.36 38.11 BYRADIUS 10 km ASC", "GEOADD {key} 13.36 38.11 a 13.37 38.12 b 13.40 38.15 c 13.90 38.50 d 15.08 37.50 e", many},
		{"pfcount", "PFCOUNT {key}", "PFADD {key} a b c", many},
		{"dump", "DUMP {key}", set, many},
	}
}

// BenchmarkFamilies carries out commands as the batches of a pipeline do, each of them one of a family of
// integration/bench, with its keys fetched beforehand.
func BenchmarkFamilies(b *testing.B) {
	for _, row := range familyRows() {
		b.Run(row.name, row.run)
	}
}

func (row familyRow) run(b *testing.B) {
	const perBatch, mostInBatch = 16, 1024
	value := strings.Repeat("x", 64)
	fill := func(words, key, n string) [][]byte {
		return raw(strings.Fields(strings.NewReplacer("{key}", key, "{n}", n, "{}", value).Replace(words))...)
	}
	host := realClock{enginetest.NewHost(b), time.Now()}
	e := engine.New(engine.Options{Config: config.New(), Host: host, Cluster: enginetest.NewCluster(), Rooms: commands.All()})
	s := e.NewSession(&enginetest.Conn{}, engine.FacePort)
	rnd := rand.New(rand.NewPCG(1, 2))
	for i := 0; i < row.keys && row.before != ""; i++ {
		e.Execute(s, fill(row.before, fmt.Sprintf("key:%012d", i), fmt.Sprintf("%012d", rnd.IntN(row.keys))))
		s.W.Truncate(0)
	}
	e.SampleStats()
	// As from a client the commands come into the same memory again and again.
	cmds := make([][][]byte, perBatch)
	var drawn [][]byte
	for i := range cmds {
		cmds[i] = fill(row.command, "key:"+noNumber, noNumber)
		for _, arg := range cmds[i] {
			if at := bytes.Index(arg, []byte(noNumber)); at >= 0 {
				drawn = append(drawn, arg[at:at+len(noNumber)])
			}
		}
	}
	var desk engine.Desk
	var f engine.Foresight
	m := newMeter(b)
	for n := 0; b.Loop(); n++ {
		m.tick(n)
		if n%perBatch == 0 {
			for _, digits := range drawn {
				for v, at := rnd.IntN(row.keys), len(digits)-1; at >= 0; v, at = v/10, at-1 {
					digits[at] = byte('0' + v%10)
				}
			}
			e.EndBatch(s, &desk)
			desk.Turn()
			e.BeginBatch(s, mostInBatch, &desk)
			s.W.Truncate(0)
			for i := 0; i < perBatch && e.ForesightPays(); i++ {
				e.Foresee(&f, s, cmds[i])
			}
			e.Fetch(&f, s)
		}
		e.Execute(s, cmds[n%perBatch])
	}
	m.report()
}

// noNumber stands where a number of twelve digits is drawn.
const noNumber = "000000000000"
