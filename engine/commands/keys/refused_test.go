package keys_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"regent/engine/enginetest"
	"regent/engine/rdb"
)

// sealedBody is a value as a payload with an end that is right.
func sealedBody(body string) string {
	return string(rdb.Summed([]byte(body + "\x0a\x00" + strings.Repeat("\x00", 8))))
}

// stringOf is a string as RDB has short ones.
func stringOf(s string) string { return string([]byte{byte(len(s))}) + s }

const (
	anID     = "\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x00" // 1-0
	noStream = "\x00\x00\x01\x00"                                                 // no nodes, length 0, last ID 1-0
	aTime    = "\x01\x00\x00\x00\x00\x00\x00\x00"
	aNode    = "\x10\x10\x00\x00\x00\x07\x00\x01\x01\x00\x01\x00\x01\x00\x01\xff"
	aGroup   = "\x01\x01g\x01\x00"
)

// refusals are values that are refused, by what is wrong; those in quiet are told in Regent's own words, since
// redis-server's log says nothing, or has the name of a function.
func refusals() (told, quiet map[string]string) {
	const ziplist = "\x0b\x0b\x00\x00\x00\x0a\x00\x00\x00\x00\x00\x05"
	zset2 := func(score string) string { return "\x05\x02\x01a" + score + "\x01a" + score }
	var tooMany strings.Builder // fields, more than a small hash has
	tooMany.WriteString("\x04\x42\x01")
	for i := range 511 {
		tooMany.WriteString(stringOf(fmt.Sprint("f", i)) + "\x01v")
	}
	tooMany.WriteString(stringOf("f0") + "\x01v" + stringOf("f1") + "\x01v")
	return map[string]string{
			"a set with a member twice":           "\x02\x02\x01a\x01a",
			"a set of integers with one twice":    "\x02\x02\xc0\x01\xc0\x01",
			"an intset out of order":              "\x0b\x0c\x02\x00\x00\x00\x02\x00\x00\x00\x02\x00\x01\x00",
			"an empty intset":                     "\x0b\x08\x02\x00\x00\x00\x00\x00\x00\x00",
			"no intset":                           "\x0b\x03abc",
			"a sorted set with NaN":               zset2("\x00\x00\x00\x00\x00\x00\xf8\x7f"),
			"a sorted set with a member twice":    zset2("\x00\x00\x00\x00\x00\x00\xf0\x3f"),
			"a sorted set, no ziplist":            "\x0c" + ziplist,
			"a sorted set, no listpack":           "\x11\x03abc",
			"a hash with a field twice":           "\x04\x02\x01a\x01b\x01a\x01d",
			"a large hash with a field twice":     tooMany.String(),
			"a hash, no zipmap":                   "\x09\x01\x00",
			"an empty zipmap":                     "\x09\x02\x00\xff",
			"a zipmap that says two":              "\x09\x0b\x02\x03foo\x03\x00bar\xff",
			"a zipmap with a field twice":         "\x09\x14\x02\x03foo\x03\x00bar\x03foo\x03\x00bar\xff",
			"a hash, no ziplist":                  "\x0d" + ziplist,
			"a hash, no listpack":                 "\x10\x03abc",
			"a hash without its last value":       "\x10\x09\x09\x00\x00\x00\x01\x00\x05\x01\xff",
			"a list's node of no kind":            "\x12\x01\x03\x01a",
			"a list's node, no listpack":          "\x12\x01\x02\x03abc",
			"a list's node, no ziplist":           "\x0e\x01" + ziplist,
			"a list, no ziplist":                  "\x0a" + ziplist,
			"an unknown form of a length":         "\x02\x82",
			"an unknown form of a string":         "\x00\xc9",
			"a compressed string that is none":    "\x00\xc3\x03\x05\x1f\x01\x02",
			"a stream without a length":           "\x13\x82",
			"a stream's ID of 3 bytes":            "\x13\x01\x03abc",
			"a stream's ID cut off":               "\x13\x01\x10abc",
			"a stream without its node":           "\x13\x01" + stringOf(anID),
			"a stream's node, no listpack":        "\x13\x01" + stringOf(anID) + "\x03abc",
			"a stream's node of no entries":       "\x13\x01" + stringOf(anID) + stringOf("\x07\x00\x00\x00\x00\x00\xff"),
			"a stream's node twice":               "\x13\x02" + strings.Repeat(stringOf(anID)+stringOf(streamNode), 2),
			"a stream longer than it is":          "\x0f\x00\x01\x01\x00\x00",
			"a stream without groups":             "\x0f" + noStream + "\x82",
			"a group without a name":              "\x0f" + noStream + "\x01",
			"a group without pending":             "\x0f" + noStream + aGroup + "\x82",
			"a pending entry without its ID":      "\x0f" + noStream + aGroup + "\x01",
			"a pending entry twice":               "\x0f" + noStream + aGroup + "\x02" + strings.Repeat(anID+aTime+"\x01", 2),
			"a group without consumers":           "\x0f" + noStream + aGroup + "\x00\x82",
			"a consumer without a name":           "\x0f" + noStream + aGroup + "\x00\x01",
			"a consumer without pending":          "\x0f" + noStream + aGroup + "\x00\x01\x01c" + aTime + "\x82",
			"a consumer without its entry":        "\x0f" + noStream + aGroup + "\x00\x01\x01c" + aTime + "\x01",
			"a consumer twice":                    "\x0f" + noStream + aGroup + "\x00\x02" + strings.Repeat("\x01c"+aTime+"\x00", 2),
			"a consumer's entry that is nobody's": "\x0f" + noStream + aGroup + "\x00\x01\x01c" + aTime + "\x01" + anID,
			"a consumer's entry twice":            "\x0f" + noStream + aGroup + "\x01" + anID + aTime + "\x01\x01\x01c" + aTime + "\x02" + anID + anID,
			"a pending entry without consumer":    "\x0f" + noStream + aGroup + "\x01" + anID + aTime + "\x01\x00\x00",
		}, map[string]string{
			"an empty set":            "\x02\x00",
			"a list's empty node":     "\x12\x01\x02\x00",
			"a list cut off":          "\x01\x02\x01a",
			"a score of no number":    "\x03\x01\x01a\x06secret",
			"a listpack with NaN":     "\x11\x0f\x0f\x00\x00\x00\x02\x00\x81a\x02\x83nan\x04\xff", // redis-server takes it
			"a string of gigabytes":   "\x00\x81\x7f\xff\xff\xff\xff\xff\xff\xff",
			"a string with a rest":    "\x00\x01asecret",
			"a type that there isn't": "\x2asecret",
		}
}

