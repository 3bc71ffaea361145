package peer

import (
	"bytes"
	"fmt"
	"strconv"
	"time"

	"regent/cluster/bully"
	"regent/resp"
)

// How the election's messages look on the channel. All kinds have the same
// arguments after a frame's head:
//
//	phase verdict reason position-epoch position-offset durable commit leader addr sent-at promise
//	token-epoch token-number members-epoch members-version voters learners
//
// the last two as lists of IDs with commas between; and where these members
// are, if that has ever been changed or more follows:
//
//	witness held
//
// of a witness, and to one that is told what the others hold.

// messageArgs is their number without the last, witnessArgs that of the rest.
const messageArgs, witnessArgs = 17, 2

// maxAddr bounds a client address in bytes.
const maxAddr = 300

var kindTypes = map[bully.Kind]Type{
	bully.Election: Election, bully.OK: OK, bully.Coordinator: Coordinator,
	bully.Heartbeat: Heartbeat, bully.Ack: Ack, bully.Resign: Resign,
	bully.Handover: Handover, bully.Takeover: Takeover,
}

// AppendMessage appends a message of the election as a frame.
func AppendMessage(dst []byte, cluster string, m *bully.Message) []byte {
	f := Frame{Type: kindTypes[m.Kind], Cluster: cluster, From: m.From, To: m.To, Epoch: m.Epoch, Seq: m.Seq}
	args := messageArgs
	more := m.Witness || m.Held > 0
	if m.Members.Addrs != "" || more {
		args++
	}
	if more {
		args += witnessArgs
	}
	dst = AppendHead(dst, &f, args)
	for _, n := range [...]int64{
		int64(m.Phase), int64(m.Verdict), int64(m.Reason),
		m.Position.Epoch, m.Position.Offset, m.Durable, m.Commit, m.Leader,
	} {
		dst = AppendInt(dst, n)
	}
	dst = resp.AppendBulk(dst, m.Addr)
	dst = AppendInt(dst, int64(m.SentAt))
	dst = AppendInt(dst, int64(m.Promise))
	dst = AppendInt(dst, m.Token.Epoch)
	dst = AppendInt(dst, m.Token.N)
	dst = appendMembers(dst, &m.Members, args > messageArgs)
	if more {
		dst = AppendInt(AppendInt(dst, oneIf(m.Witness)), m.Held)
	}
	return dst
}

func oneIf(is bool) int64 {
	if is {
		return 1
	}
	return 0
}

// appendMembers appends a configuration, with or without addresses.
func appendMembers(dst []byte, m *bully.Configuration, addrs bool) []byte {
	dst = AppendInt(dst, m.Epoch)
	dst = AppendInt(dst, m.Version)
	dst = resp.AppendBulk(dst, joinIDs(m.Voters))
	dst = resp.AppendBulk(dst, joinIDs(m.Learners))
	if addrs {
		dst = resp.AppendBulk(dst, m.Addrs)
	}
	return dst
}

// membersArgs is how many arguments a configuration with addresses takes.
const membersArgs = 5

// readMembers reads a configuration, with or without addresses.
func readMembers(args [][]byte) (m bully.Configuration, err error) {
	for i, p := range [...]*int64{&m.Epoch, &m.Version} {
		n, ok := parseUint(args[i])
		if !ok {
			return m, fmt.Errorf("a configuration's number is %.32q", args[i])
		}
		*p = n
	}
	if m.Voters, err = splitIDs(args[2]); err != nil {
		return m, err
	}
	if m.Learners, err = splitIDs(args[3]); err != nil {
		return m, err
	}
	if len(args) == membersArgs {
		if len(args[4]) > bully.MaxAddrs {
			return m, fmt.Errorf("addresses of %d bytes", len(args[4]))
		}
		m.Addrs = string(args[4])
	}
	return m, nil
}

// maxIDs bounds a list of IDs in bytes.
const maxIDs = 1 << 10

func joinIDs(ids []int64) []byte {
	var b []byte
	for i, id := range ids {
		if i > 0 {
			b = append(b, ',')
		}
		b = strconv.AppendInt(b, id, 10)
	}
	return b
}

func splitIDs(b []byte) (ids []int64, err error) {
	if len(b) > maxIDs {
		return nil, fmt.Errorf("a list of %d bytes", len(b))
	}
	if len(b) == 0 {
		return nil, nil
	}
	for word := range bytes.SplitSeq(b, []byte(",")) {
		id, ok := parseUint(word)
		if !ok {
			return nil, fmt.Errorf("a list with %.32q", word)
		}
		ids = append(ids, id)
	}
	return ids, nil
}

// Message reads a frame as a message of the election.
func (f *Frame) Message() (m bully.Message, err error) {
	const full = messageArgs + 1 + witnessArgs
	if len(f.Args) != messageArgs && len(f.Args) != messageArgs+1 && len(f.Args) != full {
		return m, fmt.Errorf("%s with %d arguments, not %d", f.Type, len(f.Args), messageArgs)
	}
	for k, t := range kindTypes {
		if t == f.Type {
			m.Kind = k
		}
	}
	if m.Kind == 0 {
		return m, fmt.Errorf("%s is not a message of the election", f.Type)
	}
	var phase, verdict, reason, sent, promise int64
	if err := f.Ints(&phase, &verdict, &reason, &m.Position.Epoch, &m.Position.Offset, &m.Durable, &m.Commit, &m.Leader); err != nil {
		return m, err
	}
	for i, p := range [...]*int64{&sent, &promise, &m.Token.Epoch, &m.Token.N} {
		if *p, err = f.Int(9 + i); err != nil {
			return m, err
		}
	}
	if m.Members, err = readMembers(f.Args[13:min(len(f.Args), messageArgs+1)]); err != nil {
		return m, err
	}
	if len(f.Args) == full {
		witness, err := f.Int(messageArgs + 1)
		if err == nil {
			m.Held, err = f.Int(messageArgs + 2)
		}
		if err != nil {
			return m, err
		}
		m.Witness = witness == 1
	}
	if len(f.Args[8]) > maxAddr {
		return m, fmt.Errorf("an address of %d bytes", len(f.Args[8]))
	}
	if phase > 255 || verdict > 255 || reason > 255 {
		return m, fmt.Errorf("%s: phase %d, verdict %d, reason %d", f.Type, phase, verdict, reason)
	}
	m.From, m.To, m.Epoch, m.Seq = f.From, f.To, f.Epoch, f.Seq
	m.Phase, m.Verdict, m.Reason = bully.Phase(phase), bully.Verdict(verdict), bully.Reason(reason)
	m.Addr, m.SentAt, m.Promise = string(f.Args[8]), time.Duration(sent), time.Duration(promise)
	return m, nil
}
