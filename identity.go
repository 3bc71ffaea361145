package regent

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"

	"regent/engine"
	"regent/engine/config"
)

// shardsPerCore gives every core several locks to choose from.
const shardsPerCore = 8

func cores() int { return min(runtime.GOMAXPROCS(0), runtime.NumCPU()) }

// An identity is who this node is among its peers.
type identity struct {
	id     int64
	host   string // announced to clients and peers
	port   int
	peers  []config.Peer // all nodes with this one; empty for a lone server
	secret string
}

func (n identity) addr() string    { return net.JoinHostPort(n.host, strconv.Itoa(n.port)) }
func (n identity) clustered() bool { return len(n.peers) > 1 }

// identify reads from the configuration who this node is, and refuses what
// cannot be meant.
func identify(cfg *config.Config) (identity, error) {
	n := identity{id: cfg.NodeID.Get(), host: bare(cfg.AnnounceHost.Get()), port: int(cfg.AnnouncePort.Get())}
	if n.id == 0 {
		n.id = cfg.Port.Get()
	}
	peers, err := config.ParsePeers(cfg.Peers.Get())
	if err != nil {
		return n, fmt.Errorf("peers: %w", err)
	}
	self := findPeer(peers, n.id)
	if err := n.refuseTwice(cfg, peers); err != nil {
		return n, err
	}
	if self != nil {
		n.fill(self.Host, self.Port)
	}
	n.fill(fallbackHost(cfg), int(cfg.Port.Get()))
	switch {
	case self != nil:
		self.Host, self.Port = n.host, n.port
	case len(peers) > 0:
		peers = append(peers, config.Peer{ID: n.id, Host: n.host, Port: n.port})
	}
	n.peers = peers
	if n.secret = cfg.ClusterSecret.Get(); n.secret == "" {
		n.secret = cfg.MasterAuth.Get()
	}
	return n, n.check(cfg)
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
func (n *identity) refuseTwice(cfg *config.Config, peers []config.Peer) error {
	for _, p := range peers {
		here := p.Port == int(cfg.Port.Get()) && listensAt(cfg, p.Host)
		announced := n.host != "" && p.Host == n.host && p.Port == cmp.Or(n.port, int(cfg.Port.Get()))
		if p.ID == n.id || !here && !announced {
			continue
		}
		how := "the port, as node-id is not given"
		if cfg.NodeID.Get() != 0 {
			how = "by node-id"
		}
		return fmt.Errorf("peers: node %d is at %s, which is this node's own address, and this is node %d (%s): say node-id %d here, or give the peer the ID %d",
			p.ID, p.Addr(), n.id, how, p.ID, n.id)
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
	return slices.ContainsFunc(bindAddrs(cfg), func(b bindAddr) bool {
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

func (n *identity) fill(host string, port int) {
	if n.host == "" {
		n.host = host
	}
	if n.port == 0 {
		n.port = port
	}
}

func (n identity) check(cfg *config.Config) error {
	if !n.clustered() {
		if cfg.Join.Get() {
			return errors.New("join yes: peers must name a node of the cluster to join")
		}
		return nil
	}
	if !cfg.AppendOnly.Get() {
		return errors.New("appendonly no: a node with peers needs its log, it is what it promises them")
	}
	if cfg.Port.Get() == 0 {
		return errors.New("port 0: a node with peers is reached through its port")
	}
	others := slices.DeleteFunc(slices.Clone(n.peers), func(p config.Peer) bool { return p.ID == n.id })
	if near, far, apart := config.Apart(others); apart {
		return fmt.Errorf("peers: %s is every machine's own address, and %s is elsewhere: say for each node where the others reach it", near.Addr(), far.Addr())
	}
	if far := n.farPeer(); far != "" && n.secret == "" && !cfg.PeersWithoutSecret.Get() {
		return fmt.Errorf("peer %s is not on this machine, and the peers' channel has no secret: "+
			"set cluster-secret or masterauth, the same on every node, or peers-without-secret yes where nobody else reaches the port", far)
	}
	if cfg.RequirePass.Get() != "" && n.secret == "" {
		return errors.New("requirepass without masterauth or cluster-secret: the peers' channel would stand open")
	}
	return nil
}

// farPeer is the first peer that is not reached over the loopback interface, ""
// when all are.
func (n identity) farPeer() string {
	for _, p := range n.peers {
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
	for _, b := range bindAddrs(cfg) {
		if ip := net.ParseIP(b.host); ip != nil && !ip.IsUnspecified() {
			return b.host
		}
	}
	return "127.0.0.1"
}

// announce writes the first lines of the log.
func (s *Server) announce() {
	s.host.Logf(engine.LevelNotice, "Regent %s is starting, process ID %d, %d cores", s.opts.Version, os.Getpid(), cores())
	mode := "alone"
	if s.node.clustered() {
		mode = fmt.Sprintf("one of %d nodes", len(s.node.peers))
		if s.cfg.Join.Get() {
			mode = "to join others with REGENT NODE ADD"
		} else if len(s.node.peers) == 2 {
			s.host.Logf(engine.LevelWarning, "Two nodes need both of them: there is no automatic failover with fewer than three")
		}
		if s.node.secret == "" {
			s.host.Logf(engine.LevelWarning, "The peers' channel has no secret (masterauth or cluster-secret): anyone who reaches the port can speak on it")
		}
	}
	for _, note := range s.cfg.Notes() {
		s.host.Logf(engine.LevelWarning, "Configuration: %s", note)
	}
	s.sayWhatIsKept()
	s.host.Logf(engine.LevelNotice, "Running %s, node %d at %s", mode, s.node.id, s.node.addr())
}
