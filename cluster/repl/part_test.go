package repl

import (
	"testing"

	"regent/engine/large"
)

// TestAPartIsOfOnePlace: it is kept for the epoch and offset at which it was begun, and
// forgotten at any other.
func TestAPartIsOfOnePlace(t *testing.T) {
	for name, c := range map[string]struct {
		epoch, next int64
		keeps       bool
	}{
		"the same":       {3, 100, true},
		"a later epoch":  {4, 100, false},
		"an earlier one": {2, 100, false},
		"further":        {3, 101, false},
		"cut back":       {3, 99, false},
	} {
		t.Run(name, func(t *testing.T) {
			var p Part
			defer p.Drop()
			p.begin(3, 100)
			p.buf.Append(make([]byte, large.Least), 0)
			held, _ := p.keep(c.epoch, c.next)
			if (held == large.Least) != c.keeps || !c.keeps && (held != 0 || p.buf.Mapped() || p.scan.Offset() != c.next || p.Epoch() != 0) {
				t.Errorf("%d bytes are kept, of epoch %d", held, p.Epoch())
			}
		})
	}
}
