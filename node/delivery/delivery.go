// Package delivery is how a file that is made while it is sent goes over a connection that
// asked for it: a full copy to a replica, a backup to a program.
//
//	\n \n …                     while the file has not begun
//	$EOF:<mark>  file  <mark>   its length is not known: Write, End
//	$<length>    file           it is: Measured, Write
//
// It knows nothing of the file, of the connection or of how long a write may take.
package delivery

import (
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"
)

const (
	// BlankEvery is how often the other side is told that the file has not begun.
	BlankEvery = 2 * time.Second
	// MarkBytes is how long a mark is, in hex digits.
	MarkBytes = 40
)

var errEmpty = errors.New("the file is empty")

// A File is one on its way. One goroutine uses it.
type File struct {
	o    Options
	mark string
	said bool // that it begins
	n    int64

	quiet  chan struct{}
	hushed sync.Once
	silent chan struct{} // closed when no more blank lines come
}

// Options are what a File stands on.
type Options struct {
	Put  func(b []byte) error // sends
	Drop func()               // ends the connection, on which a blank line could not be sent
	Rand func() uint64        // 64 random bits
	// Head, if given, is what is said before the file, once it begins.
	Head func() ([]byte, error)
}

// New begins to send blank lines. Hush has to follow.
func New(o Options) *File {
	f := &File{o: o, quiet: make(chan struct{}), silent: make(chan struct{})}
	for len(f.mark) < MarkBytes {
		f.mark += fmt.Sprintf("%016x", o.Rand())
	}
	f.mark = f.mark[:MarkBytes]
	go f.blanks()
	return f
}

// blanks tells the other side that the file has not begun.
func (f *File) blanks() {
	defer close(f.silent)
	tick := time.NewTicker(BlankEvery)
	defer tick.Stop()
	for {
		select {
		case <-f.quiet:
			return
		case <-tick.C:
			if f.o.Put([]byte("\n")) != nil {
				f.o.Drop() // what waits for its turn finds out by its next write
				return
			}
		}
	}
}

// Hush ends the blank lines, and reports whether the file has not begun.
func (f *File) Hush() bool {
	f.hushed.Do(func() { close(f.quiet) })
	<-f.silent
	return !f.said
}

// Sent is how many bytes of the file were sent.
func (f *File) Sent() int64 { return f.n }

// Measured says that a file of so many bytes follows.
func (f *File) Measured(length int64) error { return f.begin(strconv.FormatInt(length, 10)) }

func (f *File) begin(length string) error {
	f.Hush()
	f.said = true
	var head []byte
	if f.o.Head != nil {
		var err error
		if head, err = f.o.Head(); err != nil {
			return err
		}
	}
	return f.o.Put(append(head, "$"+length+"\r\n"...))
}

// Write sends bytes of the file.
func (f *File) Write(b []byte) (int, error) {
	if !f.said {
		if err := f.begin("EOF:" + f.mark); err != nil {
			return 0, err
		}
	}
	if err := f.o.Put(b); err != nil {
		return 0, err
	}
	f.n += int64(len(b))
	return len(b), nil
}

// End says that a file without a length is whole.
func (f *File) End() error {
	if f.Hush() {
		return errEmpty
	}
	return f.o.Put([]byte(f.mark))
}
