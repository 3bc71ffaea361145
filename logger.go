package regent

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"sync"
	"time"

	"regent/engine"
)

// A logger writes the server's log: lines as Redis's by default,
//
//	1234:M 02 Jan 2026 15:04:05.123 * Ready to accept connections
//
// or slog's text or JSON records. The letter after the process ID is the role:
// M for the leader, S for a follower.
type logger struct {
	mu    sync.Mutex
	out   io.Writer
	slog  *slog.Logger // nil: Redis's format
	level func() engine.Level
	role  func() byte
	pid   int
	// reopen opens the log file anew; it does nothing where there is none.
	reopen func()
}

// logMarks are Redis's marks for the levels.
const logMarks = ".-*#"

// maxLogLine bounds a log line in bytes.
const maxLogLine = 4096

// newLogger writes to path, or to standard output when path is empty.
func newLogger(path, format string, level func() engine.Level) (*logger, error) {
	l := &logger{out: os.Stdout, level: level, role: func() byte { return 'M' }, pid: os.Getpid(), reopen: func() {}}
	if path != "" {
		f, err := openLogFile(path)
		if err != nil {
			return nil, fmt.Errorf("can't open the log file: %w", err)
		}
		l.out, l.reopen = f, f.reopen
	}
	opts := &slog.HandlerOptions{Level: slog.LevelDebug}
	switch format {
	case "text":
		l.slog = slog.New(slog.NewTextHandler(l.out, opts))
	case "json":
		l.slog = slog.New(slog.NewJSONHandler(l.out, opts))
	}
	return l, nil
}

func (l *logger) printf(level engine.Level, format string, args ...any) {
	if level < l.level() {
		return
	}
	msg := fmt.Sprintf(format, args...)
	if len(msg) > maxLogLine {
		msg = msg[:maxLogLine]
	}
	if l.slog != nil {
		l.slog.Log(context.Background(), slogLevel(level), msg, "pid", l.pid, "role", string(l.role()))
		return
	}
	now := time.Now().Format("02 Jan 2006 15:04:05.000")
	l.mu.Lock()
	defer l.mu.Unlock()
	fmt.Fprintf(l.out, "%d:%c %s %c %s\n", l.pid, l.role(), now, logMarks[level], msg)
}

func slogLevel(level engine.Level) slog.Level {
	switch level {
	case engine.LevelDebug:
		return slog.LevelDebug
	case engine.LevelWarning:
		return slog.LevelWarn
	default:
		return slog.LevelInfo
	}
}
