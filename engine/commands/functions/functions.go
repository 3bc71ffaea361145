// Package functions is FUNCTION and FCALL: libraries of functions in Lua, which stay with
// the data.
//
//	FUNCTION LOAD ─► header ─► engine/lua: the code runs, and registers ─┐
//	RESTORE, files, the log ─────────────────────────────────────────────┴─► libraries
//	FCALL ─► libraries ─► engine.Script, as EVAL
//
// # Invariants
//
//   - All libraries live in one interpreter, as in Redis: what a library has as locals is
//     its own and stays from call to call. So whatever runs something in it, a load or a
//     call, has every shard locked.
//   - A function that is certain to leave nothing behind in its library, and to touch no keys but
//     those that it is called with (engine/lua, trace_library.go), runs in copies of its library
//     instead, with the shards of its keys locked, as such a script does.
//   - A load or a restore that fails changes nothing.
//   - What is loaded is in the log as it was said, and in files as its source
//     (engine/script.go): it is committed, copied and rebuilt as keys are.
//
// What a library's locals hold is in neither: each node has its own, and so has the next start.
package functions

import (
	"regent/engine"
	"regent/engine/spec"
	"regent/resp"
)

// Room is the room.
func Room() engine.Room {
	s := newStore()
	return engine.Room{Group: spec.GroupScripting, Cats: spec.CatScripting, Commands: s.commands(), Libraries: s}
}

// maxNote is Redis's note to what the keys of a function are used for.
const maxNote = "We cannot tell how the keys will be used so we assume the worst, "

func (s *store) commands() []engine.Command {
	const flags = spec.NoScript | spec.SkipMonitor | spec.NoMandatoryKeys | spec.MovableKeys | spec.Stale
	args := spec.Args{spec.String("function"), spec.Integer("numkeys"), spec.Key("key", 0).Opt().Many(), spec.String("arg").Opt().Many()}
	return []engine.Command{
		{Do: s.call, Scripts: engine.ScriptsWrite, Course: s.course, ScriptFlags: s.flagsOf, Command: spec.Command{
			Name: "fcall", Arity: -3, Flags: flags | spec.MayReplicate, Since: "7.0.0", Complex: "Depends on the function that is executed.",
			Summary: "Calls a function.",
			Keys:    spec.Keys{spec.NumKeys(2, spec.KeyRW|spec.KeyAccess|spec.KeyUpdate).Noted(maxNote + "RW and UPDATE")}, Args: args, GetKeys: spec.CountedKeys(firstKey - 1),
		}},
		{Do: s.call, Scripts: engine.ScriptsRead, Course: s.course, ScriptFlags: s.flagsOf, Command: spec.Command{
			Name: "fcall_ro", Arity: -3, Flags: flags | spec.ReadOnly, Since: "7.0.0", Complex: "Depends on the function that is executed.",
			Summary: "Calls a function that only reads.",
			Keys:    spec.Keys{spec.NumKeys(2, spec.KeyRO|spec.KeyAccess).Noted(maxNote + "RO and ACCESS")}, Args: args, GetKeys: spec.CountedKeys(firstKey - 1),
		}},
		{Help: resp.HelpFunction, Command: spec.Command{
			Name: "function", Arity: -2, Since: "7.0.0", Complex: "Depends on subcommand.",
			Summary: "Holds the commands for functions.",
		}, Subs: append(s.changing(), s.showing()...)},
	}
}

// everything locks every shard: the libraries are one with the data.
func everything([][]byte) bool { return true }

// changing are the subcommands that change libraries.
func (s *store) changing() []engine.Command {
	all := []string{"request_policy:all_shards", "response_policy:all_succeeded"}
	return []engine.Command{
		{Do: s.load, Wide: everything, Command: spec.Command{
			Name: "load", Arity: -3, Flags: spec.Write | spec.DenyOOM | spec.NoScript, Since: "7.0.0", Complex: "O(1) (considering compilation time is redundant)",
			Summary: "Loads a library.", Tips: all,
			Args: spec.Args{spec.Word("replace", "REPLACE").Opt(), spec.String("function-code")},
		}},
		{Do: s.remove, Wide: everything, Command: spec.Command{
			Name: "delete", Arity: 3, Flags: spec.Write | spec.NoScript, Since: "7.0.0", Complex: "O(1)",
			Summary: "Deletes a library and its functions.", Tips: all,
			Args: spec.Args{spec.String("library-name")},
		}},
		{Do: s.flush, Wide: everything, Command: spec.Command{
			Name: "flush", Arity: -2, Flags: spec.Write | spec.NoScript, Since: "7.0.0", Complex: "O(N) in the number of functions",
			Summary: "Deletes all libraries.", Tips: all,
			Args: spec.Args{spec.OneOf("async", spec.Word("async", "ASYNC"), spec.Word("sync", "SYNC")).Opt()},
		}},
		{Do: s.restore, Wide: everything, Command: spec.Command{
			Name: "restore", Arity: -3, Flags: spec.Write | spec.DenyOOM | spec.NoScript, Since: "7.0.0", Complex: "O(N) in the number of functions in the payload",
			Summary: "Loads the libraries of a payload.", Tips: all,
			Args: spec.Args{
				spec.String("serialized-value"),
				spec.OneOf("policy", spec.Word("flush", "FLUSH"), spec.Word("append", "APPEND"), spec.Word("replace", "REPLACE")).Opt(),
			},
		}},
	}
}

// showing are the others.
func (s *store) showing() []engine.Command {
	return []engine.Command{
		{Do: s.list, Command: spec.Command{
			Name: "list", Arity: -2, Flags: spec.NoScript, Since: "7.0.0", Complex: "O(N) in the number of functions",
			Summary: "Lists the libraries and their functions.",
			Tips:    []string{"nondeterministic_output_order"},
			Args: spec.Args{
				spec.String("library-name-pattern").With("LIBRARYNAME").Opt(), spec.Word("withcode", "WITHCODE").Opt(),
			},
		}},
		{Do: s.dump, Command: spec.Command{
			Name: "dump", Arity: 2, Flags: spec.NoScript, Since: "7.0.0", Complex: "O(N) in the number of functions",
			Summary: "Returns all libraries as a payload.",
		}},
		{Do: s.stats, Command: spec.Command{
			Name: "stats", Arity: 2, Flags: spec.NoScript | spec.AllowBusy, Since: "7.0.0", Complex: "O(1)",
			Summary: "Tells which function is running, and how many there are.",
			Tips:    []string{"nondeterministic_output", "request_policy:all_shards", "response_policy:special"},
		}},
		{Do: kill, Command: spec.Command{
			Name: "kill", Arity: 2, Flags: spec.NoScript | spec.AllowBusy, Since: "7.0.0", Complex: "O(1)",
			Summary: "Ends the function that is running, if it has not written yet.",
			Tips:    []string{"request_policy:all_shards", "response_policy:one_succeeded"},
		}},
		engine.HelpCommand(spec.Loading|spec.Stale, "7.0.0"),
	}
}
