package replicas

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"regent/engine"
	"regent/engine/decimal"
	"regent/resp"
)

// A replica is one connection.
type replica struct {
	r      *Replicas
	number int64
	conn   net.Conn
	in     *resp.Reader
	ask    engine.SyncAsk
	log    engine.Stream // that was kept when it came, or from its copy on; nil: none
	host   string

	online  atomic.Bool
	acked   atomic.Int64  // offset, as replicas count
	heardAt atomic.Int64  // of Host.Ticks
	ready   chan struct{} // closed by the first acknowledgement
	gone    chan struct{} // closed when nothing more can be read

	unsent []byte // goes out before the next piece of the log: a SELECT
}

// Reasons for a stream to end.
var (
	errNotLeading = errors.New("this node does not lead any more")
	errLogEnded   = errors.New("no log is kept any more, which it followed")
	errEpoch      = errors.New("a new epoch has begun: it may go on with that")
	errSlow       = errors.New("it is farther behind than client-output-buffer-limit allows a replica")
	errGone       = errors.New("it has closed the connection")
	errSilent     = errors.New("it has not asked for the stream after its copy")
)

// ackLimits bound what a replica may send.
func ackLimits() resp.Limits { return resp.Limits{Bulk: 512, Elems: 8, Depth: 1, Total: 16} }

func newReplica(r *Replicas, number int64, conn net.Conn, early []byte, ask engine.SyncAsk) *replica {
	p := &replica{r: r, number: number, conn: conn, ask: ask, host: ask.Host, ready: make(chan struct{}), gone: make(chan struct{})}
	p.in = resp.NewReader(io.MultiReader(bytes.NewReader(early), conn), ackLimits())
	p.heardAt.Store(r.o.Host.Ticks())
	return p
}

// String is its address, as far as known.
func (p *replica) String() string {
	host := cmp.Or(p.host, "on this machine")
	if p.ask.Port == 0 {
		return host
	}
	return net.JoinHostPort(host, strconv.Itoa(p.ask.Port))
}

func (p *replica) show(now int64) engine.Replica {
	state := "send_bulk"
	if p.online.Load() {
		state = "online"
	}
	return engine.Replica{Host: p.host, Port: p.ask.Port, State: state, Offset: p.acked.Load(), Lag: max(now-p.heardAt.Load(), 0) / int64(time.Second)}
}

// serve sends the data, unless the replica has a part of the log, and then the log.
func (p *replica) serve(ctx context.Context) error {
	go p.listen()
	defer func() {
		_ = p.conn.Close()
		<-p.gone
	}()
	at, ok, err := p.resume()
	if err != nil {
		return err
	}
	var reader engine.StreamReader
	if ok {
		p.r.o.Synced(engine.SyncPartial)
		reader, err = p.log.NewReader(at.off)
	} else {
		if p.ask.Partial && p.ask.ID != "?" {
			p.r.o.Synced(engine.SyncRefused)
		}
		p.r.o.Synced(engine.SyncFull)
		at, reader, err = p.copy(ctx)
	}
	if err != nil {
		return err
	}
	if reader == nil { // it wants no stream
		return p.awaitEnd()
	}
	defer reader.Close()
	if !ok && p.ask.EOF {
		if err := p.awaitReady(); err != nil {
			return err
		}
	}
	p.online.Store(true)
	return p.stream(reader, at)
}

// resume answers a replica that has a part of the log; ok is false if it needs a copy.
func (p *replica) resume() (at spot, ok bool, err error) {
	if !p.ask.Partial || !p.ask.Renames || p.ask.Data || p.ask.ID == "?" {
		return at, false, nil
	}
	name := p.r.o.History()
	epoch, ok := epochOf(name, p.ask.ID)
	if !ok {
		return at, false, nil
	}
	stream := p.log
	if stream == nil {
		return at, false, nil
	}
	at, ok = inside(stream.History(), epoch, p.ask.Offset-1, p.r.o.Committed())
	if !ok || at.off < stream.Start() {
		return at, false, nil
	}
	p.r.o.Host.Logf(engine.LevelNotice, "Replica %s goes on at offset %d of epoch %d", p, at.off, at.epoch)
	return at, true, p.write([]byte("+CONTINUE " + idOf(name, at.epoch) + "\r\n"))
}

