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

// TestWhatIsReservedIsBounded: a reservation that nobody lets go of, as for a node that is
// away for good, keeps so much of the log and no more, however much is written.
func TestWhatIsReservedIsBounded(t *testing.T) {
	r := mustLoad(t, disktest.New(), config.FsyncNo)
	const most, rounds = 4096, 100
	r.historyBytes, r.mostReserved = 0, most
	from := r.Stream().End()
	release, err := r.Stream().Reserve(from)
	if err != nil {
		t.Fatal(err)
	}
	defer release()
	kept := int64(0)
	for range rounds {
		line := "SET a " + strings.Repeat("v", 200)
		r.write(t, "0: "+line)
		if err := r.rewrite(t, FormatCommands, line); err != nil {
			t.Fatal(err)
		}
		n := r.Stream().End() - r.Stream().Start()
		if n > most {
			t.Fatalf("%d bytes are kept, and may be %d", n, most)
		}
		kept = max(kept, n)
	}
	if r.Stream().End()-from < 2*most || kept < most/2 {
		t.Errorf("%d bytes were written, %d kept at most: nothing was tried", r.Stream().End()-from, kept)
	}
}
