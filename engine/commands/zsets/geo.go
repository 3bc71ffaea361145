package zsets

import (
	"fmt"
	"math"
	"slices"
	"strconv"

	"regent/engine"
	"regent/engine/decimal"
	"regent/engine/geo"
	"regent/engine/spec"
	"regent/resp"
)

// Positions on the earth. One is a number, engine/geo says which, and that is the score
// of a member of a sorted set. Here is what adds members and shows them; geo_search.go
// finds those in a shape.

// GeoRoom is what this package brings to an engine for positions. The values are those of
// Room.
func GeoRoom() engine.Room {
	return engine.Room{
		Group: spec.GroupGeo, Cats: spec.CatGeo,
		Commands: slices.Concat(places(), searches(), oldSearches()),
	}
}

func places() []engine.Command {
	return []engine.Command{
		{Do: doGeoadd, Weighs: true, Command: spec.Command{
			Name: "geoadd", Arity: -5, Flags: spec.Write | spec.DenyOOM, Since: "3.2.0",
			Complex: "O(log(N)) for each member",
			Summary: "Adds members with positions to a sorted set, or moves them.",
			Keys:    spec.Keys{spec.One(1, spec.KeyRW|spec.KeyUpdate)},
			Args: spec.Args{
				spec.Key("key", 0),
				spec.OneOf("condition", spec.Word("nx", "NX"), spec.Word("xx", "XX")).Added("6.2.0").Opt(),
				spec.Word("change", "CH").Added("6.2.0").Opt(),
				spec.Block("longitude_latitude_member", spec.Double("longitude"), spec.Double("latitude"), spec.String("member")).Many(),
			},
		}},
		{Do: doGeodist, Weighs: true, Command: spec.Command{
			Name: "geodist", Arity: -4, Flags: spec.ReadOnly, Since: "3.2.0",
			Complex: "O(log(N))",
			Summary: "Returns how far apart the positions of two members are.",
			Keys:    spec.Keys{spec.One(1, spec.KeyRO|spec.KeyAccess)},
			Args:    spec.Args{spec.Key("key", 0), spec.String("member1"), spec.String("member2"), unitArg().Opt()},
		}},
		{Do: doGeohash, Weighs: true, Command: spec.Command{
			Name: "geohash", Arity: -2, Flags: spec.ReadOnly, Since: "3.2.0",
			Complex: "O(log(N)) for each member asked about",
			Summary: "Returns the positions of members as standard geohashes.",
			Keys:    spec.Keys{spec.One(1, spec.KeyRO|spec.KeyAccess)},
			Args:    spec.Args{spec.Key("key", 0), spec.String("member").Many()},
		}},
		{Do: doGeopos, Weighs: true, Command: spec.Command{
			Name: "geopos", Arity: -2, Flags: spec.ReadOnly, Since: "3.2.0",
			Complex: "O(N) in the number of members asked about",
			Summary: "Returns the positions of members.",
			Keys:    spec.Keys{spec.One(1, spec.KeyRO|spec.KeyAccess)},
			Args:    spec.Args{spec.Key("key", 0), spec.String("member").Many()},
		}},
	}
}

func unitArg() spec.Arg {
	return spec.OneOf("unit", spec.Word("m", "M"), spec.Word("km", "KM"), spec.Word("ft", "FT"), spec.Word("mi", "MI"))
}

// placeArgs reads a position; false: an error was written.
func placeArgs(c *engine.Ctx, longitude, latitude []byte) (lon, lat float64, ok bool) {
	if lon, ok = decimal.ParseScore(longitude); ok {
		lat, ok = decimal.ParseScore(latitude)
	}
	switch {
	case !ok:
		c.Err(resp.ErrNotFloat)
	case !geo.Valid(lon, lat):
		c.Err(fmt.Sprintf(resp.ErrPlace, fixed(lon), fixed(lat)))
		ok = false
	}
	return lon, lat, ok
}

// fixed is f as C's "%f" prints it.
func fixed(f float64) string {
	if math.IsInf(f, 0) {
		return string(decimal.AppendDouble(nil, f))
	}
	return strconv.FormatFloat(f, 'f', 6, 64)
}

// unitOf reads a unit, in meters; false: an error was written.
func unitOf(c *engine.Ctx, w []byte) (meters float64, ok bool) {
	switch {
	case spec.EqualFold(w, "m"):
		return 1, true
	case spec.EqualFold(w, "km"):
		return 1000, true
	case spec.EqualFold(w, "ft"):
		return 0.3048, true
	case spec.EqualFold(w, "mi"):
		return 1609.34, true
	}
	c.Err(resp.ErrUnit)
	return 0, false
}

// doGeoadd is ZADD with scores that are computed, and the log gets that (propagateScores).
func doGeoadd(c *engine.Ctx) {
	a := addition{each: 3}
	at := 2
	for ; at < len(c.Args); at++ {
		flag := a.condition(c.Args[at])
		if flag == nil {
			break
		}
		*flag = true
	}
	triples := c.Args[at:]
	if len(triples)%3 != 0 || len(triples) == 0 || a.nx && a.xx {
		// Where there are no triples at all it is ZADD that redis-server finds wrong: the
		// same error.
		c.Err(resp.ErrSyntax)
		return
	}
	a.words, a.scores = triples, a.few[:0]
	for ; len(triples) > 0; triples = triples[3:] {
		lon, lat, ok := placeArgs(c, triples[0], triples[1])
		if !ok {
			return
		}
		a.scores = append(a.scores, float64(geo.Encode(lon, lat)))
	}
	a.run(c)
}

