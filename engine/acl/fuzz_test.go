package acl

import (
	"strings"
	"testing"

	"regent/engine/spec"
)

// FuzzRules gives a user any rules: they are refused and leave nothing, or stand in a file
// that is read as the same; a file of any text is refused or read.
func FuzzRules(f *testing.F) {
	table := spec.NewTable([]*spec.Command{{Name: "get", Arity: 2, Flags: spec.ReadOnly, Keys: spec.Keys{spec.One(1, spec.KeyRO)}}, {Name: "set", Arity: -3, Flags: spec.Write}})
	f.Add("on nopass ~* &* +@all")
	f.Add("on >secret %R~a* %W~b* (+get ~c) (+set|x -@read) #9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08")
	f.Add("%R % ( (%) resetkeys ~ & +get|a -get reset clearselectors")
	f.Fuzz(func(t *testing.T, text string) {
		users := NewUsers(table, func() bool { return false })
		rules := strings.Split(text, " ")
		if r, err := users.After("u", rules); err == nil {
			users.Put("u", r)
			line := r.Rules()
			again, err := users.Parsed(strings.Split(line, " "))
			if err != nil || again.Rules() != line {
				t.Fatalf("%q stands as %q, which is read as %v: %v", text, line, again, err)
			}
			for _, args := range [][][]byte{{[]byte("get"), []byte("k")}, {[]byte("set"), []byte("x"), []byte("y")}, {[]byte("set")}} {
				cmd := table.Named(args[0])
				if a, b := r.Check(cmd, args), again.Check(cmd, args); a != b {
					t.Fatalf("%q: %q is %v, read again %v", text, args, a, b)
				}
			}
		}
		_, _ = users.Read("f", text)
		_, _ = users.Read("f", "user u "+text+"\nuser v on")
		_ = users.LoadShared(text)
	})
}
