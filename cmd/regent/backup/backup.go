package backup

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"
)

const (
	// copyPrefix, a time and copySuffix are a copy's name.
	copyPrefix = "regent-"
	copySuffix = ".rdb"
	copyTime   = "20060102T150405Z" // sorts as time does

	// defaultIdle is how long a node may send nothing. Redis sends an empty line
	// every second while it prepares, Regent at least every ten.
	defaultIdle = time.Minute
	// passwordEnv is where redis-cli looks for a password too.
	passwordEnv = "REDISCLI_AUTH"
)

type backupOptions struct {
	from, to       string
	user, password string
	idle           time.Duration
}

func (t Tool) backupFlags(args []string) (o backupOptions, err error) {
	fs := t.flags("backup")
	fs.StringVar(&o.from, "from", "", "host:port of the node")
	fs.StringVar(&o.to, "to", "", "directory for the copy, or - for standard output")
	fs.StringVar(&o.user, "user", "", "user name")
	fs.StringVar(&o.password, "a", os.Getenv(passwordEnv), "password (or the environment variable "+passwordEnv+")")
	fs.DurationVar(&o.idle, "timeout", defaultIdle, "how long the node may send nothing")
	if err := fs.Parse(args); err != nil {
		return o, err
	}
	if o.from == "" || o.to == "" || fs.NArg() > 0 || o.idle <= 0 {
		return o, errors.New("--from host:port and --to DIR|- are needed, and nothing else")
	}
	return o, nil
}

// backup copies a running node.
func (t Tool) backup(ctx context.Context, args []string) error {
	o, err := t.backupFlags(args)
	if err != nil {
		return err
	}
	if o.to == "-" {
		return t.fetch(ctx, o, t.Out)
	}
	if err := os.MkdirAll(o.to, dirPerm); err != nil {
		return err
	}
	name := filepath.Join(o.to, copyPrefix+t.Now().UTC().Format(copyTime)+copySuffix)
	if err := create(name, copyPerm, func(w io.Writer) error { return t.fetch(ctx, o, w) }); err != nil {
		return err
	}
	fmt.Fprintln(t.Out, name)
	return nil
}

// fetch copies a node's data to dst, and proves it.
func (t Tool) fetch(ctx context.Context, o backupOptions, dst io.Writer) error {
	began := t.Now()
	l, err := dial(ctx, o.from, o.idle)
	if err != nil {
		return err
	}
	defer l.close()
	if err := l.greet(o.user, o.password); err != nil {
		return fmt.Errorf("AUTH at %s: %w", o.from, err)
	}
	src, length, err := l.file()
	if err != nil {
		return fmt.Errorf("%s: %w", o.from, err)
	}
	sum, err := prove(t.meter(src, "received", length), dst)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		return fmt.Errorf("copy from %s: %w", o.from, err)
	}
	t.report(sum, t.since(began))
	return nil
}
