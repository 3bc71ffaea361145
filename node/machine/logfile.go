package machine

import (
	"os"
	"path/filepath"
	"sync"
	"time"
)

// A logFile is a log file that is followed by its name: what rotates logs moves
// the file away, and the next lines go into a new one. redis-server opens its
// file for every line; here the name is looked at once in logLook, and at once
// when SIGHUP asks for it.
type logFile struct {
	path string

	mu     sync.Mutex
	file   *os.File // nil: closed
	looked time.Time
}

// logMode is that of a new log: it holds no secrets, but names clients; the group may read
// it, as with logs in /var/log.
const logMode = 0o640

// logLook is how often the log's name is looked at.
const logLook = time.Second

func openLogFile(path string) (*logFile, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	l := &logFile{path: path, looked: time.Now()}
	l.file, err = l.open()
	return l, err
}

func (l *logFile) open() (*os.File, error) {
	return os.OpenFile(l.path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, logMode)
}

// Write appends a line to the file that has the name now.
func (l *logFile) Write(line []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.file == nil {
		return 0, os.ErrClosed
	}
	if now := time.Now(); now.Sub(l.looked) >= logLook {
		l.looked = now
		if !l.named() {
			l.again()
		}
	}
	return l.file.Write(line)
}

// named reports whether the open file still has the name.
func (l *logFile) named() bool {
	at, err1 := os.Stat(l.path)
	has, err2 := l.file.Stat()
	return err1 == nil && err2 == nil && os.SameFile(at, has)
}

// again opens the name anew; where that fails the lines go on to where they
// went.
func (l *logFile) again() {
	if f, err := l.open(); err == nil {
		_ = l.file.Close()
		l.file = f
	}
}

func (l *logFile) reopen() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.file != nil {
		l.again()
	}
}

func (l *logFile) close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.file == nil {
		return nil
	}
	err := l.file.Close()
	l.file = nil
	return err
}
