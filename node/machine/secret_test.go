package machine

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"regent/engine/config"
)

// TestReadSecret: the text without its line's end, from a file that nobody else reads.
func TestReadSecret(t *testing.T) {
	cfg := config.New()
	dir := t.TempDir()
	cfg.Dir.Set(dir)
	for _, c := range []struct {
		text string
		mode os.FileMode
		want string // "": refused
	}{
		{"secret\n", 0o600, "secret"}, {"secret\r\n", 0o400, "secret"}, {" two words ", 0o640, " two words "}, {"a\nb\n", 0o440, "a\nb"},
		{"secret", 0o644, ""}, {"secret", 0o604, ""}, {"secret", 0o620, ""}, {"secret", 0o602, ""},
		{"", 0o600, ""}, {"\n", 0o600, ""}, {strings.Repeat("x", maxSecret), 0o600, strings.Repeat("x", maxSecret)}, {strings.Repeat("x", maxSecret+1), 0o600, ""},
	} {
		path := filepath.Join(dir, "s")
		_ = os.Remove(path)
		if err := os.WriteFile(path, []byte(c.text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, c.mode); err != nil {
			t.Fatal(err)
		}
		got, err := ReadSecret(cfg, "s")
		if got != c.want || (err == nil) != (c.want != "") {
			t.Errorf("%.20q with mode %o: %.20q, %v", c.text, c.mode, got, err)
		}
		if err != nil && strings.Contains(err.Error(), "secret") {
			t.Errorf("the error repeats the secret: %v", err)
		}
	}
	if _, err := ReadSecret(cfg, "gone"); err == nil {
		t.Error("a file that is not there is read")
	}
	if _, err := ReadSecret(cfg, dir); err == nil {
		t.Error("a folder is read")
	}
	if err := syscall.Mkfifo(filepath.Join(dir, "pipe"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := ReadSecret(cfg, "pipe"); err == nil {
		t.Error("a pipe is read")
	}
}
