package geo

import (
	"math"
	"math/big"
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// exact is the precision of what the tests compute, in bits.
const exact = 260

func bigOf(f float64) *big.Float { return new(big.Float).SetPrec(exact).SetFloat64(f) }

// bigSinCos is the sine and the cosine of x by their series.
func bigSinCos(x *big.Float) (sin, cos *big.Float) {
	sin, cos, term := bigOf(0), bigOf(0), bigOf(1)
	for i := 0; i < 90; i++ {
		sum := []*big.Float{cos, sin}[i%2]
		if i%4 < 2 {
			sum.Add(sum, term)
		} else {
			sum.Sub(sum, term)
		}
		term.Mul(term, x)
		term.Quo(term, bigOf(float64(i+1)))
	}
	return sin, cos
}

// bigArcsine is the arc sine of s by Newton's method.
func bigArcsine(s float64) *big.Float {
	y := bigOf(math.Asin(s))
	for range 4 {
		sin, cos := bigSinCos(y)
		rest := bigOf(s)
		rest.Sub(rest, sin)
		y.Add(y, rest.Quo(rest, cos))
	}
	return y
}

// TestNodes computes the table anew.
func TestNodes(t *testing.T) {
	for k, n := range nodes {
		sin, cos := bigSinCos(bigOf(float64(k) / nodesPerUnit))
		for _, c := range []struct {
			is        *big.Float
			high, low float64
		}{{sin, n.sin, n.sinLow}, {cos, n.cos, n.cosLow}} {
			high, _ := c.is.Float64()
			low, _ := new(big.Float).Sub(c.is, bigOf(high)).Float64()
			if c.high != high || c.low != low {
				t.Errorf("%d: %x + %x, not %x + %x", k, c.high, c.low, high, low)
			}
		}
	}
}

// offBy is how far got is from the exact value, in units of its last place.
func offBy(got float64, is *big.Float) float64 {
	off, _ := new(big.Float).Sub(is, bigOf(got)).Float64()
	ulp := math.Nextafter(math.Abs(got), math.Inf(1)) - math.Abs(got)
	return math.Abs(off) / ulp
}

// TestTrigonometry: none is further from the exact value than half of the last place and a
// thousandth of it.
func TestTrigonometry(t *testing.T) {
	const most = 0.501
	r := rand.New(rand.NewPCG(1, 2))
	angles := []float64{0, math.Pi / 2, math.Pi, math.Nextafter(math.Pi, 0), math.Nextafter(math.Pi/2, 0), 1e-300, 1.0 / 64, 3.14159}
	for range 4000 {
		angles = append(angles, r.Float64()*math.Pi, math.Pi-math.Exp(-r.Float64()*30), math.Pi/2-math.Exp(-r.Float64()*30), math.Exp(-r.Float64()*60))
	}
	for _, x := range angles {
		sin, cos := bigSinCos(bigOf(x))
		if got := sine(x); offBy(got, sin) > most {
			t.Errorf("sin %v is %v, off by %v", x, got, offBy(got, sin))
		}
		if got := sine(-x); got != -sine(x) {
			t.Errorf("sin %v is %v", -x, got)
		}
		if got := cosine(x); offBy(got, cos) > most {
			t.Errorf("cos %v is %v, off by %v", x, got, offBy(got, cos))
		}
	}
	sines := []float64{0, 1e-300, shortArc, math.Nextafter(shortArc, 0), steepArc, math.Nextafter(steepArc, 1), math.Nextafter(1, 0)}
	for range 2000 {
		sines = append(sines, r.Float64(), 1-math.Exp(-r.Float64()*35), math.Exp(-r.Float64()*60))
	}
	for _, s := range sines {
		if s == 1 {
			continue
		}
		if got, is := arcsine(s), bigArcsine(s); offBy(got, is) > most {
			t.Errorf("arcsin %v is %v, off by %v", s, got, offBy(got, is))
		}
	}
	if got := arcsine(1); got != math.Pi/2 {
		t.Errorf("arcsin 1 is %v", got)
	}
	if got := arcsine(math.Nextafter(1, 2)); !math.IsNaN(got) {
		t.Errorf("arcsin of more than 1 is %v", got)
	}
}

type position struct{ lon, lat float64 }

// anyPosition is one that is valid, the limits often.
func anyPosition() *rapid.Generator[position] {
	return rapid.Custom(func(t *rapid.T) position {
		lon := rapid.OneOf(rapid.Float64Range(MinLon, MaxLon), rapid.SampledFrom([]float64{MinLon, MaxLon, 0, 179.9999, -179.9999, 90})).Draw(t, "lon")
		lat := rapid.OneOf(rapid.Float64Range(MinLat, MaxLat), rapid.SampledFrom([]float64{MinLat, MaxLat, 0, 66, -80})).Draw(t, "lat")
		return position{lon, lat}
	})
}

// TestScores: what is decoded is no further away than half of a square, is the same again
// once it has been, and is always a valid position. At the eastern end there are more bits
// than a score has.
func TestScores(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := anyPosition().Draw(t, "position")
		score := float64(Encode(p.lon, p.lat))
		lon, lat := Decode(score)
		if p.lon == MaxLon {
			return
		}
		if math.Abs(lon-p.lon) > 360.0/(1<<27)*1.0001 || math.Abs(lat-p.lat) > (MaxLat-MinLat)/(1<<27)*1.0001 {
			t.Fatalf("%v is decoded as %v, %v", p, lon, lat)
		}
		if again := float64(Encode(lon, lat)); again != score {
			t.Fatalf("%v has the score %.0f, and what that is decoded as %.0f", p, score, again)
		}
		lon, lat = Decode(rapid.Float64().Draw(t, "score"))
		if !Valid(lon, lat) {
			t.Fatalf("%v, %v is decoded", lon, lat)
		}
	})
}

