package peer

import (
	"errors"
	"io"
	"net"
	"os"
	"testing"
	"time"
)

// owned is a pair of channels over TCP, the first of which is its goroutine's own.
func owned(t *testing.T) (a, b *Conn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	far, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	near, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	a, b = Pair(near, far, 1, 2)
	a.Own(true)
	if _, ok := a.Conn.(*socket); !ok {
		t.Fatalf("the connection is %T", a.Conn)
	}
	t.Cleanup(func() { _, _ = a.Close(), b.Close() })
	return a, b
}

func TestOwnedCarriesFrames(t *testing.T) {
	a, b := owned(t)
	big := make([]byte, MaxBody)
	go func() {
		for i := range 100 {
			f := Frame{Type: Data, Cluster: "-", From: 2, To: 1, Seq: uint64(i), Args: [][]byte{big[:i*i*50]}}
			if _, err := b.Write(AppendFrame(nil, &f)); err != nil {
				return // the reader finds out
			}
			if i%10 == 0 {
				time.Sleep(2 * keepProcessor) // so that both ways of waiting are gone
			}
		}
	}()
	var f Frame
	for i := range 100 {
		if err := a.Next(&f); err != nil {
			t.Fatal(err)
		}
		if f.Seq != uint64(i) || len(f.Args[0]) != i*i*50 {
			t.Fatalf("frame %d of %d bytes where %d was due", f.Seq, len(f.Args[0]), i)
		}
	}
	_ = b.Close()
	if err := a.Next(&f); err != io.EOF {
		t.Fatalf("after the end: %v", err)
	}
}

func TestOwnedWritesMoreThanIsTaken(t *testing.T) {
	a, b := owned(t)
	a.SetPatience(time.Minute)
	out := make([]byte, 32<<20)
	wrote := make(chan error, 1)
	go func() {
		_, err := a.Write(out)
		wrote <- err
	}()
	if _, err := io.ReadFull(b.Conn, make([]byte, len(out))); err != nil {
		t.Fatal(err)
	}
	if err := <-wrote; err != nil {
		t.Fatal(err)
	}
	a.SetPatience(10 * time.Millisecond)
	if _, err := a.Write(out); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatalf("nobody reads: %v", err)
	}
}

func TestOwnedIsClosedUnderItsReader(t *testing.T) {
	for _, brisk := range []bool{false, true} {
		a, b := owned(t)
		a.Conn.(*socket).brisk = brisk
		read := make(chan error, 1)
		go func() {
			_, err := a.Read(make([]byte, 1))
			read <- err
		}()
		_ = a.Close()
		if err := <-read; !errors.Is(err, net.ErrClosed) {
			t.Fatalf("a read under Close: %v", err)
		}
		if n, err := b.Read(make([]byte, 1)); err != io.EOF {
			t.Fatalf("the other end: %d, %v", n, err)
		}
		if err := a.Close(); !errors.Is(err, net.ErrClosed) {
			t.Fatalf("a second Close: %v", err)
		}
		if n, err := a.WriteNow([]byte("x")); n != 0 || !errors.Is(err, net.ErrClosed) {
			t.Fatalf("a write after Close: %d, %v", n, err)
		}
	}
}

func TestOwnedHasDeadlines(t *testing.T) {
	a, b := owned(t)
	_ = a.SetReadDeadline(time.Now().Add(5 * time.Millisecond))
	if _, err := a.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatalf("a read without input: %v", err)
	}
	_ = a.SetDeadline(time.Time{})
	if _, err := b.Conn.Write([]byte("x")); err != nil {
		t.Fatal(err)
	}
	if n, err := a.Read(make([]byte, 8)); n != 1 || err != nil {
		t.Fatalf("%d, %v", n, err)
	}
}

func TestOwnedAwaits(t *testing.T) {
	a, b := owned(t)
	for _, most := range []time.Duration{time.Millisecond, 2 * keepProcessor} {
		if a.Await(most) {
			t.Fatalf("input after %v, where nothing was sent", most)
		}
	}
	f := Frame{Type: Commit, Cluster: "-", From: 2, To: 1}
	for i := range 3 {
		f.Seq = uint64(i)
		if _, err := b.Write(AppendFrame(nil, &f)); err != nil {
			t.Fatal(err)
		}
		if !a.Await(time.Minute) {
			t.Fatal("no input, where something was sent")
		}
		var got Frame
		if err := a.Next(&got); err != nil || got.Seq != f.Seq {
			t.Fatalf("frame %d: %v", got.Seq, err)
		}
	}
	_ = b.Close()
	if !a.Await(time.Minute) {
		t.Fatal("the end is not noticed")
	}
}
