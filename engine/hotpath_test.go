package engine_test

import (
	"testing"
	"time"

	"regent/engine"
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

// BenchmarkPipeline carries out a command as the batches of a pipeline do,
// with real clocks.
func BenchmarkPipeline(b *testing.B) {
	const key, perBatch = "key:000000000042", 16
	value := string(make([]byte, 64))
	for _, cmd := range [][][]byte{raw("GET", key), raw("SET", key, value), raw("INCR", "counter:00000042"), raw("PING")} {
		b.Run(string(cmd[0]), func(b *testing.B) {
			host := realClock{enginetest.NewHost(b), time.Now()}
			e := engine.New(engine.Options{Config: config.New(), Host: host, Log: &tape{}, Cluster: enginetest.NewCluster()})
			e.Config.ProtoMaxBulkLen.Set(1 << 20)
			s := e.NewSession(&enginetest.Conn{})
			e.Execute(s, raw("SET", key, value))
			b.ReportAllocs()
			for n := 0; b.Loop(); n++ {
				if n%perBatch == 0 {
					e.BeginBatch(s, perBatch)
					s.W.Truncate(0)
				}
				e.Execute(s, cmd)
			}
		})
	}
}
