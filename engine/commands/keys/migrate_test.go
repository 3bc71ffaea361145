package keys_test

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"strings"
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
}

func (tg *target) dial(addr string, limit time.Duration) (engine.Remote, error) {
	tg.dialled = append(tg.dialled, addr+" "+limit.String())
	if tg.answers["dial"] != "" {
		return nil, errors.New("nobody is there")
	}
	return tg, nil
}

func (tg *target) Within(time.Duration) error { return nil }
func (tg *target) Close() error               { tg.closed++; return nil }

func (tg *target) Read(p []byte) (int, error) {
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
			cmd: "MIGRATE h 7 a 0 10 AUTH p", answers: map[string]string{"AUTH": "-WRONGPASS no\r\n", "SELECT": "-NOAUTH x\r\n"},
			want:  "-ERR Target instance replied with error: WRONGPASS no\r\n",
			heard: []string{"AUTH p", "SELECT 0", "RESTORE a 0"}, left: "a b c",
		},
		"one is refused": {
			cmd: keys, answers: map[string]string{"RESTORE b": "-BUSYKEY there\r\n"},
			want:  "-ERR Target instance replied with error: BUSYKEY there\r\n",
			heard: []string{"SELECT 2", "RESTORE a 0", "RESTORE b 100000", "RESTORE c 0"}, left: "b", log: []string{"DEL a c"},
		},
		"no database": {
			cmd: "MIGRATE h 7 a 99 10", answers: map[string]string{"SELECT": "-ERR DB index is out of range\r\n"},
			want:  "-ERR Target instance replied with error: ERR DB index is out of range\r\n",
			heard: []string{"SELECT 99", "RESTORE a 0"}, left: "a b c",
		},
		"the line breaks": {
			cmd: keys, answers: map[string]string{"RESTORE b": ""}, want: "-IOERR error or timeout reading to target instance\r\n",
			heard: []string{"SELECT 2", "RESTORE a 0", "RESTORE b 100000", "RESTORE c 0"}, left: "b c", log: []string{"DEL a"},
		},
		"nobody there": {
			cmd: keys, answers: map[string]string{"dial": "no"}, want: "-IOERR error or timeout connecting to the client\r\n", left: "a b c",
		},
		"changed meanwhile": {
			cmd: keys, change: map[string]string{"RESTORE a": "APPEND a x"}, want: "+OK\r\n",
			heard: []string{"SELECT 2", "RESTORE a 0", "RESTORE b 100000", "RESTORE c 0", "RESTORE a 0 REPLACE"},
			log:   []string{"APPEND a x", "DEL b c", "DEL a"},
		},
		"deleted meanwhile": {
			cmd: keys, change: map[string]string{"RESTORE a": "DEL a"}, want: "+OK\r\n",
			heard: []string{"SELECT 2", "RESTORE a 0", "RESTORE b 100000", "RESTORE c 0", "DEL a"}, log: []string{"DEL a", "DEL b c"},
		},
		"changed where it is copied": {
			cmd: "MIGRATE h 7 a 0 10 COPY", change: map[string]string{"RESTORE a": "APPEND a x"}, want: "+OK\r\n",
			heard: []string{"SELECT 0", "RESTORE a 0"}, left: "a b c", log: []string{"APPEND a x"},
		},
		"a new life":     {cmd: "MIGRATE h 7 b 0 10", change: map[string]string{"RESTORE b 1": "PERSIST b"}, want: "+OK\r\n", heard: []string{"SELECT 0", "RESTORE b 100000", "RESTORE b 0 REPLACE"}, left: "a c", log: []string{"PERSIST b", "DEL b"}},
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
			if tg.closed != min(len(c.heard), 1) {
				t.Errorf("the connection was closed %d times", tg.closed)
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
	if !strings.HasPrefix(got, "-TRYAGAIN") || other.Do("EXISTS", "a") != ":1\r\n" || tg.closed != 1 {
		t.Errorf("%q, closed %d times", got, tg.closed)
	}
}

// TestMigrateOfOneWhoLeaves: the keys stay, the connection is closed once the work is done,
// and nobody watches any more.
func TestMigrateOfOneWhoLeaves(t *testing.T) {
	tg := &target{}
	s := enginetest.NewEngine(t, func(o *engine.Options) { o.Dial = tg.dial })
	client, other := s.Client(), s.Client()
	other.Do("SET", "a", "1")
	client.Do("MIGRATE", "h", "7", "a", "0", "10")
	s.EndSession(client.Session)
	s.Host.Advance(0)
	if got := other.Do("GET", "a"); got != "$1\r\n1\r\n" || tg.closed != 1 {
		t.Errorf("%q, closed %d times", got, tg.closed)
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
