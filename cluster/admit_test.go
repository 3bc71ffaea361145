package cluster_test

import (
	"fmt"
	"net"
	"testing"

	"regent/cluster"
	"regent/cluster/clustertest"
	"regent/cluster/peer"
	"regent/engine/config"
)

// TestAdmit: which connections that are refused as clients may become channels.
// Without a secret those of this machine may, which protected mode lets in as
// clients as well: else a node that comes back waits until a client leaves.
func TestAdmit(t *testing.T) {
	here, v6 := net.IPv4(127, 0, 0, 1), net.IPv6loopback
	far := net.IPv4(192, 0, 2, 1)
	for _, try := range []struct {
		secret string
		open   bool // peers-without-secret
		from   net.IP
		in     bool
	}{
		{"s", false, here, true}, {"s", false, far, true},
		{"", false, here, true}, {"", false, v6, true}, {"", false, far, false},
		{"", true, here, true}, {"", true, far, true},
	} {
		t.Run(fmt.Sprintf("secret %q, open %v, from %v", try.secret, try.open, try.from), func(t *testing.T) {
			cfg := config.New()
			cfg.PeersWithoutSecret.Set(try.open)
			c, err := cluster.New(cluster.Options{
				Config: cfg, Host: clustertest.NewHost(t, "node 1"), ID: 1, Addr: "127.0.0.1:1", Dir: t.TempDir(), Secrets: peer.NewSecrets(try.secret),
				Peers: []config.Peer{{ID: 1, Host: "127.0.0.1", Port: 1}, {ID: 2, Host: "127.0.0.1", Port: 2}}, Stream: clustertest.NewLog().Stream(),
			})
			if err != nil {
				t.Fatal(err)
			}
			leave := c.Admit(&net.TCPAddr{IP: try.from, Port: 9}, func() {})
			if (leave != nil) != try.in {
				t.Fatalf("let in: %v, want %v", leave != nil, try.in)
			}
			if leave != nil {
				leave()
			}
		})
	}
}