func TestValid(t *testing.T) {
	for p, want := range map[position]bool{
		{0, 0}: true, {180, 85.05112878}: true, {-180, -85.05112878}: true, {180.0001, 0}: false, {-180.0001, 0}: false,
		{0, 85.05112879}: false, {0, -85.05112879}: false, {math.Inf(1), 0}: false, {0, math.Inf(-1)}: false,
	} {
		if got := Valid(p.lon, p.lat); got != want {
			t.Errorf("%v: %v", p, got)
		}
	}
}

// TestKnown: what the documentation of Redis's commands shows.
func TestKnown(t *testing.T) {
	palermo, catania := float64(Encode(13.361389, 38.115556)), float64(Encode(15.087269, 37.502669))
	if palermo != 3479099956230698 || catania != 3479447370796909 {
		t.Errorf("scores %.0f and %.0f", palermo, catania)
	}
	if a, b := string(AppendText(nil, palermo)), string(AppendText(nil, catania)); a != "sqc8b49rny0" || b != "sqdtr74hyu0" {
		t.Errorf("texts %s and %s", a, b)
	}
	lon1, lat1 := Decode(palermo)
	lon2, lat2 := Decode(catania)
	if d := Distance(lon1, lat1, lon2, lat2); math.Abs(d-166274.1516) > 0.0001 {
		t.Errorf("distance %v", d)
	}
}

func TestWhole(t *testing.T) {
	for score, want := range map[float64]uint64{
		0: 0, 1.9: 1, -1: math.MaxUint64, -1.9: math.MaxUint64, 1 << 63: 1 << 63, 1<<63 + 4096: 1<<63 + 4096, 1 << 64: 0, 1e300: 0, math.Inf(1): 0,
		math.Inf(-1): 1 << 63, -1 << 63: 1 << 63, -1e300: 1 << 63,
	} {
		if got := whole(score); got != want {
			t.Errorf("%v: %d, not %d", score, got, want)
		}
	}
}

// TestDistances: the same both ways, none to itself, no more than half round the earth.
func TestDistances(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := anyPosition().Draw(t, "a"), anyPosition().Draw(t, "b")
		d, back := Distance(a.lon, a.lat, b.lon, b.lat), Distance(b.lon, b.lat, a.lon, a.lat)
		if d != back || !(d >= 0 && d <= math.Pi*earthRadius*1.0001) || Distance(a.lon, a.lat, a.lon, a.lat) != 0 {
			t.Fatalf("%v and back %v", d, back)
		}
	})
}

