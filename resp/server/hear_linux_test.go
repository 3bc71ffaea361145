package server

import (
	"io"
	"testing"

	"regent/engine/config"
)

// TestHeardInTheSameTurn: what a client of a loop publishes leaves for another one of that loop in the
// turn that carries it out, as the reply does: no turn is taken for it alone.
func TestHeardInTheSameTurn(t *testing.T) {
	h := start(t, config.IOEventLoop, nil)
	hears, speaks := h.dial(), h.dial()
	hears.send(command("SUBSCRIBE", "ch"))
	hears.expect(subscribed("subscribe", "ch", 1))
	speaks.send(command("PING"))
	speaks.expect("+PONG\r\n")
	lp, over := h.firstLoop(), make(chan struct{})
	turns := func() {
		defer close(over)
		var from *slot
		for _, s := range lp.slots {
			if s != nil && !s.sess.Listens() {
				from = s
			}
		}
		before := [2]uint32{from.stamp, from.weight}
		if _, err := io.WriteString(speaks, command("PUBLISH", "ch", "m")); err != nil {
			t.Error(err)
			return
		}
		for [2]uint32{from.stamp, from.weight} == before { // the turn may be one that was nudged for
			lp.turn()
		}
		for _, s := range lp.slots {
			if s != nil && s.sess.Pushed() {
				t.Error("the message is left to the next turn")
			}
		}
	}
	lp.post(nil, &order{ask: turns})
	<-over
	speaks.expect(":1\r\n")
	hears.expect(said("message", "ch", "m"))
}
