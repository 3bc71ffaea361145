package peer

// Ports are those of a node's other faces, at which clients reach it beside its port;
// 0: it has none.
type Ports struct{ Plain, Sentinel int }

// portsArgs are its arguments behind a PING's clock. A PING without them comes from a
// node that has no other faces.
const portsArgs = 2

const maxPort = 65535

func appendPorts(dst []byte, p Ports) []byte {
	return AppendInt(AppendInt(dst, int64(p.Plain)), int64(p.Sentinel))
}

// Ports reads what a PING tells of its sender's ports.
func (f *Frame) Ports() (p Ports, err error) {
	if len(f.Args) < 1+clockArgs+portsArgs {
		return p, nil
	}
	for i, into := range [portsArgs]*int{&p.Plain, &p.Sentinel} {
		n, err := f.Int(1 + clockArgs + i)
		if err != nil {
			return Ports{}, err
		}
		if n > maxPort {
			return Ports{}, Malformed("%s with port %d", f.Type, n)
		}
		*into = int(n)
	}
	return p, nil
}
