package address

import (
	"net"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"

	"regent/engine/config"
)

// TestUnixSocketIsNeverOpenToOthers: while sockets are made again and again somebody tries to
// connect and looks at the mode: nobody gets in before the mode is what was asked for.
func TestUnixSocketIsNeverOpenToOthers(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	var stop atomic.Bool
	wrong := make(chan os.FileMode, 1)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for !stop.Load() {
			c, err := net.Dial("unix", path)
			if err != nil {
				continue
			}
			// It listens, so the mode is final, unless the next socket stands there already.
			before, err1 := os.Stat(path)
			_ = c.Close()
			if again, err := net.Dial("unix", path); err == nil && err1 == nil {
				_ = again.Close()
				after, err2 := os.Stat(path)
				if err2 == nil && os.SameFile(before, after) && before.Mode().Perm() != 0o700 {
					select {
					case wrong <- before.Mode():
					default:
					}
				}
			}
		}
	}()
	cfg := config.New()
	cfg.Port.Set(0)
	cfg.UnixSocketPerm.Set(0o700)
	for range 300 {
		s, err := Listen(cfg, path)
		if err != nil {
			t.Fatal(err)
		}
		if fi, err := os.Stat(path); err != nil || fi.Mode().Perm() != 0o700 {
			t.Fatalf("%v, %v", fi, err)
		}
		c, err := net.Dial("unix", path)
		if err != nil {
			t.Fatal(err)
		}
		_ = c.Close()
		s.Close()
		if _, err := os.Stat(path); !os.IsNotExist(err) {
			t.Fatalf("the socket is left behind: %v", err)
		}
	}
	stop.Store(true)
	<-done
	select {
	case mode := <-wrong:
		t.Errorf("a socket with mode %v could be connected to", mode)
	default:
	}
}
