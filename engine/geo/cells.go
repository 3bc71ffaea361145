package geo

import "math"

// MaxCells is how many cells a search looks at: the one with the center and those around.
const MaxCells = 9

// A Cell is the scores from Min on that are below Max.
type Cell struct{ Min, Max float64 }

// A square is one of 4^steps parts of the map: the column x from the west and the row y
// from the south.
type square struct {
	x, y  uint32
	steps uint
}

// squareAt is the square that a position is in. At the eastern and the northern end it
// is one that the map does not have, as the scores of such positions say, too.
func squareAt(lon, lat float64, steps uint) square {
	return square{part(lon, MinLon, MaxLon, steps), part(lat, MinLat, MaxLat, steps), steps}
}

// moved is the square that many columns east and rows north, round the world.
func (q square) moved(dx, dy int) square {
	most := uint32(1)<<q.steps - 1
	if dx != 0 {
		q.x = (q.x + uint32(dx)) & most
	}
	if dy != 0 {
		q.y = (q.y + uint32(dy)) & most
	}
	return q
}

func (q square) west() float64  { return edge(q.x, MinLon, MaxLon, q.steps) }
func (q square) east() float64  { return edge(q.x+1, MinLon, MaxLon, q.steps) }
func (q square) south() float64 { return edge(q.y, MinLat, MaxLat, q.steps) }
func (q square) north() float64 { return edge(q.y+1, MinLat, MaxLat, q.steps) }

// cell is the square's scores.
func (q square) cell() Cell {
	bits, low := spread(q.y)|spread(q.x)<<1, 2*(maxSteps-q.steps)
	return Cell{float64(bits << low), float64((bits + 1) << low)}
}

// stepsFor is how fine the squares are for a search of that radius, in meters, so that
// nine of them mostly hold it all.
func stepsFor(radius, lat float64) uint {
	if radius == 0 {
		return maxSteps
	}
	steps := -1
	for ; radius < halfWorld; radius *= 2 {
		steps++
	}
	if math.Abs(lat) > cold {
		steps--
		if math.Abs(lat) > polar {
			steps--
		}
	}
	return uint(min(max(steps, 1), maxSteps))
}

// bounds are the degrees that a shape lies within.
type bounds struct{ west, south, east, north float64 }

// bounds are those of s, whose radius is less than a quarter of the world.
func (s *Shape) bounds() bounds {
	lat := s.extentY / earthRadius / radian
	narrow := s.lat + lat // where the meridians are closest
	if s.lat < 0 {
		narrow = s.lat - lat
	}
	lon := s.extentX / earthRadius / cosine(radians(narrow)) / radian
	return bounds{s.lon - lon, s.lat - lat, s.lon + lon, s.lat + lat}
}

// Cells are where a shape's positions are, in the order in which they are searched; n of
// them are set.
func (s *Shape) Cells() (cells [MaxCells]Cell, n int) {
	steps := stepsFor(s.radius, s.lat)
	mid := squareAt(s.lon, s.lat, steps)
	var b bounds
	if steps > 1 {
		b = s.bounds()
		if s.tooFine(mid, b) {
			steps--
			mid = squareAt(s.lon, s.lat, steps)
		}
	}
	var last square
	for i, way := range [MaxCells]struct{ dx, dy int }{{}, {0, 1}, {0, -1}, {1, 0}, {-1, 0}, {1, 1}, {-1, 1}, {1, -1}, {-1, -1}} {
		if steps > 1 && (way.dy < 0 && mid.south() < b.south || way.dy > 0 && mid.north() > b.north ||
			way.dx < 0 && mid.west() < b.west || way.dx > 0 && mid.east() > b.east) {
			continue
		}
		q := mid.moved(way.dx, way.dy)
		if i > 0 && q == last { // round a small world
			continue
		}
		cells[n], last = q.cell(), q
		n++
	}
	return cells, n
}

// tooFine reports whether the shape reaches beyond the squares around mid.
func (s *Shape) tooFine(mid square, b bounds) bool {
	return mid.moved(0, 1).north() < b.north || mid.moved(0, -1).south() > b.south ||
		mid.moved(1, 0).east() < b.east || mid.moved(-1, 0).west() > b.west
}
