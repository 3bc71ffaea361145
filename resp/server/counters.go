package server

import "regent/engine"

// counters are what INFO stats says about the listener.
type counters interface {
	CountInput(id, bytes int64)
	CountOutput(id, bytes int64)
	CountRejected()
	CountOutputLimit()
	CountEvictedClient()
	CountQueryLimit()
	CountHeld(more int64)
}

// countersOf is the engine, where it counts.
func countersOf(e *engine.Engine) counters {
	if c, ok := any(e).(counters); ok {
		return c
	}
	return uncounted{}
}

type uncounted struct{}

func (uncounted) CountInput(int64, int64)  {}
func (uncounted) CountOutput(int64, int64) {}
func (uncounted) CountRejected()           {}
func (uncounted) CountOutputLimit()        {}
func (uncounted) CountEvictedClient()      {}
func (uncounted) CountQueryLimit()         {}
func (uncounted) CountHeld(int64)          {}
