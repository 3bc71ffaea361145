package sim

import (
	"fmt"
	"os"
	"testing"
	"time"
)

// The soak: as many worlds as it takes to simulate soakHours hours, or REGENT_SIM_HOURS, of which
// every other one rests for long between rounds of faults. The first one's seed is soakFrom, or
// REGENT_SIM_FROM: worlds that nobody has seen yet.
const (
	soakHours = 2000
	soakIdle  = 1500 // election timeouts
	soakFrom  = 1_000_000
)

func TestSoak(t *testing.T) {
	if os.Getenv("REGENT_SOAK") == "" {
		t.Skip("REGENT_SOAK is not set")
	}
	hours := float64(soakHours)
	if text := os.Getenv("REGENT_SIM_HOURS"); text != "" {
		if _, err := fmt.Sscan(text, &hours); err != nil {
			t.Fatalf("REGENT_SIM_HOURS: %v", err)
		}
	}
	from := uint64(soakFrom)
	if text := os.Getenv("REGENT_SIM_FROM"); text != "" {
		if _, err := fmt.Sscan(text, &from); err != nil {
			t.Fatalf("REGENT_SIM_FROM: %v", err)
		}
	}
	began, cpu := time.Now(), cpuTime()
	var sum figures
	slow := length{3000, 12_000, 20_000}
	for i := uint64(0); sum.virtual.Hours() < hours && !t.Failed(); i++ {
		o := options{rounds: 12, idle: 20} // dense: faults upon faults
		if i%2 == 1 {
			o.idle, o.length = soakIdle, &slow // long: hours between them
		}
		t.Run(fmt.Sprint(from+i), func(t *testing.T) { sum.add(simulate(t, from+i, o)) })
		t.Logf("%.1f of %.0f hours, %s", sum.virtual.Hours(), hours, time.Since(began).Round(time.Second))
	}
	sum.log(t, time.Since(began), cpuTime()-cpu)
}
