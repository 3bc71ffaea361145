package keys_test

import (
	"bytes"
	"errors"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"regent/engine"
	"regent/engine/enginetest"
	"regent/resp"
)

// A target is another server as MIGRATE sees it: it hears commands, and answers as the
// test says.
type target struct {
	heard   []string           // the words of each command, payloads left out
	answers map[string]string  // by a command's first words; "" ends the connection
	meant   func(heard string) // called with each command
	dialled []string
	out     bytes.Buffer
	closed  int
	gone    bool
	broken  error // of every Read, and nothing is heard: what a kept connection has come to
}

func (tg *target) dial(addr string, limit time.Duration) (engine.Remote, error) {
	tg.dialled = append(tg.dialled, addr+" "+limit.String())
	if tg.answers["dial"] != "" {
		return nil, errors.New("nobody is there")
	}
	tg.broken = nil
	return tg, nil
}

func (tg *target) Within(time.Duration) error { return nil }
func (tg *target) Close() error               { tg.closed++; return nil }

func (tg *target) Read(p []byte) (int, error) {
	if tg.broken != nil {
		return 0, tg.broken
	}
	if tg.out.Len() == 0 {
		return 0, io.ErrUnexpectedEOF
	}
	return tg.out.Read(p)
}

func (tg *target) Write(p []byte) (int, error) {
	in := resp.NewReader(bytes.NewReader(p), resp.DefaultLimits())
	for {
		v, err := in.Read()
		if err != nil {
			return len(p), nil
		}
		var words []string
		for i, el := range v.Elems {
			if i != 3 || !strings.HasPrefix(words[0], "RESTORE") {
				words = append(words, string(el.Text))
			}
		}
		tg.hear(strings.Join(words, " "))
	}
}

func (tg *target) hear(line string) {
	tg.heard = append(tg.heard, line)
	if tg.meant != nil {
		tg.meant(line)
	}
	answer := "+OK\r\n"
	for begin, a := range tg.answers {
		if strings.HasPrefix(line, begin) {
			answer = a
		}
	}
	if tg.gone = tg.gone || answer == ""; !tg.gone {
		tg.out.WriteString(answer)
	}
}

