package geo

import "math"

const (
	// earthRadius is in meters.
	earthRadius = 6372797.560856
	radian      = math.Pi / 180 // a degree in radians
	// halfWorld is half of the equator as the map shows it, in meters.
	halfWorld = 20037726.37
	// Beyond these latitudes a square is much narrower than it is on the equator.
	cold, polar = 66, 80
)

// Distance is how far it is from one position to another along the surface of a sphere,
// in meters: the haversine formula.
func Distance(lon1, lat1, lon2, lat2 float64) float64 {
	s := Circle(lon1, lat1, math.Inf(1), 1)
	meters, _ := s.Contains(lon2, lat2)
	return meters
}

func radians(degrees float64) float64 { return float64(degrees * radian) }

// length is the distance in meters of what is apart by 2 sqrt(a) along a straight line, the
// earth's radius being 1.
func length(a float64) float64 { return 2 * earthRadius * arcsine(math.Sqrt(a)) }

// slack is much more than what rounding does to an a, relatively.
const slack = 1e-9

// farFrom is an a that is certainly of more than that many meters, an infinity where there
// is none.
func farFrom(meters float64) float64 {
	half := meters / earthRadius / 2
	if !(half < math.Pi/2*(1-slack)) {
		return math.Inf(1)
	}
	s := sine(half)
	return s * s * (1 + slack)
}

// longer reports whether the length of a is more than that many meters, far being farFrom
// them: mostly without the arc sine.
func longer(a, far, meters float64) bool {
	switch {
	case a > far:
		return true
	case a < far*(1-3*slack) && !math.IsInf(far, 1):
		return false
	}
	return length(a) > meters
}

// A Shape is what is searched: a circle or a box around a position.
type Shape struct {
	lon, lat      float64 // of the center, in degrees
	lonR, latR    float64 // in radians
	cosLat        float64
	box           bool
	radius        float64 // meters: of the circle, or to a corner of the box
	width, height float64 // meters, of a box
	extentX       float64 // meters from the center to the sides, and up and down
	extentY       float64
	far           float64 // farFrom the radius of a circle, or half a box's width
	farY          float64 // and half its height
}

func shapeAt(lon, lat float64) Shape {
	return Shape{lon: lon, lat: lat, lonR: radians(lon), latR: radians(lat), cosLat: cosine(radians(lat))}
}

// Circle is the circle around a position. The radius is in units of so many meters.
func Circle(lon, lat, radius, unit float64) Shape {
	s, r := shapeAt(lon, lat), radius*unit
	s.radius, s.extentX, s.extentY, s.far = r, r, r, farFrom(r)
	return s
}

// Box is the box around a position, in units of so many meters.
func Box(lon, lat, width, height, unit float64) Shape {
	s, x, y := shapeAt(lon, lat), width/2, height/2
	s.box = true
	s.radius = math.Sqrt(float64(x*x)+float64(y*y)) * unit
	s.width, s.height = width*unit, height*unit
	s.extentX, s.extentY = x*unit, y*unit
	s.far, s.farY = farFrom(s.width/2), farFrom(s.height/2)
	return s
}

// Contains reports whether a position is inside, and how far from the center, in meters.
// Inside of a box is what is not too far east or west along its own parallel, and not too
// far north or south.
func (s *Shape) Contains(lon, lat float64) (meters float64, ok bool) {
	latR := radians(lat)
	u := sine((latR - s.latR) / 2)
	u2 := float64(u * u)
	if s.box && longer(u2, s.farY, s.height/2) || !s.box && u2 > s.far {
		return 0, false
	}
	v, cosLat := sine((radians(lon)-s.lonR)/2), cosine(latR)
	if s.box && longer(float64(float64(cosLat*cosLat)*v)*v, s.far, s.width/2) {
		return 0, false
	}
	a := u2 + float64(float64(float64(s.cosLat*cosLat)*v)*v)
	if !s.box && a > s.far {
		return 0, false
	}
	meters = length(a)
	return meters, s.box || !(meters > s.radius)
}
