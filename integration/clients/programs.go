package main

import (
	"bytes"
	"context"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// The faces a program can use.
const (
	clusterFace  = "cluster"
	sentinelFace = "sentinel"
	plainFace    = "plain"
)

// A program is a client library at a face.
type program struct {
	name, face string
	own        string // why its library may wait for longer than it has to, "": it does not
	run        func(ctx context.Context, t task) (report, error)
}

// A task is what a program is to do, and where.
type task struct {
	key    string
	during time.Duration
	addrs  []string
	prefix []string // place.prefix
}

//go:embed programs more
var sources embed.FS

// A language is how programs of one are run: argv, with SRC for the program's file.
type language struct {
	name  string
	file  string
	build []string // OUT is what it makes
	argv  []string
	env   []string
	faces []string
	own   map[string]string // program.own, by face
}

func languages() []language {
	all := []string{clusterFace, sentinelFace, plainFace}
	balanced := append(slices.Clone(all), dumbFace, checkedFace)
	return []language{
		{name: "redis-py", file: "programs/redispy.py", argv: []string{"/usr/bin/python3", "SRC"}, faces: balanced,
			own: map[string]string{clusterFace: "its own wait: it tries, with sleeps between, before it says that it cannot look for the slots a second time (4.3)"}},
		{name: "hiredis (C)", file: "programs/hiredis.c", build: []string{"cc", "-O1", "-o", "OUT", "SRC", "-lhiredis"}, argv: []string{"OUT"}, faces: []string{plainFace}},
		{name: "redis-rb (Ruby)", file: "programs/rb.rb", argv: []string{"ruby", "SRC"}, faces: []string{sentinelFace, plainFace}},
		{name: "phpredis (PHP)", file: "programs/php.php", argv: []string{"php", "SRC"}, faces: all},
		{name: "Predis (PHP)", file: "programs/predis.php", argv: []string{"php", "SRC"}, faces: all, own: map[string]string{
			clusterFace:  "its own wait: it goes on asking a node that says CLUSTERDOWN",
			sentinelFace: "its own wait: its timeout of a second for the node and for a Sentinel that stand still",
		}},
		{name: "Redis.pm (Perl)", file: "programs/perl.pl", argv: []string{"/usr/bin/perl", "SRC"}, faces: []string{sentinelFace, plainFace}},
		{name: "redis-lua", file: "programs/lua.lua", argv: []string{"lua5.1", "SRC"}, faces: []string{plainFace}},
		{name: "node-redis", file: "programs/node.js", argv: []string{"/usr/bin/node", "SRC"}, env: []string{"NODE_PATH=/usr/share/nodejs"}, faces: []string{clusterFace, plainFace},
			own: map[string]string{clusterFace: "its own wait: it asks which node has the slots only when one says MOVED, and waits for one that has ended"}},
		{name: "redigo (Go)", file: "more/main.go", build: []string{"go", "build", "-C", "DIR", "-mod=mod", "-o", "OUT", "."}, argv: []string{"OUT", "redigo"}, faces: []string{sentinelFace, plainFace}},
		{name: "rueidis (Go)", file: "more/main.go", build: []string{"go", "build", "-C", "DIR", "-mod=mod", "-o", "OUT", "."}, argv: []string{"OUT", "rueidis"}, faces: all},
	}
}

// unpack writes the programs' sources below dir.
func unpack(dir string) error {
	return fs.WalkDir(sources, ".", func(path string, d fs.DirEntry, err error) error {
		to := filepath.Join(dir, strings.TrimSuffix(path, ".txt"))
		if err != nil || d.IsDir() {
			return errors.Join(err, os.MkdirAll(to, 0o755))
		}
		text, err := sources.ReadFile(path)
		if err != nil {
			return err
		}
		return os.WriteFile(to, text, 0o600)
	})
}

// prepare makes the programs of a language ready; an error says what is missing.
func (l language) prepare(ctx context.Context, dir string) ([]program, error) {
	src := filepath.Join(dir, l.file)
	words := strings.NewReplacer("SRC", src, "OUT", filepath.Join(dir, strings.Fields(l.name)[0]+".bin"), "DIR", filepath.Dir(src))
	replaced := func(argv []string) (out []string) {
		for _, w := range argv {
			out = append(out, words.Replace(w))
		}
		return out
	}
	if l.build != nil {
		argv := replaced(l.build)
		if out, err := exec.CommandContext(ctx, argv[0], argv[1:]...).CombinedOutput(); err != nil {
			return nil, fmt.Errorf("%s: %w: %s", strings.Join(argv, " "), err, lastLine(string(out)))
		}
	}
	argv := replaced(l.argv)
	if _, err := exec.LookPath(argv[0]); err != nil {
		return nil, err
	}
	var out []program
	for _, face := range l.faces {
		kind := face
		if _, ok := frontOf(face); ok {
			kind = plainFace
		}
		out = append(out, program{name: l.name, face: face, own: l.own[face], run: func(ctx context.Context, t task) (report, error) {
			full := slices.Concat(t.prefix, argv, []string{kind}, t.words())
			return external(ctx, full, l.env, t.during)
		}})
	}
	return out, nil
}

// words are a task as a program's arguments: the key, for how long in seconds, addresses.
func (t task) words() []string {
	return append([]string{t.key, strconv.FormatFloat(t.during.Seconds(), 'f', 1, 64)}, t.addrs...)
}

// elsewhere runs one of this program's own clients as a process of its own, where the
// task's prefix puts it.
func elsewhere(ctx context.Context, name, face string, t task) (report, error) {
	self, err := os.Executable()
	if err != nil {
		return report{}, err
	}
	return external(ctx, slices.Concat(t.prefix, []string{self, asWord, name, face}, t.words()), nil, t.during)
}

// asWord, as the first argument, makes this process one of its programs.
const asWord = "as"

// as is a process that elsewhere has begun: name, face, and a task's words.
func as(ctx context.Context, args []string) error {
	const fixed = 4
	if len(args) <= fixed {
		return errors.New("too few arguments")
	}
	seconds, err := strconv.ParseFloat(args[3], 64)
	if err != nil {
		return err
	}
	for _, pr := range goClients() {
		if pr.name == args[0] && pr.face == args[1] {
			r, err := pr.run(ctx, task{key: args[2], during: time.Duration(seconds * float64(time.Second)), addrs: args[fixed:]})
			return errors.Join(err, json.NewEncoder(os.Stdout).Encode(r))
		}
	}
	return fmt.Errorf("no program %s at face %s", args[0], args[1])
}

// slack is how much longer than it counts a program may take.
const slack = 20 * time.Second

// external runs a program and reads its report, its last line.
func external(ctx context.Context, argv, env []string, during time.Duration) (r report, err error) {
	ctx, cancel := context.WithTimeout(ctx, during+slack)
	defer cancel()
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Env = append(os.Environ(), env...)
	var out, said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &said
	if err := cmd.Run(); err != nil {
		return r, fmt.Errorf("%w: %s", err, lastLine(said.String()))
	}
	if err := json.Unmarshal([]byte(lastLine(out.String())), &r); err != nil {
		return r, fmt.Errorf("its report: %w", err)
	}
	return r, nil
}

func lastLine(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return lines[len(lines)-1]
}
