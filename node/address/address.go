// Package address tells from the configuration which node this is, where it listens
// and how others reach it, refuses what cannot be meant, and opens the ports.
package address

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"

	"regent/engine/config"
)

// An Identity is which node this is among its peers.
type Identity struct {
	ID    int64
	Host  string // announced to clients and peers
	Port  int
	Peers []config.Peer // all nodes with this one; empty for a lone server
	// Secrets are those of the peers' channel that count, the one to prove first; none: it has none.
	Secrets []string
}

// Addr is the announced address.
func (n Identity) Addr() string { return net.JoinHostPort(n.Host, strconv.Itoa(n.Port)) }

// Clustered reports whether there are peers.
func (n Identity) Clustered() bool { return len(n.Peers) > 1 }

// Identify reads from the configuration which node this is, and refuses what
// cannot be meant.
func Identify(cfg *config.Config) (Identity, error) {
	n := Identity{ID: cfg.NodeID.Get(), Host: bare(cfg.AnnounceHost.Get()), Port: int(cfg.AnnouncedPort())}
	if n.ID == 0 {
		n.ID = cfg.BasePort()
	}
	peers, err := config.ParsePeers(cfg.Peers.Get())
	if err != nil {
		return n, fmt.Errorf("peers: %w", err)
	}
	self := findPeer(peers, n.ID)
	if err := n.refuseTwice(cfg, peers); err != nil {
		return n, err
	}
	if self != nil {
		n.fill(self.Host, self.Port)
	}
	n.fill(fallbackHost(cfg), int(cfg.BasePort()))
	switch {
	case self != nil:
		self.Host, self.Port = n.Host, n.Port
	case len(peers) > 0:
		peers = append(peers, config.Peer{ID: n.ID, Host: n.Host, Port: n.Port})
	}
	n.Peers = peers
	if n.Secrets, err = Secrets(cfg); err != nil {
		return n, err
	}
	return n, n.check(cfg)
}

// maxSecrets bounds the secrets of the peers' channel: one more than there is of old.
const maxSecrets = 2

// Secrets reads from the configuration which secrets the nodes prove to one another, the one
// that this node proves first. cluster-secret-file may hold two, a line each, while one takes
// the place of the other. Errors do not repeat them.
func Secrets(cfg *config.Config) ([]string, error) {
	secret := cmp.Or(cfg.ClusterSecret.Get(), cfg.MasterAuth.Get())
	if cfg.ClusterSecretFile.Get() == "" {
		return slices.DeleteFunc([]string{secret}, func(s string) bool { return s == "" }), nil
	}
	lines := strings.Split(secret, "\n")
	if len(lines) > maxSecrets {
		return nil, fmt.Errorf("cluster-secret-file holds %d lines: at most %d secrets count at once, one a line", len(lines), maxSecrets)
	}
	for i := range lines {
		if lines[i] = strings.TrimSuffix(lines[i], "\r"); lines[i] == "" {
			return nil, fmt.Errorf("cluster-secret-file: line %d is empty, where a secret would be", i+1)
		}
	}
	return lines, nil
}

// bare is a host without the brackets that an IPv6 address has before a port.
func bare(host string) string {
	if inner, ok := strings.CutPrefix(host, "["); ok {
		if inner, ok = strings.CutSuffix(inner, "]"); ok && strings.Contains(inner, ":") {
			return inner
		}
	}
	return host
}

// refuseTwice refuses peers that have this node under another ID: it would count
// twice, and neither is it.
func (n *Identity) refuseTwice(cfg *config.Config, peers []config.Peer) error {
	for _, p := range peers {
		here := p.Port == int(cfg.BasePort()) && listensAt(cfg, p.Host)
		announced := n.Host != "" && p.Host == n.Host && p.Port == cmp.Or(n.Port, int(cfg.BasePort()))
		if p.ID == n.ID || !here && !announced {
			continue
		}
		how := "the port, as node-id is not given"
		if cfg.NodeID.Get() != 0 {
			how = "by node-id"
		}
		return fmt.Errorf("peers: node %d is at %s, which is this node's own address, and this is node %d (%s): say node-id %d here, or give the peer the ID %d",
			p.ID, p.Addr(), n.ID, how, p.ID, n.ID)
	}
	return nil
}

// listensAt reports whether this process listens at a host's address: it is one
// of this machine's, and bind does not leave it out. A name other than localhost is not looked up.
func listensAt(cfg *config.Config, host string) bool {
	if strings.EqualFold(host, "localhost") {
		host = "127.0.0.1"
	}
	ip := net.ParseIP(host)
	if ip == nil || !ip.IsLoopback() && !ownAddress(ip) {
		return false
	}
	return slices.ContainsFunc(bindAddrs(cfg.Bind.Get()), func(b bindAddr) bool {
		at := net.ParseIP(b.host)
		return at == nil || at.Equal(ip) || at.IsUnspecified() && (b.network == "tcp4") == (ip.To4() != nil)
	})
}

// ownAddress reports whether one of this machine's interfaces has an address.
func ownAddress(ip net.IP) bool {
	addrs, err := net.InterfaceAddrs()
	return err == nil && slices.ContainsFunc(addrs, func(a net.Addr) bool {
		n, ok := a.(*net.IPNet)
		return ok && n.IP.Equal(ip)
	})
}

func (n *Identity) fill(host string, port int) {
	if n.Host == "" {
		n.Host = host
	}
	if n.Port == 0 {
		n.Port = port
	}
}

func (n Identity) check(cfg *config.Config) error {
	if !n.Clustered() {
		if cfg.Join.Get() {
			return errors.New("join yes: peers must name a node of the cluster to join")
		}
		return nil
	}
	if !cfg.AppendOnly.Get() {
		return errors.New("appendonly no: a node with peers needs its log, it is what it promises them")
	}
	if cfg.BasePort() == 0 {
		return errors.New("port 0: a node with peers is reached through its port")
	}
	others := slices.DeleteFunc(slices.Clone(n.Peers), func(p config.Peer) bool { return p.ID == n.ID })
	if near, far, apart := config.Apart(others); apart {
		return fmt.Errorf("peers: %s is every machine's own address, and %s is elsewhere: say for each node where the others reach it", near.Addr(), far.Addr())
	}
	if far := n.farPeer(); far != "" && len(n.Secrets) == 0 && !cfg.PeersWithoutSecret.Get() {
		return fmt.Errorf("peer %s is not on this machine, and the peers' channel has no secret: "+
			"set cluster-secret or masterauth, the same on every node, or peers-without-secret yes where nobody else reaches the port", far)
	}
	if cfg.RequirePass.Get() != "" && len(n.Secrets) == 0 {
		return errors.New("requirepass without masterauth or cluster-secret: the peers' channel would stand open")
	}
	return nil
}

// farPeer is the first peer that is not reached over the loopback interface, ""
// when all are.
func (n Identity) farPeer() string {
	for _, p := range n.Peers {
		if p.Far() {
			return p.Addr()
		}
	}
	return ""
}

func findPeer(peers []config.Peer, id int64) *config.Peer {
	for i := range peers {
		if peers[i].ID == id {
			return &peers[i]
		}
	}
	return nil
}

// fallbackHost is what a node calls itself when nobody told it: its first
// bound address that others can dial, or the loopback address.
func fallbackHost(cfg *config.Config) string {
	for _, b := range bindAddrs(cfg.Bind.Get()) {
		if ip := net.ParseIP(b.host); ip != nil && !ip.IsUnspecified() {
			return b.host
		}
	}
	return "127.0.0.1"
}
