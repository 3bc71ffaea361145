package aof

import (
	"io"
	"strings"
	"testing"

	"regent/aof/disk/disktest"
	"regent/engine/config"
)

// TestReservedHistoryStays: a rewrite keeps what is reserved or is being read,
// however little history is kept otherwise, and drops it when nobody needs it.
func TestReservedHistoryStays(t *testing.T) {
	r := mustLoad(t, disktest.New(), config.FsyncNo)
	r.historyBytes = 0
	again := func(line string) {
		t.Helper()
		r.write(t, "0: "+line)
		if err := r.rewrite(t, FormatCommands, line); err != nil {
			t.Fatal(err)
		}
	}
	wantStart := func(why string, want int64) {
		t.Helper()
		if got := r.Stream().Start(); got != want {
			t.Errorf("%s the log begins at %d, want %d", why, got, want)
		}
	}
	again("SET a 1")
	from := r.Stream().End()
	wantStart("with no history kept", from)

	release, err := r.Stream().Reserve(from)
	if err != nil {
		t.Fatal(err)
	}
	again("SET b 2")
	again("SET c 3")
	wantStart("with a reservation", from)

	reader, err := r.Stream().NewReader(from)
	if err != nil {
		t.Fatal(err)
	}
	release()
	release()
	again("SET d 4")
	wantStart("with a reader in its place", from)
	text, err := io.ReadAll(reader)
	for _, key := range []string{"b", "c", "d"} {
		if err != nil || !strings.Contains(string(text), key) {
			t.Errorf("the reader found %q, %v: %s is missing", text, err, key)
		}
	}

	again("SET e 5")
	at := reader.Offset()
	wantStart("with a reader that has moved on", at)
	if err := reader.Close(); err != nil {
		t.Fatal(err)
	}
	again("SET f 6")
	wantStart("with nobody there", r.Stream().End())
}
