package regent

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"regent/engine"
	"regent/node/machine"
)

// A control carries out what administrative commands ask of the process.
type control struct{ s *Server }

// maxConfigFile bounds a configuration file in bytes.
const maxConfigFile = 1 << 20

// exitCrash is the status of a process that was told to crash.
const exitCrash = 1

// Shutdown ends the server: what there was to save is saved. Run returns.
func (c control) Shutdown(reason string) {
	c.s.host.Logf(engine.LevelWarning, "User requested shutdown... %s", reason)
	c.s.end()
}

// RewriteConfig writes the configuration into its file: aside first, then
// renamed, so that a crash leaves the old or the new one.
func (c control) RewriteConfig() error {
	path := c.s.opts.ConfigFile
	if path == "" {
		return errors.New("there is no configuration file")
	}
	old, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("read the configuration: %w", err)
	}
	if len(old) > maxConfigFile {
		return fmt.Errorf("the configuration file is larger than %d bytes", maxConfigFile)
	}
	tmp, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*")
	if err != nil {
		return fmt.Errorf("write the configuration aside: %w", err)
	}
	defer os.Remove(tmp.Name())
	_, err = tmp.WriteString(c.s.cfg.Rewrite(string(old)))
	err = errors.Join(err, tmp.Sync(), tmp.Chmod(modeOf(path)), tmp.Close())
	if err == nil {
		err = os.Rename(tmp.Name(), path)
	}
	if err != nil {
		return fmt.Errorf("write the configuration: %w", err)
	}
	return nil
}

// newFileMode is that of a file that is not there yet.
const newFileMode = 0o644

// modeOf is the mode that a file keeps when it is written anew: it may hold
// passwords.
func modeOf(path string) os.FileMode {
	fi, err := os.Stat(path)
	if err != nil {
		return newFileMode
	}
	return fi.Mode().Perm()
}

// Crash ends the process at once, as DEBUG asks for in tests.
func (c control) Crash(how string) {
	if how == "panic" {
		panic("regent: told to panic by DEBUG PANIC")
	}
	os.Exit(exitCrash)
}

// Rewrite is BGREWRITEAOF.
func (c control) Rewrite() engine.Job { return c.s.data.Rewrite() }

// SaveSoon is BGSAVE.
func (c control) SaveSoon(afterwards bool) engine.Job { return c.s.data.SaveSoon(afterwards) }

// Save is SAVE.
func (c control) Save(giveUp bool) error { return c.s.data.Save(giveUp) }

// SavesAtEnd reports whether there are save points.
func (c control) SavesAtEnd() bool { return c.s.data.SavesAtEnd() }

// Usage is what the process takes from the machine.
func (c control) Usage() engine.Usage { return machine.Usage(c.s.front.Model()) }

// FreeMemory collects and gives free memory back to the system.
func (control) FreeMemory() { machine.FreeMemory() }
