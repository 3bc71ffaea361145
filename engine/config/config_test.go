package config

import (
	"errors"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func value(c *Config, name string) (v string) {
	c.Each(func(n, shown string) {
		if n == name {
			v = shown
		}
	})
	return v
}

func TestParse(t *testing.T) {
	c := New()
	err := Parse(c, "# a comment\n\n  Port 7000\nrequirepass \"se cret\"\nmaxmemory 1gb\nbind 127.0.0.1 -::1\nappendfsync ALWAYS\nclient-output-buffer-limit normal 10mb 5mb 60\npeers 1@a:1 2@b:2\n", "f")
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"port": "7000", "requirepass": "se cret", "maxmemory": "1073741824", "bind": "127.0.0.1 -::1", "appendfsync": "always", "peers": "1@a:1,2@b:2",
		"client-output-buffer-limit": "normal 10485760 5242880 60 slave 268435456 67108864 60 pubsub 33554432 8388608 60",
	} {
		if got := value(c, name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
}

// TestNamesAlone: what takes any number of words takes none, as in redis-server.
func TestNamesAlone(t *testing.T) {
	c := New()
	before := value(c, "client-output-buffer-limit")
	if err := Parse(c, "bind\nclient-output-buffer-limit \nsave \nlatency-tracking-info-percentiles\n", "f"); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"save": "", "bind": "", "latency-tracking-info-percentiles": "", "client-output-buffer-limit": before} {
		if got := value(c, name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	for text, want := range map[string]string{"save": "", "save 60 5\nsave": "60 5", "save 60 5\nsave \"\"": "", "save\nsave 60 5": "60 5"} {
		c := New()
		if err := Parse(c, text, "f"); err != nil || value(c, "save") != want {
			t.Errorf("%q: save is %q, want %q; %v", text, value(c, "save"), want, err)
		}
	}
	for _, name := range []string{"peers", "tls-protocols", "oom-score-adj-values", "dir", "requirepass", "sentinel-master-name"} {
		if err := Parse(New(), name, "f"); err == nil || !strings.Contains(err.Error(), errArguments.Error()) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	for line, says := range map[string]string{
		"no-such 1":                             "no-such",
		"port x":                                "couldn't be parsed into an integer",
		"port 65536":                            "between 0 and 65535",
		"port":                                  "wrong number of arguments",
		"port 1 2":                              "wrong number of arguments",
		"appendonly maybe":                      "'yes' or 'no'",
		"appendfsync sometimes":                 "everysec, always, no",
		"maxmemory 10x":                         "memory value",
		"maxmemory 99999999999gb":               "memory value",
		"unixsocketperm 999":                    "octal",
		"peers host":                            "host",
		"dir \"open":                            "unbalanced",
		"client-output-buffer-limit normal 1 2": "number of arguments",
		"databases 2000":                        "between 1 and 1024",
		"unixsocketperm 7777":                   "between 0 and 777",
		"timeout 05":                            "integer",
		"maxmemory +5":                          "memory value",
		"save 3600":                             "Invalid save parameters",
		"save 60 -1":                            "Invalid save parameters",
		"supervised launchd":                    "no, upstart, systemd, auto",
		"appendfilename a/b":                    "can't be a path",
		"appenddirname ..":                      "can't be a path",
		"dbfilename \"\"":                       "can't be empty",
		"announce-host \"a\\r\\nb\"":            "host's name",
		"peers \"1@a\\nb:1\"":                   "host's name",
	} {
		err := Parse(New(), "\n"+line, "some.conf")
		if err == nil || !strings.HasPrefix(err.Error(), "some.conf:2: ") || !strings.Contains(err.Error(), says) {
			t.Errorf("%q: %v, want some.conf:2 and %q", line, err, says)
		}
	}
	if err := Parse(New(), "requirepass a b", "f"); err == nil || strings.Contains(err.Error(), "a b") {
		t.Errorf("a secret is repeated: %v", err)
	}
}

func TestParseFlags(t *testing.T) {
	c := New()
	if err := ParseFlags(c, []string{"--port", "1", "--bind", "10.0.0.1", "::1", "--appendonly", "no", "--unixsocket", ""}, nil); err != nil {
		t.Fatal(err)
	}
	if c.Port.Get() != 1 || c.Bind.Get() != "10.0.0.1 ::1" || c.AppendOnly.Get() {
		t.Errorf("port %d, bind %q, appendonly %v", c.Port.Get(), c.Bind.Get(), c.AppendOnly.Get())
	}
	for _, args := range [][]string{{"port"}, {"--"}, {"--port"}, {"--nope", "1"}, {"-port", "1"}} {
		if err := ParseFlags(New(), args, nil); err == nil {
			t.Errorf("%q is taken", args)
		}
	}
}

// TestSetIsAllOrNothing: one bad pair leaves everything as it was.
func TestSetIsAllOrNothing(t *testing.T) {
	c := New()
	var bad *SetError
	for _, pairs := range [][]string{
		{"timeout", "5", "hz", "x"}, {"timeout", "5", "nope", "1"}, {"timeout", "5", "appenddirname", "no"}, {"timeout", "5", "TIMEOUT", "6"},
	} {
		if err := c.Set(pairs, false); !errors.As(err, &bad) || c.Timeout.Get() != 0 {
			t.Errorf("%q: %v, timeout %d", pairs, err, c.Timeout.Get())
		}
	}
	if err := c.Set([]string{"timeout", "5", "Hz", "50"}, false); err != nil || c.Timeout.Get() != 5 || c.HZ.Get() != 50 {
		t.Errorf("%v, timeout %d, hz %d", err, c.Timeout.Get(), c.HZ.Get())
	}
}

func TestRewrite(t *testing.T) {
	old := "# mine\nport 7000\n\nTimeout 17 \nmaxmemory 1gb\ntimeout 3\n# end\n"
	c := New()
	if err := Parse(c, old, "f"); err != nil {
		t.Fatal(err)
	}
	if err := c.Set([]string{"timeout", "18", "requirepass", "a b"}, false); err != nil {
		t.Fatal(err)
	}
	want := "# mine\nport 7000\n\ntimeout 18\nmaxmemory 1gb\n# end\n" + rewriteMark + "\nrequirepass \"a b\"\n"
	got := c.Rewrite(old)
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if again := c.Rewrite(got); again != got {
		t.Errorf("a second rewrite changes\n%s\ninto\n%s", got, again)
	}
}

// someWords are values of every kind; what a directive does not take is passed
// over.
var someWords = []string{
	"", "yes", "no", "0", "1", "2", "77", "300", "4096", "3mb", "2gb", "always", "all", "off", "json", "local", "warning", "goroutine", "allkeys-lfu",
	"readonly", "none", "a", "a b", " a ", "\"", "'", "\\", "#a", "a#", "\x00\t\r\n\x7f\xff", "\u00a0a\u0085", "\u212a", "127.0.0.1 ::1", "1@a:1,b:2", "1@a:1 b:2",
	"clients", "absolute", "systemd", "nosave force", "local3", "-5 10 20", "swapdb", "panic", "hostname", "allchannels", "AKE", "Kx$", "60%",
	"CN", "normal 1 2 3", "replica 1mb 2mb 3 pubsub 5 6 7", "appendonly2", "900 1 300 10", "witness",
}

// TestRewriteReadsBack: whatever is in force, the rewritten file says the same,
// and a second rewrite changes nothing.
func TestRewriteReadsBack(t *testing.T) {
	changed := map[string]bool{}
	rapid.Check(t, func(t *rapid.T) {
		c := New()
		old := "# top\n"
		for range rapid.IntRange(0, 12).Draw(t, "changes") {
			d := rapid.SampledFrom(c.table.order).Draw(t, "directive")
			word := rapid.OneOf(rapid.SampledFrom(someWords), rapid.String(), rapid.StringN(0, 3, -1)).Draw(t, "word")
			store, err := d.parse(word)
			if err != nil {
				continue
			}
			if rapid.Bool().Draw(t, "has a line") {
				old += d.names()[len(d.older)] + " " + strconv.Quote("what was there") + "\n"
			}
			store()
			changed[d.name] = changed[d.name] || d.show() != d.def
		}
		file := c.Rewrite(old)
		again := New()
		if err := Parse(again, file, "f"); err != nil {
			t.Fatalf("%v\n%s", err, file)
		}
		c.Each(func(name, want string) {
			if c.table.find(name).fromFile() {
				want = "" // it stands in a file of its own, which a start reads
			}
			if got := value(again, name); got != want {
				t.Fatalf("%s was %q and is read back as %q from\n%s", name, want, got, file)
			}
		})
		if twice := again.Rewrite(file); twice != file {
			t.Fatalf("a second rewrite makes\n%s\nof\n%s", twice, file)
		}
	})
	for _, d := range New().table.order {
		word := d.def
		for _, w := range someWords {
			if store, err := d.parse(w); err == nil {
				store()
				if d.show() != d.def {
					word = w
				}
			}
		}
		if word == d.def && !d.alone {
			t.Errorf("%s is never anything but %q", d.name, d.def)
		}
	}
	if len(changed) < 15 {
		t.Errorf("only %d directives were changed", len(changed))
	}
}

// TestFormerNames: Redis's old words are the same directives.
func TestFormerNames(t *testing.T) {
	c := New()
	if err := Parse(c, "min-slaves-to-write 2\nslave-priority 7\n", "f"); err != nil {
		t.Fatal(err)
	}
	if c.MinReplicasToWrite.Get() != 2 || value(c, "replica-priority") != "7" || value(c, "slave-priority") != "7" {
		t.Errorf("min-replicas-to-write %d, replica-priority %s", c.MinReplicasToWrite.Get(), value(c, "replica-priority"))
	}
	c.ReplicaPriority.Set(8)
	if got := c.Rewrite("slave-priority 7\n"); got != "replica-priority 8\n"+rewriteMark+"\nmin-replicas-to-write 2\n" {
		t.Errorf("%s", got)
	}
}

// TestSetOrder: names are judged before values.
func TestSetOrder(t *testing.T) {
	for pairs, name := range map[string]string{"timeout x nope 1": "nope", "timeout x appenddirname no": "appenddirname", "nope 1 appenddirname no": "nope", "hz x timeout y": "hz"} {
		var bad *SetError
		if err := New().Set(strings.Fields(pairs), false); !errors.As(err, &bad) || bad.Name != name {
			t.Errorf("CONFIG SET %s blames %v, not %s", pairs, err, name)
		}
	}
}

func TestCheck(t *testing.T) {
	for lines, says := range map[string]string{
		"":                        "",
		"heartbeat-interval 40":   "",
		"heartbeat-interval 41":   "at most a third of leader-lease 120",
		"leader-lease 89":         "at most a third of leader-lease 89",
		"leader-lease 400":        "",
		"leader-lease 401":        "at most four fifths of election-timeout 500",
		"election-timeout 149":    "at most four fifths of election-timeout 149",
		"min-replicas-to-write 5": "", // a lone node refuses writes then, as Redis does
		"peers 1@a:1,2@b:2\nnode-id 1\nmin-replicas-to-write 1":          "",
		"peers 1@a:1,2@b:2\nnode-id 1\nmin-replicas-to-write 2":          "only 1 other",
		"peers 1@a:1,2@b:2\nnode-id 3\nmin-replicas-to-write 2":          "",
		"peers 6379@a:1,2@b:2,3@c:3\nmin-replicas-to-write 3\nport 6379": "only 2 other",
	} {
		c := New()
		if err := Parse(c, lines, "f"); err != nil {
			t.Fatal(err)
		}
		err := c.Check()
		if (err == nil) != (says == "") || err != nil && !strings.Contains(err.Error(), says) {
			t.Errorf("%q: %v, want %q", lines, err, says)
		}
	}
}

// FuzzParse: no text makes Parse panic, and what it takes survives a rewrite.
func FuzzParse(f *testing.F) {
	f.Add("port 1\n# x\nbind \"a\" 'b'\n")
	f.Add("client-output-buffer-limit normal 1kb 2 3\r\nclient-output-buffer-limit replica 4 5 6\n")
	f.Add("bind \"\"\nrequirepass \"\\x00\\xff\"\n\n\nrequirepass a\n")
	f.Add("slave-priority 1\nreplica-priority 2\npeers 1@a:1 b:2\nsave \"\"")
	for range 5 {
		f.Add("maxmemory " + strconv.Itoa(rand.Int()) + "kb")
	}
	f.Fuzz(func(t *testing.T, text string) {
		c := New()
		if Parse(c, text, "f") != nil {
			return
		}
		again := New()
		if err := Parse(again, c.Rewrite(text), "f"); err != nil {
			t.Fatalf("the rewritten file: %v", err)
		}
		c.Each(func(name, want string) {
			if got := value(again, name); got != want {
				t.Fatalf("%s: %q, read back as %q", name, want, got)
			}
		})
	})
}

// TestSaveLinesAddUp: lines of a file add to each other, as Redis's do; an empty
// one, and CONFIG SET, begin anew.
func TestSaveLinesAddUp(t *testing.T) {
	for text, want := range map[string]string{
		"":                         "",
		"save 900 1":               "900 1",
		"save 900 1\nsave 300 10":  "900 1 300 10",
		"save 900 1 300 10":        "900 1 300 10",
		"save \"900 1\"":           "900 1",
		"save 900 1\nsave \"\"":    "",
		"save \"\"\nsave 60 10000": "60 10000",
	} {
		c := New()
		if err := Parse(c, text, "f"); err != nil {
			t.Fatal(err)
		}
		if got := c.table.find("save").show(); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
		if err := c.Set([]string{"save", "7 8"}, false); err != nil || len(c.Save.Get()) != 1 || c.Save.Get()[0].Changes != 8 {
			t.Errorf("CONFIG SET: %v, %v", c.Save.Get(), err)
		}
	}
}

// TestSavePointsAreImplied: appendonly no alone means Redis's, and what is
// changed back to none is not implied at the next start.
func TestSavePointsAreImplied(t *testing.T) {
	for text, want := range map[string]string{
		"": "", "appendonly yes": "", "appendonly no": impliedSavePoints, "appendonly no\nsave \"\"": "",
		"save 1 2\nappendonly no": "1 2", "appendonly no\nsave \"\"\nsave 3 4": "3 4",
	} {
		c := New()
		if err := Parse(c, text, "test"); err != nil {
			t.Fatal(err)
		}
		c.Imply()
		c.Imply()
		if got := c.table.find("save").show(); got != want {
			t.Errorf("%q: save %q, want %q", text, got, want)
		}
	}
	c := New()
	if err := Parse(c, "appendonly no", "test"); err != nil {
		t.Fatal(err)
	}
	c.Imply()
	if got := c.Rewrite("appendonly no\n"); strings.Contains(got, "save") {
		t.Errorf("what is implied is written: %q", got)
	}
	if err := c.Set([]string{"save", ""}, false); err != nil {
		t.Fatal(err)
	}
	again := New()
	if err := Parse(again, c.Rewrite("appendonly no\n"), "test"); err != nil {
		t.Fatal(err)
	}
	again.Imply()
	if got := again.Save.Get(); len(got) != 0 {
		t.Errorf("save \"\" came back as %v", got)
	}
}

// TestSettled: what redis-server could change is refused, unless it is so already.
func TestSettled(t *testing.T) {
	c := New()
	for _, pair := range [][3]string{
		{"acl-replicate", "yes", ""}, {"acl-replicate", "no", "immutable"}, {"tls-cluster", "no", ""}, {"tls-cluster", "yes", "immutable"},
		{"databases", "16", "immutable"},
	} {
		err := c.Set(pair[:2], false)
		if (err == nil) != (pair[2] == "") || err != nil && !strings.Contains(err.Error(), pair[2]) {
			t.Errorf("%s %s: %v", pair[0], pair[1], err)
		}
	}
}

// TestWhatPeersCountOn: where a node listens, and whether it keeps a log, changes as long as there is
// no peer.
func TestWhatPeersCountOn(t *testing.T) {
	for _, tc := range []struct {
		is    string
		moves bool
	}{{"", true}, {"peers 1@127.0.0.1:6379", false}, {"join yes", false}} {
		for _, pair := range [][]string{{"port", "6380"}, {"bind", "127.0.0.1"}, {"tls-port", "6381"}, {"appendonly", "no"}} {
			why := "REGENT NODE ADD"
			if pair[0] == "appendonly" {
				why = "the log is what they acknowledge"
			}
			c := New()
			if err := Parse(c, tc.is, "test"); err != nil {
				t.Fatal(err)
			}
			was := value(c, pair[0])
			if err := c.Set([]string{pair[0], was}, false); err != nil {
				t.Errorf("%q: what is so: %v", tc.is, err)
			}
			err := c.Set(pair, false)
			if (err == nil) != tc.moves || err != nil && !strings.Contains(err.Error(), why) || (value(c, pair[0]) == was) != !tc.moves {
				t.Errorf("%q: CONFIG SET %q: %v, and it is %s", tc.is, pair, err, value(c, pair[0]))
			}
		}
	}
}

// TestSecretsFromFiles: of a secret and its file the one that was said last counts, in files,
// flags and CONFIG SET; what was read from a file is written to no other; and what cannot be
// read changes nothing.
func TestSecretsFromFiles(t *testing.T) {
	files := map[string]string{"a": "from a", "b": "from b"}
	read := func(path string) (string, error) {
		if v, ok := files[path]; ok {
			return v, nil
		}
		return "", errors.New("is not there")
	}
	c := New()
	text := "requirepass said\nrequirepass-file a\nmasterauth-file a\nmasterauth said\ncluster-secret-file b\nport 7000\n"
	if err := Parse(c, text, "f"); err != nil {
		t.Fatal(err)
	}
	if err := c.ReadSecrets(read); err != nil {
		t.Fatal(err)
	}
	is := func(pass, auth, cluster string) {
		t.Helper()
		if a, b, d := c.RequirePass.Get(), c.MasterAuth.Get(), c.ClusterSecret.Get(); a != pass || b != auth || d != cluster {
			t.Fatalf("%q %q %q, want %q %q %q", a, b, d, pass, auth, cluster)
		}
	}
	is("from a", "said", "from b")
	written := c.Rewrite(text)
	for _, lost := range []string{"from", "requirepass said"} {
		if strings.Contains(written, lost) {
			t.Errorf("%q is written:\n%s", lost, written)
		}
	}
	for _, kept := range []string{"requirepass-file a", "masterauth said", "cluster-secret-file b"} {
		if !strings.Contains(written, kept) {
			t.Errorf("%q is not written:\n%s", kept, written)
		}
	}

	files["a"], files["b"] = "new", "newer"
	if err := c.ReadSecretsAgain(); err != nil {
		t.Fatal(err)
	}
	is("new", "said", "newer")
	delete(files, "a")
	if err := c.ReadSecretsAgain(); err == nil || !strings.Contains(err.Error(), "requirepass-file") {
		t.Errorf("a file that is gone: %v", err)
	}
	is("new", "said", "newer")

	for _, pair := range [][]string{{"requirepass-file", "b"}, {"dbfilename", "x.rdb"}, {"dir", "/tmp"}} {
		if err := c.Set(pair, false); err == nil || !strings.Contains(err.Error(), "can't set protected config") {
			t.Errorf("%q by a client that may not: %v", pair, err)
		}
	}
	if err := c.Set([]string{"requirepass-file", "gone"}, true); err == nil || c.RequirePassFile.Get() != "a" {
		t.Errorf("a file that is not there: %v, %q", err, c.RequirePassFile.Get())
	}
	if err := c.Set([]string{"requirepass-file", "b"}, true); err != nil {
		t.Fatal(err)
	}
	is("newer", "said", "newer")
	if err := c.Set([]string{"requirepass", "again"}, true); err != nil || c.RequirePassFile.Get() != "" {
		t.Fatalf("%v %q", err, c.RequirePassFile.Get())
	}
	is("again", "said", "newer")
}
