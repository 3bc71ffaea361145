package harness

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Hosts are network namespaces on a bridge of their own, for nodes that must
// be cut off from each other, also in one direction only:
//
//	hub namespace      bridge 10.77.0.254 ── clients dial from here
//	                     │       │       │
//	host namespaces   10.77.0.1  .2     .3     one node in each
//
// Nothing of it is visible outside the namespaces. A cut is a policy rule in
// the receiver's namespace that drops what comes from the sender without a
// word, as a broken network does.
type Hosts struct {
	hub   string
	names []string
}

const (
	// hostNet is the network of the bridge.
	hostNet = "10.77.0."
	hubHost = 254
	// maxHosts bounds the namespaces of one test.
	maxHosts = 16
	// netnsDir is where iproute2 keeps named namespaces.
	netnsDir = "/var/run/netns"
)

// NewHosts makes n hosts; it needs root and iproute2. The caller removes what
// comes back also with an error.
func NewHosts(n int) (*Hosts, error) {
	if n > maxHosts {
		return nil, fmt.Errorf("more than %d hosts", maxHosts)
	}
	tag := "regent-" + strconv.Itoa(os.Getpid())
	h := &Hosts{hub: tag + "-hub"}
	if err := ip("netns", "add", h.hub); err != nil {
		return h, err
	}
	err := firstError(
		h.in(h.hub, "link", "add", "br0", "type", "bridge"),
		h.in(h.hub, "addr", "add", hostNet+strconv.Itoa(hubHost)+"/24", "dev", "br0"),
		h.in(h.hub, "link", "set", "br0", "up"),
	)
	for i := 0; i < n && err == nil; i++ {
		err = h.addHost(tag+"-"+strconv.Itoa(i+1), i)
	}
	return h, err
}

func (h *Hosts) addHost(name string, i int) error {
	h.names = append(h.names, name)
	port := "p" + strconv.Itoa(i+1)
	return firstError(
		ip("netns", "add", name),
		h.in(h.hub, "link", "add", port, "type", "veth", "peer", "name", "eth0", "netns", name),
		h.in(h.hub, "link", "set", port, "master", "br0", "up"),
		h.in(name, "addr", "add", h.IP(i)+"/24", "dev", "eth0"),
		h.in(name, "link", "set", "eth0", "up"),
		h.in(name, "link", "set", "lo", "up"),
		// Rules for cuts must be asked before the host takes a packet in.
		h.in(name, "rule", "add", "pref", "1000", "lookup", "local"),
		h.in(name, "rule", "del", "pref", "0"),
	)
}

// IP is the address of host i, from 0.
func (h *Hosts) IP(i int) string { return hostNet + strconv.Itoa(i+1) }

// Prefix are the words that run a command on host i, with the same PID.
func (h *Hosts) Prefix(i int) []string { return []string{"ip", "netns", "exec", h.names[i]} }

// Hub are the words that run a command where the clients are.
func (h *Hosts) Hub() []string { return []string{"ip", "netns", "exec", h.hub} }

// HostPort is the port of every node that has a host of its own.
const HostPort = 7000

// Cluster prepares a Regent node on each host, with IDs from 1; extra arguments
// go to each.
func (h *Hosts) Cluster(binary, dir string, args ...string) *Cluster {
	var peers []string
	for i := range h.names {
		peers = append(peers, fmt.Sprintf("%d@%s:%d", i+1, h.IP(i), HostPort))
	}
	args = append([]string{"--peers", strings.Join(peers, ","), "--protected-mode", "no", "--cluster-secret", "hosts"}, args...)
	c := &Cluster{}
	for i := range h.names {
		id := strconv.Itoa(i + 1)
		c.Nodes = append(c.Nodes, &Node{
			Binary: binary, Host: h.IP(i), Port: HostPort, Prefix: h.Prefix(i), Dialer: h.Dial,
			Dir: filepath.Join(dir, id), Args: append([]string{"--node-id", id}, args...),
		})
	}
	return c
}

// Isolate cuts a host off from all others in both directions; the hub reaches
// it still.
func (h *Hosts) Isolate(host int) error { return h.both(host, h.Cut) }

// Rejoin ends Isolate.
func (h *Hosts) Rejoin(host int) error { return h.both(host, h.Mend) }

func (h *Hosts) both(host int, do func(from, to int) error) error {
	for i := range h.names {
		if i == host {
			continue
		}
		if err := firstError(do(i, host), do(host, i)); err != nil {
			return err
		}
	}
	return nil
}

// Cut drops what host from sends to host to.
func (h *Hosts) Cut(from, to int) error {
	return h.in(h.names[to], "rule", "add", "pref", strconv.Itoa(100+from), "from", h.IP(from), "blackhole")
}

// Mend ends a Cut.
func (h *Hosts) Mend(from, to int) error {
	return h.in(h.names[to], "rule", "del", "pref", strconv.Itoa(100+from))
}

// Remove takes the namespaces away; the nodes in them must have ended.
func (h *Hosts) Remove() error {
	var errs []error
	for _, n := range append(h.names, h.hub) {
		errs = append(errs, ip("netns", "del", n))
	}
	return errors.Join(errs...)
}

// Dial connects from the hub. A namespace belongs to a thread: this one is
// given back to the runtime only when it is in its own again.
func (h *Hosts) Dial(ctx context.Context, network, addr string) (net.Conn, error) {
	type result struct {
		conn net.Conn
		err  error
	}
	done := make(chan result, 1)
	go func() {
		runtime.LockOSThread()
		home, err := os.Open("/proc/thread-self/ns/net")
		if err != nil {
			done <- result{nil, err}
			return
		}
		defer home.Close()
		if err := enter(filepath.Join(netnsDir, h.hub)); err != nil {
			done <- result{nil, err} // the locked thread ends with its goroutine
			return
		}
		d := net.Dialer{Timeout: time.Second}
		// An address without a name needs no resolver, and so no other thread.
		conn, err := d.DialContext(ctx, network, addr)
		if unix.Setns(int(home.Fd()), unix.CLONE_NEWNET) == nil {
			runtime.UnlockOSThread()
		}
		done <- result{conn, err}
	}()
	r := <-done
	return r.conn, r.err
}

func enter(path string) error {
	ns, err := os.Open(path)
	if err != nil {
		return err
	}
	defer ns.Close()
	return unix.Setns(int(ns.Fd()), unix.CLONE_NEWNET)
}

func (h *Hosts) in(ns string, args ...string) error {
	return ip(append([]string{"-n", ns}, args...)...)
}

func ip(args ...string) error {
	if out, err := exec.Command("ip", args...).CombinedOutput(); err != nil {
		return fmt.Errorf("ip %s: %w: %s", strings.Join(args, " "), err, out)
	}
	return nil
}

func firstError(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
