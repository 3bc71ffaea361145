package main

import (
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"syscall"
	"testing"

	"github.com/redis/go-redis/v9"

	"regent/integration/harness"
)

// TestAWokenSentinelNamesNobody: a leader that stood still while another was elected does
// not name itself when it goes on, not in its first answers either: clients that have just
// reconnected to it (Jedis, Redisson) would turn to it.
func TestAWokenSentinelNamesNobody(t *testing.T) {
	redis.SetLogger(quiet{})
	dir := t.TempDir()
	p, err := newPlace(t.Context(), build(t, dir), dir)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Kill()
	leader, err := p.Agreed(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	i := slices.Index(p.Nodes, leader)
	named := func(node int) (string, error) {
		s := redis.NewSentinelClient(&redis.Options{Addr: net.JoinHostPort("127.0.0.1", strconv.Itoa(p.sentinel[node])), MaxRetries: -1})
		defer s.Close()
		at, err := s.GetMasterAddrByName(t.Context(), "mymaster").Result()
		if err != nil || len(at) != 2 {
			return "", err
		}
		return net.JoinHostPort(at[0], at[1]), nil
	}
	old, err := named(i)
	if err != nil || old != net.JoinHostPort("127.0.0.1", strconv.Itoa(p.plain[i])) {
		t.Fatalf("the leader names %q: %v", old, err)
	}
	if err := leader.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	var other string
	if err := harness.Until(t.Context(), func() error {
		if other, err = named((i + 1) % nodes); err == nil && (other == "" || other == old) {
			err = fmt.Errorf("it names %q", other)
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
	// What it is asked while it stands still it answers first.
	const early = 16
	answers := make(chan string, early)
	for range early {
		c, err := net.Dial("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(p.sentinel[i])))
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if _, err := c.Write([]byte("*3\r\n$8\r\nSENTINEL\r\n$23\r\nget-master-addr-by-name\r\n$8\r\nmymaster\r\n")); err != nil {
			t.Fatal(err)
		}
		go func() {
			var b [128]byte
			n, _ := c.Read(b[:])
			answers <- string(b[:n])
		}()
	}
	if err := leader.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	for range early {
		if a := <-answers; a == fmt.Sprintf("*2\r\n$9\r\n127.0.0.1\r\n$%d\r\n%d\r\n", len(strconv.Itoa(p.plain[i])), p.plain[i]) {
			t.Errorf("it names itself: %q", a)
		}
	}
	if err := harness.Until(t.Context(), func() error {
		at, err := named(i)
		switch {
		case at == old:
			return harness.Final(errors.New("it names itself"))
		case at != other && err == nil:
			return fmt.Errorf("it names %q", at)
		}
		return err
	}); err != nil {
		t.Error(err)
	}
}
