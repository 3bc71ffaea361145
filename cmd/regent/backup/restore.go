package backup

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"regent/aof/disk"
	"regent/engine/rdb"
)

// What a data directory consists of, by its defaults.
const (
	logDir       = "appendonlydir"
	logLock      = "lock"
	manifestName = "appendonly.aof.manifest"
	baseName     = "appendonly.aof.1.base.rdb"
	dumpName     = "dump.rdb"
)

// restore makes a data directory of a copy. It is made beside its place and
// renamed into it when it is whole:
//
//	DIR/temp-appendonlydir-…  base, proven while it is copied; manifest; synced
//	DIR/appendonlydir      -> DIR/appendonlydir.before-TIME   with --force
//	DIR/temp-…             -> DIR/appendonlydir
func (t Tool) restore(ctx context.Context, args []string) error {
	fs := t.flags("restore")
	from := fs.String("from", "", "the copy: a file, a directory with copies, or - for standard input")
	to := fs.String("to", "", "the data directory to make")
	force := fs.Bool("force", false, "move aside what is there")
	if err := fs.Parse(args); err != nil {
		return err
	}
	if *from == "" || *to == "" || fs.NArg() > 0 {
		return errors.New("--from FILE|DIR|- and --to DIR are needed, and nothing but --force else")
	}
	name, err := newestCopy(*from)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(*to, dirPerm); err != nil {
		return err
	}
	release, err := claim(*to, *force)
	if err != nil {
		return err
	}
	defer release()
	made, err := t.makeLog(ctx, name, *to)
	if err != nil {
		return err
	}
	if err := t.install(made, *to); err != nil {
		return errors.Join(err, os.RemoveAll(made))
	}
	fmt.Fprintln(t.Out, filepath.Join(*to, logDir))
	return nil
}

// newestCopy is the file that --from means.
func newestCopy(from string) (string, error) {
	if from == "-" {
		return from, nil
	}
	info, err := os.Stat(from)
	if err != nil || !info.IsDir() {
		return from, err
	}
	list, err := os.ReadDir(from) // sorted by name
	if err != nil {
		return "", err
	}
	for i := len(list) - 1; i >= 0; i-- {
		if name := list[i].Name(); strings.HasPrefix(name, copyPrefix) && strings.HasSuffix(name, copySuffix) {
			return filepath.Join(from, name), nil
		}
	}
	if name := filepath.Join(from, dumpName); fileExists(name) {
		return name, nil
	}
	return "", fmt.Errorf("%s holds no copy: neither %s*%s nor %s", from, copyPrefix, copySuffix, dumpName)
}

func fileExists(name string) bool {
	_, err := os.Lstat(name)
	return err == nil
}

// claim makes sure that nothing is overwritten and no server runs here.
func claim(dir string, force bool) (release func(), err error) {
	list, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	if len(list) > 0 && !force {
		return nil, fmt.Errorf("%s is not empty (it holds %s): --force moves the data in it aside", dir, list[0].Name())
	}
	f, err := os.OpenFile(filepath.Join(dir, logDir, logLock), os.O_RDWR, 0)
	if errors.Is(err, os.ErrNotExist) {
		return func() {}, nil
	}
	if err != nil {
		return nil, err
	}
	if err := lock(f); err != nil {
		return nil, errors.Join(fmt.Errorf("%s is in use by a server: %w", dir, err), f.Close())
	}
	return func() { _ = f.Close() }, nil // which lets go of the lock
}

// makeLog makes a log of a copy in a directory of its own within dir.
func (t Tool) makeLog(ctx context.Context, from, dir string) (made string, err error) {
	began := t.Now()
	src, length, err := t.openSource(from)
	if err != nil {
		return "", err
	}
	defer src.Close()
	temp, err := os.MkdirTemp(dir, disk.TempPrefix+logDir+"-")
	if err != nil {
		return "", err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.RemoveAll(temp))
		}
	}()
	var sum *rdb.Summary
	err = create(filepath.Join(temp, baseName), serverPerm, func(w io.Writer) error {
		if sum, err = prove(t.meter(interruptible{ctx, src}, "restored", length), w); err != nil {
			return fmt.Errorf("%s: %w", from, err)
		}
		return nil
	})
	if err != nil {
		return "", err
	}
	err = create(filepath.Join(temp, manifestName), serverPerm, func(w io.Writer) error {
		_, err := fmt.Fprintf(w, "file %s seq 1 type b\n", baseName)
		return err
	})
	if err != nil {
		return "", err
	}
	t.report(sum, t.since(began))
	return temp, os.Chmod(temp, dirPerm)
}

// install puts a log in its place; what is there is moved aside.
func (t Tool) install(made, dir string) error {
	aside := ".before-" + t.Now().UTC().Format(copyTime)
	for _, name := range []string{dumpName, logDir} {
		old := filepath.Join(dir, name)
		if !fileExists(old) {
			continue
		}
		if fileExists(old + aside) {
			return fmt.Errorf("%s exists", old+aside)
		}
		if err := os.Rename(old, old+aside); err != nil {
			return err
		}
		fmt.Fprintf(t.Err, "moved %s to %s\n", old, old+aside)
	}
	if err := os.Rename(made, filepath.Join(dir, logDir)); err != nil {
		return err
	}
	return disk.OS{}.SyncDir(filepath.Clean(dir))
}

// interruptible ends a read when the context does.
type interruptible struct {
	ctx context.Context
	r   io.Reader
}

func (i interruptible) Read(p []byte) (int, error) {
	if err := i.ctx.Err(); err != nil {
		return 0, err
	}
	return i.r.Read(p)
}
