package keys_test

import (
	"fmt"
	"strings"
	"testing"

	"regent/engine/enginetest"
)

// BenchmarkRestore puts a payload in the place of a value.
func BenchmarkRestore(b *testing.B) {
	hundred := []string{"HSET", "dumped"}
	for i := range 100 {
		hundred = append(hundred, fmt.Sprint("field:", i), fmt.Sprint("value:", i))
	}
	ranked := []string{"ZADD", "dumped"}
	for i := range 100 {
		ranked = append(ranked, fmt.Sprint(i), fmt.Sprint("member:", i))
	}
	for _, make := range [][]string{
		{"SET", "dumped", strings.Repeat("x", 64)}, hundred, ranked, strings.Fields("SADD dumped a b c d e f g h i j"),
		strings.Fields("RPUSH dumped a b c d e f g h i j"), strings.Fields("HSET dumped a 1 b 2 c 3"),
	} {
		b.Run(fmt.Sprint(make[0], " ", len(make)), func(b *testing.B) {
			c := enginetest.NewEngine(b).Client()
			c.Do(make...)
			payload := enginetest.Parsed(b, c.Do("DUMP", "dumped")).Text
			do := enginetest.HotSession(b, &enginetest.Tape{})
			cmd := enginetest.Raw("RESTORE", "r", "0", payload, "REPLACE")
			b.ReportAllocs()
			b.ResetTimer()
			for range b.N {
				do(cmd)
			}
		})
	}
}
