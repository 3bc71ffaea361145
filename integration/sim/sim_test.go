package sim

import (
	"fmt"
	"os"
	"testing"
	"time"
)

// TestSeeds simulates some worlds.
func TestSeeds(t *testing.T) {
	seeds(t, 0, 6, options{rounds: 5, idle: 20})
}

// seeds simulates worlds one after the other and logs what they saw. REGENT_SIM_SEEDS=from:to names
// others.
func seeds(t *testing.T, from, to uint64, o options) {
	t.Helper()
	if text := os.Getenv("REGENT_SIM_SEEDS"); text != "" {
		if _, err := fmt.Sscanf(text, "%d:%d", &from, &to); err != nil {
			t.Fatalf("REGENT_SIM_SEEDS is not from:to: %v", err)
		}
	}
	began, cpu := time.Now(), cpuTime()
	var sum figures
	for seed := from; seed < to; seed++ {
		t.Run(fmt.Sprint(seed), func(t *testing.T) { sum.add(simulate(t, seed, o)) })
	}
	sum.log(t, time.Since(began), cpuTime()-cpu)
}

func (f *figures) log(t *testing.T, wall, cpu time.Duration) {
	t.Helper()
	t.Logf("%.2f hours simulated in %.1f s (%.1f s of CPU: %.3f hours per CPU second), %d rounds, faults %v, %d elections, "+
		"%d calls and %d transactions answered, %d of unknown outcome, %d refused, longest recovery %s",
		f.virtual.Hours(), wall.Seconds(), cpu.Seconds(), f.virtual.Hours()/cpu.Seconds(), f.rounds, f.faults, f.elections,
		f.answered, f.txns, f.unknown, f.refused, f.recovery)
}
