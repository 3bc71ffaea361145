package bully

import (
	"testing"
)

// Planted bugs: one rule is taken out of the protocol, or one duty out of the
// driver's, and the simulator must notice within a bounded number of runs.
// TestSimulation shows that the protocol itself passes the same seeds. What a
// mutant breaks is named, so that it is noticed for the right reason.

type mutant struct {
	name   string
	rules  rules
	driver driverRules
	drill  drill // that brings it to light soonest
}

func mutants() []mutant {
	return []mutant{
		{name: "one grant wins", rules: rules{noMajority: true}},
		{name: "votes ignore positions", rules: rules{noFreshness: true}},
		{name: "a voter with a broken log votes for any", rules: rules{brokenOwesNothing: true}, drill: brokenLog},
		{name: "the vote is not on disk", rules: rules{volatileVote: true}},
		{name: "records of earlier epochs count as committed", rules: rules{oldEpochCommit: true}, drill: figure8},
		{name: "no lease", rules: rules{noLease: true}},
		{name: "the lease counts from the acknowledgement", rules: rules{leaseOnArrival: true}},
		{name: "the lease is as long as the promise", rules: rules{noMargin: true}, drill: forgedDeath},
		{name: "the lease is longer than what voters promise", rules: rules{ownLease: true}, drill: forgedDeath},
		{name: "a sign of death ends a promise", rules: rules{signIsProof: true}, drill: forgedDeath},
		{name: "diverged logs are counted", rules: rules{foreignAcks: true}},
		{name: "voters forget the leader they hear", rules: rules{noPromise: true}},
		{name: "voters vote right after their start", rules: rules{noWariness: true}, drill: bounce},
		{name: "old evidence of death counts", rules: rules{lateEvidence: true}, drill: lateDeath},
		{name: "voters change before the last change is known", rules: rules{changeAtOnce: true}, drill: newVoters},
		{name: "a candidate with old members is granted", rules: rules{oldMembersRun: true}, drill: newVoters},
		{name: "a voter that came without its disk votes", rules: rules{blankVotes: true}, drill: lostTail},
		{name: "a voter that came without its state file votes", rules: rules{stateVotes: true}, drill: lostPromise},
		{name: "a voter whose log was shortened votes", driver: driverRules{shortVotes: true}, drill: lostTail},
		{name: "a voter that lost what it acknowledged votes", rules: rules{forgetLoss: true}, drill: lostTail},
		{name: "a node that has forgotten acknowledges", rules: rules{forgotAcks: true}, drill: lostCrown},
		{name: "a node that has forgotten believes any leader", rules: rules{leaderSays: true}, drill: lostCrown},
		{name: "the token is passed before the target has all", rules: rules{handoverUnheld: true}},
		{name: "the token is passed and the lease is kept", rules: rules{handoverKeepsLease: true}},
		{name: "the lease from before the handover counts after it", rules: rules{resumeAtOnce: true}, drill: staleToken},
		{name: "a token that was taken back counts", rules: rules{tokenForever: true}, drill: staleToken},
		{name: "the lease is checked on arrival only", driver: driverRules{checkOnArrival: true}},
		{name: "messages leave before the promise is on disk", driver: driverRules{sendFirst: true}},
		{name: "a stream is taken before the promise is on disk", driver: driverRules{earlyAck: true}},
		{name: "an old OPEN cuts the running epoch", driver: driverRules{cutOwnEpoch: true}},
		{name: "a witness serves", rules: rules{witnessServes: true}},
		{name: "a witness keeps the lead", rules: rules{witnessKeeps: true}},
		{name: "a witness drops what a node lacks", rules: rules{witnessDrops: true}},
		{name: "a stream acknowledges behind the node's back", driver: driverRules{blindAck: true}},
	}
}

func TestMutants(t *testing.T) {
	for _, m := range mutants() {
		t.Run(m.name, func(t *testing.T) {
			t.Parallel()
			for seed := uint64(1); seed <= mutantRuns; seed++ {
				w := newDrill(seed, m.rules, m.driver, m.drill)
				w.run()
				if w.broken != "" {
					t.Logf("seed %d: %s", seed, w.broken)
					return
				}
			}
			t.Errorf("not noticed in %d runs", mutantRuns)
		})
	}
}
