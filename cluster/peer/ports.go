package peer

// Ports are those of a node's other faces, at which clients reach it beside its port;
// 0: it has none.
type Ports struct {
	Plain, Sentinel int
	// Other is that of the port, if peers reach it by another one: by TLS alone.
	Other int
	// TLS, TLSPlain and TLSSentinel are those for clients that speak TLS.
	TLS, TLSPlain, TLSSentinel int
	// Witness: it shows no data at any of them.
	Witness bool
}

// portsArgs are its arguments behind a PING's clock. A node that knows nothing of TLS sends
// the first few of them, or none if it has no other faces.
const portsArgs, portsArgsFew = 6, 2

// roleArgs is what stands behind them: whether it is a witness. A node that knows of none
// does not send it.
const roleArgs = 1

const maxPort = 65535

// list are the ports in the order in which they are sent.
func (p *Ports) list() []*int {
	return []*int{&p.Plain, &p.Sentinel, &p.Other, &p.TLS, &p.TLSPlain, &p.TLSSentinel}
}

func appendPorts(dst []byte, p Ports) []byte {
	for _, n := range p.list() {
		dst = AppendInt(dst, int64(*n))
	}
	return AppendInt(dst, oneIf(p.Witness))
}

// Ports reads what a PING tells of its sender's ports.
func (f *Frame) Ports() (p Ports, err error) {
	args := 0
	switch got := len(f.Args) - 1 - clockArgs; {
	case got >= portsArgs:
		args = portsArgs
	case got >= portsArgsFew:
		args = portsArgsFew
	}
	for i, into := range p.list()[:args] {
		n, err := f.Int(1 + clockArgs + i)
		if err != nil {
			return Ports{}, err
		}
		if n > maxPort {
			return Ports{}, Malformed("%s with port %d", f.Type, n)
		}
		*into = int(n)
	}
	if at := 1 + clockArgs + portsArgs; len(f.Args) > at {
		witness, err := f.Int(at)
		if err != nil {
			return Ports{}, err
		}
		p.Witness = witness == 1
	}
	return p, nil
}
