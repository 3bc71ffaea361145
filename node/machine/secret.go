package machine

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"syscall"

	"regent/engine/config"
)

const (
	// maxSecret bounds a secret's file in bytes.
	maxSecret = 4 << 10
	// secretOpen are the bits of a file's mode that give a secret away: others may read
	// it, or others than its owner may change it. The group may read it, which is how
	// service managers hand secrets over.
	secretOpen = 0o027
)

// ReadSecret reads a secret from its file; a relative name is in the data directory. The
// line's end behind it is not part of it. Errors do not repeat what is in the file.
func ReadSecret(cfg *config.Config, name string) (string, error) {
	f, err := os.OpenFile(InDir(cfg, name), os.O_RDONLY|syscall.O_NONBLOCK, 0) // a pipe would be waited for
	if err != nil {
		return "", err
	}
	defer f.Close()
	fi, err := f.Stat()
	switch {
	case err != nil:
		return "", err
	case !fi.Mode().IsRegular():
		return "", fmt.Errorf("%s is no file", name)
	case fi.Mode().Perm()&secretOpen != 0:
		return "", fmt.Errorf("%s: its mode is %04o, so others may read or change it: chmod 0600 or 0640", name, fi.Mode().Perm())
	}
	text, err := io.ReadAll(io.LimitReader(f, maxSecret+1))
	if err != nil {
		return "", err
	}
	if len(text) > maxSecret {
		return "", fmt.Errorf("%s is larger than %d bytes", name, maxSecret)
	}
	secret := strings.TrimSuffix(strings.TrimSuffix(string(text), "\n"), "\r")
	if secret == "" {
		return "", errors.New(name + " is empty")
	}
	return secret, nil
}
