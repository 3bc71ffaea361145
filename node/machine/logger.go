package machine

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"regent/engine"
)

// A Logger writes the server's log: lines as Redis's by default,
//
//	1234:M 02 Jan 2026 15:04:05.123 * Ready to accept connections
//
// or slog's text or JSON records. The letter after the process ID is the role:
// M for the leader, S for a follower.
type Logger struct {
	mu    sync.Mutex
	out   io.Writer
	slog  *slog.Logger // nil: Redis's format
	level func() engine.Level
	role  atomic.Pointer[func() byte]
	pid   int
	file  *logFile // nil: none
}

// logMarks are Redis's marks for the levels.
const logMarks = ".-*#"

// maxLogLine bounds a log line in bytes.
const maxLogLine = 4096

// LogOptions say where lines go, and in which form.
type LogOptions struct {
	// Slog takes the lines, if it is given, and the rest does not count.
	Slog *slog.Logger
	// Path is the file that is appended to; "": standard output.
	Path string
	// Format is "redis", or slog's "text" or "json".
	Format string
	// Level is the lowest level that is written, asked for each line.
	Level func() engine.Level
}

// NewLogger opens the log file, if there is one.
func NewLogger(o LogOptions) (*Logger, error) {
	l := &Logger{out: os.Stdout, slog: o.Slog, level: o.Level, pid: os.Getpid()}
	l.SetRole(func() byte { return 'M' })
	if o.Slog != nil {
		return l, nil
	}
	if o.Path != "" {
		f, err := openLogFile(o.Path)
		if err != nil {
			return nil, fmt.Errorf("can't open the log file: %w", err)
		}
		l.out, l.file = f, f
	}
	opts := &slog.HandlerOptions{Level: slog.LevelDebug}
	switch o.Format {
	case "text":
		l.slog = slog.New(slog.NewTextHandler(l.out, opts))
	case "json":
		l.slog = slog.New(slog.NewJSONHandler(l.out, opts))
	}
	return l, nil
}

// SetRole names the function that tells the letter after the process ID.
func (l *Logger) SetRole(role func() byte) { l.role.Store(&role) }

// Reopen opens the log file anew; it does nothing where there is none.
func (l *Logger) Reopen() {
	if l.file != nil {
		l.file.reopen()
	}
}

// Close closes the log file; later lines are lost.
func (l *Logger) Close() error {
	if l.file == nil {
		return nil
	}
	return l.file.close()
}

func (l *Logger) letter() byte { return (*l.role.Load())() }

func (l *Logger) printf(level engine.Level, format string, args ...any) {
	if level < l.level() {
		return
	}
	msg := fmt.Sprintf(format, args...)
	if len(msg) > maxLogLine {
		msg = msg[:maxLogLine]
	}
	if l.slog != nil {
		l.slog.Log(context.Background(), slogLevel(level), msg, "pid", l.pid, "role", string(l.letter()))
		return
	}
	now := time.Now().Format("02 Jan 2006 15:04:05.000")
	l.mu.Lock()
	defer l.mu.Unlock()
	fmt.Fprintf(l.out, "%d:%c %s %c %s\n", l.pid, l.letter(), now, logMarks[level], msg)
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
