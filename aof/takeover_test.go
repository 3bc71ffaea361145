package aof

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"regent/aof/disk/disktest"
	"regent/engine/config"
)

// ofRedis is a directory that redis-server has left.
func ofRedis(lines []string, tail string) *disktest.FS {
	fsys := disktest.New()
	fsys.Put(manifestOfTests, []byte("file appendonly.aof.1.incr.aof seq 1 type i\n"))
	fsys.Put(firstOfTests, append(asCommands(lines), tail...))
	return fsys
}

var (
	manifestOfTests = filepath.Join(testDir, "appendonly.aof.manifest")
	firstOfTests    = filepath.Join(testDir, "appendonly.aof.1.incr.aof")
)

// TestTakeOverAgain starts on what Redis wrote, and again after Redis's file has become another
// one: while nothing was written behind it, it is taken over anew, a torn end too. Once
// there is a record, Redis's file stands inside the log, and its torn end is damage.
func TestTakeOverAgain(t *testing.T) {
	fsys := ofRedis([]string{"0: SET a 1"}, "")
	for _, lines := range [][]string{{"0: SET a 1"}, {"0: SET a 1", "2: SET b 2"}, nil} {
		fsys.Put(firstOfTests, append(asCommands(lines), "*3\r\n$3\r\nSE"...))
		r := mustLoad(t, fsys, config.FsyncAlways)
		if !slices.Equal(r.got, lines) {
			t.Errorf("%q were loaded, not %q", r.got, lines)
		}
		if files := len(r.manifest.entries()); files != 2 {
			t.Errorf("the manifest lists %d files:\n%s", files, fsys.Get(manifestOfTests))
		}
		_ = r.Close()
		fsys = fsys.Kill()
	}
	r := mustLoad(t, fsys, config.FsyncAlways)
	r.write(t, "0: SET ours 1")
	_ = r.Close()
	fsys = fsys.Kill()
	fsys.Put(firstOfTests, append(asCommands([]string{"0: SET a 1"}), "*3\r\n$3\r\nSE"...))
	if _, err := loaded(fsys, config.FsyncAlways); err == nil || !strings.Contains(err.Error(), "Unexpected end of file reading the append only file") {
		t.Errorf("a torn file beneath records was taken: %v", err)
	}
}

// TestRedisWords gives the loader what redis-server refuses: its words are in the error.
func TestRedisWords(t *testing.T) {
	entry := "file appendonly.aof.1.incr.aof seq 1 type i\n"
	for text, want := range map[string]string{
		"":                           "Found an empty AOF manifest",
		entry + "\n" + entry:         "at line 2: Invalid AOF manifest file format",
		"filx a seq 1 type i\n":      "Invalid AOF manifest file format",
		"file a type i\n":            "Invalid AOF manifest file format",
		"file a seq 0 type i\n":      "Invalid AOF manifest file format",
		"file a seq 1 type i more\n": "Invalid AOF manifest file format",
		"file \"a seq 1 type i\n":    "Invalid AOF manifest file format",
		"file a/b seq 1 type i\n":    "File can't be a path, just a filename",
		"file a seq 1 type x\n":      "Unknown AOF file type",
		"file a seq 1 type i":        "The AOF manifest file contains too long line",
		"file a seq 1 type i" + strings.Repeat(" k v", 300) + "\n": "The AOF manifest file contains too long line",
		"file a seq 1 type b\nfile b seq 2 type b\n":               "Found duplicate base file information",
		"file a seq 2 type i\nfile b seq 1 type i\n":               "Found a non-monotonic sequence number",
		"file b seq 1 type i\n":                                    "can't open the append log file b for reading: No such file or directory",
	} {
		fsys := ofRedis([]string{"0: SET a 1"}, "")
		fsys.Put(manifestOfTests, []byte(text))
		r, err := loaded(fsys, config.FsyncAlways)
		if err == nil {
			_ = r.Close()
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, not %q", text, err, want)
		}
	}
	for tail, want := range map[string]string{
		"!!!*1\r\n$4\r\nPING\r\n": "Bad file format reading the append only file appendonly.aof.1.incr.aof",
	} {
		r, err := loaded(ofRedis([]string{"0: SET a 1"}, tail), config.FsyncAlways)
		if err == nil {
			_ = r.Close()
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, not %q", tail, err, want)
		}
	}
}

// TestManifestLines reads a manifest with keys of a later version and comments, and looks at what
// is written: lines of files, and a sum that is no line.
func TestManifestLines(t *testing.T) {
	text := "#comment\nfile appendonly.aof.1.incr.aof seq 1 type i startoffset 77\n"
	m, err := parseManifest([]byte(text))
	if err != nil || len(m.incr) != 1 {
		t.Fatal(m, err)
	}
	written := string(m.encode())
	if lines := strings.Split(written, "\n"); len(lines) != 2 || !strings.HasPrefix(lines[1], manifestSum) {
		t.Errorf("written as %q", written)
	}
	for _, text := range []string{written, written + "\n"} { // as earlier versions wrote it
		if m, err := parseManifest([]byte(text)); err != nil || !m.summed {
			t.Errorf("%q: %v", text, err)
		}
	}
	if _, err := parseManifest([]byte(strings.Replace(written, "CHECKSUM", "CHECKSUN", 1))); err == nil {
		t.Error("a damaged sum is a comment")
	}
}

// TestAloneKeepsNoHistory rewrites the log of a lone node: what is before the base goes, unless
// something has read the stream.
func TestAloneKeepsNoHistory(t *testing.T) {
	r := mustLoad(t, disktest.New(), config.FsyncAlways)
	defer r.Close()
	r.o.Alone = func() bool { return true }
	r.write(t, "0: SET a 1")
	if keep := r.keptHistory(r.written.Load()); len(keep) != 0 {
		t.Errorf("history is kept: %v", keep)
	}
	rd, err := r.Stream().NewReader(r.written.Load())
	if err != nil {
		t.Fatal(err)
	}
	_ = rd.Close()
	if keep := r.keptHistory(r.written.Load()); len(keep) != 1 {
		t.Errorf("no history is kept for one that may come back: %v", keep)
	}
}
