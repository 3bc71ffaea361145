package zsets

import (
	"slices"

	"regent/engine"
	"regent/engine/spec"
)

func searches() []engine.Command {
	return []engine.Command{
		{Do: doGeosearch, Command: spec.Command{
			Name: "geosearch", Arity: -7, Flags: spec.ReadOnly, Since: "6.2.0",
			Complex: "O(N+log(M)) in the number of members near the shape and in it",
			Summary: "Returns the members of a sorted set whose positions are in a circle or a box.",
			Keys:    spec.Keys{spec.One(1, spec.KeyRO|spec.KeyAccess)},
			Args:    slices.Concat(spec.Args{spec.Key("key", 0)}, shapeArgs(), spec.Args{orderArg(), countArg("")}, withArgs()),
		}},
		{Do: doGeosearchstore, Command: spec.Command{
			Name: "geosearchstore", Arity: -8, Flags: spec.Write | spec.DenyOOM, Since: "6.2.0",
			Complex: "O(N+log(M)) in the number of members near the shape and in it",
			Summary: "Stores the members of a sorted set whose positions are in a circle or a box.",
			Keys:    spec.Keys{spec.One(1, spec.KeyOW|spec.KeyUpdate), spec.One(2, spec.KeyRO|spec.KeyAccess)},
			Args: slices.Concat(spec.Args{spec.Key("destination", 0), spec.Key("source", 1)}, shapeArgs(),
				spec.Args{orderArg(), countArg(""), spec.Word("storedist", "STOREDIST").Opt()}),
		}},
	}
}

// oldSearches are those for which there are options of GEOSEARCH.
func oldSearches() []engine.Command {
	const complex = "O(N+log(M)) in the number of members near the circle and in it"
	place := spec.Args{spec.Key("key", 0), spec.Double("longitude"), spec.Double("latitude"), spec.Double("radius"), unitArg()}
	member := spec.Args{spec.Key("key", 0), spec.String("member"), spec.Double("radius"), unitArg()}
	stores := spec.Args{spec.Key("key", 1).With("STORE").Opt(), spec.Key("key", 2).With("STOREDIST").Opt()}
	return []engine.Command{
		{Do: doGeoradius, Command: spec.Command{
			Name: "georadius", Arity: -6, Flags: spec.Write | spec.DenyOOM, Since: "3.2.0",
			Complex: complex, Summary: "Returns or stores the members of a sorted set that are near a position.",
			DeprecatedSince: "6.2.0", ReplacedBy: "`GEOSEARCH` and `GEOSEARCHSTORE` with the `BYRADIUS` argument",
			Keys: storeSpecs(6), GetKeys: storeKeys(6),
			Args: slices.Concat(place, withArgs(), spec.Args{countArg("6.2.0"), orderArg()}, stores),
		}},
		{Do: doGeoradiusRO, Command: spec.Command{
			Name: "georadius_ro", Arity: -6, Flags: spec.ReadOnly, Since: "3.2.10",
			Complex: complex, Summary: "Returns the members of a sorted set that are near a position.",
			DeprecatedSince: "6.2.0", ReplacedBy: "`GEOSEARCH` with the `BYRADIUS` argument",
			Keys: spec.Keys{spec.One(1, spec.KeyRO|spec.KeyAccess)},
			Args: slices.Concat(place, withArgs(), spec.Args{countArg("6.2.0"), orderArg()}),
		}},
		{Do: doGeoradiusbymember, Command: spec.Command{
			Name: "georadiusbymember", Arity: -5, Flags: spec.Write | spec.DenyOOM, Since: "3.2.0",
			Complex: complex, Summary: "Returns or stores the members of a sorted set that are near one of them.",
			DeprecatedSince: "6.2.0", ReplacedBy: "`GEOSEARCH` and `GEOSEARCHSTORE` with the `BYRADIUS` and `FROMMEMBER` arguments",
			Keys: storeSpecs(5), GetKeys: storeKeys(5),
			Args: slices.Concat(member, withArgs(), spec.Args{countArg(""), orderArg()}, stores),
		}},
		{Do: doGeoradiusbymemberRO, Command: spec.Command{
			Name: "georadiusbymember_ro", Arity: -5, Flags: spec.ReadOnly, Since: "3.2.10",
			Complex: complex, Summary: "Returns the members of a sorted set that are near one of them.",
			DeprecatedSince: "6.2.0", ReplacedBy: "`GEOSEARCH` with the `BYRADIUS` and `FROMMEMBER` arguments",
			Keys: spec.Keys{spec.One(1, spec.KeyRO|spec.KeyAccess)},
			Args: slices.Concat(member, withArgs(), spec.Args{countArg(""), orderArg()}),
		}},
	}
}

func shapeArgs() spec.Args {
	return spec.Args{
		spec.OneOf("from",
			spec.String("member").With("FROMMEMBER"),
			spec.Block("longitude_latitude", spec.Double("longitude"), spec.Double("latitude")).With("FROMLONLAT")),
		spec.OneOf("by",
			spec.Block("circle", spec.Double("radius").With("BYRADIUS"), unitArg()),
			spec.Block("box", spec.Double("width").With("BYBOX"), spec.Double("height"), unitArg())),
	}
}

func orderArg() spec.Arg {
	return spec.OneOf("order", spec.Word("asc", "ASC"), spec.Word("desc", "DESC")).Opt()
}

// countArg is COUNT, with ANY since that version.
func countArg(since string) spec.Arg {
	return spec.Block("count", spec.Integer("count").With("COUNT"), spec.Word("any", "ANY").Added(since).Opt()).Opt()
}

func withArgs() spec.Args {
	return spec.Args{spec.Word("withcoord", "WITHCOORD").Opt(), spec.Word("withdist", "WITHDIST").Opt(), spec.Word("withhash", "WITHHASH").Opt()}
}

// storeSpecs are the keys of a command with STORE and STOREDIST among options that begin
// at an argument.
func storeSpecs(options int) spec.Keys {
	word := func(w string) spec.KeySpec {
		return spec.KeySpec{Flags: spec.KeyOW | spec.KeyUpdate, Keyword: w, StartFrom: options, KeyStep: 1}
	}
	return spec.Keys{spec.One(1, spec.KeyRO|spec.KeyAccess), word("STORE"), word("STOREDIST")}
}

// storeKeys finds the keys that storeSpecs say, and the last one after STORE or STOREDIST
// if there are several: that one is written.
func storeKeys(options int) func(args [][]byte) ([]int, bool) {
	specs := storeSpecs(options)
	return func(args [][]byte) (keys []int, ok bool) {
		for i := range specs {
			first, last, _, _ := specs[i].Bounds(args)
			if first <= last {
				keys = append(keys, first)
			}
		}
		stored := 0
		for i := options; i < len(args)-1; i++ {
			if spec.EqualFold(args[i], "store") || spec.EqualFold(args[i], "storedist") {
				i++
				stored = i
			}
		}
		if stored > 0 && !slices.Contains(keys, stored) {
			keys = append(keys, stored)
		}
		return keys, true
	}
}
