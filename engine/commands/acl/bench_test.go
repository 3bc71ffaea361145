package acl_test

import (
	"fmt"
	"testing"

	"regent/engine/enginetest"
)

// BenchmarkGet is what a user with fifty key patterns pays beside the default user.
func BenchmarkGet(b *testing.B) {
	for _, user := range []string{"default", "patterns", "globs"} {
		b.Run(user, func(b *testing.B) {
			c := enginetest.NewEngine(b).Client()
			for name, form := range map[string]string{"patterns": "~app%d:*", "globs": "~app%d:?*x"} {
				rules := []string{"ACL", "SETUSER", name, "on", "nopass", "+@all", "~key:*"}
				for i := range 49 {
					rules = append(rules, fmt.Sprintf(form, i))
				}
				c.Do(rules...)
			}
			c.Do("SET", "key:000000001234", "value")
			c.Do("AUTH", user, "")
			args := [][]byte{[]byte("GET"), []byte("key:000000001234")}
			for b.Loop() {
				c.Server.Execute(c.Session, args)
				c.W.Truncate(0)
			}
		})
	}
}
