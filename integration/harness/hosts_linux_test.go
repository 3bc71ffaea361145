package harness

import (
	"context"
	"os"
	"os/exec"
	"testing"
	"time"
)

// TestHostsCanBeCut: a packet of one host reaches another, not after a cut in
// its direction, and again after the mend.
func TestHostsCanBeCut(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Fatal("network namespaces need root")
	}
	h, err := NewHosts(2)
	t.Cleanup(func() {
		if err := h.Remove(); err != nil {
			t.Error(err)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	n := &Node{Binary: "redis-server", Host: h.IP(0), Port: 7000, Dir: t.TempDir(), Prefix: h.Prefix(0), Args: []string{"--save", "", "--protected-mode", "no"}, Dialer: h.Dial}
	t.Cleanup(func() { _ = n.Kill() })
	if err := n.Start(); err != nil {
		t.Fatal(err)
	}
	if err := n.Ready(t.Context()); err != nil {
		t.Fatal(err)
	}
	from2 := append(h.Prefix(1), "redis-cli", "-h", h.IP(0), "-p", "7000", "ping")
	reached := func() bool {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		return exec.CommandContext(ctx, from2[0], from2[1:]...).Run() == nil
	}
	if !reached() {
		t.Fatal("the hosts do not reach each other")
	}
	if err := h.Cut(1, 0); err != nil {
		t.Fatal(err)
	}
	if reached() {
		t.Error("a cut lets packets through")
	}
	if n.Ready(t.Context()) != nil {
		t.Error("a cut between two hosts cuts the hub off")
	}
	if err := h.Mend(1, 0); err != nil {
		t.Fatal(err)
	}
	if !reached() {
		t.Error("the hosts do not reach each other after the mend")
	}
}
