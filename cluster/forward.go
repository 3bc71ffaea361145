package cluster

import (
	"context"
	"errors"
	"net"
	"os"
	"strconv"
	"sync"
	"time"

	"regent/cluster/peer"
	"regent/cluster/tunnel"
	"regent/engine"
	"regent/resp"
)

// Tunnels: how this node carries plain clients to the leader (package tunnel says what
// holds; engine/carry.go which clients).
//
//	client ──read──► carrier.run ──Send──► the leader's connection      one goroutine
//	       ◄─write── carrier.listen ◄─Hear─                             one for each leader
//
// run owns the client: it alone finds the next leader, so nothing overtakes anything. It
// waits in Read, and is called out of it by a deadline that has passed (carrier.call). When
// this node is the next leader, the connection goes back to its listener.
//
// An idle tunnel holds two sockets, two goroutines and no buffer (tunnel_unix.go).

// Limits of a tunnel.
const (
	// movedGrace is how long the old leader has to say that it has moved, when the next
	// one is known and something is in flight. One that is heard of, as after a planned
	// change, has up to write-timeout: it may have many clients to tell.
	movedGrace = 200 * time.Millisecond
	// carryPause is how long a carrier that was refused waits before it asks again, unless
	// another leader comes before: the first time, and twice as long each time after, up to
	// mostPause.
	carryPause = 10 * time.Millisecond
	mostPause  = 80 * time.Millisecond
	// maxDials is how many carriers dial at once. A leader has 64 places for handshakes
	// that come from one address (peer.Places), and what is too many ends others.
	maxDials = 16
	// farewellLimit is how long a client may take to read why its connection ends.
	farewellLimit = time.Second
)

// A carrier carries one client.
type carrier struct {
	c       *Cluster
	client  net.Conn
	carried engine.Carried

	mu     sync.Mutex
	tun    *tunnel.Tunnel
	up     net.Conn // to the leader; nil: to none
	leader leaderAt
	gone   bool // up has ended: run is to look
	wrong  bool // it was not understood
	eof    bool // the client says no more
	late   *time.Timer
	done   chan struct{} // of the listener of up

	unsent []byte // run's: what no leader has been sent yet
	ever   bool   // run's: there was a leader
	waited bool   // run's: what is unsent has waited for a leader
}

// A leaderAt is a leader in its epoch.
type leaderAt struct{ id, epoch int64 }

// present is the node that leads, as a view has it; epoch 0: none.
func present(v *engine.View) leaderAt {
	if v.LeaderID == 0 || v.LeaderID == v.NodeID && !v.Leading {
		return leaderAt{}
	}
	return leaderAt{v.LeaderID, v.Epoch}
}

// Carry carries a client to whichever node leads, until it ends or this node leads. done
// is called then.
func (c *Cluster) Carry(conn net.Conn, carried engine.Carried, done func()) {
	defer done()
	c.mu.Lock()
	running := c.node != nil && !c.stopping
	if running {
		c.wg.Add(1)
	}
	c.mu.Unlock()
	if !running {
		_ = conn.Close()
		return
	}
	defer c.wg.Done()
	k := &carrier{c: c, client: conn, carried: carried, unsent: carried.Early}
	k.tun = tunnel.New(carried.State.Append(nil), c.engine.Writes)
	k.carried.Early, k.waited = nil, carried.Late
	c.carriers.add(k)
	stop := context.AfterFunc(c.ctx, k.cut)
	k.run()
	stop()
	c.carriers.remove(k)
}

// look has a carrier leave an old leader: at once if nothing is in flight, else when that
// leader has had time to say that it has moved. It does not block.
func (k *carrier) look(at leaderAt) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.up == nil || k.leader == at {
		return
	}
	if k.tun.Idle() {
		k.gone = true
		_ = k.up.Close()
		k.call()
		return
	}
	if k.late != nil {
		return
	}
	up, from := k.up, k.leader.id
	left := int(k.c.opts.Config.WriteTimeout.Millis() / movedGrace)
	var late *time.Timer
	late = time.AfterFunc(movedGrace, func() {
		if left--; left <= 0 || k.c.silent(from) {
			_ = up.Close()
			return
		}
		k.mu.Lock()
		defer k.mu.Unlock()
		if k.late == late {
			late.Reset(movedGrace)
		}
	})
	k.late = late
}

