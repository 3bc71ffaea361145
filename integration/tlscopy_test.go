package integration

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"
)

// fullCopy is the leader's line about one that is over.
var fullCopy = regexp.MustCompile(`Full copy to node ([0-9]) .*done: [0-9]{7,} bytes`)

// TestTLSFullCopy: nodes that speak nothing but TLS get everything from one that has begun
// with a directory of redis-server's, values of hundreds of records of TLS among it: the
// second at its start, the first later, while a writer writes. Both say the same as the
// leader afterwards.
func TestTLSFullCopy(t *testing.T) {
	r := startRedis(t, "--appendonly", "yes")
	rc := client(t, r)
	setMany(t, rc, "old", 20000)
	large := make([]byte, 4<<20)
	_, _ = rand.NewChaCha8([32]byte{}).Read(large) // nothing makes it shorter
	must(t, rc.Set(t.Context(), "large", large, 0).Err())
	must(t, r.Stop())

	a := newPair(t)
	debug := []string{"--enable-debug-command", "yes"}
	nodes := prepareTLSCluster(t, a, map[int][]string{0: debug, 1: debug, 2: debug})
	const dir = "appendonlydir"
	must(t, os.CopyFS(filepath.Join(nodes[2].Dir, dir), os.DirFS(filepath.Join(r.Dir, dir))))
	must(t, nodes[2].Start()) // the highest: no other takes over from it
	must(t, nodes[1].Start())
	leader := leaderByTLS(t, a, nodes[1:])
	c := tlsClient(t, a, "client", leader.Port)
	written := 0
	write := func() bool {
		if c.Set(t.Context(), "new"+strconv.Itoa(written), written, 0).Err() != nil {
			return false
		}
		written++
		return true
	}
	await(t, "write", write) // a majority has acknowledged it
	must(t, nodes[0].Start())
	copied := func(id string) bool {
		for _, m := range fullCopy.FindAllStringSubmatch(leader.Log(), -1) {
			if m[1] == id {
				return true
			}
		}
		return false
	}
	await(t, "full copy to the first", func() bool { write(); return copied("1") })
	if !copied("2") {
		t.Error("the second has its data from elsewhere")
	}
	await(t, "last write", write)
	want := digestByTLS(t, c)
	if len(want) != 40 || strings.Trim(want, "0") == "" {
		t.Fatalf("the leader's digest is %q", want)
	}
	for _, n := range nodes {
		c := tlsClient(t, a, "client", n.Port)
		await(t, "the leader's data at "+n.Addr(), func() bool { return digestByTLS(t, c) == want })
	}
	// It is theirs to lead with, once the vote counts of the one that has come later.
	await(t, "full vote of the first", func() bool { return strings.Contains(nodes[0].Log(), "is a full voter again") })
	must(t, leader.Kill())
	next := leaderByTLS(t, a, nodes[:2])
	if got := digestByTLS(t, tlsClient(t, a, "client", next.Port)); got != want {
		t.Errorf("the next leader says %s, not %s", got, want)
	}
}

func digestByTLS(t *testing.T, c *redis.Client) string {
	t.Helper()
	conn := c.Conn()
	defer conn.Close()
	_ = conn.ReadOnly(t.Context()) // at a leader it means nothing
	text, _ := conn.Do(t.Context(), "DEBUG", "DIGEST").Text()
	return text
}
