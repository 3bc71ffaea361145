package main

import (
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

// TestTenBehindHAProxy: of a planned change of leader ten plain clients behind a balancer
// that knows nothing see no error; when the leader is killed, those at other nodes see what
// becomes of the command that was in flight.
func TestTenBehindHAProxy(t *testing.T) {
	redis.SetLogger(quiet{})
	p := balanced(t, t.TempDir())
	for _, f := range tenFaults() {
		const short = 200 * time.Millisecond
		got, err := p.ten(t.Context(), f, f.name != "planned", short, short)
		if err != nil {
			t.Fatalf("%s: %v", f.name, err)
		}
		t.Logf("%s: %+v", f.name, got)
		if got.lost+got.stale > 0 {
			t.Errorf("%s: %d values were lost, %d reads stale", f.name, got.lost, got.stale)
		}
		if f.name == "planned" && got.errors > 0 {
			t.Errorf("%s: %d errors: %v", f.name, got.errors, got.said)
		}
		for said := range got.said {
			// EOF: HAProxy has led a client that connected anew to the process that was ending.
			if said != "UNCERTAIN" && said != "MASTERDOWN" && said != "EOF" {
				t.Errorf("%s: a client was told %s", f.name, said)
			}
		}
	}
}

// TestClientBehindHAProxy: go-redis's Client through both ways of balancing.
func TestClientBehindHAProxy(t *testing.T) {
	redis.SetLogger(quiet{})
	p := balanced(t, t.TempDir())
	for _, pr := range goClients() {
		if _, ok := frontOf(pr.face); !ok {
			continue
		}
		r := p.try(t.Context(), pr, faults()[0], quickFail, quickFor)
		if err := r.fair(quickWorks); err != nil {
			t.Errorf("%s: %v", pr.face, err)
		}
		t.Log(row(r))
	}
}

// balanced is a place with HAProxy.
func balanced(t *testing.T, dir string) *place {
	t.Helper()
	p, err := newPlace(t.Context(), build(t, dir), dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Kill)
	if p.front.why != nil {
		t.Fatalf("haproxy is needed: `make tools` installs it (%v)", p.front.why)
	}
	return p
}

// build builds the binary under test.
func build(t *testing.T, dir string) string {
	t.Helper()
	binary := filepath.Join(dir, "regent")
	if out, err := exec.Command("go", "build", "-o", binary, "regent/cmd/regent").CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	return binary
}
