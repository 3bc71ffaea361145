package commands_test

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"regent/engine"
	"regent/engine/commands"
	"regent/engine/enginetest"
)

// TestSoleIsTheOnlyKey: where a command says that a call has one key, that is the key, and the only
// one that the call looks up, by what it says elsewhere.
func TestSoleIsTheOnlyKey(t *testing.T) {
	var cmds []engine.Command
	for _, room := range commands.All() {
		for _, cmd := range room.Commands {
			if cmd.Sole != nil {
				cmds = append(cmds, cmd)
			}
		}
	}
	if len(cmds) < 4 {
		t.Fatalf("%d commands say it", len(cmds))
	}
	calls := map[string]string{"sort": "SORT k", "sort_ro": "SORT_RO k", "xread": "XREAD COUNT 2 STREAMS k 0", "xreadgroup": "XREADGROUP GROUP g c STREAMS k >"}
	for _, cmd := range cmds {
		if args := enginetest.Raw(strings.Fields(calls[cmd.Name])...); len(args) == 0 || cmd.Sole(args) == 0 {
			t.Errorf("%s: %q has no only key", cmd.Name, args)
		}
	}
	word := rapid.SampledFrom([]string{
		"k", "2", "STREAMS", "streams", "COUNT", "BLOCK", "GROUP", "g", "NOACK", ">", "BY", "w_*", "w", "GET", "#", "LIMIT", "0", "STORE", "store", "DESC", "",
	})
	begin := rapid.SampledFrom([][]string{nil, {"k"}, {"GROUP", "g", "streams"}})
	end := rapid.SampledFrom([][]string{nil, {"STREAMS", "k", ">"}, {"STREAMS", "k", "2", "0", "0"}})
	rapid.Check(t, func(t *rapid.T) {
		cmd := cmds[rapid.IntRange(0, len(cmds)-1).Draw(t, "command")]
		args := enginetest.Raw(slices.Concat([]string{cmd.Name}, begin.Draw(t, "begin"), rapid.SliceOfN(word, 0, 5).Draw(t, "words"), end.Draw(t, "end"))...)
		at := cmd.Sole(args)
		if at == 0 || !cmd.Fits(len(args)) {
			return
		}
		if keys, ok := cmd.KeyIndices(args); !ok || !slices.Equal(keys, []int{at}) {
			t.Fatalf("%q: the only key is %d, but the keys are %d, %v", args, at, keys, ok)
		}
		if cmd.Wide != nil && cmd.Wide(args) {
			t.Fatalf("%q: there is one key, and any may be looked up", args)
		}
	})
}
