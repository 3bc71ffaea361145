package geo

import "math"

// The limits of positions, in degrees: EPSG:900913's, whose map of the world is a square.
const (
	MinLon, MaxLon = -180.0, 180.0
	MinLat, MaxLat = -85.05112878, 85.05112878
)

const (
	// maxSteps is how many bits of each coordinate a score holds.
	maxSteps = 26
	// standardLat is where the latitudes of geohash texts end, in degrees.
	standardLat = 90.0
	// TextLen is the length of a geohash text, in bytes.
	TextLen = 11
	// letters are the digits of geohash texts: no a, i, l and o.
	letters = "0123456789bcdefghjkmnpqrstuvwxyz"
)

// Valid reports whether a position is within the limits.
func Valid(lon, lat float64) bool {
	return !(lon < MinLon || lon > MaxLon || lat < MinLat || lat > MaxLat)
}

// spread puts a zero bit before each bit of x.
func spread(x uint32) uint64 {
	b := uint64(x)
	b = (b | b<<16) & 0x0000ffff0000ffff
	b = (b | b<<8) & 0x00ff00ff00ff00ff
	b = (b | b<<4) & 0x0f0f0f0f0f0f0f0f
	b = (b | b<<2) & 0x3333333333333333
	return (b | b<<1) & 0x5555555555555555
}

// gather is spread back: every other bit of b, from the lowest on.
func gather(b uint64) uint32 {
	b &= 0x5555555555555555
	b = (b | b>>1) & 0x3333333333333333
	b = (b | b>>2) & 0x0f0f0f0f0f0f0f0f
	b = (b | b>>4) & 0x00ff00ff00ff00ff
	b = (b | b>>8) & 0x0000ffff0000ffff
	return uint32(b | b>>16)
}

// part is which of 2^steps equal parts of the range from low to high x is in. The end of
// the range is the first one beyond them.
func part(x, low, high float64, steps uint) uint32 {
	return uint32((x - low) / (high - low) * float64(uint64(1)<<steps))
}

// Encode is the number that stands for a position, which is valid: what GEOADD makes the
// score. It has 52 bits, or 54 at the eastern end and 53 at the northern one.
func Encode(lon, lat float64) uint64 {
	return spread(part(lat, MinLat, MaxLat, maxSteps)) | spread(part(lon, MinLon, MaxLon, maxSteps))<<1
}

// Decode is the position in the middle of the square that a score stands for.
func Decode(score float64) (lon, lat float64) {
	bits := whole(score)
	lon = middle(gather(bits>>1), MinLon, MaxLon)
	lat = middle(gather(bits), MinLat, MaxLat)
	return lon, lat
}

// edge is where part i of 2^steps of the range from low to high begins.
func edge(i uint32, low, high float64, steps uint) float64 {
	return low + float64(float64(i)/float64(uint64(1)<<steps)*(high-low))
}

// middle is the middle of part i of 2^maxSteps, within the range.
func middle(i uint32, low, high float64) float64 {
	m := (edge(i, low, high, maxSteps) + edge(i+1, low, high, maxSteps)) / 2
	return max(min(m, high), low)
}

// whole is a score as a whole number. Those that are none, or are out of range, ZADD has
// made; they become what x86-64 makes of them in redis-server.
func whole(score float64) uint64 {
	const top = 1 << 63
	switch {
	case score >= 2*top || score < -top || math.IsNaN(score):
		if score < 0 {
			return top
		}
		return 0
	case score >= top:
		return uint64(int64(score-top)) ^ top
	}
	return uint64(int64(score))
}

// AppendText appends the standard geohash of the position that a score stands for. Its
// last digit is always 0: there are no more bits.
func AppendText(dst []byte, score float64) []byte {
	lon, lat := Decode(score)
	bits := spread(part(lat, -standardLat, standardLat, maxSteps)) | spread(part(lon, MinLon, MaxLon, maxSteps))<<1
	for i := range TextLen - 1 {
		dst = append(dst, letters[bits>>(2*maxSteps-5*(i+1))&31])
	}
	return append(dst, letters[0])
}
