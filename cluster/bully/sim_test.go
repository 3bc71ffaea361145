package bully

import (
	"fmt"
	"os"
	"strconv"
	"testing"
	"time"
)

// The simulator: a few nodes, each a Node with a driver as package cluster
// has it, on one virtual clock, with everything that can go wrong drawn from
// one seed. The same seed gives the same run.
//
//	sim_world_test.go    time, the queue of events, the network
//	sim_node_test.go     a machine: clock, disk, driver, role worker, crash, start
//	sim_stream_test.go   the log and the streams that copy it
//	sim_client_test.go   writes and reads, and when they are answered
//	sim_faults_test.go   what is drawn from the seed, and the faults
//	sim_drills_test.go   known courses of events that lead to the brink
//	sim_handover_test.go planned changes of leader
//	sim_power_test.go    power losses and new disks
//	sim_short_test.go    logs shortened, state files lost
//	sim_members_test.go  changes of the voters
//	sim_witness_test.go  nodes without data
//	sim_check_test.go    the invariants
//	sim_mutants_test.go  planted bugs, each of which must be noticed
//
// A run has a stormy part, in which faults come, and a calm one, in which
// they stop and some node must lead soon and stay.
//
//	REGENT_SEED=n  go test -run TestSimulation    one run, with its trace
//	REGENT_SOAK=1  go test -run TestSimulation    many more runs
//	REGENT_RUNS=n  go test -run TestSimulation    that many

const (
	simT       = 500 * time.Millisecond
	simLease   = 120 * time.Millisecond
	simRuns    = 2000
	mutantRuns = 20_000 // at most, for one planted bug
	soakRuns   = 1_000_000
)

func TestSimulation(t *testing.T) {
	if s := os.Getenv("REGENT_SEED"); s != "" {
		seed, err := strconv.ParseUint(s, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		w := newWorld(seed, rules{}, driverRules{})
		w.tracing = true
		w.run()
		t.Log("\n" + w.story(1<<30))
		if w.broken != "" {
			t.Fatal(w.broken)
		}
		return
	}
	runs, workers := simRuns, 2
	if os.Getenv("REGENT_SOAK") != "" {
		runs = soakRuns
	}
	if s := os.Getenv("REGENT_RUNS"); s != "" {
		if _, err := fmt.Sscan(s, &runs); err != nil {
			t.Fatal(err)
		}
	}
	began := time.Now()
	var sums [2]tally
	t.Run("runs", func(t *testing.T) {
		for k := range workers {
			t.Run(fmt.Sprint(k), func(t *testing.T) {
				t.Parallel()
				for seed := uint64(k + 1); seed <= uint64(runs); seed += uint64(workers) {
					w := newWorld(seed, rules{}, driverRules{})
					w.run()
					sums[k].add(w)
					if w.broken != "" {
						t.Fatal(report(seed, rules{}, driverRules{}))
					}
				}
			})
		}
	})
	sums[0].join(sums[1])
	t.Logf("%d runs, %.0f a second: %s", runs, float64(runs)/time.Since(began).Seconds(), sums[0])
	sums[0].mustBeRich(t)
}

// report runs a seed again for its trace.
func report(seed uint64, r rules, d driverRules) string {
	w := newWorld(seed, r, d)
	w.tracing = true
	w.run()
	return fmt.Sprintf("seed %d: %s\n%s", seed, w.broken, w.story(120))
}

// A tally says what the runs went through: a simulator that never gets into
// trouble proves nothing.
type tally struct {
	elections, acked, reads, lost, crashes, cuts, uncertain, events int
	passed, moved, changes, told, relayed                           int
}

func (s *tally) add(w *world) {
	s.elections += len(w.leaderOf)
	s.acked += w.count.acked
	s.reads += w.count.reads
	s.lost += w.count.cutBack
	s.crashes += w.count.crashes
	s.cuts += w.count.cuts
	s.uncertain += w.count.uncertain
	s.events += w.count.events
	s.passed += w.count.passed
	s.moved += w.count.moved
	s.changes += w.count.changes
	s.told += w.count.told
	s.relayed += w.count.relayed
}

func (s *tally) join(o tally) {
	s.elections += o.elections
	s.acked += o.acked
	s.reads += o.reads
	s.lost += o.lost
	s.crashes += o.crashes
	s.cuts += o.cuts
	s.uncertain += o.uncertain
	s.events += o.events
	s.passed += o.passed
	s.moved += o.moved
	s.changes += o.changes
	s.told += o.told
	s.relayed += o.relayed
}

func (s tally) String() string {
	return fmt.Sprintf("%d events, %d leaders, %d writes and %d reads acknowledged, %d uncertain, %d crashes, %d partitions, %d records cut back, %d tokens passed, %d commands moved, %d changes of members, %d told of them, %d times led by a witness",
		s.events, s.elections, s.acked, s.reads, s.uncertain, s.crashes, s.cuts, s.lost, s.passed, s.moved, s.changes, s.told, s.relayed)
}

func (s tally) mustBeRich(t *testing.T) {
	t.Helper()
	if s.relayed < simRuns/100 {
		t.Errorf("witnesses led %d times", s.relayed)
	}
	if min(s.elections, s.acked, s.reads, s.lost, s.crashes, s.cuts, s.uncertain, s.passed, s.moved, s.changes) < simRuns/10 {
		t.Errorf("the runs were too peaceful: %s", s)
	}
}
