package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// The suite's own mode starts src/redis-server itself, with a configuration file and
// what a test asks for. A home is a copy of the suite where that is another server.

// stand is what stands in the place of src/redis-server. The suite waits until the
// server has written its process ID in redis-server's words, which are not Regent's, and
// expects that it listens then, at its port or without an address at its socket, or has ended:
// nobody has asked how it ended then, and for kill it is still there. That line comes before
// all others: tests look at the last one. Others read the log as soon as they have a reply, so
// the server writes into the suite's file itself; the line stands there from the start, and is made
// the one that the suite waits for when it is time.
const stand = `#!/bin/bash
alive() { read -r _ _ state _ </proc/$$/stat && [ "$state" != Z ]; }
port=$(awk '($1 == "port" || $1 == "tls-port") && $2 > 0 { port = $2 } END { print port }' "$1")
socket=$(awk '$1 == "unixsocket" { path = $2 } END { print path }' "$1")
if grep -q '^bind ""' "$1"; then
	listens() { [ -S "$socket" ]; }
else
	listens() { (exec 3<>/dev/tcp/127.0.0.1/$port); }
fi
comes() { while alive && ! listens; do sleep 0.05; done 2>/dev/null; }
log=$(readlink /proc/$$/fd/1)
if [ -f "$log" ]; then
	at=$(stat -c %%s "$log")
	echo "In the place of redis-server, PIX: $$"
	(
		comes
		printf PID | dd of="$log" conv=notrunc oflag=seek_bytes seek=$((at + 30)) status=none
	) &
	exec %[1]q "$@"
fi
exec %[1]q "$@" > >(
	comes
	echo "In the place of redis-server, PID: $$"
	exec cat
)
`

// tools are redis-server's other programs, which tests call.
var tools = []string{"redis-cli", "redis-benchmark", "redis-check-aof", "redis-check-rdb"}

// certificates are what the suite's servers and clients show one another by TLS. They stay in
// the suite's directory for the next time: to find primes takes a minute, or ten.
func (s suite) certificates() error {
	certs := exec.Command("bash", "utils/gen-test-certs.sh")
	certs.Dir = s.dir
	if out, err := certs.CombinedOutput(); err != nil {
		return fmt.Errorf("make the suite's certificates: %w\n%s", err, out)
	}
	return nil
}

// home makes a copy of the suite with on's server in it, below dir.
func (s suite) home(dir string, on side) (string, error) {
	for _, part := range []string{"tests", "utils"} {
		if err := os.CopyFS(filepath.Join(dir, part), os.DirFS(filepath.Join(s.dir, part))); err != nil {
			return "", fmt.Errorf("copy the suite: %w", err)
		}
	}
	src := filepath.Join(dir, "src")
	if err := os.MkdirAll(src, 0o755); err != nil {
		return "", fmt.Errorf("make the place of the programs: %w", err)
	}
	for _, name := range tools {
		path, err := exec.LookPath(name)
		if err != nil {
			return "", fmt.Errorf("find what comes with redis-server: %w", err)
		}
		if err := os.Symlink(path, filepath.Join(src, name)); err != nil {
			return "", fmt.Errorf("link %s: %w", name, err)
		}
	}
	binary, err := exec.LookPath(on.binary)
	if err != nil {
		return "", fmt.Errorf("find the server: %w", err)
	}
	if binary, err = filepath.Abs(binary); err != nil {
		return "", fmt.Errorf("find the server: %w", err)
	}
	server := filepath.Join(src, "redis-server")
	if on.tested {
		err = os.WriteFile(server, fmt.Appendf(nil, stand, binary), 0o755)
	} else {
		err = os.Symlink(binary, server)
	}
	if err != nil {
		return "", fmt.Errorf("put the server into the suite: %w", err)
	}
	return dir, nil
}
