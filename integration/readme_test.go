package integration

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// A readmeStep says how a line of README's sh blocks is tried.
type readmeStep struct {
	script string // bash, in namespaces of its own, with $out and the functions of readmePreamble
	test   string // or the test that carries it out
}

// readmeSteps are in README's order, under the line without its comment. The
// lines for three machines belong to a test with three network namespaces.
func readmeSteps() map[string]readmeStep {
	const compose, machines = "TestCompose", "TestReadmeOnThreeMachines"
	return map[string]readmeStep{
		"go run ./cmd/regent cluster": {script: `setsid go run ./cmd/regent cluster > $out/cluster 2>&1 & cluster=$!
			await 200 grep -q '^ *7003 .* LEADER' $out/cluster # on a busy machine another one may lead before`},
		"redis-cli -c -p 7001 set k v": {script: `expect OK redis-cli -c -p 7001 set k v; expect OK go run ./cmd/regent cli -p 7001 set k v`},
		"kill -9 <process of the leader>": {script: `kill -9 $(awk '$4 == "LEADER" {print $3}' $out/cluster | tail -1)
			await 60 grep -q 'no longer leads: its process has ended' $out/cluster
			await 60 grep -q 'No node led for' $out/cluster`},
		"redis-cli -c -p 7002 get k": {script: `await 60 expect v redis-cli -c -p 7002 get k`},
		"redis-cli -p 7101 get k":    {script: `await 60 expect v redis-cli -p 7101 get k`},
		"redis-cli -p 7201 sentinel get-master-addr-by-name mymaster": {script: `
			await 60 bash -c "redis-cli -p 7201 sentinel get-master-addr-by-name mymaster | grep -qx '710[123]'"
			kill -INT -- -$cluster; wait $cluster || true
			CGO_ENABLED=0 make build > $out/build 2>&1`},
		"./bin/regent": {script: `./bin/regent > $out/lone 2>&1 & server=$!
			await 60 expect PONG redis-cli ping
			kill $server; wait $server`},
		"./bin/regent regent.conf --port 7000": {script: `./bin/regent regent.conf --port 7000 > $out/conf 2>&1 & server=$!
			await 60 expect PONG redis-cli -p 7000 ping`},
		"./bin/regent cli -p 7000 set k v":  {script: `expect OK ./bin/regent cli -p 7000 set k v`},
		"./bin/regent check-health -p 7000": {script: `expect 'healthy: a lone server' ./bin/regent check-health -p 7000`},
		"make image":                        {test: compose},
		"docker-compose up -d":              {test: compose},
		"regent backup --from host:port --to DIR": {script: `./bin/regent backup --from 127.0.0.1:7000 --to $out/copy
			kill $server; wait $server`},
		"regent check-aof DIR":                                 {script: `./bin/regent check-aof data`},
		"regent check-rdb FILE":                                {script: `./bin/regent check-rdb $(ls $out/copy/*.rdb | head -1)`},
		"regent restore --from DIR --to DIR":                   {script: `./bin/regent restore --from $out/copy --to $out/restored`},
		"REDISCLI_AUTH=change-me redis-cli -c -p 7001 set k v": {test: compose},
		"10.0.0.": {test: machines},
	}
}

// readmePreamble makes a place where every port is free and ./data is empty.
const readmePreamble = `set -eu
ip link set lo up
mkdir -p data
mount -t tmpfs tmpfs data
expect() { want=$1; shift; got=$("$@" 2>&1 || true); [ "$got" = "$want" ] || { echo "$*: got $got, want $want"; return 1; }; }
await() { end=$((SECONDS + $1)); shift; until "$@" > $out/last 2>&1; do [ $SECONDS -lt $end ] || { cat $out/last; return 1; }; sleep 0.1; done; }
`

