package bully

import "testing"

// TestWhatDataHold: a witness is told up to where all voters with data hold the leader's log
// durably. Witnesses and learners do not count, and a leader does that has data.
func TestWhatDataHold(t *testing.T) {
	peers := func(first int64) []*peer {
		return []*peer{
			{id: 2, voter: true, acked: first}, {id: 3, voter: true, acked: 90},
			{id: 4, voter: true, witness: true, acked: 10}, {id: 5, acked: 5},
		}
	}
	for _, try := range []struct {
		name    string
		witness bool
		durable int64
		first   int64
		want    int64
	}{
		{"a follower is behind", false, 100, 70, 70},
		{"so is the leader's own disk", false, 60, 70, 60},
		{"which a witness' is not asked for", true, 60, 70, 70},
		{"nobody is", false, 100, 200, 90},
	} {
		n := &Node{cfg: Config{ID: 1, Witness: try.witness}, pos: Position{Offset: 120}, durable: try.durable, peers: peers(try.first)}
		if got := n.heldByData(); got != try.want {
			t.Errorf("%s: %d, want %d", try.name, got, try.want)
		}
		if n.mayServe() == try.witness {
			t.Errorf("a witness: %v, it may serve: %v", try.witness, n.mayServe())
		}
	}
}
