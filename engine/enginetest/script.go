package enginetest

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"sort"
	"strconv"
	"strings"
	"testing"
	"time"

	"regent/engine"
	"regent/resp"
)

// A script is a text of commands, one a line, that an engine and a
// redis-server carry out side by side; the replies must be the same, byte for
// byte. Words are quoted as in redis-cli. <x*100> is x a hundred times.
//
//	# a comment
//	SET k "a b"
//	@other GET k            as the client named other
//	~unordered KEYS *       the elements come in any order
//	~about 1 TTL k          integers may differ by 1
//	~code GET k             errors: the first word must be the same
//	~shape RANDOMKEY        only the kind of reply must be the same
//	~kinds CLUSTER SLOTS    the kinds of all elements, not their values
//	~pairs OBJECT HELP      arrays: only the number of elements
//	~silent CLIENT REPLY OFF  there must be no reply
//	~resp 3                 from here on, this client speaks RESP3
//	~sleep 20ms             both clocks move on
//	~blocks BLPOP k 0       there is no reply until something happens
//	~reply                  the reply to what blocked
//	~hears                  everything that was published for this client since
//
// A script begins with an empty keyspace. Marks can be combined, the client
// first.
type script struct {
	t      testing.TB
	server *Server
	redis  *Redis
	ours   map[string]*Client
	theirs map[string]*RedisClient

	control *RedisClient // asks the oracle how many are blocked
	blocked int
	heard   map[string]string // of ours, beside the first reply to a command
}

// RunScripts carries out every script in dir.
func RunScripts(t *testing.T, redis *Redis, dir string, change ...func(o *engine.Options)) {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(dir, "*.txt"))
	if err != nil || len(paths) == 0 {
		t.Fatalf("no scripts in %s: %v", dir, err)
	}
	for _, path := range paths {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txt"), func(t *testing.T) { RunScript(t, redis, path, change...) })
	}
}

// RunScript carries out the script in the file; change may give the engine other
// options.
func RunScript(t *testing.T, redis *Redis, path string, change ...func(o *engine.Options)) {
	t.Helper()
	body, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	sc := &script{
		t: t, server: NewEngine(t, change...), redis: redis,
		ours: map[string]*Client{}, theirs: map[string]*RedisClient{}, heard: map[string]string{},
	}
	sc.control = redis.Client(t)
	sc.control.Do("FLUSHALL")
	for i, line := range bytes.Split(body, []byte("\n")) {
		if err := sc.line(string(line)); err != nil {
			t.Errorf("%s:%d: %s\n%v", path, i+1, line, err)
		}
	}
}

// A rule is how replies are compared.
type rule struct {
	mark  string
	about int64
}

// line carries out one line of a script.
func (sc *script) line(line string) error {
	if line = strings.TrimSpace(line); line == "" || line[0] == '#' {
		return nil
	}
	words, err := resp.SplitWords([]byte(line))
	if err != nil {
		return err
	}
	args := make([]string, len(words))
	for i, w := range words {
		args[i] = expand(string(w))
	}
	who := ""
	if args[0][0] == '@' {
		who, args = args[0], args[1:]
	}
	var ru rule
	if args[0][0] == '~' {
		ru.mark, args = args[0], args[1:]
		switch ru.mark {
		case "~sleep":
			d, err := time.ParseDuration(args[0])
			time.Sleep(d)
			return err
		case "~resp":
			return sc.speak(who, args[0])
		case "~about":
			if ru.about, err = strconv.ParseInt(args[0], 10, 64); err != nil {
				return err
			}
			args = args[1:]
		}
	}
	ours, theirs := sc.clients(who)
	sc.server.Host.Set(time.Now().UnixMilli())
	switch ru.mark {
	case "~blocks":
		return sc.block(ours, theirs, args)
	case "~reply":
		want := theirs.Next()
		sc.blocked--
		return compare(sc.unblocked(ours), want, ru)
	}
	if ru.mark == "~hears" {
		return sc.hears(who)
	}
	if ru.mark == "~silent" {
		theirs.Send(args...) // what it answers all the same is taken for the next reply
		if got := ours.Do(args...); got != "" {
			return fmt.Errorf("  got  %q, want silence", got)
		}
		return nil
	}
	want := theirs.Do(args...)
	got := ours.Do(args...)
	if word := strings.ToLower(args[0]); strings.HasSuffix(word, "subscribe") || strings.HasSuffix(word, "publish") { // one reply for each name, or a message before it
		if _, rest, err := Parse([]byte(got)); err == nil {
			sc.heard[who] += string(rest)
			got = strings.TrimSuffix(got, string(rest))
		}
	}
	return compare(got, want, ru)
}

// marker is what a client says to know that it has heard everything from before.
const marker = "everything was heard"

