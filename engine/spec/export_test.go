package spec

// Direct reports whether a short name stands in its place.
func (ix *Index[C]) Direct(name string) bool {
	key := shortKey([]byte(name))
	return key != 0 && ix.short[key*ix.mul>>ix.shift].key == key
}
