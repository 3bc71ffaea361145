package integration

import (
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"regent/integration/harness"
)

// TestTLSPorts: what a node of a cluster says of its ports, to clients that speak TLS and to
// those that do not, is what redis-server says, announced or not. (With tls-cluster no it
// tells all clients the port without TLS; here each is told what it can go on with.)
func TestTLSPorts(t *testing.T) {
	a := newPair(t)
	id := regexp.MustCompile(`[0-9a-f]{40}`)
	for what, flags := range map[string][]string{
		"as they are":               {"--tls-cluster", "yes"},
		"announced":                 {"--tls-cluster", "yes", "--cluster-announce-port", "7001", "--cluster-announce-tls-port", "7443"},
		"by TLS alone":              {"--tls-cluster", "yes", "--port", "0"},
		"by TLS alone, announced":   {"--tls-cluster", "yes", "--port", "0", "--cluster-announce-tls-port", "7443"},
		"announced by the one port": {"--tls-cluster", "yes", "--cluster-announce-port", "7001"},
	} {
		t.Run(what, func(t *testing.T) {
			ports, err := harness.FreePorts(3)
			must(t, err)
			bare, byTLS := ports[0], ports[1]
			flags := append(append([]string{"--port", strconv.Itoa(bare), "--tls-port", strconv.Itoa(byTLS), "--cluster-enabled", "yes",
				"--cluster-announce-ip", "10.1.2.3"}, a.node("server")...), flags...)
			alone := strings.Contains(strings.Join(flags, " "), "--port 0")
			ask := func(words ...string) (out []string) {
				args := a.client("client", byTLS)
				out = append(out, redisCLI(t, append(args, words...)...))
				if !alone {
					out = append(out, redisCLI(t, append([]string{"-p", strconv.Itoa(bare)}, words...)...))
				}
				return out
			}
			questions := [][]string{{"CLUSTER", "SLOTS"}, {"CLUSTER", "SHARDS"}, {"CLUSTER", "NODES"}}
			answers := func() (said []string) {
				await(t, "PONG", func() bool { return ask("PING")[0] == "PONG" })
				for _, q := range questions {
					for _, text := range ask(q...) {
						text = id.ReplaceAllString(text, "ID")
						if q[1] == "NODES" { // the bus's port, and times, are each server's own
							text = strings.SplitN(strings.Fields(text)[1], "@", 2)[0]
						}
						said = append(said, text)
					}
				}
				return said
			}
			theirs := exec.CommandContext(t.Context(), need(t, "redis-server"), append(flags, "--dir", t.TempDir(), "--save", "", "--cluster-port", strconv.Itoa(ports[2]))...)
			must(t, theirs.Start())
			await(t, "PONG", func() bool { return ask("PING")[0] == "PONG" })
			if got := redisCLI(t, append(a.client("client", byTLS), "CLUSTER", "ADDSLOTSRANGE", "0", "16383")...); got != "OK" {
				t.Fatal(got)
			}
			want := answers()
			_ = theirs.Process.Kill()
			_ = theirs.Wait()
			n := prepareNode(t, binary())
			n.Port = byTLS
			n.Args = flags
			must(t, n.Start())
			for i, got := range answers() {
				if got != want[i] {
					t.Errorf("answer %d:\n got  %q\n want %q", i, got, want[i])
				}
			}
		})
	}
}