// fewOptions is how many words may stand before the positions of a GEOADD for which nothing
// is allocated.
const fewOptions = 5

// propagateScores adds the ZADD to the log that a GEOADD is.
func (a *addition) propagateScores(c *engine.Ctx, changes int64) {
	first := len(c.Args) - len(a.words)
	options, triples := c.Args[1:first], c.Args[first:]
	if len(options) > fewOptions || len(a.scores) > fewScores {
		words := append([][]byte{[]byte("zadd")}, options...)
		for i := range a.scores {
			words = append(words, strconv.AppendUint(nil, a.bits(i), 10), triples[3*i+2])
		}
		c.PropagateN(changes, words...)
		return
	}
	// The same without a copy: the compiler sees that these do not outlive the call.
	var (
		words  [1 + fewOptions + 2*fewScores][]byte
		digits [fewScores][decimal.MaxLen]byte
	)
	words[0] = []byte("zadd")
	n := 1 + copy(words[1:], options)
	for i := range a.scores {
		words[n], words[n+1] = strconv.AppendUint(digits[i][:0], a.bits(i), 10), triples[3*i+2]
		n += 2
	}
	c.PropagateN(changes, words[:n]...)
}

// bits are a GEOADD's score i as a whole number, which has more digits than a double where
// the world ends in the east.
func (a *addition) bits(i int) uint64 {
	if a.scores[i] < 1<<53 {
		return uint64(a.scores[i])
	}
	lon, _ := decimal.ParseScore(a.words[3*i])
	lat, _ := decimal.ParseScore(a.words[3*i+1])
	return geo.Encode(lon, lat)
}

// condition is the option of GEOADD that w names, nil if it is none.
func (a *addition) condition(w []byte) *bool {
	if len(w) == 0 || w[0] <= '9' { // most begin with a digit
		return nil
	}
	switch {
	case spec.EqualFold(w, "nx"):
		return &a.nx
	case spec.EqualFold(w, "xx"):
		return &a.xx
	case spec.EqualFold(w, "ch"):
		return &a.ch
	}
	return nil
}

func doGeodist(c *engine.Ctx) {
	unit := 1.0
	switch len(c.Args) {
	case 4:
	case 5:
		var ok bool
		if unit, ok = unitOf(c, c.Args[4]); !ok {
			return
		}
	default:
		c.Err(resp.ErrSyntax)
		return
	}
	z, ok := read(c, c.Args[1])
	if !ok {
		return
	}
	if z != nil {
		if a, b := z.Find(c.Args[2]), z.Find(c.Args[3]); a.OK && b.OK {
			lon1, lat1 := geo.Decode(a.Score)
			lon2, lat2 := geo.Decode(b.Score)
			replyDistance(c, geo.Distance(lon1, lat1, lon2, lat2)/unit)
			return
		}
	}
	c.W.Null()
}

// distanceLen is room for a distance as a text, in bytes, and coordinateLen for a
// coordinate.
const distanceLen, coordinateLen = 32, 32

// replyDistance replies with a distance, rounded to four digits behind the point as
// redis-server does it: not f is rounded, but f times 10,000.
func replyDistance(c *engine.Ctx, f float64) {
	const scale = 10_000
	n := int64(math.MinInt64) // what x86-64 makes of what is no number
	if !math.IsNaN(f) {
		n = int64(math.RoundToEven(f * scale))
	}
	var text [distanceLen]byte
	b := strconv.AppendInt(text[:0], n/scale, 10)
	rest := n % scale
	if rest < 0 {
		rest = -rest
	}
	b = append(b, '.', byte('0'+rest/1000), byte('0'+rest/100%10), byte('0'+rest/10%10), byte('0'+rest%10))
	c.W.Bulk(b)
}

// replyPlace replies with a position.
func replyPlace(c *engine.Ctx, lon, lat float64) {
	c.W.Array(2)
	var text [coordinateLen]byte
	c.W.DoubleText(appendCoordinate(text[:0], lon))
	c.W.DoubleText(appendCoordinate(text[:0], lat))
}

// appendCoordinate appends f with 17 digits behind the point, less the zeros at the end:
// ld2string's LD_STR_HUMAN.
func appendCoordinate(dst []byte, f float64) []byte {
	const digits = 17
	dst = strconv.AppendFloat(dst, f, 'f', digits, 64)
	for dst[len(dst)-1] == '0' {
		dst = dst[:len(dst)-1]
	}
	if dst[len(dst)-1] == '.' {
		dst = dst[:len(dst)-1]
	}
	if string(dst) == "-0" {
		return dst[:copy(dst, "0")]
	}
	return dst
}

func doGeohash(c *engine.Ctx) {
	var text [geo.TextLen]byte
	eachPlace(c, func(score float64) { c.W.Bulk(geo.AppendText(text[:0], score)) }, c.W.Null)
}

func doGeopos(c *engine.Ctx) {
	eachPlace(c, func(score float64) {
		lon, lat := geo.Decode(score)
		replyPlace(c, lon, lat)
	}, c.W.NullArray)
}

// eachPlace replies for each member that is asked about.
func eachPlace(c *engine.Ctx, shows func(score float64), absent func()) {
	z, ok := read(c, c.Args[1])
	if !ok {
		return
	}
	c.W.Array(len(c.Args) - 2)
	for _, b := range c.Args[2:] {
		if z != nil {
			if at := z.Find(b); at.OK {
				shows(at.Score)
				continue
			}
		}
		absent()
	}
}
