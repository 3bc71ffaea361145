// Command regent is the one binary: the server, the client and the tools.
//
//	regent [FILE] [--directive value ...]   a server, started as redis-server is
//	regent cluster [--nodes 3] ...          three servers to play with, and which one leads
//	regent cli [command ...]                a client that follows the leader (package cli)
//	regent check-health                     whether a server can do its work, for supervisors
//	regent check-rdb, check-aof, backup, restore   tools for whole copies of the data (package backup)
//
// It parses arguments and catches signals; everything else is package
// regent's and below.
package main

import (
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"strings"

	"regent/cmd/regent/backup"
	"regent/cmd/regent/cli"
)

// Exit statuses.
const (
	exitOK     = 0
	exitFailed = 1
)

// A tool is the process's surroundings, handed to every subcommand.
type tool struct {
	args []string // without the subcommand's own name
	in   *os.File
	out  io.Writer
	err  io.Writer

	isDetached bool // by daemonize
}

func main() {
	t := tool{args: os.Args[1:], in: os.Stdin, out: os.Stdout, err: os.Stderr}
	os.Exit(t.run())
}

func (t tool) run() int {
	if len(t.args) == 0 {
		return t.serve()
	}
	switch first := t.args[0]; first {
	case "cluster":
		t.args = t.args[1:]
		return t.cluster()
	case "cli":
		t.args = t.args[1:]
		return t.client().Run(t.args)
	case "check-health":
		t.args = t.args[1:]
		return t.client().Health(t.args)
	case "--version", "-v":
		fmt.Fprintf(t.out, "regent %s\n", version())
		return exitOK
	case "--help", "-h", "help":
		fmt.Fprint(t.out, usage)
		return exitOK
	}
	if status, ok := t.offline(t.args[0], t.args[1:]); ok {
		return status
	}
	return t.serve()
}

// client is `regent cli` and its kin.
func (t tool) client() cli.Tool {
	return cli.Tool{In: t.in, Out: t.out, Err: t.err, Getenv: os.Getenv, Version: version()}
}

// fail prints why nothing was started, a line for each reason.
func (t tool) fail(err error) int {
	for line := range strings.SplitSeq(err.Error(), "\n") {
		fmt.Fprintf(t.err, "regent: %s\n", line)
	}
	return exitFailed
}

// version is what the build recorded: a tag, a commit, or that it was neither.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Version == "" || info.Main.Version == "(devel)" {
		return "0.1.0-dev"
	}
	return info.Main.Version
}

const usage = `Regent speaks the Redis protocol and elects its own leader.

  regent [FILE] [--directive value ...]
      Starts a server. FILE has redis.conf's syntax ("-" reads it from standard
      input); regent.conf is a sample. Every directive is a flag too, and a flag
      wins over the file.

        --port 6379               --bind "* -::*"         --unixsocket PATH
        --dir ./data              --appendonly yes        --appendfsync everysec
        --requirepass SECRET      --masterauth SECRET     --loglevel notice
        --node-id N               --peers 1@host:port,2@host:port,3@host:port
        --join yes                (waits until REGENT NODE ADD takes the node in)
        --announce-host HOST      --announce-port N       --write-acks quorum
        --plain-port N            (for clients that know nothing of clusters)
        --sentinel-port N         (for clients of Sentinel)
        --heartbeat-interval 30  --leader-lease 120  --election-timeout 500  (milliseconds)

      CONFIG GET * lists all directives of a running server.

  regent cluster [--nodes 3] [--port 7001] [--dir ./data] [--restart 5s] [-- --directive value ...]
      Starts servers on this machine to play with, a process each. It shows which
      one leads, and why and for how long none did when that changes. A server
      that was killed is started again after --restart (0: never). Ctrl-C ends
      all of them.

  regent cli [-h host] [-p port] [-a password] [-n db] [command ...]
      Sends commands, follows MOVED and waits for an election to end. Without
      a command it reads them from the terminal or a pipe. Its options are
      redis-cli's: regent cli --help lists them.

  regent check-health [-h host] [-p port] [-a password]
      Exits with 1 and a reason if that server can't do its work, for containers
      and supervisors.

` + backup.Usage + `
  regent --version | --help
`
