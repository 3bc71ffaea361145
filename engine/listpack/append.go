package listpack

// IntOf prepares an integer. Such an element has no text: it is for putting in.
func IntOf(n int64) Element { return Element{n: n, isInt: true} }

// An Appender puts elements in at the end of a listpack, and counts them once.
type Appender struct {
	lp    []byte // without the end
	count int
}

// Extend begins to put elements of that many bytes (Element.Size) in at the end of lp.
// With less room than they take it is made as they come.
func Extend(lp []byte, room int) Appender {
	count := Len(lp)
	lp = grown(lp, len(lp)+room)
	return Appender{lp[:len(lp)-1], count}
}

// Add puts e in.
func (a *Appender) Add(e *Element) {
	size, was := e.Size(), len(a.lp)
	if was+size+1 > cap(a.lp) {
		a.lp = grown(a.lp, was+size+1)
	}
	a.lp = a.lp[:was+size]
	e.put(a.lp[was:])
	a.count++
}

// Int puts an integer in.
func (a *Appender) Int(n int64) {
	e := IntOf(n)
	a.Add(&e)
}

// Done is the listpack.
func (a *Appender) Done() []byte {
	lp := append(a.lp, endByte)
	setHeader(lp, a.count)
	return lp
}