// silent reports whether nothing was heard of another node for an election timeout.
func (c *Cluster) silent(id int64) bool {
	m := c.member(id)
	return m == nil || c.unheard(m) > c.timeout
}

// call has run look at what has happened.
func (k *carrier) call() { _ = k.client.SetReadDeadline(time.Unix(1, 0)) }

// cut ends both connections.
func (k *carrier) cut() {
	k.mu.Lock()
	defer k.mu.Unlock()
	_ = k.client.Close()
	if k.up != nil {
		_ = k.up.Close()
	}
}

// run is the tunnel's life.
func (k *carrier) run() {
	defer k.cut()
	if !k.attach() {
		return
	}
	r := newReader(k.client)
	for {
		err := r.read(func(p []byte) error { return k.say(p) })
		switch {
		case errors.Is(err, errGivenBack):
			return
		case err == nil:
		case errors.Is(err, os.ErrDeadlineExceeded):
			_ = k.client.SetReadDeadline(time.Time{})
		case isEOF(err):
			k.lastWords()
			return
		default:
			return
		}
		if k.lost() && !k.move() {
			return
		}
	}
}

// errGivenBack says that the client is this node's own again.
var errGivenBack = errors.New("given back")

// say sends what the client has said.
func (k *carrier) say(p []byte) error {
	k.mu.Lock()
	up := k.up
	if k.gone {
		up = nil
	}
	if up == nil {
		k.mu.Unlock()
		k.unsent = append(k.unsent, p...)
		if !k.move() {
			return errGivenBack
		}
		return nil
	}
	k.tun.Send(p)
	k.mu.Unlock()
	_, _ = up.Write(p) // the listener finds out
	return nil
}

// lost reports whether the leader's connection has ended.
func (k *carrier) lost() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.gone
}

// lastWords ends a tunnel whose client says no more: it gets the answers that are due.
func (k *carrier) lastWords() {
	k.mu.Lock()
	up, done := k.up, k.done
	k.eof = true
	k.mu.Unlock()
	if up == nil {
		return
	}
	if half, ok := up.(interface{ CloseWrite() error }); ok {
		_ = half.CloseWrite()
		<-done
		if k.lost() {
			k.move()
		}
	}
}

// move ends what there was with a leader and goes on with the next one; false: the tunnel
// has ended, or the client was given back.
func (k *carrier) move() bool {
	k.mu.Lock()
	up, done := k.up, k.done
	k.mu.Unlock()
	if up != nil {
		_ = up.Close()
		<-done // nothing is heard of it any more
	}
	k.mu.Lock()
	if k.late != nil {
		k.late.Stop()
		k.late = nil
	}
	k.up, k.gone = nil, false
	moved := k.tun.Moved()
	if moved && k.eof { // it has gone, as in abandoned
		text := k.tun.Farewell(resp.ErrMasterDown, resp.ErrMasterDown)
		k.mu.Unlock()
		k.endWith(text)
		return false
	}
	again, ok := k.tun.Leave()
	ok = ok && !k.wrong
	k.mu.Unlock()
	if !ok {
		k.bye()
		return false
	}
	k.unsent = append(again, k.unsent...)
	k.waited = k.waited || len(again) > 0
	if up != nil && moved && len(k.unsent) == 0 || k.eof && len(k.unsent) == 0 {
		return !k.eof // when the client says something
	}
	return k.attach()
}

// bye answers what is in flight, and what was not sent at all.
func (k *carrier) bye() {
	k.mu.Lock()
	text := k.tun.Farewell(resp.ErrUncertain, resp.ErrMasterDown)
	k.mu.Unlock()
	k.endWith(text)
}

func (k *carrier) endWith(text []byte) {
	if len(text) > 0 {
		_ = k.client.SetWriteDeadline(time.Now().Add(farewellLimit))
		_, _ = k.client.Write(text)
	}
}

