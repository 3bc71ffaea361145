// Package spec is what is known of a command without running it: its name, arity,
// flags, categories, keys and arguments. A room of commands writes it down in one
// literal per command, and everything else is derived from that: what the
// dispatcher locks, what the gates refuse, what an access list allows, what COMMAND
// and HELP answer.
//
//	{Do: doGet, Command: spec.Command{
//		Name: "get", Arity: 2, Flags: spec.ReadOnly | spec.Fast, Since: "1.0.0", Complex: "O(1)",
//		Summary: "Returns the string at a key.",
//		Keys:    spec.Keys{spec.One(1, spec.KeyRO|spec.KeyAccess)},
//		Args:    spec.Args{spec.Key("key", 0)},
//	}},
//
// It is pure: it imports the standard library and engine/decimal, keeps no state
// and runs nothing. So what asks about commands (access lists, COMMAND, the client)
// needs no engine.
package spec
