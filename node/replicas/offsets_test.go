package replicas

import (
	"testing"

	"pgregory.net/rapid"

	"regent/engine"
)

// drawHistory is a log: epochs that begin one behind the other, some with nothing in them,
// and where it ends.
func drawHistory(t *rapid.T) (history []engine.EpochStart, end int64) {
	epoch := int64(0)
	for range rapid.IntRange(0, 6).Draw(t, "epochs") {
		end += rapid.SampledFrom([]int64{0, 0, 14, 1000}).Draw(t, "bytes")
		epoch += rapid.Int64Range(1, 200).Draw(t, "step")
		e := engine.EpochStart{Epoch: epoch, Leader: rapid.Int64Range(1, 70000).Draw(t, "leader"), Offset: end}
		history = append(history, e)
		end += lineLen(e)
	}
	return history, end + rapid.SampledFrom([]int64{0, 14, 1000}).Draw(t, "last")
}

// spots are all places where a stream may stand.
func spots(history []engine.EpochStart, end int64) (out []spot) {
	for off := int64(0); off <= end; off++ {
		inLine := false
		for _, e := range history {
			inLine = inLine || off >= e.Offset && off < e.Offset+lineLen(e)
		}
		if !inLine {
			out = append(out, past(history, off))
		}
	}
	return out
}

// A replica that has been sent everything up to a spot finds the same spot again, by its
// offset and its epoch; and offsets grow by one with each byte that it was sent.
func TestASpotIsFoundAgain(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		history, end := drawHistory(t)
		last := int64(-1)
		for _, at := range spots(history, end) {
			theirs := outside(history, at.off)
			if last >= 0 && theirs != last+1 && theirs != last {
				t.Fatalf("offset %d at %d, after %d", theirs, at.off, last)
			}
			last = theirs
			if got, ok := inside(history, at.epoch, theirs, end); !ok || got != at {
				t.Fatalf("%+v is %d outside, and that is %+v, %v, in %v up to %d", at, theirs, got, ok, history, end)
			}
		}
	})
}

// A replica at the end of an epoch goes on with the next one, and one that has more of an
// epoch than the log has does not.
func TestAnEpochThatEndedEarlier(t *testing.T) {
	a, b := engine.EpochStart{Epoch: 3, Leader: 7, Offset: 0}, engine.EpochStart{Epoch: 5, Leader: 8, Offset: 100}
	history := []engine.EpochStart{a, b}
	ended := outside(history, b.Offset)
	at, ok := inside(history, 3, ended, 500)
	if want := (spot{b.Offset + lineLen(b), 5}); !ok || at != want {
		t.Errorf("%+v, %v, want %+v", at, ok, want)
	}
	for name, ask := range map[string]struct{ epoch, theirs, committed int64 }{
		"more of the epoch than there was":  {3, ended + 1, 500},
		"more than is committed":            {5, outside(history, 300), 299},
		"an epoch that never was":           {4, ended, 500},
		"an epoch to come":                  {6, ended, 500},
		"before the epoch":                  {5, ended - 1, 500},
		"a log without epochs, and one has": {0, 1, 500},
	} {
		t.Run(name, func(t *testing.T) {
			if at, ok := inside(history, ask.epoch, ask.theirs, ask.committed); ok {
				t.Errorf("it may go on at %+v", at)
			}
		})
	}
}

func TestIDs(t *testing.T) {
	const name = "2ceb35c1df38374916bd27976b439fd3aec72fb7"
	id := idOf(name, 0x1f)
	if id != "2ceb35c1df38374916bd2797000000000000001f" {
		t.Error(id)
	}
	if epoch, ok := epochOf(name, id); epoch != 0x1f || !ok {
		t.Error(epoch, ok)
	}
	for _, other := range []string{"", "?", name, "2ceb35c1df38374916bd279700000000000000zz", "3" + id[1:], id + "0", id[:39]} {
		if epoch, ok := epochOf(name, other); ok && other != name {
			t.Errorf("%q is of epoch %d", other, epoch)
		}
	}
	if _, ok := epochOf("", id); ok {
		t.Error("a history without a name has this ID")
	}
}
