package address

import (
	"strings"
	"testing"

	"regent/engine/config"
)

// TestPeersBeyondThisMachineNeedASecret, unless that was said to be meant.
func TestPeersBeyondThisMachineNeedASecret(t *testing.T) {
	for _, try := range []struct {
		peers, secret string
		open          bool
		refused       bool
	}{
		{"7001@127.0.0.1:7001,7002@localhost:7002,7003@[::1]:7003", "", false, false},
		{"7001@10.0.0.1:7001,7002@10.0.0.2:7002", "", false, true},
		{"7001@127.0.0.1:7001,7002@node2:7002", "", false, true},
		{"7001@10.0.0.1:7001,7002@10.0.0.2:7002", "s", false, false},
		{"7001@127.0.0.1:7001,7002@10.0.0.2:7002", "", true, false},
	} {
		c := config.New()
		c.Port.Set(7001)
		c.Peers.Set(try.peers)
		c.ClusterSecret.Set(try.secret)
		c.PeersWithoutSecret.Set(try.open)
		_, err := Identify(c)
		if (err != nil) != try.refused || err != nil && !strings.Contains(err.Error(), "cluster-secret") {
			t.Errorf("%+v: %v", try, err)
		}
	}
}

// TestPeersThatContradict are refused, and the address is named.
func TestPeersThatContradict(t *testing.T) {
	for _, try := range []struct {
		what, peers, says string
		id                int64
		announce          string
	}{
		{"itself under another ID", "1@127.0.0.1:7001,2@127.0.0.1:7002,3@127.0.0.1:7003", "node 1 is at 127.0.0.1:7001, which is this node's own address, and this is node 7001", 0, ""},
		{"by name", "1@localhost:7001,2@127.0.0.1:7002", "node 1 is at localhost:7001", 0, ""},
		{"in IPv6", "1@[::1]:7001,2@[::1]:7002", "node 1 is at [::1]:7001", 0, ""},
		{"beside itself", "9@127.0.0.1:7001,2@127.0.0.1:7009", "node 9 is at 127.0.0.1:7001", 2, ""},
		{"where it announces", "1@node1:7001,2@node2:7001", "node 1 is at node1:7001", 0, "node1"},
		{"two in one place", "1@127.0.0.1:7005,2@127.0.0.1:7005,7001@127.0.0.1:7001", "nodes 1 and 2 are both at 127.0.0.1:7005", 0, ""},
		{"a loopback address among others", "7001@10.0.0.1:7001,2@127.0.0.1:7002,3@10.0.0.3:7003", "127.0.0.1:7002 is every machine's own address, and 10.0.0.3:7003 is elsewhere", 0, ""},
		{"", "1@127.0.0.1:7001,2@127.0.0.1:7002,3@127.0.0.1:7003", "", 1, ""},
		{"", "1@node1:7001,2@node2:7001", "", 1, "node1"},
		{"", "127.0.0.1:7002,127.0.0.1:7003", "", 0, ""},
		{"", "7001@::1:7001,[::1]:7002", "", 0, "[::1]"},
	} {
		c := config.New()
		c.Port.Set(7001)
		c.Peers.Set(try.peers)
		c.NodeID.Set(try.id)
		c.AnnounceHost.Set(try.announce)
		c.ClusterSecret.Set("s")
		err := c.Check()
		var n Identity
		if err == nil {
			n, err = Identify(c)
		}
		if try.says == "" && err != nil || try.says != "" && (err == nil || !strings.Contains(err.Error(), try.says)) {
			t.Errorf("%s %s: %v, want %q", try.what, try.peers, err, try.says)
		}
		if try.announce == "[::1]" && (n.Host != "::1" || n.Addr() != "[::1]:7001") {
			t.Errorf("announced as %q, %s", n.Host, n.Addr())
		}
	}
}
