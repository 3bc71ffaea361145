package zsets

import (
	"cmp"
	"fmt"
	"slices"

	"regent/engine"
	"regent/engine/decimal"
	"regent/engine/geo"
	"regent/engine/spec"
	"regent/resp"
)

// What is in a circle or a box: GEOSEARCH, and GEORADIUS before it. The literals are in
// geo_literals.go.

// An asking is which of the commands of this file a search is.
type asking uint8

const (
	aroundPlace  asking = iota // GEORADIUS
	aroundMember               // GEORADIUSBYMEMBER
	anyShape                   // GEOSEARCH
	storesShape                // GEOSEARCHSTORE
)

// A direction is how the results are sorted.
type direction uint8

const (
	asFound direction = iota
	nearest
	farthest
)

// A search is a command of this file with its arguments.
type search struct {
	asking
	readOnly bool // there is no STORE

	z            *zsetObject // nil: there is none
	lon, lat     float64
	radius       float64 // in units
	width        float64
	height       float64
	unit         float64 // in meters
	place        bool    // what is given: the center, one way or the other,
	member       bool
	circle       bool // and the shape
	box          bool
	withDistance bool
	withHash     bool
	withPlace    bool
	any          bool
	direction    direction
	count        int64  // 0: all
	dest         []byte // nil: it is not stored
	distances    bool   // what is stored as scores
}

func doGeosearch(c *engine.Ctx)         { (&search{asking: anyShape}).run(c, 1, 2) }
func doGeosearchstore(c *engine.Ctx)    { (&search{asking: storesShape, dest: c.Args[1]}).run(c, 2, 3) }
func doGeoradius(c *engine.Ctx)         { (&search{asking: aroundPlace}).run(c, 1, 6) }
func doGeoradiusRO(c *engine.Ctx)       { (&search{asking: aroundPlace, readOnly: true}).run(c, 1, 6) }
func doGeoradiusbymember(c *engine.Ctx) { (&search{asking: aroundMember}).run(c, 1, 5) }
func doGeoradiusbymemberRO(c *engine.Ctx) {
	(&search{asking: aroundMember, readOnly: true}).run(c, 1, 5)
}

// run searches the sorted set at the argument key; the options begin at the argument from.
func (s *search) run(c *engine.Ctx, key, from int) {
	var ok bool
	if s.z, ok = read(c, c.Args[key]); !ok {
		return
	}
	if !s.fixed(c, from) || !s.options(c, c.Args[from:]) || !s.fits(c) {
		return
	}
	switch {
	case s.z == nil && s.dest != nil:
		storeAt(c, s.dest, empty(c), 0, "")
	case s.z == nil:
		c.W.Array(0)
	default:
		if s.count != 0 && !s.any && s.direction == asFound {
			s.direction = nearest
		}
		s.find(c)
	}
}

// fixed reads what GEORADIUS and its kin have before the options. false: an error was
// written.
func (s *search) fixed(c *engine.Ctx, from int) bool {
	switch {
	case s.asking == aroundPlace:
		return s.around(c, c.Args[2], c.Args[3]) && s.readCircle(c, c.Args[4:from])
	case s.asking == aroundMember && s.z != nil: // if there is none, nobody looks at the radius
		return s.aroundMember(c, c.Args[2]) && s.readCircle(c, c.Args[3:from])
	}
	return true
}

// around makes a position the center, and aroundMember that of a member; false: an error
// was written.
func (s *search) around(c *engine.Ctx, lon, lat []byte) (ok bool) {
	s.lon, s.lat, ok = placeArgs(c, lon, lat)
	return ok
}

func (s *search) aroundMember(c *engine.Ctx, b []byte) bool {
	if s.z == nil { // there will be no result
		return true
	}
	at := s.z.Find(b)
	if !at.OK {
		c.Err(resp.ErrGeoMember)
		return false
	}
	s.lon, s.lat = geo.Decode(at.Score)
	return true
}

// readCircle reads a radius and its unit; false: an error was written.
func (s *search) readCircle(c *engine.Ctx, w [][]byte) (ok bool) {
	switch s.radius, ok = decimal.ParseScore(w[0]); {
	case !ok:
		c.Err(resp.ErrRadius)
	case s.radius < 0:
		c.Err(resp.ErrRadiusNeg)
	default:
		s.unit, ok = unitOf(c, w[1])
		return ok
	}
	return false
}