// TestReadmeLines carries out the commands of README as they stand there, and
// finds a test for each that it does not carry out itself.
func TestReadmeLines(t *testing.T) {
	need(t, "redis-cli")
	need(t, "unshare")
	steps, used := readmeSteps(), map[string]bool{}
	script, out := strings.Builder{}, t.TempDir()
	fmt.Fprintf(&script, "out=%s\n%s", out, readmePreamble)
	var runs []string
	for _, line := range readmeLines(t) {
		key := line
		if strings.Contains(line, "10.0.0.") || line == "mkdir d4" {
			key = "10.0.0."
		}
		step, ok := steps[key]
		if target, isMake := strings.CutPrefix(line, "make "); isMake && !ok {
			if out, err := exec.Command("make", "-C", "..", "-n", target).CombinedOutput(); err != nil {
				t.Errorf("make %s: %v\n%s", target, err, out)
			}
			continue
		}
		if !ok {
			t.Errorf("README's line is tried by no test: %s", line)
		}
		used[key] = true
		if step.script != "" {
			runs = append(runs, key)
		} else if ok && !testExists(t, step.test) {
			t.Errorf("there is no test %s, which README's line needs: %s", step.test, line)
		}
	}
	for key := range steps {
		if !used[key] {
			t.Errorf("README has no such line any more: %s", key)
		}
	}
	// The tools need the server that the lines before them have started.
	for _, late := range []string{"regent backup --from host:port --to DIR", "regent check-aof DIR", "regent check-rdb FILE"} {
		if i := slices.Index(runs, late); i >= 0 {
			runs = append(slices.Delete(runs, i, i+1), late)
		}
	}
	runs = append(slices.DeleteFunc(runs, func(k string) bool { return strings.HasPrefix(k, "regent restore") }), "regent restore --from DIR --to DIR")
	for _, key := range runs {
		fmt.Fprintf(&script, "echo '== %s'\n%s\n", key, steps[key].script)
	}
	if t.Failed() {
		return
	}
	cmd := exec.CommandContext(within(t, 280*time.Second), "unshare", "--mount", "--net", "--pid", "--fork", "--kill-child", "bash", "-c", script.String())
	cmd.Dir = ".."
	text, err := cmd.CombinedOutput()
	if err != nil {
		files, _ := filepath.Glob(filepath.Join(out, "*"))
		for _, f := range files {
			if b, err := os.ReadFile(f); err == nil {
				t.Logf("%s:\n%s", filepath.Base(f), b[max(0, len(b)-3000):])
			}
		}
		t.Fatalf("%v\n%s", err, text)
	}
}

// testExists looks for a test of this package by name.
func testExists(t *testing.T, name string) bool {
	t.Helper()
	files, err := filepath.Glob("*_test.go")
	if err != nil {
		t.Fatal(err)
	}
	return slices.ContainsFunc(files, func(file string) bool {
		text, err := os.ReadFile(file)
		return err == nil && strings.Contains(string(text), "func "+name+"(")
	})
}

// readmeLines are the lines of README's sh blocks without comments; what is
// continued is one line.
func readmeLines(t *testing.T) (lines []string) {
	t.Helper()
	text, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, block := range regexp.MustCompile("(?s)```sh\n(.*?)```").FindAllStringSubmatch(string(text), -1) {
		for _, line := range strings.Split(strings.ReplaceAll(block[1], "\\\n", " "), "\n") {
			line, _, _ = strings.Cut(line, "#")
			if line = strings.TrimSpace(line); line != "" {
				lines = append(lines, line)
			}
		}
	}
	return lines
}

// TestDirectivesAreDocumented: every directive that Redis does not have stands
// in README's table and in the sample file, with its default.
func TestDirectivesAreDocumented(t *testing.T) {
	redis, regent := startRedis(t), prepareNode(t, binary())
	must(t, regent.Start())
	ready(t, regent)
	theirs, err := client(t, redis).ConfigGet(t.Context(), "*").Result()
	if err != nil {
		t.Fatal(err)
	}
	ours, err := client(t, regent).ConfigGet(t.Context(), "*").Result()
	if err != nil {
		t.Fatal(err)
	}
	readme, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	sample, err := os.ReadFile("../regent.conf")
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range ours {
		if _, known := theirs[name]; known || value == fmt.Sprint(regent.Port) {
			continue
		}
		row := regexp.MustCompile("(?m)^\\| .*`" + name + "`.* \\| (.*) \\| .* \\|$").FindStringSubmatch(string(readme))
		if row == nil {
			t.Errorf("README's table lacks %s", name)
		} else if value != "" && value != "0" && !strings.HasPrefix(row[1], value) {
			t.Errorf("README gives %s the default %q, it is %q", name, row[1], value)
		}
		line := regexp.MustCompile("(?m)^(?:# )?" + name + " (.*)$").FindStringSubmatch(string(sample))
		if line == nil {
			t.Errorf("regent.conf lacks %s", name)
		} else if value != "" && line[1] != value {
			t.Errorf("regent.conf gives %s the default %q, it is %q", name, line[1], value)
		}
	}
}

// TestSampleConfiguration starts a server with the sample file, as it is and
// with each commented directive taken in.
func TestSampleConfiguration(t *testing.T) {
	sample, err := os.ReadFile("../regent.conf")
	if err != nil {
		t.Fatal(err)
	}
	all := regexp.MustCompile(`(?m)^# ([a-z-]+ [^ ]+)$`).ReplaceAllString(string(sample), "$1")
	for name, text := range map[string]string{"as it is": string(sample), "all of it": all} {
		t.Run(name, func(t *testing.T) {
			conf := filepath.Join(t.TempDir(), "regent.conf")
			write(t, conf, text)
			n := prepareNode(t, binary())
			n.Before = []string{conf}
			if name != "as it is" { // the sample's peers, password and addresses are examples
				n.Args = []string{"--peers", "", "--client-addresses", "", "--requirepass", ""}
			}
			if err := n.Start(); err != nil {
				t.Fatal(err)
			}
			ready(t, n)
		})
	}
}
