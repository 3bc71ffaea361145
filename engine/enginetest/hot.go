package enginetest

import (
	"testing"

	"regent/engine"
	"regent/engine/commands"
	"regent/engine/config"
)

// A Tape is a log that counts bytes, and so takes no time.
type Tape struct{ end int64 }

// Append counts.
func (l *Tape) Append(e *engine.Effects) int64 { l.end += int64(len(e.Buf)); return l.end }

// Synced is 0.
func (l *Tape) Synced() int64 { return 0 }

// Return has nothing to give back: Append copies.
func (l *Tape) Return(int64) {}

// End is how many bytes were appended.
func (l *Tape) End() int64 { return l.end }

// HotSession is an engine with the log given (nil: none), and a session; do carries
// out a command and forgets the reply. It is for measuring time and allocations.
func HotSession(tb testing.TB, log engine.Log) (do func(args [][]byte)) {
	cfg := config.New()
	cfg.ProtoMaxBulkLen.Set(1 << 20)
	e := engine.New(engine.Options{Config: cfg, Host: NewHost(tb), Log: log, Cluster: NewCluster(), Rooms: commands.All()})
	s := e.NewSession(&Conn{}, engine.FacePort)
	return func(args [][]byte) {
		e.Execute(s, args)
		s.W.Truncate(0)
	}
}

// Raw is a command as a session gets it.
func Raw(args ...string) (out [][]byte) {
	for _, a := range args {
		out = append(out, []byte(a))
	}
	return out
}
