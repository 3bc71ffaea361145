package tunnel

import "regent/resp"

// A Tunnel is what is known of a client whose commands another node carries out. It is
// not safe for concurrent use.
type Tunnel struct {
	in  Requests
	out Replies
	fly flight

	state []byte // as the leader has told last
	bound bool
	moved bool
	ended bool
	raw   bool // a replica's: what goes through is not looked at
}

// New makes a tunnel for a session in a state. write reports whether a command of a name
// may change data.
func New(state []byte, write func(name []byte) bool) *Tunnel {
	return &Tunnel{in: Requests{write: write}, state: state}
}

// State is the session's, as of the last reply.
func (t *Tunnel) State() []byte { return t.state }

// Ended reports whether the leader has said that the connection ends.
func (t *Tunnel) Ended() bool { return t.ended }

// Moved reports whether the leader has said that it carries out no more.
func (t *Tunnel) Moved() bool { return t.moved }

// Send notes that p, of what the client has said, goes to the leader.
func (t *Tunnel) Send(p []byte) {
	if t.raw {
		return
	}
	t.fly.keep(p)
	for at := 0; at < len(p); {
		n, ended, write := t.in.Next(p[at:])
		if at += n; ended {
			t.fly.sent(len(p)-at, write)
		} else if !t.in.Partial() {
			t.fly.empty(len(p) - at)
		}
	}
}

// Hear takes what the leader has answered, and returns what of it is the client's, which
// takes the place of p.
func (t *Tunnel) Hear(p []byte) (out []byte, err error) {
	kept, from := 0, 0 // p[from:at] is the client's, and goes to p[kept:]
	for at := 0; at < len(p) && !t.raw; {
		note := t.out.in == inNote || t.out.Between() && p[at] == resp.NoteByte || t.out.kind == resp.NoteByte && t.out.in == inHeader
		n, ev, err := t.out.Next(p[at:])
		if err != nil {
			return p[:kept], err
		}
		if note {
			kept += copy(p[kept:], p[from:at])
			from = at + n
		}
		at += n
		switch ev {
		case Reply:
			t.fly.answered(t.in.Partial())
		case Noted:
			t.take(t.out.Note())
		}
	}
	kept += copy(p[kept:], p[from:])
	return p[:kept], nil
}

// take takes a note.
func (t *Tunnel) take(note []byte) {
	switch note[0] {
	case resp.NoteState, resp.NoteBound:
		t.state, t.bound = append([]byte(nil), note[1:]...), note[0] == resp.NoteBound
	case resp.NoteMoved:
		t.moved = true
	case resp.NoteEnd:
		t.ended = true
	case resp.NoteRaw:
		t.raw, t.bound, t.fly = true, true, flight{}
	}
}

// Idle reports whether nothing is in flight, not even half a command, and the session
// can be taken to another node.
func (t *Tunnel) Idle() bool {
	return t.fly.count == 0 && !t.stuck() && !t.in.Partial() && t.out.Between()
}

// stuck: the session cannot be taken elsewhere.
func (t *Tunnel) stuck() bool { return t.bound || t.in.broken }

// Leave ends what there was with a leader, and returns what the next one must be sent
// first. ok is false when there can be no next one: the connection is to end after
// Farewell.
func (t *Tunnel) Leave() (again []byte, ok bool) {
	if t.ended || t.stuck() || t.fly.count > 0 && !t.moved || !t.out.Between() || t.fly.lost {
		return nil, false
	}
	again = t.fly.take()
	write := t.in.write
	t.in, t.out, t.fly = Requests{write: write}, Replies{}, flight{}
	t.moved = false
	return again, true
}

// Farewell is what the client is told of its commands in flight: uncertain of those that
// may have changed data, down of the others. It is empty where a reply is half told, or
// what is in flight cannot be counted.
func (t *Tunnel) Farewell(uncertain, down string) []byte {
	if t.stuck() || !t.out.Between() {
		return nil
	}
	return t.fly.farewell(uncertain, down)
}