// TestCircle: what is left out without a look at the arc sine is outside.
func TestCircle(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := anyPosition().Draw(t, "a"), anyPosition().Draw(t, "b")
		d := Distance(a.lon, a.lat, b.lon, b.lat)
		r := rapid.SampledFrom([]float64{d, math.Nextafter(d, 0), math.Nextafter(d, math.Inf(1)), d / 2, d * 2, d * (1 + 1e-12), d * (1 - 1e-12)}).Draw(t, "radius")
		s := Circle(a.lon, a.lat, r, 1)
		if got, ok := s.Contains(b.lon, b.lat); ok != (d <= r) || ok && got != d {
			t.Fatalf("%v, %v: it is at %v, the radius is %v", got, ok, d, r)
		}
	})
}

// anyShape is a circle or a box of any size, often a small one.
func anyShape(t *rapid.T, around position, most float64) Shape {
	size := func(name string) float64 { return most * math.Exp(-rapid.Float64Range(0, 20).Draw(t, name)) }
	if rapid.Bool().Draw(t, "box") {
		return Box(around.lon, around.lat, size("width")*1.4, size("height")*1.4, 1)
	}
	return Circle(around.lon, around.lat, size("radius"), 1)
}

// TestCellsHoldTheShape: away from the poles and the date line what is inside of a shape
// is in one of its cells, and in one alone.
func TestCellsHoldTheShape(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		center := position{rapid.Float64Range(-120, 120).Draw(t, "lon"), rapid.Float64Range(-60, 60).Draw(t, "lat")}
		s := anyShape(t, center, 1.5e6)
		cells, n := s.Cells()
		reach := s.radius / earthRadius / radian
		for range 20 {
			lon := center.lon + rapid.Float64Range(-3, 3).Draw(t, "east")*reach
			lat := center.lat + rapid.Float64Range(-1.1, 1.1).Draw(t, "north")*reach
			if !Valid(lon, lat) {
				continue
			}
			score, in := float64(Encode(lon, lat)), 0
			for _, c := range cells[:n] {
				if c.Min <= score && score < c.Max {
					in++
				}
			}
			_, inside := s.Contains(Decode(score))
			if in > 1 || inside && in == 0 {
				t.Fatalf("%v, %v: inside %v, and in %d of %d cells", lon, lat, inside, in, n)
			}
		}
	})
}

// TestCells: the first one has the center, and no two have a score in common, anywhere.
func TestCells(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		center := anyPosition().Draw(t, "center")
		s := anyShape(t, center, 4e7)
		cells, n := s.Cells()
		if score := float64(Encode(center.lon, center.lat)); n < 1 || score < cells[0].Min || score >= cells[0].Max {
			t.Fatalf("%v is not in the first of %d cells", center, n)
		}
		for i := range n {
			for _, other := range cells[:i] {
				if cells[i].Min < other.Max && other.Min < cells[i].Max {
					t.Fatalf("cells %v", cells[:n])
				}
			}
		}
	})
}

// TestSidesThatAreNotReached: a small circle in the middle of its square needs no other,
// and near a side the one beyond it alone.
func TestSidesThatAreNotReached(t *testing.T) {
	const radius, lat = halfWorld / (1 << 14), 70 // where squares are large for what is searched
	steps := stepsFor(radius, lat)
	mid := squareAt(20, lat, steps)
	width, height := mid.east()-mid.west(), mid.north()-mid.south()
	for _, c := range []struct {
		east, north float64 // of the square
		dx, dy      int
	}{{0.5, 0.5, 0, 0}, {0.01, 0.5, -1, 0}, {0.99, 0.5, 1, 0}, {0.5, 0.01, 0, -1}, {0.5, 0.99, 0, 1}} {
		s := Circle(mid.west()+c.east*width, mid.south()+c.north*height, radius, 1)
		want := []Cell{mid.cell()}
		if c.dx != 0 || c.dy != 0 {
			want = append(want, mid.moved(c.dx, c.dy).cell())
		}
		if cells, n := s.Cells(); !slices.Equal(cells[:n], want) {
			t.Errorf("%+v: %v, not %v", c, cells[:n], want)
		}
	}
}

func BenchmarkContains(b *testing.B) {
	r := rand.New(rand.NewPCG(1, 2))
	var at [1024]position
	for i := range at {
		at[i] = position{13 + r.Float64()*4, 36 + r.Float64()*4}
	}
	for name, s := range map[string]Shape{"circle": Circle(15, 38, 100, 1000), "box": Box(15, 38, 200, 200, 1000)} {
		b.Run(name, func(b *testing.B) {
			for i := range b.N {
				p := &at[i%len(at)]
				s.Contains(p.lon, p.lat)
			}
		})
	}
}