// readBox reads two sides and their unit; false: an error was written.
func (s *search) readBox(c *engine.Ctx, w [][]byte) (ok bool) {
	if s.width, ok = decimal.ParseScore(w[0]); !ok {
		c.Err(resp.ErrWidth)
		return false
	}
	if s.height, ok = decimal.ParseScore(w[1]); !ok {
		c.Err(resp.ErrHeight)
		return false
	}
	if s.width < 0 || s.height < 0 {
		c.Err(resp.ErrBoxNeg)
		return false
	}
	s.unit, ok = unitOf(c, w[2])
	return ok
}

// options reads the options; false: an error was written.
func (s *search) options(c *engine.Ctx, rest [][]byte) bool {
	for len(rest) > 0 {
		if s.flag(rest[0]) {
			rest = rest[1:]
			continue
		}
		used, ok := s.option(c, rest[0], rest[1:])
		if !ok {
			return false
		}
		rest = rest[1+used:]
	}
	return true
}

// flag takes an option that stands alone; false: w is none.
func (s *search) flag(w []byte) bool {
	switch {
	case spec.EqualFold(w, "withdist"):
		s.withDistance = true
	case spec.EqualFold(w, "withhash"):
		s.withHash = true
	case spec.EqualFold(w, "withcoord"):
		s.withPlace = true
	case spec.EqualFold(w, "any"):
		s.any = true
	case spec.EqualFold(w, "asc"):
		s.direction = nearest
	case spec.EqualFold(w, "desc"):
		s.direction = farthest
	case s.asking == storesShape && spec.EqualFold(w, "storedist"):
		s.distances = true
	default:
		return false
	}
	return true
}

// option takes an option with what follows it, and says how much that is; false: an error
// was written.
func (s *search) option(c *engine.Ctx, w []byte, rest [][]byte) (used int, ok bool) {
	shaped := s.asking == anyShape || s.asking == storesShape
	stores := !shaped && !s.readOnly
	switch n := len(rest); {
	case n >= 1 && spec.EqualFold(w, "count"):
		if s.count, ok = c.IntArg(rest[0]); ok && s.count <= 0 {
			c.Err(resp.ErrCountNeg)
			ok = false
		}
		return 1, ok
	case stores && n >= 1 && spec.EqualFold(w, "store"):
		s.dest, s.distances = rest[0], false
		return 1, true
	case stores && n >= 1 && spec.EqualFold(w, "storedist"):
		s.dest, s.distances = rest[0], true
		return 1, true
	case shaped && n >= 1 && !s.place && spec.EqualFold(w, "frommember"):
		s.member = true
		return 1, s.aroundMember(c, rest[0])
	case shaped && n >= 2 && !s.member && spec.EqualFold(w, "fromlonlat"):
		s.place = true
		return 2, s.around(c, rest[0], rest[1])
	case shaped && n >= 2 && !s.box && spec.EqualFold(w, "byradius"):
		s.circle = true
		return 2, s.readCircle(c, rest)
	case shaped && n >= 3 && !s.circle && spec.EqualFold(w, "bybox"):
		s.box = true
		return 3, s.readBox(c, rest)
	}
	c.Err(resp.ErrSyntax)
	return 0, false
}

// fits reports whether the options go together; false: an error was written.
func (s *search) fits(c *engine.Ctx) bool {
	shaped := s.asking == anyShape || s.asking == storesShape
	msg := ""
	switch {
	case s.dest != nil && (s.withDistance || s.withHash || s.withPlace):
		who := "STORE option in GEORADIUS"
		if shaped {
			who = "GEOSEARCHSTORE"
		}
		msg = fmt.Sprintf(resp.ErrGeoStoreShows, who)
	case shaped && !s.member && !s.place:
		msg = fmt.Sprintf(resp.ErrGeoFrom, c.Args[0])
	case shaped && !s.circle && !s.box:
		msg = fmt.Sprintf(resp.ErrGeoBy, c.Args[0])
	case s.any && s.count == 0:
		msg = resp.ErrGeoAny
	default:
		return true
	}
	c.Err(msg)
	return false
}

// shape is what is searched.
func (s *search) shape() geo.Shape {
	if s.box {
		return geo.Box(s.lon, s.lat, s.width, s.height, s.unit)
	}
	return geo.Circle(s.lon, s.lat, s.radius, s.unit)
}

// A span is a range of ranks.
type span struct{ from, to int }

