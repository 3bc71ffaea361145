package integration

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"regent/engine/config"
)

// composeWitness is laid over docker-compose.yml.
const composeWitness = "docker-compose.witness.yml"

// TestComposeWitnessFile: the witness is told what node 3 of docker-compose.yml is told, and its role.
func TestComposeWitnessFile(t *testing.T) {
	plain, blank := composeCommand(t, "docker-compose.yml", "node3"), composeCommand(t, composeWitness, "node3")
	if want := append(slices.Clone(plain), "--role", "witness"); !slices.Equal(blank, want) {
		t.Errorf("the witness is told\n%q\nwant\n%q", blank, want)
	}
	cfg := config.New()
	if err := config.ParseFlags(cfg, blank, func(string) ([]config.File, error) { return nil, nil }); err != nil {
		t.Fatal(err)
	}
	if cfg.Role.Get() != config.RoleWitness {
		t.Error("the role is another")
	}
}

// composeCommand is a service's command in a compose file, in words.
func composeCommand(t *testing.T, file, service string) (words []string) {
	t.Helper()
	text, err := os.ReadFile("../" + file)
	if err != nil {
		t.Fatal(err)
	}
	const command = "    command: >-\n"
	_, rest, _ := strings.Cut(string(text), "\n  "+service+":\n")
	_, rest, found := strings.Cut(rest, command)
	if !found {
		t.Fatalf("%s: %s has no command", file, service)
	}
	for line := range strings.Lines(rest) {
		if !strings.HasPrefix(line, "      ") {
			break
		}
		for word := range strings.FieldsSeq(line) {
			words = append(words, strings.Trim(word, `"`))
		}
	}
	return words
}

// TestComposeWitness brings it up for real: the witness leads nobody, has no data, sends clients to the
// leader, and the loss of a node with data leaves the other one and it with all that was written.
func TestComposeWitness(t *testing.T) {
	if _, err := os.Stat("/var/run/docker.sock"); err != nil {
		t.Log("no docker daemon on this machine: nothing to compose")
		return
	}
	c := composeUp(t, "docker-compose.yml", composeWitness)
	first := c.leader("")
	if first == node(3) {
		t.Fatal("the witness leads")
	}
	c.redisCli(3, "OK", "set", "greeting", "hello")
	if out, err := c.try("exec", node(3), "/regent", "cli", "-stay", "-p", port(node(3)), "get", "greeting"); !strings.HasPrefix(out, "MOVED") {
		t.Errorf("the witness says %q, %v", out, err)
	}
	c.docker("kill", first)
	second := c.leader(first)
	if second == node(3) {
		t.Fatal("the witness leads")
	}
	c.redisCli(3, "hello", "get", "greeting")
	c.redisCli(3, "OK", "set", "greeting", "again")
	c.docker("start", first)
	c.eventually("the killed node follows again", func() error {
		info, err := c.info(first)
		if err == nil && info["master_link_status"] != "up" && info["role"] != "master" {
			err = fmt.Errorf("link %q", info["master_link_status"])
		}
		return err
	})
	c.redisCli(3, "again", "get", "greeting")
}
