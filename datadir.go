package regent

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"regent/engine"
	"regent/engine/config"
)

// The data directory, and what is kept in it.

// dirMode is that of a directory that is made, before the umask.
const dirMode = 0o755

// settleDir makes the directory absolute. One that somebody has named must exist,
// as in Redis: a name with a typing error would be a server without its data.
func settleDir(cfg *config.Config) error {
	dir := cfg.Dir.Get()
	if dir == config.DefaultDir {
		if err := os.MkdirAll(dir, dirMode); err != nil {
			return fmt.Errorf("can't make the data directory: %w", err)
		}
	}
	if err := mayEnter(dir); err != nil {
		return fmt.Errorf("dir %s: can't chdir to it: %w (a directory that is named must exist: make it first)", dir, err)
	}
	abs, err := filepath.Abs(dir)
	if err != nil {
		return fmt.Errorf("dir %s: %w", dir, err)
	}
	cfg.Dir.Set(abs)
	return nil
}

func mayEnter(dir string) error {
	fi, err := os.Stat(dir)
	var where *os.PathError
	switch {
	case errors.As(err, &where):
		return where.Err
	case err == nil && !fi.IsDir():
		return syscall.ENOTDIR
	}
	return err
}

// inDir is where a file is that a directive names: a relative name is in the data
// directory, as with redis-server, which works in there.
func inDir(cfg *config.Config, name string) string {
	if name == "" || filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(cfg.Dir.Get(), name)
}

// failed leaves the reason of a start or a run that failed in the log file. The
// error that is returned goes to whoever looks at the process's output.
func (s *Server) failed(err error) {
	if err != nil && s.cfg.LogFile.Get() != "" {
		s.host.Logf(engine.LevelWarning, "%v", err)
	}
}

// sayWhatIsKept tells what of the data outlasts the process, and where.
func (s *Server) sayWhatIsKept() {
	points := s.cfg.Save.Get()
	snapshots := "no snapshots"
	if len(points) > 0 {
		snapshots = fmt.Sprintf("a snapshot in %s at the end, and %s", s.dumpPath(), spell(points))
	}
	switch {
	case s.aof != nil:
		s.host.Logf(engine.LevelNotice, "Kept: every write, in the append only log %s (appendfsync %s); %s", s.logDir(), s.fsyncName(), snapshots)
	case len(points) > 0:
		s.host.Logf(engine.LevelNotice, "Kept: %s. A crash loses what was written after the last one: appendonly yes keeps every write", snapshots)
	default:
		s.host.Logf(engine.LevelWarning, "Kept: nothing. With appendonly no and without save points all data is gone when this process ends")
	}
}

func (s *Server) fsyncName() (name string) {
	s.cfg.Each(func(directive, value string) {
		if directive == "appendfsync" {
			name = value
		}
	})
	return name
}

// spell names save points in words.
func spell(points []config.SavePoint) string {
	parts := make([]string, len(points))
	for i, p := range points {
		parts[i] = fmt.Sprintf("after %d s if there were %d changes", int64(p.After/time.Second), p.Changes)
	}
	return strings.Join(parts, ", ")
}
