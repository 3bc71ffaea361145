// Package scripting is EVAL and its kin, and SCRIPT: Lua scripts, which are compiled
// once, and run by interpreters of engine/lua with shards locked (engine/script_turn.go).
//
//	EVAL, SCRIPT LOAD ─► cache: SHA-1 ─► script ─┐
//	EVALSHA ─────────────┘                       ├─► an interpreter ─► engine.Script
//	                          pool of interpreters ─┘
//
// The cache is this node's own, as in Redis 7: it is neither in the log nor on other
// nodes. Clients send a script again when they are told NOSCRIPT.
//
// What is not there: the debugger (SCRIPT DEBUG YES and SYNC are refused).
package scripting

import (
	"regent/engine"
	"regent/engine/spec"
	"regent/resp"
)

// Room is the room.
func Room() engine.Room {
	return engine.Room{Group: spec.GroupScripting, Cats: spec.CatScripting, Commands: newScripts().commands()}
}

// maxNote is Redis's note to what the keys of a script are used for.
const maxNote = "We cannot tell how the keys will be used so we assume the worst, "

func (ss *scripts) commands() []engine.Command {
	const flags = spec.NoScript | spec.Stale | spec.SkipMonitor | spec.NoMandatoryKeys | spec.MovableKeys
	const rw, ro = spec.KeyRW | spec.KeyAccess | spec.KeyUpdate, spec.KeyRO | spec.KeyAccess
	args := func(what string) spec.Args {
		return spec.Args{spec.String(what), spec.Integer("numkeys"), spec.Key("key", 0).Opt().Many(), spec.String("arg").Opt().Many()}
	}
	return []engine.Command{
		{Do: ss.eval, Scripts: engine.ScriptsWrite, Course: ss.evalCourse, ScriptFlags: ss.evalFlags, Command: spec.Command{
			Name: "eval", Arity: -3, Flags: flags | spec.MayReplicate, Since: "2.6.0", Complex: "Depends on the script that is executed.",
			Summary: "Runs a Lua script.",
			Keys:    spec.Keys{spec.NumKeys(2, rw).Noted(maxNote + "RW and UPDATE")}, Args: args("script"), GetKeys: spec.CountedKeys(firstKey - 1),
		}},
		{Do: ss.evalSHA, Scripts: engine.ScriptsWrite, Course: ss.shaCourse, ScriptFlags: ss.shaFlags, Command: spec.Command{
			Name: "evalsha", Arity: -3, Flags: flags | spec.MayReplicate, Since: "2.6.0", Complex: "Depends on the script that is executed.",
			Summary: "Runs a Lua script that is in the cache.",
			Keys:    spec.Keys{spec.NumKeys(2, rw)}, Args: args("sha1"), GetKeys: spec.CountedKeys(firstKey - 1),
		}},
		{Do: ss.eval, Scripts: engine.ScriptsRead, Course: ss.evalCourse, ScriptFlags: ss.evalFlags, Command: spec.Command{
			Name: "eval_ro", Arity: -3, Flags: flags | spec.ReadOnly, Since: "7.0.0", Complex: "Depends on the script that is executed.",
			Summary: "Runs a Lua script that only reads.",
			Keys:    spec.Keys{spec.NumKeys(2, ro).Noted(maxNote + "RO and ACCESS")}, Args: args("script"), GetKeys: spec.CountedKeys(firstKey - 1),
		}},
		{Do: ss.evalSHA, Scripts: engine.ScriptsRead, Course: ss.shaCourse, ScriptFlags: ss.shaFlags, Command: spec.Command{
			Name: "evalsha_ro", Arity: -3, Flags: flags | spec.ReadOnly, Since: "7.0.0", Complex: "Depends on the script that is executed.",
			Summary: "Runs a Lua script that is in the cache and only reads.",
			Keys:    spec.Keys{spec.NumKeys(2, ro)}, Args: args("sha1"), GetKeys: spec.CountedKeys(firstKey - 1),
		}},
		{Help: resp.HelpScript, Command: spec.Command{
			Name: "script", Arity: -2, Since: "2.6.0", Complex: "Depends on subcommand.",
			Summary: "Holds the commands for Lua scripts.",
		}, Subs: ss.subcommands()},
	}
}

func (ss *scripts) subcommands() []engine.Command {
	return []engine.Command{
		{Do: ss.debug, Command: spec.Command{
			Name: "debug", Arity: 3, Flags: spec.NoScript, Since: "3.2.0", Complex: "O(1)",
			Summary: "Sets how scripts are debugged.",
			Args:    spec.Args{spec.OneOf("mode", spec.Word("yes", "YES"), spec.Word("sync", "SYNC"), spec.Word("no", "NO"))},
		}},
		{Do: ss.exists, Command: spec.Command{
			Name: "exists", Arity: -3, Flags: spec.NoScript, Since: "2.6.0", Complex: "O(N) in the number of scripts to check",
			Summary: "Tells which scripts are in the cache.",
			Tips:    []string{"request_policy:all_shards", "response_policy:agg_logical_and"},
			Args:    spec.Args{spec.String("sha1").Many()},
		}},
		{Do: ss.flush, Command: spec.Command{
			Name: "flush", Arity: -2, Flags: spec.NoScript, Since: "2.6.0", Complex: "O(N) in the number of scripts in the cache",
			Summary: "Empties the cache of scripts.",
			Tips:    []string{"request_policy:all_nodes", "response_policy:all_succeeded"},
			Args:    spec.Args{spec.OneOf("async", spec.Word("async", "ASYNC"), spec.Word("sync", "SYNC")).Added("6.2.0").Opt()},
		}},
		{Do: ss.kill, Command: spec.Command{
			Name: "kill", Arity: 2, Flags: spec.NoScript | spec.AllowBusy, Since: "2.6.0", Complex: "O(1)",
			Summary: "Ends the script that is running, if it has not written yet.",
			Tips:    []string{"request_policy:all_shards", "response_policy:one_succeeded"},
		}},
		{Do: ss.load, Command: spec.Command{
			Name: "load", Arity: 3, Flags: spec.NoScript | spec.Stale, Since: "2.6.0", Complex: "O(N) in the length of the script",
			Summary: "Puts a script into the cache.",
			Tips:    []string{"request_policy:all_nodes", "response_policy:all_succeeded"},
			Args:    spec.Args{spec.String("script")},
		}},
		engine.HelpCommand(spec.Loading|spec.Stale, "5.0.0"),
	}
}
