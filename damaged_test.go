package regent

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// rdbFile writes items as a dump, of a version whose files have no checksum.
func rdbFile(t *testing.T, dir string, items ...string) {
	t.Helper()
	text := "REDIS0003\xfe\x00" + strings.Join(items, "") + "\xff"
	if err := os.WriteFile(filepath.Join(dir, "dump.rdb"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// rdbKey is a key of a type with the bytes of its value.
func rdbKey(kind byte, key, value string) string {
	return string(kind) + string([]byte{byte(len(key))}) + key + value
}

// TestEmptyKeysOfADump: values without elements, which old servers have written, are passed
// over, and the log names the first ten.
func TestEmptyKeysOfADump(t *testing.T) {
	items := []string{rdbKey(0, "string", "\x01x"), rdbKey(2, "line\nend", "\x00")}
	for i, kind := range []byte{1, 2, 3, 4, 5, 14, 18, 1, 2, 3, 4} {
		items = append(items, rdbKey(kind, fmt.Sprintf("none%d", i), "\x00"))
	}
	items = append(items, rdbKey(16, "packed", "\x07\x07\x00\x00\x00\x00\x00\xff"))
	for _, log := range []string{"appendonly no", "appendonly yes"} {
		t.Run(log, func(t *testing.T) {
			dir := t.TempDir()
			rdbFile(t, dir, items...)
			s := begin(t, dir, log, `save ""`)
			c := s.client()
			if keys, err := c.Keys(t.Context(), "*").Result(); err != nil || !slices.Equal(keys, []string{"string"}) {
				t.Errorf("%q are there, %v", keys, err)
			}
			if info := c.Info(t.Context(), "persistence").Val(); !strings.Contains(info, "rdb_last_load_keys_loaded:1\r\n") {
				t.Errorf("INFO does not say that 1 key was loaded: %s", info)
			}
			text, err := os.ReadFile(filepath.Join(dir, "log"))
			if err != nil {
				t.Fatal(err)
			}
			if n := bytes.Count(text, []byte("skipping empty key: ")); n != 10 {
				t.Errorf("%d empty keys are named, want 10:\n%s", n, text)
			}
			for _, want := range []string{`skipping empty key: line\nend` + "\n", "skipping empty key: none0\n", "empty keys skipped: 13."} {
				if !bytes.Contains(text, []byte(want)) {
					t.Errorf("the log does not say %q:\n%s", want, text)
				}
			}
		})
	}
}

// TestADamagedDumpEndsTheStart: the log says which key is damaged, and why the server ends.
func TestADamagedDumpEndsTheStart(t *testing.T) {
	dir := t.TempDir()
	rdbFile(t, dir, rdbKey(0, "a", "\x01x"), rdbKey(13, "zipped", "\x03abc"))
	if err := endsAtTheStart(t, dir); err == nil || !strings.Contains(err.Error(), `key "zipped" of database 0, a hash (ziplist)`) {
		t.Errorf("the start ended with %v", err)
	}
	text, err := os.ReadFile(filepath.Join(dir, "log"))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"-> Hash ziplist integrity check failed. ", `integrity check failed in key "zipped" of database 0, which begins at offset 16`,
		"Terminating server after rdb file reading failure.\n",
	} {
		if n := bytes.Count(text, []byte(want)); n != 1 {
			t.Errorf("the log says %q %d times:\n%s", want, n, text)
		}
	}
}
