package geo

import "math"

// Sine, cosine and arc sine, rounded to the nearest double but for about one case in some
// thousands, and the same on every machine: each product below is rounded by itself, as a
// conversion says, or is math.FMA's, which is exact everywhere. A result is carried as
// high + low, the sum of two doubles.

// A node is where the sine and the cosine are known.
type node struct{ sin, sinLow, cos, cosLow float64 }

const (
	nodesPerUnit = 32
	piHigh       = 0x1.921fb54442d18p+1
	piLow        = 0x1.1a62633145c07p-53
	// A sine below this is its own arc sine's double in a few terms of the series.
	shortArc = 1.0 / 128
	// An arc sine of more is taken from the right angle's other side, where it is exact.
	steepArc = 0.75
)

// nearest is the node next to x, which is from 0 to a right angle, how far x + low is from
// it, and what is known of that: the difference's sine is d + over, its cosine 1 + under.
// Both are small, and a double's precision is enough for them.
func nearest(x, low float64) (n *node, d, over, under float64) {
	k := int(float64(x*nodesPerUnit) + 0.5)
	n = &nodes[k]
	d = x - float64(k)/nodesPerUnit // exact: both are near each other, or k is 0
	d2 := float64(d * d)
	over = low + float64(float64(d*d2)*(-1.0/6+float64(d2*(1.0/120+float64(d2*(-1.0/5040))))))
	under = float64(d2*(-0.5+float64(d2*(1.0/24+float64(d2*(-1.0/720+float64(d2*(1.0/40320)))))))) - float64(d*low)
	return n, d, over, under
}

// sineOf is the sine of x + low, which is from 0 to a right angle: sin n cos d + cos n sin d.
func sineOf(x, low float64) (sin, sinLow float64) {
	n, d, over, under := nearest(x, low)
	p := float64(n.cos * d)
	rest := math.FMA(n.cos, d, -p) + n.sinLow + float64(n.cosLow*d) + float64(n.cos*over) + float64(n.sin*under)
	sin, sinLow = exactSum(n.sin, p)
	return sin, sinLow + rest
}

// cosineOf is the cosine of x + low: cos n cos d - sin n sin d.
func cosineOf(x, low float64) float64 {
	n, d, over, under := nearest(x, low)
	p := float64(-n.sin * d)
	rest := math.FMA(-n.sin, d, -p) + n.cosLow - float64(n.sinLow*d) - float64(n.sin*over) + float64(n.cos*under)
	cos, cosLow := exactSum(n.cos, p)
	return cos + (cosLow + rest)
}

// exactSum is a + b as the sum of two doubles.
func exactSum(a, b float64) (sum, low float64) {
	sum = a + b
	part := sum - a
	return sum, (a - (sum - part)) + (b - part)
}

// sine is sin x, for x from -pi to pi.
func sine(x float64) float64 {
	a, low := math.Abs(x), 0.0
	if a > math.Pi/2 {
		a, low = exactSum(piHigh-a, piLow) // the difference is exact
	}
	sin, sinLow := sineOf(a, low)
	return math.Copysign(sin+sinLow, x)
}

// cosine is cos x, for x from -pi to pi.
func cosine(x float64) float64 {
	x = math.Abs(x)
	if x <= math.Pi/4 {
		return cosineOf(x, 0)
	}
	// The sine of what is missing to a right angle, which is exact, too.
	a, low := exactSum(piHigh/2-x, piLow/2)
	if a < 0 {
		sin, sinLow := sineOf(-a, -low)
		return -(sin + sinLow)
	}
	sin, sinLow := sineOf(a, low)
	return sin + sinLow
}

// arcsine is arcsin s, for s from 0 to 1; beyond that it is not a number.
func arcsine(s float64) float64 {
	switch {
	case s > 1:
		return math.NaN()
	case s < shortArc:
		s2 := float64(s * s)
		return s + float64(float64(s*s2)*(1.0/6+float64(s2*(3.0/40+float64(s2*(15.0/336+float64(s2*(105.0/3456))))))))
	case s <= steepArc:
		y := math.Asin(s)
		return y + arcError(y, s, 0)
	}
	// arcsin s = pi/2 - 2 arcsin(sqrt((1-s)/2)), where 1-s is exact.
	z := (1 - s) / 2
	root := math.Sqrt(z)
	if root == 0 {
		return math.Pi / 2
	}
	rootLow := -math.FMA(root, root, -z) / (2 * root)
	y := math.Asin(root)
	low := arcError(y, root, rootLow)
	high, rest := exactSum(piHigh/2, -2*y)
	return high + (rest + piLow/2 - 2*low)
}

// arcError is what is missing to y, which is nearly arcsin(s + low): one step of Newton's
// method with a sine that is twice as precise.
func arcError(y, s, low float64) float64 {
	sin, sinLow := sineOf(y, 0)
	return ((s - sin) - sinLow + low) / cosineOf(y, 0)
}
