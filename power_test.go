package regent

import (
	"errors"
	"strings"
	"testing"

	"regent/aof/disk/disktest"
	"regent/engine/config"
	"regent/engine/enginetest"
)

// TestASaveOutlastsAPowerLoss: what SAVE has answered for is there, and a save in
// which the power goes leaves the file before.
func TestASaveOutlastsAPowerLoss(t *testing.T) {
	fs, dir := disktest.New(), t.TempDir()
	s := beginOn(t, fs, dir, "appendonly no")
	s.do("OK", "SET", "a", "1")
	s.do("OK", "SAVE")
	saved := fs.Crash(disktest.Loss{})
	s.do("OK", "SET", "a", "2")
	fs.Fault(func(op disktest.Op) (int, error) {
		if op.Kind == "rename" {
			return 0, errors.New("power is lost")
		}
		return 0, nil
	})
	s.do("ERR", "SAVE")
	torn := fs.Crash(disktest.Loss{Renames: 100})
	fs.Fault(nil)
	for _, fs := range []*disktest.FS{saved, torn} {
		s := beginOn(t, fs, dir, "appendonly no")
		s.do("1", "GET", "a")
	}
}

// TestAConfigurationOutlastsAPowerLoss: CONFIG REWRITE leaves the old file or the
// new one, and the new one once it has answered.
func TestAConfigurationOutlastsAPowerLoss(t *testing.T) {
	const path, old = "/etc/regent.conf", "# mine\nmaxclients 100\n"
	for stop := 0; ; stop++ {
		fs := disktest.New()
		fs.Put(path, []byte(old))
		cfg := config.New()
		if err := config.Parse(cfg, "maxclients 200", "test"); err != nil {
			t.Fatal(err)
		}
		s := &Server{cfg: cfg, opts: Options{ConfigFile: path, Disk: fs}, engine: enginetest.NewEngine(t).Engine}
		n := 0
		fs.Fault(func(op disktest.Op) (int, error) {
			if op.Changes() {
				n++
			}
			if n > stop {
				return 0, errors.New("power is lost")
			}
			return 0, nil
		})
		err := control{s}.RewriteConfig()
		got := string(fs.Crash(disktest.Loss{}).Get(path))
		isNew := strings.Contains(got, "maxclients 200\n") && strings.HasPrefix(got, "# mine\n")
		if err == nil && !isNew || got != old && !isNew {
			t.Errorf("stopped before change %d (%v): %q", stop, err, got)
		}
		if err == nil {
			return
		}
	}
}
