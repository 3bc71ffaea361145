package peer

import "fmt"

// A Clock is what a PING tells of wall clocks, in ms since 1970, so that both
// ends learn how far theirs are apart (as NTP does it, RFC 5905 section 8). 0
// stands for not known.
//
//	dialer of this channel    Sent ────────────────────► now
//	its way back              Heard ◄──────────────────── Echo
//
// Echo is the Sent of the newest PING that came from the receiver, as it told
// it, and Heard is when that arrived, on the sender's clock.
type Clock struct {
	Sent  int64 // the sender's clock when this PING left
	Echo  int64 // the receiver's
	Heard int64 // the sender's
}

// clockArgs are its arguments behind a PING's first. A PING without them comes
// from a node that compares no clocks.
const clockArgs = 3

// maxWall bounds a wall clock in ms, far beyond what a machine can be set to, so
// that sums do not overflow.
const maxWall = 1 << 52

func appendClock(dst []byte, c Clock) []byte {
	for _, ms := range [clockArgs]int64{c.Sent, c.Echo, c.Heard} {
		dst = AppendInt(dst, min(max(ms, 0), maxWall))
	}
	return dst
}

// Clock reads what a PING tells of clocks; ok is false when it tells nothing.
func (f *Frame) Clock() (c Clock, ok bool, err error) {
	if len(f.Args) < 1+clockArgs {
		return c, false, nil
	}
	for i, p := range [clockArgs]*int64{&c.Sent, &c.Echo, &c.Heard} {
		if *p, err = f.Int(1 + i); err != nil {
			return c, false, err
		}
		if *p > maxWall {
			return c, false, fmt.Errorf("%s with a clock of %d ms", f.Type, *p)
		}
	}
	return c, true, nil
}
