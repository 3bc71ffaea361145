package regent

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
		{"7001@127.0.0.1:7001,7002@10.0.0.2:7002", "", false, true},
		{"7001@127.0.0.1:7001,7002@node2:7002", "", false, true},
		{"7001@127.0.0.1:7001,7002@10.0.0.2:7002", "s", false, false},
		{"7001@127.0.0.1:7001,7002@10.0.0.2:7002", "", true, false},
	} {
		c := config.New()
		c.Port.Set(7001)
		c.Peers.Set(try.peers)
		c.ClusterSecret.Set(try.secret)
		c.PeersWithoutSecret.Set(try.open)
		_, err := identify(c)
		if (err != nil) != try.refused || err != nil && !strings.Contains(err.Error(), "cluster-secret") {
			t.Errorf("%+v: %v", try, err)
		}
	}
}
