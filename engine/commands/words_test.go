package commands_test

import (
	"strings"
	"testing"

	"regent/engine/enginetest"
)

// TestWordsEndAtANul: redis-server reads options, cursors and IDs as C strings, and shows them so in errors; names of
// commands, keys and values are as long as they are. A · stands for a NUL.
func TestWordsEndAtANul(t *testing.T) {
	theirs := enginetest.StartRedis(t).Client(t)
	ours := enginetest.NewEngine(t).Client()
	for line := range strings.SplitSeq(strings.TrimSpace(`
SET k v NX·junk
SET k v ex· 1000
SET k v get·x keepttl·
SET k v NXx·
GETEX k persist·
EXPIRE k 1000 nx·y
EXPIRE k 1000 qq·y
EXPIRE k 1000 ·
RPUSH l a b c
LPOS l a rank· 1
LINSERT l before·x a z
LMOVE l l left· right
SORT l get· # alpha
ZADD z nx· 1 a
ZADD z incr· 1 a
ZRANGE z 0 -1 withscores·
ZUNION 1 z aggregate max·
ZMPOP 1 z min·
SCAN 0·x count· 100 type list·
SCAN · count 100 type list
SCAN 0x·
SCAN 0 match· l type string·
HSCAN h 12·
XADD x nomkstream· 1-1 a b
XADD x maxlen· 1 1-1 a b
XADD x maxlen =· 1 2-1 a b
XADD y 3-*· a b
XRANGE x -· +·a count· 1
XREAD count· 1 streams x 0
XREAD streams· x $·
XGROUP CREATE x g $·
XGROUP CREATE x g2 0 mkstream·
XGROUP SETID x g $·
XREADGROUP group· g c noack· streams x >·
XINFO STREAM x full· count· 0
GEOADD g nx· 1 1 a
GEOSEARCH g frommember· a byradius 1 m· asc·
GEODIST g a a km·
BITCOUNT k 0 -1 bit·
BITOP and· d k
BITFIELD k overflow wrap· get· u8 0
LCS k k len·
COPY k k9 replace· db· 1
RESTORE kk 0 x replace·
PFADD p a
PFDEBUG encoding· p
PFDEBUG nosuch·x p
CLIENT NO-EVICT on·
CLIENT LIST TYPE nosuch·x
CLIENT PAUSE 0 all·
CLIENT TRACKING off·
CONFIG SET nosuch·x 1
SCRIPT FLUSH sync·
FUNCTION LIST withcode·
FLUSHDB async·x
GET k·
PING a·b
`), "\n") {
		args := strings.Fields(strings.ReplaceAll(line, "·", "\x00"))
		if got, want := ours.Do(args...), theirs.Do(args...); got != want {
			t.Errorf("%s: %q, want %q", line, got, want)
		}
	}
}
