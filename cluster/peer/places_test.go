package peer_test

import (
	"fmt"
	"net/netip"
	"testing"

	"regent/cluster/peer"
)

// TestPlaces: each address has its share, strangers together have theirs, one that
// was there first goes first, and a member's address is never short of one
// because of others.
func TestPlaces(t *testing.T) {
	var p peer.Places
	var out []string
	enter := func(name, from string, member bool) func() {
		t.Helper()
		return p.Enter(netip.MustParseAddr(from), member, func() { out = append(out, name) })
	}
	expect := func(what string, want ...string) {
		t.Helper()
		if fmt.Sprint(out) != fmt.Sprint(want) {
			t.Errorf("%s: %v had to go, want %v", what, out, want)
		}
		out = nil
	}
	member := enter("member", "10.0.0.1", true)
	for i := range 4 {
		enter(fmt.Sprint("a", i), "192.0.2.1", false)
	}
	expect("an address's share")
	enter("a4", "::ffff:192.0.2.1", false)
	expect("one more, however its address is written", "a0")
	leave := enter("b0", "192.0.2.2", false)
	leave()
	leave()
	for i := range 4 {
		enter(fmt.Sprint("n", i), fmt.Sprintf("2001:db8::%x:1", i+1), false)
	}
	expect("other addresses")
	enter("n4", "2001:db8:0:0:ffff::1", false)
	expect("one network is one stranger", "n0")
	for i := range 200 {
		enter("", fmt.Sprintf("198.51.100.%d", i), false)
	}
	if len(out) != 200+8-64 {
		t.Errorf("%d strangers had to go", len(out))
	}
	out = nil
	for i := range 63 {
		enter(fmt.Sprint("m", i), "10.0.0.1", true)
	}
	expect("a member among strangers")
	enter("m", "10.0.0.1", true)
	expect("a member's own share", "member")
	member()
}
