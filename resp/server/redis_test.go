package server

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"regent/engine/enginetest"
)

// hangs is how long both sides are listened to for more.
const hangs = time.Second

// talk sends a frame in pieces and returns what comes back before the server
// closes or falls silent, and whether it closed.
func talk(t *testing.T, addr string, pieces ...string) (out []byte, closed bool) {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Error(err)
		return nil, false
	}
	defer c.Close()
	for i, p := range pieces {
		if i > 0 {
			time.Sleep(10 * time.Millisecond)
		}
		_ = c.SetDeadline(time.Now().Add(hangs))
		_, _ = io.WriteString(c, p) // it may have closed
	}
	_ = c.SetDeadline(time.Now().Add(hangs))
	out, err = io.ReadAll(c)
	return out, !errors.Is(err, os.ErrDeadlineExceeded)
}

// broken are frames that are wrong, odd, or unfinished.
var broken = []string{
	"*1\r\n$9223372036854775807\r\n", "*1\r\n$1073741824\r\n", "*1\r\n$536870912\r\n", "*1\r\n$536870913\r\n",
	"*1000000000\r\n", "*1048577\r\n", "*2147483647\r\n", "*2147483648\r\n", "*99999999999999999999\r\n",
	"*abc\r\n", "*\r\n", "*01\r\n", "*+1\r\n", "*-0\r\n", "*1\r\nGET\r\n", "*1\r\n$abc\r\n", "*1\r\n$\r\n", "*1\r\n$-1\r\n", "*1\r\n$01\r\n",
	"*0\r\nGET k\r\n", "*-1\r\nGET k\r\n", "*-2147483649\r\nGET k\r\n", "\r\n\r\nGET k\r\n", "   \r\nGET k\r\n", "\t\nGET k\n",
	"SET \"k\r\n", "SET 'a'b c\r\n", "SET 'q' \"v\\x41\\n\"\r\nGET q\r\n", "\"\"\r\nGET k\r\n", "GET \"k\"\"\r\n",
	"*1\r\n\rX", "*1\r\n\nX\r\n", "*1\r\n\xffX\r\n", "*1\r\r$3\rXabcyyGET k\r\n", "*2\r\n$3\r\nGET\r\n$1\r\nkde\r\nGET k\r\n",
	"*1\r\n$0\r\n\r\nGET k\r\n", "*1\r\n*1\r\n", "GE\x00T k\r\nGET k\r\n", "\x00\r\nGET k\r\n", "*1\x00\r\nGET k\r\n",
	"%2\r\n+a\r\n+b\r\n", "$3\r\nabc\r\n", "GET / HTTP/1.1\r\n",
	"GET k\r\n*x\r\nGET k\r\n", "a b c d e f g h i j k l m n\r\n", "*11\r\n", "*10\r\n", "*1\r\n$16385\r\n", "*1\r\n$16384\r\n",
	"*" + strings.Repeat("1", 80<<10), strings.Repeat("x", 80<<10), "*1\r\n$" + strings.Repeat("1", 80<<10), "\x00" + strings.Repeat("y", 80<<10),
	strings.Repeat("x", 60<<10) + "\r\n", "*1\r\n" + strings.Repeat("x", 80<<10),
	"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$5\r\nhel",
	"POST / HTTP/1.1\r\nHost: x\r\n\r\nSET k 1\r\n", "hOsT: x\r\nPING\r\n",
	"*1\r\n$4\r\npOsT\r\nPING\r\n", "*2\r\n$5\r\nHOST:\r\n$1\r\nx\r\nPING\r\n", "*1\r\n$6\r\npost\x00x\r\nPING\r\n",
	"\"post\" /\r\nPING\r\n", "CLIENT REPLY OFF\r\npost x\r\nPING\r\n", "host\r\nhost :\r\npost: x\r\nposted\r\n",
}

// TestBrokenFramesLikeRedis sends them to Regent and to redis-server, whole
// and in two pieces, before and after the password, and compares what comes
// back to the byte, and whether the connection lives on.
func TestBrokenFramesLikeRedis(t *testing.T) {
	for name, password := range map[string]string{"open": "", "stranger": "secret"} {
		t.Run(name, func(t *testing.T) {
			redis := enginetest.StartRedis(t, "--requirepass", password)
			addr := addrOf(t, redis, password)
			plainModels(t, func(t *testing.T, model int64) {
				h := start(t, model, func(h *house, _ *Options) {
					admin := h.Client()
					admin.Do("CONFIG", "SET", "requirepass", password)
					h.EndSession(admin.Session)
				})
				var all sync.WaitGroup
				for _, frame := range broken {
					half := len(frame) / 2
					for _, pieces := range [][]string{{frame}, {frame[:half], frame[half:]}} {
						all.Go(func() {
							want, wantClosed := talk(t, addr, pieces...)
							got, gotClosed := talk(t, h.addr.String(), pieces...)
							if !bytes.Equal(got, want) || gotClosed != wantClosed {
								t.Errorf("%.60q in %d: %q, closed %v; redis-server says %q, closed %v", frame, len(pieces), got, gotClosed, want, wantClosed)
							}
						})
					}
				}
				all.Wait()
			})
		})
	}
}

// addrOf asks redis-server where it listens.
func addrOf(t *testing.T, r *enginetest.Redis, password string) string {
	c := r.Client(t)
	if password != "" {
		c.Do("AUTH", password)
	}
	return "127.0.0.1:" + enginetest.Elements(c.Do("CONFIG", "GET", "port"))[1]
}