// attach finds the leader and sends it what is unsent; false: the tunnel has ended.
func (k *carrier) attach() bool {
	limit := k.c.opts.Config.WriteTimeout.Millis()
	ctx, cancel := context.WithTimeout(k.c.ctx, limit)
	defer cancel()
	for pause := carryPause; ctx.Err() == nil; {
		turned := k.c.carriers.turn()
		at := present(k.c.View())
		var again <-chan time.Time // none: until there is a leader
		switch {
		case at.epoch == 0:
		case at.id == k.c.id:
			return k.giveBack()
		default:
			up, refusal, err := k.dialWhile(ctx, at, turned)
			switch {
			case err == nil && refusal == "":
				return k.begin(up, at)
			case err == nil:
				k.endWith([]byte("-" + refusal + "\r\n"))
				return false
			case errors.Is(err, errSameLeader):
				return false // it has ended the connection, and was not asked to come back
			}
			again = time.After(pause)
			pause = min(2*pause, mostPause)
		}
		select {
		case <-ctx.Done():
		case <-turned:
			pause = carryPause
		case <-again:
		}
		k.waited = true
	}
	return k.drop()
}

// giveBack gives the client to this node's own listener.
func (k *carrier) giveBack() bool {
	carried := k.carried
	st, err := engine.ParseSessionState(k.tun.State())
	switch {
	case err != nil:
		return false
	case k.abandoned():
		return k.drop()
	}
	carried.State, carried.Early = st, k.unsent
	_ = k.client.SetDeadline(time.Time{})
	conn := k.client
	if refusal, err := k.c.opts.Adopt(conn, carried, false); err == nil && refusal == "" {
		k.mu.Lock()
		defer k.mu.Unlock()
		k.client = kept{conn}
	}
	return false
}

// kept is a connection that is somebody else's: closing it does nothing.
type kept struct{ net.Conn }

func (kept) Close() error { return nil }

// errSameLeader says that the leader that a client comes from leads on.
var errSameLeader = errors.New("the same leader")

// Why a leader does not take a client that is carried, as the first argument of a refusal.
const (
	refusedLeads  = "leads" // it does not lead
	refusedSame   = "same"  // it has had the client in the same epoch
	refusedClient = "client"
)

// errSpared says that another carrier has found out that a leader cannot be reached.
var errSpared = errors.New("the leader was not reached a moment ago")

// dialWhile is dial, as long as at is the leader, which is until turned.
func (k *carrier) dialWhile(ctx context.Context, at leaderAt, turned <-chan struct{}) (up net.Conn, refusal string, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		select {
		case <-turned:
			cancel()
		case <-ctx.Done():
		}
	}()
	if !k.c.carriers.enter(ctx, at) {
		return nil, "", errSpared
	}
	up, refusal, err = k.dial(ctx, at)
	k.c.carriers.leave(at, err != nil && ctx.Err() == nil && !errors.Is(err, errSameLeader))
	return up, refusal, err
}

// dial opens a connection to the leader and hands it the client's session. A refusal is
// what the client is told.
func (k *carrier) dial(ctx context.Context, at leaderAt) (up net.Conn, refusal string, err error) {
	c := k.c
	m := c.member(at.id)
	if m == nil {
		return nil, "", errors.New("no member")
	}
	conn, err := m.dialer.Dial(ctx, m.Addr(), c.hello(m, peer.Tunnel))
	if err != nil {
		return nil, "", err
	}
	last := int64(0)
	if k.ever {
		last = k.leader.epoch
	}
	f := peer.Frame{Type: peer.Carry, Cluster: c.clusterText(), From: c.id, To: at.id, Epoch: at.epoch,
		Args: [][]byte{strconv.AppendInt(nil, last, 10), []byte(k.carried.Peer), []byte(k.carried.Local), k.tun.State()}}
	_ = conn.SetDeadline(time.Now().Add(c.timeout))
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	defer stop()
	if _, err = conn.Write(peer.AppendFrame(nil, &f)); err == nil {
		err = conn.Next(&f)
	}
	if err == nil && f.Type == peer.Carried {
		_ = conn.SetDeadline(time.Time{})
		raw, _ := conn.Bare()
		return raw, "", nil
	}
	_ = conn.Close()
	if err == nil && f.Type == peer.Refuse && len(f.Args) == 2 {
		switch string(f.Args[0]) {
		case refusedClient:
			return nil, string(f.Args[1]), nil
		case refusedSame:
			return nil, "", errSameLeader
		}
		return nil, "", errors.New("it does not lead")
	}
	return nil, "", err
}

