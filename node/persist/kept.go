package persist

import (
	"fmt"
	"strings"
	"time"

	"regent/engine"
	"regent/engine/config"
)

// SayWhatIsKept tells what of the data outlasts the process, and where.
func (d *Data) SayWhatIsKept() {
	points := d.cfg.Save.Get()
	snapshots := "no snapshots"
	if len(points) > 0 {
		snapshots = fmt.Sprintf("a snapshot in %s at the end, and %s", d.DumpPath(), spell(points))
	}
	switch {
	case d.Log() != nil:
		d.host.Logf(engine.LevelNotice, "Kept: every write, in the append only log %s (appendfsync %s); %s", d.LogDir(), d.fsyncName(), snapshots)
	case len(points) > 0:
		d.host.Logf(engine.LevelNotice, "Kept: %s. A crash loses what was written after the last one: appendonly yes keeps every write", snapshots)
	default:
		d.host.Logf(engine.LevelWarning, "Kept: nothing. With appendonly no and without save points all data is gone when this process ends")
	}
}

func (d *Data) fsyncName() (name string) {
	d.cfg.Each(func(directive, value string) {
		if directive == "appendfsync" {
			name = value
		}
	})
	return name
}

// spell names save points in words.
func spell(points []config.SavePoint) string {
	parts := make([]string, len(points))
	for i, p := range points {
		parts[i] = fmt.Sprintf("after %d s if there were %d changes", int64(p.After/time.Second), p.Changes)
	}
	return strings.Join(parts, ", ")
}
