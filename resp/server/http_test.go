package server

import (
	"strings"
	"testing"
	"time"
)

// TestHTTPIsNotCarriedOut: a web page that makes a browser send a request here
// reaches nothing; what stood before in the pipeline is done and unanswered, as
// in Redis.
func TestHTTPIsNotCarriedOut(t *testing.T) {
	models(t, func(t *testing.T, model int64) {
		h := start(t, model, nil)
		requests := []string{
			"POST / HTTP/1.1\nhOST: x\n\nSET pwned 1\n",
			"GET / HTTP/1.1\r\nHost: x\r\n\r\nSET pwned 1\r\n",
			"OPTIONS / HTTP/1.1\r\nHost: x\r\n\r\nSET pwned 1\r\n",
			command("pOSt", "/") + command("SET", "pwned", "1"),
			command("HOST:", "x") + command("SET", "pwned", "1"),
			"SET before 1\r\nPOST\r\nSET pwned 1\r\n",
			strings.Repeat("PING\r\n", 3*maxBatch) + "post\r\nSET pwned 1\r\n",
		}
		for _, r := range requests {
			for _, cut := range []int{len(r), len(r) / 2, len(r) - 5} {
				w := h.dial()
				w.send(r[:cut])
				_, _ = w.Write([]byte(r[cut:])) // it may be closed already
				if cut == len(r) && len(r) < connBuffer && !strings.Contains(r, "HTTP/1.1\r\nHost") {
					w.ended() // without a word
				}
				eventually(t, "the connection ends", func() bool { return h.Sessions() == 0 })
			}
		}
		w := h.dial()
		w.send(command("EXISTS", "pwned") + command("GET", "before") + command("POSTS"))
		w.expect(":0\r\n$1\r\n1\r\n-ERR unknown command 'POSTS', with args beginning with: \r\n")
	})
}

// TestWarnsOfHTTPOncePerMinute: an attacker cannot fill the log.
func TestWarnsOfHTTPOncePerMinute(t *testing.T) {
	models(t, func(t *testing.T, model int64) {
		lines := make(chan string, 100)
		h := start(t, model, nil)
		h.Server.Host.OnLog(func(line string) {
			if strings.Contains(line, "SECURITY ATTACK") {
				lines <- line
			}
		})
		attack := func() {
			w := h.dial()
			w.send("POST / HTTP/1.1\r\n")
			w.ended()
			eventually(t, "the session ends", func() bool { return h.Sessions() == 0 })
		}
		for range 5 {
			attack()
		}
		if n := len(lines); n != 1 {
			t.Fatalf("%d warnings", n)
		}
		if line := <-lines; !strings.HasPrefix(line, "Possible SECURITY ATTACK detected. It looks like somebody is sending POST or Host: commands to Redis. ") || !strings.Contains(line, "127.0.0.1:") {
			t.Fatalf("the warning is %q", line)
		}
		h.Server.Host.Advance(61 * time.Second)
		attack()
		if n := len(lines); n != 1 {
			t.Fatalf("%d warnings a minute later", n)
		}
	})
}
