package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"

	"regent"
	"regent/engine/config"
)

// maxConfigFile bounds a configuration file in bytes.
const maxConfigFile = 1 << 20

// serve starts a server as redis-server does: a file, then flags.
func (t tool) serve() int {
	t, serves := t.detached()
	given, err := t.configure()
	if err != nil {
		return t.fail(err)
	}
	cfg := given.cfg
	by := supervisedBy(cfg.Supervised.Get(), os.Getenv)
	if cfg.Daemonize.Get() && !by.found() && !t.isDetached {
		return t.detach(given.stdin)
	}
	tuneCollector(cfg.MaxMemory.Get(), cfg.Role.Get() == config.RoleWitness)
	by.loading()
	srv, err := regent.New(regent.Options{Config: cfg, ConfigFile: given.file, Version: version(), Ready: by.ready, SpareProcessors: hasSpare()})
	if err != nil {
		return t.fail(err)
	}
	spareProcessor()
	askForShortSlices()
	serves()
	defer t.endBySignal(srv, cfg, by.stopping)()
	defer outlive(srv.Reload)()
	if err := srv.Run(context.Background()); err != nil {
		return t.fail(err)
	}
	return exitOK
}

// outlive keeps the process alive when whatever reads its output is gone
// (SIGPIPE) or its terminal is (SIGHUP); SIGHUP also opens the log file anew,
// for tools that rotate it, and reads the files of secrets and certificates again.
func outlive(reload func()) (end func()) {
	signal.Ignore(syscall.SIGPIPE)
	hup := make(chan os.Signal, 1)
	signal.Notify(hup, syscall.SIGHUP)
	done := make(chan struct{})
	go func() {
		for {
			select {
			case <-hup:
				reload()
			case <-done:
				return
			}
		}
	}()
	return func() { signal.Stop(hup); close(done) }
}

// A start is what a command line asks for.
type start struct {
	cfg   *config.Config
	file  string // of the configuration, absolute; "": none
	stdin string // a configuration that was read from standard input
}

// configure reads the file and standard input ("-", first or last), if they are
// named, and the flags over them.
func (t tool) configure() (s start, err error) {
	s.cfg = config.New()
	args := t.args
	if len(args) > 0 && !strings.HasPrefix(args[0], "-") {
		if s.file, err = filepath.Abs(args[0]); err != nil {
			return s, fmt.Errorf("configuration file: %w", err)
		}
		if err := t.readInto(s.cfg, args[0]); err != nil {
			return s, err
		}
		args = args[1:]
	}
	if n := len(args); n > 0 && (args[0] == "-" || args[n-1] == "-") {
		if s.stdin, err = t.readConfig("-"); err != nil {
			return s, err
		}
		if err := config.ParseFile(s.cfg, config.File{Name: "-", Text: s.stdin}, t.include); err != nil {
			return s, err
		}
		if args[0] == "-" {
			args = args[1:]
		} else {
			args = args[:n-1]
		}
	}
	return s, config.ParseFlags(s.cfg, args, t.include)
}

func (t tool) readInto(cfg *config.Config, file string) error {
	text, err := t.readConfig(file)
	if err != nil {
		return err
	}
	return config.ParseFile(cfg, config.File{Name: file, Text: text}, t.include)
}

// include reads the files that an include line names: a pattern names as many
// as there are, in their order.
func (t tool) include(pattern string) ([]config.File, error) {
	names := []string{pattern}
	if strings.ContainsAny(pattern, "*?[") {
		var err error
		if names, err = filepath.Glob(pattern); err != nil {
			return nil, err
		}
	}
	files := make([]config.File, 0, len(names))
	for _, name := range names {
		text, err := t.readConfig(name)
		if err != nil {
			return nil, err
		}
		files = append(files, config.File{Name: name, Text: text})
	}
	return files, nil
}

func (t tool) readConfig(file string) (string, error) {
	var in io.Reader = t.in
	if file != "-" {
		f, err := os.Open(file)
		if errors.Is(err, os.ErrNotExist) {
			return "", fmt.Errorf("configuration file %s does not exist (regent --help lists the subcommands)", file)
		}
		if err != nil {
			return "", fmt.Errorf("configuration file: %w", err)
		}
		defer f.Close()
		in = f
	}
	text, err := io.ReadAll(io.LimitReader(in, maxConfigFile+1))
	if err != nil {
		return "", fmt.Errorf("read the configuration %s: %w", file, err)
	}
	if len(text) > maxConfigFile {
		return "", fmt.Errorf("configuration %s is larger than %d bytes", file, maxConfigFile)
	}
	return string(text), nil
}