// write sends b within patience.
func (p *replica) write(b []byte) error {
	_ = p.conn.SetWriteDeadline(time.Now().Add(patience))
	n, err := p.conn.Write(b)
	p.r.o.Sent(n)
	return err
}

// stream sends the log from at on, until something ends it.
func (p *replica) stream(reader engine.StreamReader, at spot) error {
	buf := make([]byte, chunk)
	for {
		moved := p.log.Notify()
		end, err := p.sendable(&at)
		if err != nil {
			return err
		}
		if at.off >= end {
			if err := p.pause(moved, at.off); err != nil {
				return err
			}
			continue
		}
		for reader.Offset() < at.off { // the line of an epoch
			if _, err := reader.Read(buf[:min(int64(len(buf)), at.off-reader.Offset())]); err != nil && err != io.EOF {
				return err
			}
		}
		n, err := reader.Read(buf[:min(int64(len(buf)), end-at.off)])
		if err != nil && err != io.EOF {
			return fmt.Errorf("read the log at %d: %w", at.off, err)
		}
		if err := p.send(buf[:n]); err != nil {
			return err
		}
		at.off += int64(n)
	}
}

// send sends a piece of the log, and before the first one which database it is for, unless
// it says so itself.
func (p *replica) send(piece []byte) error {
	if first := p.unsent; len(first) > 0 {
		p.unsent = nil
		if !bytes.HasPrefix(piece, []byte("*2\r\n$6\r\nSELECT\r\n")) {
			if err := p.write(first); err != nil {
				return err
			}
		}
	}
	return p.write(piece)
}

// sendable is the offset up to which the log may be sent from at on. An epoch that begins
// at a spot where nothing was sent yet is passed over.
func (p *replica) sendable(at *spot) (end int64, err error) {
	o := &p.r.o
	switch {
	case !o.Leads():
		return 0, errNotLeading
	case o.Stream() != p.log:
		return 0, errLogEnded
	}
	committed := o.Committed()
	if next, there := nextEpoch(p.log.History(), at.off); there && next < committed {
		if next == at.off {
			return 0, errEpoch
		}
		return min(next, committed), nil
	}
	hard := o.Config.OutputHardReplica.Get()
	if hard > 0 && committed-at.off > max(hard, 2*chunk) {
		return 0, errSlow
	}
	return committed, nil
}

// pause waits until there may be more to send.
func (p *replica) pause(moved <-chan struct{}, at int64) error {
	wait := look
	if p.log.End() > at {
		wait, moved = commitPoll, nil // written, and soon committed
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-moved:
	case <-timer.C:
	case <-p.gone:
		return errGone
	}
	return nil
}

// listen reads acknowledgements, as redis-server's replicas send them once a second.
func (p *replica) listen() {
	defer close(p.gone)
	first := true
	for {
		blank, err := p.in.Blank()
		if err != nil {
			return
		}
		p.heardAt.Store(p.r.o.Host.Ticks())
		if blank { // it loads its copy
			continue
		}
		v, err := p.in.Read()
		if err != nil {
			return
		}
		if len(v.Elems) < 3 || !strings.EqualFold(string(v.Elems[0].Text), "replconf") || !strings.EqualFold(string(v.Elems[1].Text), "ack") {
			continue // nothing else is answered here
		}
		off, ok := decimal.Parse(v.Elems[2].Text)
		if !ok {
			continue
		}
		p.acked.Store(off)
		if first {
			first = false
			close(p.ready)
		}
	}
}

// awaitReady waits until a replica has taken its copy: what is sent before it says so it
// might take for a part of that.
func (p *replica) awaitReady() error {
	for {
		select {
		case <-p.ready:
			return nil
		case <-p.gone:
			return errGone
		case <-time.After(look):
		}
		if !p.r.o.Leads() {
			return errNotLeading
		}
		if time.Duration(p.r.o.Host.Ticks()-p.heardAt.Load()) > patience {
			return errSilent
		}
	}
}

// awaitEnd waits until one that wanted the data alone closes the connection.
func (p *replica) awaitEnd() error {
	select {
	case <-p.gone:
		return nil
	case <-time.After(patience):
		return errSilent
	}
}