func TestMigrate(t *testing.T) {
	const keys = `MIGRATE h 7 "" 2 50 KEYS a b none c`
	for name, c := range map[string]struct {
		before  string // commands, separated by semicolons
		cmd     string
		answers map[string]string
		change  map[string]string // what another client says as the target hears something, once
		want    string
		heard   []string
		left    string // KEYS, sorted
		log     []string
		ended   bool // the connection is of no more use
	}{
		"one key": {
			cmd: "MIGRATE h 7 a 0 0", want: "+OK\r\n", heard: []string{"SELECT 0", "RESTORE a 0"},
			left: "b c", log: []string{"DEL a"},
		},
		"several": {
			cmd: keys, want: "+OK\r\n", heard: []string{"SELECT 2", "RESTORE a 0", "RESTORE b 100000", "RESTORE c 0"},
			log: []string{"DEL a b c"},
		},
		"none": {cmd: "MIGRATE h 7 none 0 0", want: "+NOKEY\r\n", left: "a b c"},
		"copies": {
			cmd: "MIGRATE h 7 a 0 10 replace COPY", want: "+OK\r\n", heard: []string{"SELECT 0", "RESTORE a 0 REPLACE"}, left: "a b c",
		},
		"with a password": {
			cmd: "MIGRATE h 7 a 0 10 AUTH2 u p", want: "+OK\r\n", heard: []string{"AUTH u p", "SELECT 0", "RESTORE a 0"},
			left: "b c", log: []string{"DEL a"},
		},
		"a wrong password": {
			ended: true,
			cmd:   "MIGRATE h 7 a 0 10 AUTH p", answers: map[string]string{"AUTH": "-WRONGPASS no\r\n", "SELECT": "-NOAUTH x\r\n"},
			want:  "-ERR Target instance replied with error: WRONGPASS no\r\n",
			heard: []string{"AUTH p", "SELECT 0", "RESTORE a 0"}, left: "a b c",
		},
		"one is refused": {
			cmd: keys, answers: map[string]string{"RESTORE b": "-BUSYKEY there\r\n"},
			want:  "-ERR Target instance replied with error: BUSYKEY there\r\n",
			heard: []string{"SELECT 2", "RESTORE a 0", "RESTORE b 100000", "RESTORE c 0"}, left: "b", log: []string{"DEL a c"},
		},
		"no database": {
			ended: true,
			cmd:   "MIGRATE h 7 a 99 10", answers: map[string]string{"SELECT": "-ERR DB index is out of range\r\n"},
			want:  "-ERR Target instance replied with error: ERR DB index is out of range\r\n",
			heard: []string{"SELECT 99", "RESTORE a 0"}, left: "a b c",
		},
		"the line breaks": {
			ended: true,
			cmd:   keys, answers: map[string]string{"RESTORE b": ""}, want: "-IOERR error or timeout reading to target instance\r\n",
			heard: []string{"SELECT 2", "RESTORE a 0", "RESTORE b 100000", "RESTORE c 0"}, left: "b c", log: []string{"DEL a"},
		},
		"nobody there": {
			cmd: keys, answers: map[string]string{"dial": "no"}, want: "-IOERR error or timeout connecting to the client\r\n", left: "a b c",
		},
		"changed meanwhile": {
			cmd: keys, change: map[string]string{"RESTORE a": "APPEND a x"}, want: "+OK\r\n",
			heard: []string{"SELECT 2", "RESTORE a 0", "RESTORE b 100000", "RESTORE c 0", "SELECT 2", "RESTORE a 0 REPLACE"},
			log:   []string{"APPEND a x", "DEL b c", "DEL a"},
		},
		"deleted meanwhile": {
			cmd: keys, change: map[string]string{"RESTORE a": "DEL a"}, want: "+OK\r\n",
			heard: []string{"SELECT 2", "RESTORE a 0", "RESTORE b 100000", "RESTORE c 0", "SELECT 2", "DEL a"}, log: []string{"DEL a", "DEL b c"},
		},
		"changed where it is copied": {
			cmd: "MIGRATE h 7 a 0 10 COPY", change: map[string]string{"RESTORE a": "APPEND a x"}, want: "+OK\r\n",
			heard: []string{"SELECT 0", "RESTORE a 0"}, left: "a b c", log: []string{"APPEND a x"},
		},
		"a new life":     {cmd: "MIGRATE h 7 b 0 10", change: map[string]string{"RESTORE b 1": "PERSIST b"}, want: "+OK\r\n", heard: []string{"SELECT 0", "RESTORE b 100000", "SELECT 0", "RESTORE b 0 REPLACE"}, left: "a c", log: []string{"PERSIST b", "DEL b"}},
		"twice one":      {cmd: `MIGRATE h 7 "" 0 10 REPLACE KEYS a a`, want: "+OK\r\n", heard: []string{"SELECT 0", "RESTORE a 0 REPLACE", "RESTORE a 0 REPLACE"}, left: "b c", log: []string{"DEL a"}},
		"in MULTI":       {before: "MULTI", cmd: "MIGRATE h 7 a 0 10", want: "+QUEUED\r\n", left: "a b c"},
		"key and KEYS":   {cmd: "MIGRATE h 7 a 0 10 KEYS b", want: "-ERR When using MIGRATE KEYS option, the key argument must be set to the empty string\r\n", left: "a b c"},
		"no such option": {cmd: "MIGRATE h 7 a 0 10 x", want: "-ERR syntax error\r\n", left: "a b c"},
		"AUTH of whom":   {cmd: "MIGRATE h 7 a 0 10 AUTH", want: "-ERR syntax error\r\n", left: "a b c"},
		"no number":      {cmd: "MIGRATE h 7 a 0 x", want: "-ERR value is not an integer or out of range\r\n", left: "a b c"},
	} {
		t.Run(name, func(t *testing.T) {
			tg := &target{answers: c.answers}
			s := enginetest.NewEngine(t, func(o *engine.Options) { o.Dial = tg.dial })
			client, other := s.Client(), s.Client()
			for _, line := range []string{"SET a 1", "SET b 2 PX 100000", "RPUSH c x y"} {
				other.Do(enginetest.Words(t, line)...)
			}
			s.Log.Drop()
			if c.before != "" {
				client.Do(enginetest.Words(t, c.before)...)
			}
			tg.meant = func(line string) {
				for begin, does := range c.change {
					if strings.HasPrefix(line, begin) {
						delete(c.change, begin)
						other.Do(enginetest.Words(t, does)...)
					}
				}
			}
			got := client.Do(enginetest.Words(t, c.cmd)...)
			for got == "" && client.Parked() {
				s.Host.Advance(0) // the work is done
				got = client.Go()
			}
			if got != c.want {
				t.Errorf("%q, want %q", got, c.want)
			}
			if !slices.Equal(tg.heard, c.heard) {
				t.Errorf("the other server heard %q, want %q", tg.heard, c.heard)
			}
			left := enginetest.Elements(other.Do("KEYS", "*"))
			slices.Sort(left)
			if strings.Join(left, " ") != c.left {
				t.Errorf("%q are left, want %q", left, c.left)
			}
			if lines := s.Log.Lines(); !slices.Equal(lines, c.log) {
				t.Errorf("the log has %q, want %q", lines, c.log)
			}
			opened, kept := min(len(c.heard), 1), 1
			if c.ended || opened == 0 {
				kept = 0
			}
			s.Host.Advance(10*time.Second - 1*time.Millisecond)
			if got := idle(t, other); got != kept || tg.closed != opened-kept {
				t.Errorf("%d connections are kept, and %d were closed, want %d and %d", got, tg.closed, kept, opened-kept)
			}
			s.Host.Advance(time.Millisecond)
			if got := idle(t, other); got != 0 || tg.closed != opened {
				t.Errorf("after 10 s %d connections are kept, and %d were closed", got, tg.closed)
			}
		})
	}
}

