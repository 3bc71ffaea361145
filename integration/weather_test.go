//go:build linux

package integration

import (
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"regent/integration/harness"
)

// TestWeather runs three hosts through networks that delay, lose, double and
// reorder, from a bad line to one on which hardly a heartbeat comes through, and
// kills leaders meanwhile. The history must be linearizable and nothing that was
// acknowledged may be missing.
func TestWeather(t *testing.T) {
	c, hosts := startInWeather(t, 3, "--follower-reads", "no")
	load := harness.StartLoad(2, "wet", c.Addrs(), hosts.Dial)
	defer load.Stop()
	h := harness.Record(4, c.Addrs(), hosts.Dial)
	defer h.Stop()
	seed := uint64(time.Now().UnixNano())
	t.Logf("weather by seed %d", seed)
	rnd := rand.New(rand.NewPCG(seed, 0))
	for end := time.Now().Add(weatherTime()); time.Now().Before(end); {
		w := drawWeather(rnd)
		t.Log(w)
		hosts.SetWeather(w)
		pause(rnd, 1000, 4000)
		if rnd.IntN(3) == 0 {
			n := c.Nodes[rnd.IntN(len(c.Nodes))]
			if err := n.Kill(); err != nil {
				t.Fatal(err)
			}
			pause(rnd, 50, 1500)
			if err := n.Start(); err != nil {
				t.Fatal(err)
			}
		}
	}
	hosts.SetWeather(harness.Weather{})
	if _, err := c.Agreed(t.Context()); err != nil {
		t.Fatal(err)
	}
	soundHistory(t, c, load, h)
}

// TestDelayDeposesNobody: a line that is slow and not broken, as between two
// cities, changes no leader and no epoch, and acknowledges all the same.
func TestDelayDeposesNobody(t *testing.T) {
	c, hosts := startInWeather(t, 3, "--election-timeout", patientTimeout)
	before := led(t, c)
	load := harness.StartLoad(4, "far", c.Addrs(), hosts.Dial)
	defer load.Stop()
	hosts.SetWeather(harness.Weather{Delay: 20 * time.Millisecond, Jitter: 20 * time.Millisecond, Double: 0.01})
	for acked, end := load.Acked(), time.Now().Add(delayTime); load.Acked() < acked+ackedOverDelay; {
		if time.Now().After(end) {
			t.Fatalf("%d writes were acknowledged in %v", load.Acked()-acked, delayTime)
		}
		time.Sleep(10 * time.Millisecond)
	}
	hosts.SetWeather(harness.Weather{})
	load.Stop()
	if after := led(t, c); after != before {
		t.Errorf("%s, and then %s", before, after)
	}
	nothingMissing(t, c, load)
}

// TestNoLeaseHolds: where a round trip takes longer than the lease, replies wait
// for a round trip to a majority and clients are served all the same, by the
// leader of before. On a quick line the lease is relied on again.
func TestNoLeaseHolds(t *testing.T) {
	c, hosts := startInWeather(t, 3, "--election-timeout", patientTimeout)
	before := led(t, c)
	leader, err := c.Agreed(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	client := leader.Client()
	defer client.Close()
	// A frame is late twice each way, so a round trip takes 128 ms and more.
	hosts.SetWeather(harness.Weather{Delay: 32 * time.Millisecond, Jitter: 4 * time.Millisecond})
	for i := range ackedOverDelay {
		key := fmt.Sprint("far:", i)
		if err := client.Set(t.Context(), key, i, 0).Err(); err != nil {
			t.Fatalf("write %d: %v", i, err)
		}
		if got, err := client.Get(t.Context(), key).Int(); err != nil || got != i {
			t.Fatalf("read %d: %d, %v", i, got, err)
		}
	}
	if !strings.Contains(leader.Log(), "never holds") {
		t.Error("the leader's log does not say that its lease never holds")
	}
	hosts.SetWeather(harness.Weather{})
	if after := led(t, c); after != before {
		t.Errorf("%s, and then %s", before, after)
	}
}

const (
	// patientTimeout is an election-timeout in ms with which a busy machine, on which
	// the emulated line is slower than it says, is not taken for a dead leader.
	patientTimeout = "5000"
	// ackedOverDelay is how many writes have to be acknowledged over a slow line.
	ackedOverDelay = 30
	// delayTime is how long that may take on a busy machine.
	delayTime = time.Minute
)

// led says which node leads, and in which epoch.
func led(t *testing.T, c *harness.Cluster) string {
	t.Helper()
	leader, err := c.Agreed(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	now := info(t, leader, "regent")
	return fmt.Sprintf("node %s leads in epoch %s", now["leader_id"], now["epoch"])
}

// startInWeather is startOnHosts with weather. Where the system lets nobody make
// a TAP interface there is none to be had.
func startInWeather(t *testing.T, n int, args ...string) (*harness.Cluster, *harness.Hosts) {
	t.Helper()
	return startOn(t, n, func(n int) (*harness.Hosts, error) {
		hosts, err := harness.NewHostsInWeather(n)
		for _, none := range []error{fs.ErrNotExist, fs.ErrPermission, syscall.ENODEV, syscall.ENXIO} {
			if errors.Is(err, none) {
				t.Skipf("this kernel has no TAP devices: %v", err)
			}
		}
		return hosts, err
	}, args...)
}

func weatherTime() time.Duration {
	if os.Getenv("REGENT_SOAK") != "" {
		return 5 * time.Minute
	}
	return 20 * time.Second
}

// drawWeather is anything from a good day to a storm.
func drawWeather(rnd *rand.Rand) harness.Weather {
	ms := func(most int) time.Duration { return time.Duration(rnd.IntN(most+1)) * time.Millisecond }
	switch rnd.IntN(4) {
	case 0:
		return harness.Weather{}
	case 1: // far away
		return harness.Weather{Delay: ms(40), Jitter: ms(20), Double: 0.01}
	case 2: // a bad line
		return harness.Weather{Delay: ms(10), Jitter: ms(10), Lose: 0.02, Double: 0.02, Overtake: 0.05}
	}
	return harness.Weather{Delay: ms(100), Jitter: ms(200), Lose: 0.15, Double: 0.1, Overtake: 0.1}
}
