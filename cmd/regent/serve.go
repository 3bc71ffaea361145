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
	cfg, file, err := t.configure()
	if err != nil {
		return t.fail(err)
	}
	tuneCollector(cfg.MaxMemory.Get())
	srv, err := regent.New(regent.Options{Config: cfg, ConfigFile: file, Version: version()})
	if err != nil {
		return t.fail(err)
	}
	spareProcessor()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	// A second signal ends a shutdown that hangs.
	go func() { <-ctx.Done(); stop() }()
	if err := srv.Run(ctx); err != nil {
		return t.fail(err)
	}
	return exitOK
}

// configure reads the file, if one is named, and the flags over it.
func (t tool) configure() (cfg *config.Config, file string, err error) {
	cfg, args := config.New(), t.args
	if len(args) > 0 && (args[0] == "-" || !strings.HasPrefix(args[0], "-")) {
		file, args = args[0], args[1:]
		text, err := t.readConfig(file)
		if err != nil {
			return nil, "", err
		}
		if err := config.Parse(cfg, text, file); err != nil {
			return nil, "", err
		}
		if file == "-" {
			file = ""
		} else if file, err = filepath.Abs(file); err != nil {
			return nil, "", fmt.Errorf("configuration file: %w", err)
		}
	}
	if err := config.ParseFlags(cfg, args); err != nil {
		return nil, "", err
	}
	return cfg, file, nil
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
