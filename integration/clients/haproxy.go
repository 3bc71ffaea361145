package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"

	"github.com/redis/go-redis/v9"

	"regent/integration/harness"
)

// HAProxy in front of the plain ports of all nodes, in two ways: it knows nothing and goes
// on to the next node when one refuses a connection, or it asks each node for its role.
const (
	dumbFace    = "plain, HAProxy"
	checkedFace = "plain, HAProxy that checks"
	fronts      = 2
)

func frontOf(face string) (i int, ok bool) {
	i = slices.Index([]string{dumbFace, checkedFace}, face)
	return i, i >= 0
}

// haproxyHead is before both. A connection that is refused goes to the next server at
// once: a second attempt at the same one would wait for a second.
const haproxyHead = `defaults
  mode tcp
  timeout connect 1s
  timeout client 1h
  timeout server 1h
  retries 3
  option redispatch 1
`

// dumb is a TCP balancer without any check.
const dumb = `listen dumb
  bind %s
  balance roundrobin
`

// checked sends clients to the node that says that it is the master.
const checked = `listen checked
  bind %s
  option tcp-check
  tcp-check connect
  tcp-check send INFO\ replication\r\n
  tcp-check expect string role:master
  tcp-check send QUIT\r\n
  tcp-check expect string +OK
  timeout check 250ms
  default-server check inter 100ms fall 1 rise 1 on-marked-down shutdown-sessions
`

// A balancer is one HAProxy.
type balancer struct {
	cmd   *exec.Cmd
	done  chan struct{}
	addrs []string // by frontOf; none: it is not installed
	why   error    // then
}

// balance starts HAProxy.
func (p *place) balance(ctx context.Context, dir, host string, ports []int) (*balancer, error) {
	b := &balancer{}
	path, err := exec.LookPath("haproxy")
	if err != nil {
		b.why = err
		return b, nil
	}
	text := haproxyHead
	for i, section := range []string{dumb, checked} {
		addr := net.JoinHostPort(host, strconv.Itoa(ports[i]))
		b.addrs = append(b.addrs, addr)
		text += fmt.Sprintf(section, addr)
		for j, n := range p.Nodes {
			text += fmt.Sprintf("  server node%d %s\n", j, at(n, p.plain[j]))
		}
	}
	file := filepath.Join(dir, "haproxy.cfg")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		return nil, err
	}
	argv := append(slices.Clone(p.prefix), path, "-f", file, "-db", "-q")
	b.cmd = exec.Command(argv[0], argv[1:]...)
	var said bytes.Buffer
	b.cmd.Stderr = &said
	b.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := b.cmd.Start(); err != nil {
		return nil, err
	}
	b.done = make(chan struct{})
	go func() {
		_ = b.cmd.Wait()
		close(b.done)
	}()
	err = p.reach(ctx, b)
	if err != nil {
		b.kill()
		err = fmt.Errorf("haproxy: %w: %s", err, lastLine(said.String()))
	}
	return b, err
}

// reach waits until clients get through.
func (p *place) reach(ctx context.Context, b *balancer) error {
	ctx, cancel := context.WithTimeout(ctx, slack)
	defer cancel()
	for _, addr := range b.addrs {
		if err := harness.Until(ctx, func() error {
			select {
			case <-b.done:
				return harness.Final(errors.New("it has ended"))
			default:
			}
			return p.ping(ctx, addr)
		}); err != nil {
			return err
		}
	}
	return nil
}

// plainClient is one connection to addr, from where the clients are, which says nothing twice.
func (p *place) plainClient(addr string) *redis.Client {
	return redis.NewClient(&redis.Options{
		Dialer: p.Nodes[0].Dialer, Addr: addr, PoolSize: 1, MaxRetries: -1, DialerRetries: 1,
		DialTimeout: slack, ReadTimeout: slack, WriteTimeout: slack,
	})
}

func (p *place) ping(ctx context.Context, addr string) error {
	c := p.plainClient(addr)
	defer c.Close()
	return c.Ping(ctx).Err()
}

// kill ends HAProxy.
func (b *balancer) kill() {
	if b != nil && b.cmd != nil {
		_ = b.cmd.Process.Kill()
		<-b.done
	}
}