// TestMigrateGivesUp: a key that changes again and again stays.
func TestMigrateGivesUp(t *testing.T) {
	tg := &target{}
	s := enginetest.NewEngine(t, func(o *engine.Options) { o.Dial = tg.dial })
	client, other := s.Client(), s.Client()
	other.Do("SET", "a", "1")
	tg.meant = func(string) { other.Do("INCR", "a") }
	got := client.Do("MIGRATE", "h", "7", "a", "0", "10")
	for got == "" {
		s.Host.Advance(0)
		got = client.Go()
	}
	if !strings.HasPrefix(got, "-TRYAGAIN") || other.Do("EXISTS", "a") != ":1\r\n" || len(tg.dialled) != 1 {
		t.Errorf("%q, and there were %d connections", got, len(tg.dialled))
	}
}

// TestMigrateOfOneWhoLeaves: the keys stay, the connection is kept and closed as any other,
// and nobody watches any more.
func TestMigrateOfOneWhoLeaves(t *testing.T) {
	tg := &target{}
	s := enginetest.NewEngine(t, func(o *engine.Options) { o.Dial = tg.dial })
	client, other := s.Client(), s.Client()
	other.Do("SET", "a", "1")
	client.Do("MIGRATE", "h", "7", "a", "0", "10")
	s.EndSession(client.Session)
	s.Host.Advance(0)
	if got := other.Do("GET", "a"); got != "$1\r\n1\r\n" || idle(t, other) != 1 {
		t.Errorf("%q, and %d connections are kept", got, idle(t, other))
	}
	if s.Host.Advance(10 * time.Second); tg.closed != 1 || idle(t, other) != 0 {
		t.Errorf("closed %d times, and %d connections are kept", tg.closed, idle(t, other))
	}
}

