package replicas

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"time"

	"regent/aof"
	"regent/engine"
	"regent/node/delivery"
)

// A full copy: what is said before it, how its end is told, and where the log goes on.
//
//	\n \n …                          while the snapshot has not begun
//	+FULLRESYNC <id> <offset>        to PSYNC
//	$EOF:<mark>  … RDB … <mark>      to one that can take it
//	$<length>    … RDB …             to others: the file is made on disk first

// A sending is one copy on its way.
type sending struct {
	p       *replica
	place   aof.Place
	release func() // of what is kept of the log
	id      string
	file    *delivery.File
	reader  engine.StreamReader
}

// copy sends the data, and returns where the log goes on, read by reader. There is none
// for a replica that wants the data alone.
func (p *replica) copy(ctx context.Context) (at spot, reader engine.StreamReader, err error) {
	s := &sending{p: p, release: func() {}}
	s.file = delivery.New(delivery.Options{Put: p.write, Drop: func() { _ = p.conn.Close() }, Rand: p.r.o.Host.Rand, Head: s.head})
	defer func() {
		s.file.Hush()
		s.release()
		if err != nil && s.reader != nil {
			_ = s.reader.Close()
		}
	}()
	began := time.Now()
	if p.ask.EOF {
		err = s.marked(ctx)
	} else {
		err = s.measured(ctx)
	}
	if err != nil {
		return at, nil, fmt.Errorf("the copy failed: %w", err)
	}
	p.r.o.Host.Logf(engine.LevelNotice, "Replica %s has its copy: %.3f seconds", p, time.Since(began).Seconds())
	if s.reader == nil {
		return at, nil, nil
	}
	if !p.ask.Renames {
		p.unsent = selecting(s.place.DB)
	}
	return past(s.place.History, s.place.Offset), s.reader, nil
}

// marked sends a copy as it is made, with a mark at its end.
func (s *sending) marked(ctx context.Context) error {
	if err := s.p.r.o.Copy(ctx, s.file, delivery.Use{Libraries: s.p.ask.Library, Followed: !s.p.ask.Data}, s.cut); err != nil {
		return err
	}
	return s.file.End()
}

// measured makes the copy on disk, and sends it with its length.
func (s *sending) measured(ctx context.Context) error {
	f, remove, err := s.p.r.spool(s.p.number)
	if err != nil {
		return err
	}
	defer remove()
	w := &fileWriter{f: f}
	if err := s.p.r.o.Copy(ctx, w, delivery.Use{Libraries: s.p.ask.Library, Local: true, Followed: !s.p.ask.Data}, s.cut); err != nil {
		return err
	}
	if err := s.file.Measured(w.n); err != nil {
		return err
	}
	buf := make([]byte, chunk)
	for at := int64(0); at < w.n; {
		n, err := f.ReadAt(buf[:min(chunk, w.n-at)], at)
		if n == 0 {
			return fmt.Errorf("read the copy at %d: %w", at, err)
		}
		if _, err := s.file.Write(buf[:n]); err != nil {
			return err
		}
		at += int64(n)
	}
	return nil
}

// cut notes where in the log the copy is, and keeps the log from there on.
func (s *sending) cut(at aof.Place) [][2]string {
	s.place = at
	if s.p.ask.Data {
		return nil
	}
	stream := s.p.r.o.Stream() // which may have begun at this moment
	if s.p.log = stream; stream == nil {
		return nil
	}
	if release, err := stream.Reserve(at.Offset); err == nil {
		s.release = release
	}
	s.id = idOf(s.p.r.o.History(), past(at.History, at.Offset).epoch)
	return [][2]string{{"repl-stream-db", strconv.Itoa(at.DB)}, {"repl-id", s.id}, {"repl-offset", strconv.FormatInt(outside(at.History, at.Offset), 10)}}
}

// head opens the log where it will go on, and says where that is.
func (s *sending) head() (text []byte, err error) {
	if stream := s.p.log; stream != nil && !s.p.ask.Data {
		if s.reader, err = stream.NewReader(s.place.Offset); err != nil {
			return nil, fmt.Errorf("read the log at %d: %w", s.place.Offset, err)
		}
		s.release()
	}
	if s.p.ask.Partial {
		text = fmt.Appendf(nil, "+FULLRESYNC %s %d\r\n", s.id, outside(s.place.History, s.place.Offset))
	}
	return text, nil
}

// A fileWriter writes a file from its beginning.
type fileWriter struct {
	f io.WriterAt
	n int64
}

func (w *fileWriter) Write(b []byte) (int, error) {
	n, err := w.f.WriteAt(b, w.n)
	w.n += int64(n)
	return n, err
}