// hears compares what both have sent a client beside replies.
func (sc *script) hears(who string) error {
	ours, theirs := sc.clients(who)
	var want string
	theirs.Send("PING", marker)
	for next := theirs.Next(); !strings.Contains(next, marker); next = theirs.Next() {
		want += next
	}
	got := sc.heard[who] + ours.Hear()
	sc.heard[who] = ""
	if got != want {
		return fmt.Errorf("  got  %q\n  want %q", got, want)
	}
	return nil
}

// block carries out a command that blocks: the oracle has taken it when it
// counts one more client that is blocked.
func (sc *script) block(ours *Client, theirs *RedisClient, args []string) error {
	theirs.Send(args...)
	sc.blocked++
	count := fmt.Sprintf("blocked_clients:%d\r\n", sc.blocked)
	for end := time.Now().Add(oraclePatience); !strings.Contains(sc.control.Do("INFO", "clients"), count); {
		if time.Now().After(end) {
			return fmt.Errorf("  redis-server does not block")
		}
	}
	if got := ours.Do(args...); got != "" || !ours.Parked() {
		return fmt.Errorf("  got %q, and does not block", got)
	}
	return nil
}

// unblocked is the reply to what has blocked: the oracle has given its own, and
// a time that is up there may be up a moment later here.
func (sc *script) unblocked(ours *Client) (got string) {
	for end := time.Now().Add(time.Second); got == "" && time.Now().Before(end); {
		sc.server.Host.Set(time.Now().UnixMilli())
		got = ours.Go()
	}
	return got
}

func (sc *script) speak(who, version string) error {
	ours, theirs := sc.clients(who)
	theirs.Do("HELLO", version)
	ours.Do("HELLO", version)
	return nil
}

func (sc *script) clients(who string) (*Client, *RedisClient) {
	if sc.ours[who] == nil {
		sc.ours[who] = sc.server.Client()
		sc.theirs[who] = sc.redis.Client(sc.t)
	}
	return sc.ours[who], sc.theirs[who]
}

// expand turns <x*3> into xxx.
func expand(word string) string {
	m := regexp.MustCompile(`^<(.+)\*(\d+)>$`).FindStringSubmatch(word)
	if m == nil {
		return word
	}
	n, err := strconv.Atoi(m[2])
	if err != nil {
		return word
	}
	return strings.Repeat(m[1], n)
}

// compare tells how got differs from want under the rule; nil: it does not.
func compare(got, want string, ru rule) error {
	if got == want {
		return nil
	}
	g, rest, err := Parse([]byte(got))
	if err != nil || len(rest) != 0 {
		return fmt.Errorf("  got  %q, which is not one reply (%v)\n  want %q", got, err, want)
	}
	w, _, err := Parse([]byte(want))
	if err != nil {
		return err
	}
	if ru.same(g, w) {
		return nil
	}
	return fmt.Errorf("  got  %s\n  want %s", clip(g.String()), clip(w.String()))
}

// longestShown bounds a reply in a test's output, in bytes.
const longestShown = 2000

func clip(s string) string {
	if len(s) > longestShown {
		return s[:longestShown] + "..."
	}
	return s
}

func (ru rule) same(g, w Node) bool {
	if g.Type != w.Type || g.Null != w.Null {
		return false
	}
	switch ru.mark {
	case "~shape":
		return true
	case "~kinds":
		return slices.EqualFunc(g.Elems, w.Elems, ru.same)
	case "~pairs":
		return len(g.Elems) == len(w.Elems)
	case "~code":
		a, _, _ := strings.Cut(g.Text, " ")
		b, _, _ := strings.Cut(w.Text, " ")
		return g.Type == '-' && a == b
	case "~unordered":
		return sorted(g) == sorted(w)
	case "~about":
		return ru.near(g, w)
	}
	return false
}

// sorted is n's text with the elements in order.
func sorted(n Node) string {
	parts := make([]string, len(n.Elems))
	for i, el := range n.Elems {
		parts[i] = sorted(el)
	}
	sort.Strings(parts)
	n.Elems = nil
	return n.String() + strings.Join(parts, " ")
}

// near compares integers, alone or in arrays.
func (ru rule) near(g, w Node) bool {
	if len(g.Elems) != len(w.Elems) {
		return false
	}
	for i := range g.Elems {
		if !ru.same(g.Elems[i], w.Elems[i]) {
			return false
		}
	}
	if g.Type != ':' {
		return g.Text == w.Text
	}
	a, errA := strconv.ParseInt(g.Text, 10, 64)
	b, errB := strconv.ParseInt(w.Text, 10, 64)
	return errA == nil && errB == nil && max(a, b)-min(a, b) <= ru.about
}
