package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

const (
	// testCommands are those of a seed in a test, and longRun is how long seeds follow
	// one another when the tests run for long; which seeds those are decides nothing.
	testCommands = 120_000
	longRun      = 30 * time.Minute
)

// binary builds Regent.
func binary(t *testing.T) string {
	t.Helper()
	redis.SetLogger(quiet{})
	bin := filepath.Join(t.TempDir(), "regent")
	build := exec.Command("go", "build", "-o", bin, "regent/cmd/regent")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build the binary: %v\n%s", err, out)
	}
	return bin
}

// differs runs a plan; with REGENT_SOAK new seeds for longRun.
func differs(t *testing.T, p plan) {
	p.regent, p.seeds, p.failures = binary(t), 1, 3
	for began := time.Now(); ; p.seed++ {
		var out strings.Builder
		total, err := p.carryOut(t.Context(), &out)
		if err != nil {
			t.Fatalf("%v\n%s", err, out.String())
		}
		t.Log(out.String())
		if len(total.failures) > 0 {
			t.Fatalf("Regent and redis-server differ in %d ways", len(total.failures))
		}
		if p.nodes == 1 {
			allReached(t, total)
		}
		if os.Getenv("REGENT_SOAK") == "" || time.Since(began) > longRun {
			return
		}
	}
}

func TestRegentAnswersAsRedis(t *testing.T) {
	differs(t, plan{nodes: 1, seed: 1, commands: testCommands})
}

func TestFollowersHaveWhatTheLeaderHas(t *testing.T) {
	differs(t, plan{nodes: 3, seed: 1000, commands: testCommands / 4})
}

// allReached fails unless all commands of the groups but those that the generator leaves
// alone have done something in a run, and nearly all options.
func allReached(t *testing.T, total *tally) {
	t.Helper()
	options, reached := 0, 0
	for i := range total.cmds {
		c := &total.cmds[i]
		if weightOf(c) == 0 {
			continue
		}
		if total.cover.done[c.name] == 0 {
			t.Errorf("%s has never done anything", c.name)
		}
		for _, o := range choices(c.args, false, nil) {
			options++
			if total.cover.options[c.name][o] > 0 {
				reached++
			}
		}
	}
	const share = 97 // in a hundred: what is drawn seldom may be wrong each time
	if reached*100 < options*share {
		t.Errorf("%d of %d options have been reached", reached, options)
	}
}

// TestShrinking: of many steps those are left that make the difference.
func TestShrinking(t *testing.T) {
	var steps []step
	for _, w := range strings.Fields("a b c d e f g h i j") {
		steps = append(steps, step{args: []string{w, "x", "y"}})
	}
	sh := shrinker{kind: "both", try: func(steps []step) *failure {
		c := -1
		for i, s := range steps {
			if s.args[0] == "c" {
				c = i
			}
			if s.args[0] == "h" && c >= 0 && c < i && len(s.args) > 1 && s.args[len(s.args)-1] == "y" {
				return &failure{at: i, what: "both"}
			}
		}
		return nil
	}}
	got := sh.shrink(steps)
	if len(got) != 2 || got[0].String() != "c" || got[1].String() != "h y" {
		t.Errorf("%v is left", got)
	}
}

// TestTheListOfDifferences: what it allows, and that it allows no more.
func TestTheListOfDifferences(t *testing.T) {
	text := func(s ...string) value {
		v := value{kind: '*'}
		for _, el := range s {
			v.elems = append(v.elems, value{kind: '$', text: el})
		}
		return v
	}
	number := func(s string) value { return value{kind: ':', text: s} }
	for _, c := range []struct {
		cmd       string
		got, want value
		same      bool
	}{
		{"SMEMBERS t", text("a", "b"), text("b", "a"), true},
		{"SMEMBERS t", text("a", "b"), text("b", "b"), false},
		{"LRANGE l 0 -1", text("a", "b"), text("b", "a"), false},
		{"HGETALL h", text("a", "1", "b", "2"), text("b", "2", "a", "1"), true},
		{"HGETALL h", text("a", "2", "b", "1"), text("b", "2", "a", "1"), false},
		{"TTL k", number("100"), number("101"), true},
		{"TTL k", number("-1"), number("0"), false},
		{"TTL k", number("100"), number("5000"), false},
		{"LLEN l", number("100"), number("101"), false},
		{"SORT l BY w ALPHA", text("a", "b"), text("b", "a"), true},
		{"SORT l ALPHA", text("a", "b"), text("b", "a"), false},
		{"DUMP l", value{kind: '$', text: "\x02ab"}, value{kind: '$', text: "\x02ba"}, true},
		{"DUMP l", value{kind: '$', text: "\x12ab"}, value{kind: '$', text: "\x12ba"}, false},
		{"OBJECT ENCODING k", value{kind: '$', text: "a"}, value{kind: '$', text: "b"}, false},
		{"GET k", value{kind: '$', null: true}, value{kind: '*', null: true}, false},
	} {
		if got := newJudge().agree(strings.Fields(c.cmd), c.got, c.want, false); got != c.same {
			t.Errorf("%s: %s beside %s: %v", c.cmd, c.got, c.want, got)
		}
	}
}