// streamNode is a node of one entry, 1-0, with the field f and the value v.
const streamNode = "\x1a\x00\x00\x00\x0b\x00" + "\x01\x01\x00\x01\x01\x01\x81f\x02\x00\x01" + "\x02\x01\x00\x01\x00\x01\x81v\x02\x04\x01\xff"

// TestRefusedPayloadsAreToldAsByRedis: RESTORE of a value that is damaged behind a right checksum leaves
// redis-server's words in the log.
func TestRefusedPayloadsAreToldAsByRedis(t *testing.T) {
	name := filepath.Join(t.TempDir(), "log")
	theirs := enginetest.StartRedis(t, "--sanitize-dump-payload", "yes", "--loglevel", "verbose", "--logfile", name).Client(t)
	s := enginetest.NewEngine(t)
	var lines []string
	var mu sync.Mutex
	s.Host.OnLog(func(line string) {
		mu.Lock()
		defer mu.Unlock()
		lines = append(lines, line)
	})
	ours := s.Client()
	read := 0
	said := func(what, payload string) (us, them string) {
		t.Helper()
		const want = "-ERR Bad data format\r\n"
		lines = nil
		if got := ours.Do("RESTORE", "k", "0", payload, "REPLACE"); got != want {
			t.Errorf("%s: Regent %q", what, got)
		}
		if got := theirs.Do("RESTORE", "k", "0", payload, "REPLACE"); got != want {
			t.Logf("%s: redis-server %q", what, got)
		}
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		news := string(text[read:])
		read = len(text)
		if len(lines) != 1 || strings.Contains(lines[0], "secret") {
			t.Errorf("%s: the log says %q", what, lines)
			return "", ""
		}
		if i := strings.LastIndex(news, " -> "); i >= 0 {
			them = strings.TrimSuffix(news[i:], "\n")
		}
		return lines[0], them
	}
	told, quiet := refusals()
	for what, body := range told {
		us, them := said(what, sealedBody(body))
		if them == "" || !strings.Contains(us+" ", them+" ") || !strings.HasPrefix(us, "Internal error in RDB reading offset ") {
			t.Errorf("%s: %q, redis-server %q", what, us, them)
		}
	}
	// redis-server reads on here in what follows the value, its version and checksum; these are its words where
	// there is nothing.
	for body, want := range map[string]string{
		"\x0f" + noStream + "\x01\x01g":                     "Stream cgroup ID loading failed.",
		"\x0f\x00\x00":                                      "Stream object metadata loading failed.",
		"\x13" + noStream + "\x00\x00\x00\x00\x00" + aGroup: "Stream cgroup offset loading failed.",
		"\x0f" + noStream + aGroup + "\x01" + anID:          "Stream PEL NACK loading failed.",
		"\x0f" + noStream + aGroup + "\x00\x01\x01c":        "Stream short read reading seen time.",
	} {
		if us, _ := said(want, sealedBody(body)); !strings.Contains(us, " -> "+want+" (unexpected EOF)") {
			t.Errorf("%q: %q", want, us)
		}
	}
	for what, body := range quiet {
		if us, them := said(what, sealedBody(body)); them != "" {
			t.Errorf("%s: %q, redis-server %q", what, us, them)
		}
	}
}

// TestRefusedPayloadsDoNotFillTheDisk: lines are bounded, come back with time, and tell how many there would
// have been.
func TestRefusedPayloadsDoNotFillTheDisk(t *testing.T) {
	s := enginetest.NewEngine(t)
	var log bytes.Buffer
	s.Host.OnLog(func(line string) { log.WriteString(line + "\n") })
	c := s.Client()
	refuse := func(n int) (reasons int) {
		log.Reset()
		for range n {
			if got := c.Do("RESTORE", "k", "0", sealedBody("\x02\x02\x01a\x01a")); got != "-ERR Bad data format\r\n" {
				t.Fatal(got)
			}
		}
		return strings.Count(log.String(), "-> Duplicate set members detected\n")
	}
	if n := refuse(200); n != 200 {
		t.Errorf("%d of the first 200 are told", n)
	}
	if n := refuse(1000); n != 0 {
		t.Errorf("%d of 1000 more are told", n)
	}
	s.Host.Advance(3 * time.Second)
	if n := refuse(1000); n != 3 {
		t.Errorf("%d are told after 3 seconds", n)
	}
	if !strings.HasPrefix(log.String(), "1000 more payloads were refused, whose reasons are not shown\n") {
		t.Errorf("the log begins with %.200q", log.String())
	}
}