// abandoned reports whether what is unsent has waited for a leader, or follows a change of
// leader, and its client has gone meanwhile. It may have said it again elsewhere, and more
// since, which would be undone: redis-server, too, carries nothing out for a client that
// ends while its command waits. Where no leader has changed a client may say a last word
// and close.
func (k *carrier) abandoned() bool {
	return (k.waited || k.ever) && len(k.unsent) > 0 && hungUp(k.client)
}

// drop ends a client that nothing more is carried out for, and tells it so: it may have
// closed its sending half alone.
func (k *carrier) drop() bool {
	k.mu.Lock()
	k.tun.Send(k.unsent)
	text := k.tun.Farewell(resp.ErrMasterDown, resp.ErrMasterDown)
	k.mu.Unlock()
	k.endWith(text)
	return false
}

// begin goes on with a leader.
func (k *carrier) begin(up net.Conn, at leaderAt) bool {
	if k.abandoned() {
		_ = up.Close()
		return k.drop()
	}
	k.waited = false
	k.ever = true
	done := make(chan struct{})
	k.mu.Lock()
	k.up, k.leader, k.done = up, at, done
	k.tun.Send(k.unsent)
	k.mu.Unlock()
	go k.listen(up, done)
	if len(k.unsent) > 0 {
		_, _ = up.Write(k.unsent) // the listener finds out
		k.unsent = nil
	}
	if k.eof {
		if half, ok := up.(interface{ CloseWrite() error }); ok {
			_ = half.CloseWrite()
		}
		<-done
		return false
	}
	k.look(present(k.c.View())) // it may have changed meanwhile
	if k.c.ctx.Err() != nil {
		_ = up.Close()
	}
	return true
}

// listen gives the client what a leader answers.
func (k *carrier) listen(up net.Conn, done chan<- struct{}) {
	defer close(done)
	r := newReader(up)
	for {
		err := r.read(func(p []byte) error {
			k.mu.Lock()
			out, err := k.tun.Hear(p)
			k.wrong = k.wrong || err != nil
			k.mu.Unlock()
			if len(out) > 0 {
				if _, err := k.client.Write(out); err != nil {
					return err
				}
			}
			return err
		})
		if err != nil {
			break
		}
	}
	k.mu.Lock()
	k.gone = true
	k.mu.Unlock()
	_ = up.Close()
	k.call()
}

// receiveTunnel takes a client that another node carries here.
func (c *Cluster) receiveTunnel(conn *peer.Conn) {
	var f peer.Frame
	_ = conn.SetDeadline(time.Now().Add(c.timeout))
	if err := conn.Next(&f); err != nil || f.Type != peer.Carry || len(f.Args) != 4 {
		_ = conn.Close()
		return
	}
	answer := peer.Frame{Type: peer.Carried, Cluster: c.clusterText(), From: c.id, To: conn.Peer}
	refuse := func(why, text string) {
		answer.Type, answer.Args = peer.Refuse, [][]byte{[]byte(why), []byte(text)}
		_, _ = conn.Write(peer.AppendFrame(nil, &answer))
		_ = conn.Close()
	}
	last, err := f.Int(0)
	st, bad := engine.ParseSessionState(f.Args[3])
	v := c.View()
	switch {
	case err != nil || bad != nil:
		_ = conn.Close()
		return
	case !v.Leading || c.LeaseOver():
		refuse(refusedLeads, "")
		return
	case v.Epoch <= last:
		refuse(refusedSame, "")
		return
	}
	carried := engine.Carried{Peer: string(f.Args[1]), Local: string(f.Args[2]), State: st}
	why := c.opts.Refusal(carried)
	if why != "" {
		refuse(refusedClient, why)
		return
	}
	if _, err := conn.Write(peer.AppendFrame(nil, &answer)); err != nil {
		_ = conn.Close()
		return
	}
	_ = conn.SetDeadline(time.Time{})
	raw, early := conn.Bare()
	carried.Early = early
	if why, err := c.opts.Adopt(raw, carried, true); why != "" || err != nil {
		_ = raw.Close()
	}
}