// ranks finds out which ranks have the scores of the cells. A small set is walked through
// once for all of them.
func (s *search) ranks(cells []geo.Cell, ranks *[geo.MaxCells]span) {
	if !s.z.IsSmall() {
		for i, cell := range cells {
			ranks[i] = span{s.z.Below(cell.Min, false), s.z.Below(cell.Max, false)}
		}
		return
	}
	s.z.Each(func(_ []byte, score float64) bool {
		for i := range cells {
			if score < cells[i].Max {
				ranks[i].to++
				if score < cells[i].Min {
					ranks[i].from++
				}
			}
		}
		return true
	})
}

// each calls f with what is in the shape, cell by cell, and returns how many that were.
// With ANY they are no more than asked for.
func (s *search) each(c *engine.Ctx, f func(b []byte, score, meters float64)) (found int64) {
	shape := s.shape()
	cells, n := shape.Cells()
	limit := int64(0)
	if s.any {
		limit = s.count
	}
	var ranks [geo.MaxCells]span
	s.ranks(cells[:n], &ranks)
	for i := range n {
		from, size := ranks[i].from, ranks[i].to-ranks[i].from
		if size == 0 || limit > 0 && found >= limit {
			continue
		}
		c.Heavy(size * bytesPerMember)
		s.z.Walk(from, size, false, func(b []byte, score float64) bool {
			if meters, ok := shape.Contains(geo.Decode(score)); ok {
				f(b, score, meters)
				found++
			}
			return limit == 0 || found < limit
		})
	}
	return found
}

// find replies with the result, or stores it.
func (s *search) find(c *engine.Ctx) {
	if s.direction == asFound && s.dest == nil {
		mark := c.W.Mark()
		n := s.each(c, func(b []byte, score, meters float64) { s.show(c, b, score, meters) })
		c.W.ArrayAt(mark, int(n))
		return
	}
	var (
		few   [fewResults]result
		bytes [fewBytes]byte
	)
	results, members := s.inOrder(c, few[:0], bytes[:0])
	if s.dest != nil {
		s.store(c, results, members)
		return
	}
	c.W.Array(len(results))
	for i := range results {
		r := &results[i]
		s.show(c, members[r.from:r.to], r.score, r.meters)
	}
}

// store stores results.
func (s *search) store(c *engine.Ctx, results []result, members []byte) {
	out := empty(c)
	out.Grow()
	for i := range results {
		r := &results[i]
		b, score := members[r.from:r.to], r.score
		if s.distances {
			score = r.meters / s.unit
		}
		out.Put(out.Find(b), b, score, limits(c))
	}
	out.Shrink(limits(c))
	event := "georadiusstore"
	if s.asking == storesShape {
		event = "geosearchstore"
	}
	storeAt(c, s.dest, out, out.Len(), event)
}

// show replies with one result.
func (s *search) show(c *engine.Ctx, b []byte, score, meters float64) {
	more := 0
	for _, with := range [...]bool{s.withDistance, s.withHash, s.withPlace} {
		if with {
			more++
		}
	}
	if more > 0 {
		c.W.Array(1 + more)
	}
	c.W.Bulk(b)
	if s.withDistance {
		replyDistance(c, meters/s.unit)
	}
	if s.withHash {
		c.W.Int(int64(score))
	}
	if s.withPlace {
		lon, lat := geo.Decode(score)
		replyPlace(c, lon, lat)
	}
}

// A result is a member that was found.
type result struct {
	meters, score float64
	from, to      int // where the member is in a buffer
}

func nearerFirst(a, b result) int  { return cmp.Compare(a.meters, b.meters) }
func fartherFirst(a, b result) int { return cmp.Compare(b.meters, a.meters) }

// fewResults is for how many results nothing is allocated, and fewBytes of their members.
const fewResults, fewBytes = 64, 1024

// inOrder is what is in the shape, by distance if it is to be sorted, and no more than is
// asked for. Results and their members' bytes are appended.
func (s *search) inOrder(c *engine.Ctx, results []result, members []byte) ([]result, []byte) {
	s.each(c, func(b []byte, score, meters float64) {
		results = append(results, result{meters, score, len(members), len(members) + len(b)})
		members = append(members, b...)
	})
	compare := nearerFirst
	if s.direction == farthest {
		compare = fartherFirst
	}
	switch {
	case s.direction == asFound:
	case s.count == 0 || int64(len(results)) <= s.count:
		slices.SortStableFunc(results, compare)
	default:
		sortFirst(results, int(s.count), compare)
		results = results[:s.count]
	}
	return results, members
}
