package engine_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"regent/engine"
	"regent/engine/commands"
	"regent/engine/config"
	"regent/engine/enginetest"
)

// A realClock is a host with the clocks that a server has: reading them is a
// good part of a command's price.
type realClock struct {
	*enginetest.Host
	start time.Time
}

func (h realClock) Now() int64   { return time.Now().UnixMilli() }
func (h realClock) Ticks() int64 { return int64(time.Since(h.start)) }

// A meter reports the median price of a command over slices of a run. On a
// machine that is shared the mean is mostly about the others: a slice is
// shorter than the time for which a thread may run on.
type meter struct {
	b      *testing.B
	at     time.Time
	slices []float64 // ns per command
}

// sliceCommands is how many commands make a slice.
const sliceCommands = 512

func newMeter(b *testing.B) *meter {
	b.ReportAllocs()
	return &meter{b: b, at: time.Now()}
}

// tick is called before command n.
func (m *meter) tick(n int) {
	if n%sliceCommands != 0 || n == 0 {
		return
	}
	now := time.Now()
	m.slices = append(m.slices, float64(now.Sub(m.at))/sliceCommands)
	m.at = now
}

func (m *meter) report() {
	if len(m.slices) == 0 {
		return
	}
	slices.Sort(m.slices)
	m.b.ReportMetric(m.slices[len(m.slices)/2], "median-ns/op")
}

// BenchmarkPipeline carries out commands as the batches of a pipeline do, with
// real clocks, on one key and on keys drawn from many, most of which are in no
// cache.
func BenchmarkPipeline(b *testing.B) {
	const perBatch, drawn = 16, 1 << 16
	value := string(make([]byte, 64))
	for _, keys := range []int{1, 100_000, 2_000_000} {
		host := realClock{enginetest.NewHost(b), time.Now()}
		e := engine.New(engine.Options{Config: config.New(), Host: host, Log: &enginetest.Tape{}, Cluster: enginetest.NewCluster(), Rooms: commands.All()})
		e.Config.ProtoMaxBulkLen.Set(1 << 20)
		s := e.NewSession(&enginetest.Conn{}, engine.FacePort)
		for i := range keys {
			e.Execute(s, raw("SET", fmt.Sprintf("key:%012d", i), value))
			s.W.Truncate(0)
		}
		rnd := rand.New(rand.NewPCG(1, 2))
		names := make([][]byte, drawn)
		for i := range names {
			names[i] = fmt.Appendf(nil, "key:%012d", rnd.IntN(keys))
		}
		for _, cmd := range [][][]byte{raw("GET", ""), raw("SET", "", value), raw("EXISTS", ""), raw("INCR", ""), raw("PING", "")} {
			b.Run(fmt.Sprintf("%s/%d", cmd[0], keys), func(b *testing.B) {
				if string(cmd[0]) == "INCR" {
					e.Execute(s, raw("FLUSHALL"))
				}
				m := newMeter(b)
				for n := 0; b.Loop(); n++ {
					m.tick(n)
					if n%perBatch == 0 {
						e.BeginBatch(s, perBatch, nil)
						s.W.Truncate(0)
					}
					cmd[1] = names[n%drawn]
					e.Execute(s, cmd)
				}
				m.report()
			})
		}
	}
}

// BenchmarkScript carries out a script of a SET and a GET of one key, in batches.
func BenchmarkScript(b *testing.B) {
	const perBatch = 16
	host := realClock{enginetest.NewHost(b), time.Now()}
	e := engine.New(engine.Options{Config: config.New(), Host: host, Log: &enginetest.Tape{}, Cluster: enginetest.NewCluster(), Rooms: commands.All()})
	s := e.NewSession(&enginetest.Conn{}, engine.FacePort)
	e.Execute(s, raw("SCRIPT", "LOAD", "redis.call('set', KEYS[1], ARGV[1]) return redis.call('get', KEYS[1])"))
	sha := strings.Split(string(s.W.Bytes()), "\r\n")[1]
	cmd := raw("EVALSHA", sha, "1", "key", "value")
	m := newMeter(b)
	for n := 0; b.Loop(); n++ {
		m.tick(n)
		if n%perBatch == 0 {
			e.BeginBatch(s, perBatch, nil)
			s.W.Truncate(0)
		}
		e.Execute(s, cmd)
		if s.RunsScript() { // its first time, in the background
			host.Advance(0)
			e.Resume(s)
		}
	}
	m.report()
}
