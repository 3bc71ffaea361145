package zsets

import (
	"math/bits"
	"slices"
)

// What comes first of many results. redis-server sorts no more than it shows, with
// quicksort as J. Bentley and M. McIlroy have described it ("Engineering a sort
// function", 1993), and leaves out parts that are not shown. Which of two results at the
// same distance comes first follows from that, so it is the same here.

const (
	// shortRun is up to how many elements are sorted by insertion.
	shortRun = 7
	// longRun is from how many on the pivot is chosen from nine elements, not three.
	longRun = 40
)

// sortFirst puts the first n of all in order to the front.
func sortFirst[T any](all []T, n int, compare func(a, b T) int) {
	// Partitions that are as bad as this come of input that was made for it.
	partialSort(all, n, 4*bits.Len(uint(len(all))), compare)
}

func partialSort[T any](a []T, n, levels int, compare func(a, b T) int) {
	for n > 0 {
		if len(a) < shortRun {
			insertionSort(a, compare)
			return
		}
		if levels--; levels < 0 {
			slices.SortStableFunc(a, compare)
			return
		}
		less, more := partition(a, compare)
		if less > 1 {
			partialSort(a[:less], n, levels, compare)
		}
		if more <= 1 {
			return
		}
		n -= len(a) - more
		a = a[len(a)-more:]
	}
}

func insertionSort[T any](a []T, compare func(a, b T) int) {
	for i := 1; i < len(a); i++ {
		for j := i; j > 0 && compare(a[j-1], a[j]) > 0; j-- {
			a[j-1], a[j] = a[j], a[j-1]
		}
	}
}

// pivot is where the element is that a is parted by.
func pivot[T any](a []T, compare func(a, b T) int) int {
	low, mid, high := 0, len(a)/2, len(a)-1
	if len(a) == shortRun {
		return mid
	}
	median := func(i, j, k int) int {
		x, y, z := a[i], a[j], a[k]
		if compare(x, y) < 0 {
			switch {
			case compare(y, z) < 0:
				return j
			case compare(x, z) < 0:
				return k
			}
			return i
		}
		switch {
		case compare(y, z) > 0:
			return j
		case compare(x, z) < 0:
			return i
		}
		return k
	}
	if len(a) > longRun {
		d := len(a) / 8
		low, mid, high = median(low, low+d, low+2*d), median(mid-d, mid, mid+d), median(high-2*d, high-d, high)
	}
	return median(low, mid, high)
}

// partition moves what is less than some element to the front of a, what is more to its
// end, and what is equal between them, and says how many are less and how many more.
func partition[T any](a []T, compare func(a, b T) int) (less, more int) {
	swap := func(i, j int) { a[i], a[j] = a[j], a[i] }
	swap(0, pivot(a, compare))
	// equal | less | not seen | more | equal
	//      eqL    b            c    eqR
	eqL, b := 1, 1
	c, eqR := len(a)-1, len(a)-1
	for {
		for ; b <= c; b++ {
			order := compare(a[b], a[0])
			if order > 0 {
				break
			}
			if order == 0 {
				swap(eqL, b)
				eqL++
			}
		}
		for ; b <= c; c-- {
			order := compare(a[c], a[0])
			if order < 0 {
				break
			}
			if order == 0 {
				swap(c, eqR)
				eqR--
			}
		}
		if b > c {
			break
		}
		swap(b, c)
		b++
		c--
	}
	less, more = b-eqL, eqR-c
	for i := range min(eqL, less) {
		swap(i, b-min(eqL, less)+i)
	}
	right := min(more, len(a)-1-eqR)
	for i := range right {
		swap(b+i, len(a)-right+i)
	}
	return less, more
}
