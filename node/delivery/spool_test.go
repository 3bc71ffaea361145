package delivery

import (
	"bytes"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"

	"regent/aof/disk"
	"regent/aof/disk/disktest"
)

// A slowReader is a connection whose reader takes a piece when it is told to.
type slowReader struct {
	got   bytes.Buffer
	takes chan error
}

func (r *slowReader) Write(p []byte) (int, error) {
	if err := <-r.takes; err != nil {
		return 0, err
	}
	return r.got.Write(p)
}

// A spooled is a Spool to a slowReader.
type spooled struct {
	*Spool
	reader slowReader
	hurry  chan struct{}
	fs     *disktest.FS
	done   chan error // of what write does
}

func newSpooled(fs *disktest.FS) *spooled {
	s := &spooled{reader: slowReader{takes: make(chan error)}, hurry: make(chan struct{}), fs: fs, done: make(chan error, 1)}
	s.Spool = NewSpool(SpoolOptions{
		To: &s.reader, Hurry: s.hurry,
		Make:   func() (disk.File, error) { return fs.Create("temp-spool") },
		Remove: func() error { return fs.Remove("temp-spool") },
	})
	return s
}

// write writes pieces, and closes the Spool if it is to.
func (s *spooled) write(from, to int, closes bool) {
	go func() {
		var err error
		for i := from; i < to && err == nil; i++ {
			_, err = fmt.Fprintf(s, "%d;", i)
		}
		if closes {
			err = s.Close(err)
		}
		s.done <- err
	}()
	synctest.Wait()
}

// written reports whether what write does is done.
func (s *spooled) written() bool { return len(s.done) == 1 }

func (s *spooled) take(pieces int) {
	for range pieces {
		s.reader.takes <- nil
		synctest.Wait()
	}
}

func (s *spooled) files() int {
	return len(s.fs.Names())
}

func numbers(n int) string {
	var b bytes.Buffer
	for i := range n {
		fmt.Fprintf(&b, "%d;", i)
	}
	return b.String()
}

// TestSpoolAtTheReadersPace: a Write returns when its bytes are taken, and no file is made.
func TestSpoolAtTheReadersPace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSpooled(disktest.New())
		s.write(0, 3, true)
		for i := range 3 {
			if s.written() {
				t.Fatalf("all was written after %d pieces were taken", i)
			}
			s.take(1)
		}
		if err := <-s.done; err != nil || s.reader.got.String() != numbers(3) || s.files() != 0 {
			t.Errorf("%q, %d files, %v", s.reader.got.String(), s.files(), err)
		}
	})
}

// TestSpoolInAHurry: a writer that is hurried in the middle of a Write goes on at once, and the
// reader gets all of it in order afterwards.
func TestSpoolInAHurry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSpooled(disktest.New())
		s.write(0, 100, false)
		s.take(2)
		if s.written() || s.files() != 0 {
			t.Fatal("nobody was in a hurry")
		}
		close(s.hurry)
		synctest.Wait()
		if !s.written() || s.files() != 1 {
			t.Fatalf("the writer waits for the reader, with %d files", s.files())
		}
		<-s.done
		s.take(2) // the piece that was on its way, and the file as one
		s.write(100, 120, false)
		<-s.done
		s.write(120, 120, true)
		if s.written() {
			t.Fatal("closed before all was taken")
		}
		s.take(2)
		if err := <-s.done; err != nil || s.reader.got.String() != numbers(120) {
			t.Errorf("%q, %v", s.reader.got.String(), err)
		}
		if s.files() != 0 {
			t.Error("a file is left")
		}
	})
}

// TestSpoolWithoutAFile: where no file can be made or written, the writer waits for the
// reader, and nothing is lost.
func TestSpoolWithoutAFile(t *testing.T) {
	for _, fails := range []string{"create", "write"} {
		t.Run(fails, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				fs := disktest.New()
				full := errors.New("no space left")
				fs.Fault(func(op disktest.Op) (int, error) {
					if op.Kind == fails {
						return 0, full
					}
					return 0, nil
				})
				s := newSpooled(fs)
				close(s.hurry)
				s.write(0, 20, true)
				if s.written() {
					t.Fatal("written to nowhere")
				}
				for !s.written() {
					s.take(1)
				}
				if err := <-s.done; err != nil || s.reader.got.String() != numbers(20) || s.files() != 0 {
					t.Errorf("%q, %d files, %v", s.reader.got.String(), s.files(), err)
				}
			})
		})
	}
}

// TestSpoolIsCut: an error of the connection ends Write and Close with it, whether a file is
// there or not; an error of the writer ends Close with that, and sends nothing more.
func TestSpoolIsCut(t *testing.T) {
	cut := errors.New("cut")
	for _, hurried := range []bool{false, true} {
		t.Run(fmt.Sprintf("hurried %t", hurried), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newSpooled(disktest.New())
				if hurried {
					close(s.hurry)
				}
				s.write(0, 10, true)
				s.take(1)
				s.reader.takes <- cut
				if err := <-s.done; !errors.Is(err, cut) || s.files() != 0 {
					t.Errorf("%d files, %v", s.files(), err)
				}
			})
		})
	}
	t.Run("given up", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			s := newSpooled(disktest.New())
			close(s.hurry)
			s.write(0, 10, false)
			<-s.done
			go func() { s.done <- s.Close(cut) }()
			synctest.Wait()
			s.take(1) // what was on its way
			if err := <-s.done; !errors.Is(err, cut) || s.reader.got.String() != "0;" || s.files() != 0 {
				t.Errorf("%q, %d files, %v", s.reader.got.String(), s.files(), err)
			}
		})
	})
}

// TestSpoolOfLargeWrites: what the sender holds in memory is bounded.
func TestSpoolOfLargeWrites(t *testing.T) {
	var out bytes.Buffer
	s := NewSpool(SpoolOptions{To: &out, Hurry: make(chan struct{})})
	large := bytes.Repeat([]byte("0123456789"), spoolPiece)
	n, err := s.Write(large)
	if err := errors.Join(err, s.Close(nil)); err != nil || n != len(large) || !bytes.Equal(out.Bytes(), large) {
		t.Fatalf("%d bytes, %v", n, err)
	}
	if cap(s.piece) > 2*spoolPiece {
		t.Errorf("it holds %d bytes", cap(s.piece))
	}
}