// idle is how many connections to other servers are kept, as INFO says it.
func idle(t *testing.T, c *enginetest.Client) int {
	t.Helper()
	_, rest, _ := strings.Cut(c.Do("INFO", "stats"), "migrate_cached_sockets:")
	text, _, _ := strings.Cut(rest, "\r\n")
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// migrate is MIGRATE of a key that was set before, carried out to its end.
func migrate(t *testing.T, s *enginetest.Server, c *enginetest.Client, line string) string {
	t.Helper()
	args := enginetest.Words(t, line)
	c.Do("SET", args[3], "1")
	got := c.Do(args...)
	for got == "" && c.Parked() {
		s.Host.Advance(0)
		got = c.Go()
	}
	return got
}

// TestMigrateKeepsConnections: a connection serves the next client that goes to the same server with
// the same password, and nobody else.
func TestMigrateKeepsConnections(t *testing.T) {
	tg := &target{}
	s := enginetest.NewEngine(t, func(o *engine.Options) { o.Dial = tg.dial })
	c := s.Client()
	for _, step := range []struct {
		line    string
		dialled int // in all
	}{
		{"MIGRATE h 7 a 0 10", 1},
		{"MIGRATE h 7 a 3 10", 1},
		{"MIGRATE h 7 a 0 10 AUTH p", 2},
		{"MIGRATE h 7 a 0 10", 2},
		{"MIGRATE h 7 a 0 10 AUTH2 p q", 3},
		{"MIGRATE h 7 a 0 10 AUTH p", 3},
		{"MIGRATE h 8 a 0 10", 4},
		{"MIGRATE g 7 a 0 10", 5},
		{"MIGRATE h 7 a 0 10 AUTH2 p q", 5},
	} {
		if got := migrate(t, s, c, step.line); got != "+OK\r\n" || len(tg.dialled) != step.dialled || idle(t, c) != step.dialled {
			t.Fatalf("%s: %q, %d connections were made and %d are kept, want %d", step.line, got, len(tg.dialled), idle(t, c), step.dialled)
		}
	}
	// Each names its user and its database, each time.
	want := strings.Split("SELECT 0,RESTORE a 0,SELECT 3,RESTORE a 0,AUTH p,SELECT 0,RESTORE a 0,SELECT 0,RESTORE a 0", ",")
	if !slices.Equal(tg.heard[:len(want)], want) {
		t.Errorf("%q was heard, want %q", tg.heard[:len(want)], want)
	}
	// A use counts anew.
	s.Host.Advance(9 * time.Second)
	migrate(t, s, c, "MIGRATE h 7 a 0 10")
	if s.Host.Advance(9 * time.Second); idle(t, c) != 1 || tg.closed != 4 {
		t.Errorf("%d connections are kept, and %d were closed, want 1 and 4", idle(t, c), tg.closed)
	}
}

// TestMigrateByAStaleConnection: what a kept connection does not answer goes over a new one,
// once; a time that has run out is not doubled.
func TestMigrateByAStaleConnection(t *testing.T) {
	const reading = "-IOERR error or timeout reading to target instance\r\n"
	for name, c := range map[string]struct {
		broken  error
		answers map[string]string // of the new connection
		want    string
		dialled int
	}{
		"closed meanwhile":   {io.EOF, nil, "+OK\r\n", 2},
		"started anew":       {syscall.ECONNRESET, nil, "+OK\r\n", 2},
		"silent":             {os.ErrDeadlineExceeded, nil, reading, 1},
		"the new one, too":   {io.EOF, map[string]string{"SELECT": ""}, reading, 2},
		"nobody there now":   {io.EOF, map[string]string{"dial": "no"}, "-IOERR error or timeout connecting to the client\r\n", 2},
		"refused on the new": {io.EOF, map[string]string{"RESTORE": "-BUSYKEY there\r\n"}, "-ERR Target instance replied with error: BUSYKEY there\r\n", 2},
	} {
		t.Run(name, func(t *testing.T) {
			tg := &target{}
			s := enginetest.NewEngine(t, func(o *engine.Options) { o.Dial = tg.dial })
			client := s.Client()
			if got := migrate(t, s, client, "MIGRATE h 7 a 0 10"); got != "+OK\r\n" {
				t.Fatalf("%q", got)
			}
			tg.broken, tg.answers = c.broken, c.answers
			got := migrate(t, s, client, "MIGRATE h 7 a 0 10")
			if got != c.want || len(tg.dialled) != c.dialled {
				t.Errorf("%q by %d connections, want %q by %d", got, len(tg.dialled), c.want, c.dialled)
			}
			there := ":1\r\n"
			if c.want == "+OK\r\n" {
				there = ":0\r\n"
			}
			if got := client.Do("EXISTS", "a"); got != there {
				t.Errorf("EXISTS says %q, want %q", got, there)
			}
		})
	}
}

// TestMigrateKeepsSoMany: connections that are kept are bounded; the oldest goes.
func TestMigrateKeepsSoMany(t *testing.T) {
	const most, more = 64, 5
	tg := &target{}
	s := enginetest.NewEngine(t, func(o *engine.Options) { o.Dial = tg.dial })
	c := s.Client()
	for i := range most + more {
		migrate(t, s, c, "MIGRATE h "+strconv.Itoa(100+i)+" a 0 10")
	}
	if idle(t, c) != most || tg.closed != more {
		t.Errorf("%d connections are kept, and %d were closed", idle(t, c), tg.closed)
	}
	migrate(t, s, c, "MIGRATE h 100 a 0 10")
	if len(tg.dialled) != most+more+1 {
		t.Errorf("the oldest was kept: %d connections were made", len(tg.dialled))
	}
}

// TestMigrateWaitsForAPause: what comes back while writes are paused goes on afterwards.
func TestMigrateWaitsForAPause(t *testing.T) {
	tg := &target{}
	s := enginetest.NewEngine(t, func(o *engine.Options) { o.Dial = tg.dial })
	client, other := s.Client(), s.Client()
	other.Do("SET", "a", "1")
	client.Do("MIGRATE", "h", "7", "a", "0", "10")
	other.Do("CLIENT", "PAUSE", "1000", "WRITE")
	s.Host.Advance(0)
	if got := client.Go(); got != "" || other.Do("EXISTS", "a") != ":1\r\n" {
		t.Fatalf("%q while writes are paused", got)
	}
	s.Host.Advance(2 * time.Second)
	if got := client.Go(); got != "+OK\r\n" || other.Do("EXISTS", "a") != ":0\r\n" || len(tg.heard) != 2 {
		t.Errorf("%q, and %q were sent", got, tg.heard)
	}
}
