package sim

import (
	"fmt"
	"testing"
	"time"
)

// TestSeeds simulates some worlds.
func TestSeeds(t *testing.T) {
	began, cpu := time.Now(), cpuTime()
	var sum figures
	for seed := range uint64(4) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			sum.add(simulate(t, seed, options{rounds: 5, idle: 10 * time.Minute}))
		})
	}
	sum.log(t, time.Since(began), cpuTime()-cpu)
}

func (f *figures) log(t *testing.T, wall, cpu time.Duration) {
	t.Logf("%.2f hours simulated in %.1f s (%.1f s of CPU: %.3f hours per CPU second), %d rounds, faults %v, %d elections, "+
		"%d calls answered, %d of unknown outcome, %d refused, longest recovery %s",
		f.virtual.Hours(), wall.Seconds(), cpu.Seconds(), f.virtual.Hours()/cpu.Seconds(), f.rounds, f.faults, f.elections,
		f.answered, f.unknown, f.refused, f.recovery)
}
