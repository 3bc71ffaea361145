package commands_test

import (
	"slices"
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
	word := rapid.SampledFrom([]string{
		"k", "2", "STREAMS", "streams", "COUNT", "BLOCK", "GROUP", "g", "NOACK", ">", "BY", "w_*", "w", "GET", "#", "LIMIT", "0", "STORE", "store", "DESC", "",
	})
	begin := rapid.SampledFrom([][]string{nil, {"k"}, {"GROUP", "g", "streams"}})
	end := rapid.SampledFrom([][]string{nil, {"STREAMS", "k", ">"}, {"STREAMS", "k", "2", "0", "0"}})
	said := map[string]bool{}
	rapid.Check(t, func(t *rapid.T) {
		cmd := cmds[rapid.IntRange(0, len(cmds)-1).Draw(t, "command")]
		args := enginetest.Raw(slices.Concat([]string{cmd.Name}, begin.Draw(t, "begin"), rapid.SliceOfN(word, 0, 5).Draw(t, "words"), end.Draw(t, "end"))...)
		at := cmd.Sole(args)
		if at == 0 || !cmd.Fits(len(args)) {
			return
		}
		said[cmd.Name] = true
		if keys, ok := cmd.KeyIndices(args); !ok || !slices.Equal(keys, []int{at}) {
			t.Fatalf("%q: the only key is %d, but the keys are %d, %v", args, at, keys, ok)
		}
		if cmd.Wide != nil && cmd.Wide(args) {
			t.Fatalf("%q: there is one key, and any may be looked up", args)
		}
	})
	for _, cmd := range cmds {
		if !said[cmd.Name] {
			t.Errorf("%s never has one key", cmd.Name)
		}
	}
}
