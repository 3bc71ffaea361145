package regent

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"regent/aof/disk"
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

// ReloadLog loads the log anew, see persist.Data.
func (c control) ReloadLog() error { return c.s.data.ReloadLog() }

// ReloadDump loads the dump anew, see persist.Data.
func (c control) ReloadDump(save, over bool) error { return c.s.data.ReloadDump(save, over) }

// ReloadTLS reads the certificates anew, see certs.Keeper.
func (c control) ReloadTLS() error { return c.s.certs.Reload("CONFIG SET") }

// Listen listens where the configuration says now, see address.Sockets.Move.
func (c control) Listen() error { return c.s.move() }

// RewriteConfig writes the configuration into its file. A crash leaves the old or
// the new one.
func (c control) RewriteConfig() error {
	path := c.s.opts.ConfigFile
	if path == "" {
		return errors.New("there is no configuration file")
	}
	fsys := c.s.disk()
	old, err := readConfig(fsys, path)
	if err != nil {
		return fmt.Errorf("read the configuration: %w", err)
	}
	err = disk.Replace(fsys, disk.Replacement{Path: path, Mode: modeOf(path)}, func(w io.Writer) error {
		_, err := io.WriteString(w, c.s.cfg.Rewrite(string(old), c.s.engine.UserLines()...))
		return err
	})
	if err != nil {
		return fmt.Errorf("write the configuration: %w", err)
	}
	return nil
}

// ReadUsers reads aclfile.
func (c control) ReadUsers() (string, error) {
	f, err := disk.ReadOnly{FS: c.s.disk()}.Open(c.s.aclFile())
	if err != nil {
		return "", err
	}
	_ = f.Close()
	text, err := readConfig(c.s.disk(), c.s.aclFile())
	return string(text), err
}

// WriteUsers replaces aclfile. A crash leaves the old or the new one.
func (c control) WriteUsers(text string) error {
	return disk.Replace(c.s.disk(), disk.Replacement{Path: c.s.aclFile(), Mode: modeOf(c.s.aclFile()) &^ 0o077}, func(w io.Writer) error {
		_, err := io.WriteString(w, text)
		return err
	})
}

// aclFile is where aclfile is.
func (s *Server) aclFile() string { return machine.InDir(s.cfg, s.cfg.ACLFile.Get()) }

// loadUsers reads aclfile, if there is one, before clients come.
func (s *Server) loadUsers() error {
	path := s.cfg.ACLFile.Get()
	if path == "" {
		return nil
	}
	text, err := control{s}.ReadUsers()
	if err != nil {
		return fmt.Errorf("aclfile %s: %w", path, err)
	}
	if err := s.engine.ReadUsers(path, text); err != nil {
		return fmt.Errorf("aclfile: %w", err)
	}
	return nil
}

// readConfig reads a configuration file; one that is not there is empty.
func readConfig(fsys disk.FS, path string) ([]byte, error) {
	text, err := disk.Read(fsys, path, maxConfigFile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return text, err
}

// newFileMode is that of a file that is not there yet.
const newFileMode = 0o600

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

// KeepLog is CONFIG SET appendonly.
func (c control) KeepLog(on bool) error {
	if !c.s.serving.Load() {
		return errors.New("the data is not loaded yet")
	}
	return c.s.data.KeepLog(on)
}

// SaveSoon is BGSAVE.
func (c control) SaveSoon(afterwards bool) engine.Job { return c.s.data.SaveSoon(afterwards) }

// Save is SAVE.
func (c control) Save(giveUp bool) error { return c.s.data.Save(giveUp) }

// GiveUpSave ends a BGSAVE that is under way.
func (c control) GiveUpSave() { c.s.data.GiveUpSave() }

// SavesAtEnd reports whether there are save points.
func (c control) SavesAtEnd() bool { return c.s.data.SavesAtEnd() }

// Usage is what the process takes from the machine.
func (c control) Usage() engine.Usage { return c.s.meter.Usage(c.s.front.Model()) }

// FreeMemory collects and gives free memory back to the system.
func (control) FreeMemory() { machine.FreeMemory() }
