package dict

// Strings that change their length. One that is extended again and again has room to grow
// where it is, so that APPEND of a few bytes does not copy all of it.

// growth lets a string that is extended again and again move seldom: a
// quarter more than it needs.
const growth = 4

// Stays reports whether Resize to n bytes would copy none of the value of r.
func (d *Dict) Stays(r Ref, n int) bool {
	from := uint32(r)
	e := d.at(from)
	key, _, _ := e.lens()
	want := shape{key, n, e.expires()}
	return d.stays(from, want) && (d.snap.preserve == nil || e.stamp() == d.snap.number)
}

// stays reports whether an entry may become one of that shape where it is.
func (d *Dict) stays(r uint32, want shape) bool {
	return want.size() <= len(d.mem.slot(r)) && want.wide() == d.at(r).wide() && !d.pinned(r)
}

// Resize makes the string value of r n bytes long, new bytes zero, and
// returns its place and its bytes, which the caller may change under the
// lock. The value becomes Raw.
func (d *Dict) Resize(r Ref, n int) (Ref, []byte) {
	from := uint32(r)
	d.stepIndexes()
	d.touch(from)
	e := d.at(from)
	key, had, _ := e.lens()
	at := e.expireAt()
	want := shape{key, n, at != 0}
	if !d.stays(from, want) {
		roomy := want
		if n > had {
			roomy.value = min(n+n/growth, MaxLen)
		}
		from = d.reshape(d.hash(e.key()), from, roomy, Raw, min(had, n))
	}
	e = d.at(from)
	if want.wide() != e.wide() { // roomy was wide, want is not
		want.value = n
	}
	e[0] = e[0]&^kindMask | byte(Raw)
	e.setLens(key, n)
	b := e.value()
	if n > had {
		clear(b[had:])
	}
	if at != 0 {
		e.setExpireAt(at)
	}
	return Ref(from), b
}
