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
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
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
// word, as a broken network does. The lines between hosts and bridge are the
// kernel's, or wires that have weather (wire_linux.go).
type Hosts struct {
	hub     string
	net     string // of the bridge: "10.77.0."
	names   []string
	weather *atomic.Pointer[Weather] // nil: the lines are the kernel's
	wires   []*wire
}

const (
	// hostNet is the network of the bridge where none is asked for.
	hostNet = "10.77.0."
	hubHost = 254
	// maxHosts bounds the namespaces of one test.
	maxHosts = 16
	// netnsDir is where iproute2 keeps named namespaces.
	netnsDir = "/var/run/netns"
)

// NewHosts makes n hosts; it needs root and iproute2. The caller removes what
// comes back also with an error.
func NewHosts(n int) (*Hosts, error) { return newHosts(n, &Hosts{}) }

// NewHostsInWeather makes hosts whose lines have weather, good at first. It
// needs TAP devices as well.
func NewHostsInWeather(n int) (*Hosts, error) {
	h := &Hosts{weather: new(atomic.Pointer[Weather])}
	h.weather.Store(&Weather{})
	return newHosts(n, h)
}

// NewHostsIn makes hosts in a network of a caller's choice, as "10.0.0.": nothing
// of it is visible outside.
func NewHostsIn(network string, n int) (*Hosts, error) { return newHosts(n, &Hosts{net: network}) }

func newHosts(n int, h *Hosts) (*Hosts, error) {
	if h.net == "" {
		h.net = hostNet
	}
	if n > maxHosts {
		return h, fmt.Errorf("more than %d hosts", maxHosts)
	}
	tag := "regent-" + strconv.Itoa(os.Getpid())
	h.hub = tag + "-hub"
	if err := ip("netns", "add", h.hub); err != nil {
		return h, err
	}
	err := firstError(
		h.in(h.hub, "link", "add", "br0", "type", "bridge"),
		h.in(h.hub, "addr", "add", h.net+strconv.Itoa(hubHost)+"/24", "dev", "br0"),
		h.in(h.hub, "link", "set", "br0", "up"),
		h.in(h.hub, "link", "set", "lo", "up"), // a server at the hub is reached from there
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
		h.connect(name, port),
		h.in(h.hub, "link", "set", port, "master", "br0", "up"),
		h.in(name, "addr", "add", h.IP(i)+"/24", "dev", "eth0"),
		h.in(name, "link", "set", "eth0", "up"),
		h.in(name, "link", "set", "lo", "up"),
		// Rules for cuts must be asked before the host takes a packet in.
		h.in(name, "rule", "add", "pref", "1000", "lookup", "local"),
		h.in(name, "rule", "del", "pref", "0"),
	)
}

// connect makes the line between a host's eth0 and a port of the bridge.
func (h *Hosts) connect(name, port string) error {
	if h.weather == nil {
		return h.in(h.hub, "link", "add", port, "type", "veth", "peer", "name", "eth0", "netns", name)
	}
	w := &wire{weather: h.weather}
	h.wires = append(h.wires, w)
	for i, end := range [][2]string{{name, "eth0"}, {h.hub, port}} {
		err := within(end[0], func() (err error) {
			w.ends[i], err = openTap(end[1])
			return err
		})
		if err != nil {
			return err
		}
	}
	w.start(uint64(len(h.wires)))
	return nil
}

// SetWeather changes the weather for every line, for the frames to come. Only
// hosts that were made with weather have it.
func (h *Hosts) SetWeather(w Weather) { h.weather.Store(&w) }

// IP is the address of host i, from 0.
func (h *Hosts) IP(i int) string { return h.net + strconv.Itoa(i+1) }

// HubIP is the address of the hub.
func (h *Hosts) HubIP() string { return h.net + strconv.Itoa(hubHost) }

// AddIP gives a host one more address.
func (h *Hosts) AddIP(i, last int) error {
	return h.in(h.names[i], "addr", "add", h.net+strconv.Itoa(last)+"/24", "dev", "eth0")
}

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
	args = slices.Concat([]string{"--peers", strings.Join(peers, ","), "--protected-mode", "no", "--cluster-secret", "hosts"}, followersAnswer, args)
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

// Refuse puts a firewall before a host that refuses, in its name, whatever other
// hosts send: to each of them its node looks as if it had died. The hub reaches
// it still.
func (h *Hosts) Refuse(host int) error { return h.firewall(host, "-A") }

// Admit ends Refuse.
func (h *Hosts) Admit(host int) error { return h.firewall(host, "-D") }

func (h *Hosts) firewall(host int, change string) error {
	for i := range h.names {
		if i == host {
			continue
		}
		cmd := exec.Command("ip", "netns", "exec", h.names[host], "iptables", "-w", change, "INPUT",
			"-s", h.IP(i), "-p", "tcp", "-j", "REJECT", "--reject-with", "tcp-reset")
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("iptables %s: %w: %s", change, err, out)
		}
	}
	return nil
}

// Remove takes the namespaces away; the nodes in them must have ended.
func (h *Hosts) Remove() error {
	var errs []error
	for _, w := range h.wires {
		w.close()
	}
	for _, n := range append(h.names, h.hub) {
		errs = append(errs, ip("netns", "del", n))
	}
	return errors.Join(errs...)
}

// Dial connects from the hub.
func (h *Hosts) Dial(ctx context.Context, network, addr string) (conn net.Conn, err error) {
	err = within(h.hub, func() (err error) {
		d := net.Dialer{Timeout: time.Second}
		// An address without a name needs no resolver, and so no other thread.
		conn, err = d.DialContext(ctx, network, addr)
		return err
	})
	return conn, err
}

// within calls f on a thread that is in a namespace. A namespace belongs to a
// thread: this one is given back to the runtime only when it is in its own
// again.
func within(ns string, f func() error) error {
	done := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // a locked thread ends with its goroutine
		home, err := os.Open("/proc/thread-self/ns/net")
		if err != nil {
			done <- err
			return
		}
		defer home.Close()
		if err := enter(filepath.Join(netnsDir, ns)); err != nil {
			done <- err
			return
		}
		err = f()
		if unix.Setns(int(home.Fd()), unix.CLONE_NEWNET) == nil {
			runtime.UnlockOSThread()
		}
		done <- err
	}()
	return <-done
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
