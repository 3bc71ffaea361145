package address

import (
	"net"
	"os"
	"path/filepath"
	"strconv"
	"sync/atomic"
	"testing"

	"regent/engine/config"
)

// TestUnixSocketIsNeverOpenToOthers: while sockets are made again and again somebody tries to
// connect and looks at the mode: nobody gets in before the mode is what was asked for.
func TestUnixSocketIsNeverOpenToOthers(t *testing.T) {
	dir := t.TempDir()
	var path atomic.Pointer[string] // each is a socket's once: what answers there is that one
	next := func(i int) string {
		p := filepath.Join(dir, strconv.Itoa(i))
		path.Store(&p)
		return p
	}
	next(0)
	var stop atomic.Bool
	wrong := make(chan os.FileMode, 1)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for !stop.Load() {
			at := *path.Load()
			c, err := net.Dial("unix", at)
			if err != nil {
				continue
			}
			// It listens, so the mode is final.
			_ = c.Close()
			if fi, err := os.Stat(at); err == nil && fi.Mode().Perm() != 0o700 {
				select {
				case wrong <- fi.Mode():
				default:
				}
			}
		}
	}()
	cfg := config.New()
	cfg.Port.Set(0)
	cfg.UnixSocketPerm.Set(0o700)
	for i := range 300 {
		path := next(i)
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
