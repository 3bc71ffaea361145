// Package geo is where positions on the earth are kept as numbers, and what is near to
// what. It is pure: it knows no sorted set, no commands and no units but meters and
// degrees.
//
// # Scores
//
// A position becomes the score of a member of a sorted set. The map of the world, from
// 180° west to 180° east and from 85.05112878° south to as far north, is halved 26 times
// each way; a bit says which half it was. The bits of both ways take turns, so that what
// is near on the map mostly has a score that is near:
//
//	bit   51  50  49  48          1   0
//	      lon lat lon lat   …   lon lat       52 bits: a double holds them all
//
// This is a geohash (G. Niemeyer, 2008) on redis-server's map; the standard one's map
// ends at the poles, so texts (AppendText) are made from the decoded position anew.
// A square of the last halving is 0.6 m wide on the equator. What is decoded is its
// middle. At the eastern and the northern end of the map a position is in a square
// that the map does not have any more, with a bit above the others; so says redis-server.
//
// # Searching
//
// After fewer halvings the squares are larger, and each one is a range of scores:
//
//	+----+----+----+
//	| 7  | 2  | 6  |    the order in which they are searched: it is the order of results
//	+----+----+----+    that nobody has sorted, and says which ones COUNT ANY finds
//	| 5  | 1  | 4  |
//	+----+----+----+    left out is a side that the shape does not reach; round
//	| 9  | 3  | 8  |    the world west and east meet, as if north and south did, too
//	+----+----+----+
//
// Shape.Cells chooses the size by redis-server's rules (stepsFor, tooFine), which are a
// guess from the radius, coarser in the cold, and one step back if the guess was too
// fine. They miss some of what is beyond a pole. Contains then looks at each position.
//
// # Invariants
//
//   - Cells of one shape have no score in common, and the first has the center: a member
//     is found once.
//   - Results are the same on every machine, to the last bit: a follower carries out a
//     GEOSEARCHSTORE itself. Go's own sine is not the same everywhere, and the compiler
//     may fuse products into sums on some machines, so trig.go has its own, and products
//     are rounded where a sum follows.
//   - What Contains says is what comparing Distance with the radius says: the short cuts
//     (farFrom, longer) decide only where there is a wide margin.
//
// # Distances and redis-server's
//
// The haversine formula on a sphere of 6372797.560856 m. Sine, cosine and arc sine are
// the nearest double but for about one case in a thousand, which no test has found off by
// more than 0.501 units of the last place. redis-server takes them from its C library,
// which is off by a little more and by how much depends on the processor. Of 1.4 million
// distances that STOREDIST has stored, 99.85 % were the same to the last bit; of those
// printed, in 450,000 random commands, every one was. Next to the other side of the
// earth, where an arc sine is steep, a last bit can become a few centimeters.
//
// Measured on a busy machine of 2 cores: 0.1 µs to see whether a position is inside.
package geo
