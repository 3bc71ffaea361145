package hll

import "math"

// A histogram says how many registers have each count.
type histogram [1 << registerBits]int32

// Count is the cardinality of b, which is Valid, whatever was cached.
func Count(b []byte) (uint64, error) {
	var h histogram
	if IsDense(b) {
		h.dense(b)
		return h.estimate(), nil
	}
	total := 0
	for b = b[headBytes:]; len(b) > 0; {
		r := runAt(b)
		h[r.count] += int32(r.n)
		total += r.n
		b = b[min(r.size, len(b)):]
	}
	if total != Registers {
		return 0, ErrDamaged
	}
	return h.estimate(), nil
}

// Count is the cardinality of what was merged.
func (m *Max) Count() uint64 {
	var h histogram
	for _, count := range m {
		h[count&registerMask]++
	}
	return h.estimate()
}

// dense counts into two histograms in turn: the same count often comes twice in a row, and
// the second need not wait for the first then.
func (h *histogram) dense(b []byte) {
	var other histogram
	eachDense(b, func(_ int, w uint64) {
		h[w&registerMask]++
		other[w>>6&registerMask]++
		h[w>>12&registerMask]++
		other[w>>18&registerMask]++
		h[w>>24&registerMask]++
		other[w>>30&registerMask]++
		h[w>>36&registerMask]++
		other[w>>42&registerMask]++
	})
	for i, n := range other {
		h[i] += n
	}
}

// alphaInf is the constant of the estimate, 1/(2 ln 2).
const alphaInf = 0.721347520444481703680

// beyond is what comes of an estimate without a bound, as Redis has it on most machines.
const beyond = 1 << 63

// estimate is Ertl's. The products are converted one by one so that no machine puts a
// multiplication and an addition together, which would round otherwise.
func (h *histogram) estimate() uint64 {
	const m = float64(Registers)
	z := m * tau((m-float64(h[maxCount]))/m)
	for i := maxCount - 1; i >= 1; i-- {
		z += float64(h[i])
		z *= 0.5
	}
	z += float64(m * sigma(float64(h[0])/m))
	if z == 0 { // all registers are beyond what an element can make them
		return beyond
	}
	return uint64(math.Round(alphaInf * m * m / z))
}

func tau(x float64) float64 {
	if x == 0 || x == 1 {
		return 0
	}
	y, z := 1.0, 1-x
	for before := math.Inf(1); z != before; {
		x = math.Sqrt(x)
		before = z
		y *= 0.5
		z -= float64(float64((1-x)*(1-x)) * y)
	}
	return z / 3
}

func sigma(x float64) float64 {
	if x == 1 {
		return math.Inf(1)
	}
	y, z := 1.0, x
	for before := math.Inf(1); z != before; {
		x *= x
		before = z
		z += float64(x * y)
		y += y
	}
	return z
}
