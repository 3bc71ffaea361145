package regent

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestAdministrationInATransaction: what waits for the disk or for the listener is carried out inside
// MULTI, in its place, as by redis-server, whose answers these are.
func TestAdministrationInATransaction(t *testing.T) {
	dir := t.TempDir()
	users, file := filepath.Join(dir, "users.acl"), filepath.Join(dir, "regent.conf")
	for name, text := range map[string]string{users: "user default on nopass ~* &* +@all\nuser bob on\n", file: "appendonly no\n"} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	ts := beginWith(t, Options{ConfigFile: file}, dir, "appendonly no", "save \"\"", "aclfile "+users, debugging)
	for _, tc := range []struct{ said, want string }{
		{"SET k 1|CONFIG SET maxmemory 1gb|CONFIG REWRITE|GET k", "OK|OK|OK|1"},
		{"ACL SETUSER ann on|ACL SAVE|ACL DELUSER ann|ACL LOAD|ACL USERS", "OK|OK|1|OK|[ann bob default]"},
		{"MEMORY PURGE|INCR k", "OK|2"},
		{"BGREWRITEAOF|BGREWRITEAOF", "Background append only file rewriting scheduled|Background append only file rewriting scheduled"},
		{"SSUBSCRIBE ch", "ERR SSUBSCRIBE isn't allowed for a DENY BLOCKING client"},
		{"SCRIPT DEBUG NO", "ERR SCRIPT DEBUG must be called outside a pipeline"},
		{"INCR k", "3"},
	} {
		var got []string
		p := ts.client().TxPipeline()
		for said := range strings.SplitSeq(tc.said, "|") {
			var words []any
			for _, w := range strings.Fields(said) {
				words = append(words, w)
			}
			p.Do(t.Context(), words...)
		}
		replies, _ := p.Exec(t.Context()) // its error is the first reply that is one
		for _, r := range replies {
			text := r.String()
			got = append(got, text[strings.LastIndex(text, ": ")+len(": "):])
		}
		if have := strings.Join(got, "|"); have != tc.want {
			t.Errorf("%s: %q, want %q", tc.said, have, tc.want)
		}
	}
	for name, want := range map[string]string{file: "maxmemory 1073741824", users: "user ann on"} {
		if text, err := os.ReadFile(name); err != nil || !strings.Contains(string(text), want) {
			t.Errorf("%s: %v\n%s", name, err, text)
		}
	}
	if err := ts.client().Do(t.Context(), "EVAL", "return redis.call('memory', 'purge')", 0).Err(); err != nil {
		t.Errorf("MEMORY PURGE in a script: %v", err)
	}
}
