package main

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"regent/resp"
)

// TestNullOfASentinelIsNoValue: what a program reads while every Sentinel says that nobody
// leads is an error. go-redis wraps its word for null in it; a read that is judged by
// errors.Is took it for a value that was lost. A null from the master itself is one.
func TestNullOfASentinelIsNoValue(t *testing.T) {
	redis.SetLogger(quiet{})
	for _, try := range []struct {
		name          string
		leaves        bool // the master says no more after the write, and no Sentinel names another
		errors, stale int64
	}{
		{"nobody leads", true, 1, 0},
		{"the master has no value", false, 0, 1},
	} {
		t.Run(try.name, func(t *testing.T) {
			addr := oneNode(t, try.leaves)
			c := redis.NewFailoverClient(&redis.FailoverOptions{MasterName: "mymaster", SentinelAddrs: []string{addr}, DialerRetries: 1})
			defer c.Close()
			var r report
			last := time.Now()
			if err := round(t.Context(), c, "k", 1, &r, &last); err != nil {
				t.Log(err)
				r.Errors++
			}
			if r.Writes != 1 || r.Errors != try.errors || r.Stale != try.stale {
				t.Errorf("%d writes, %d errors, %d stale reads", r.Writes, r.Errors, r.Stale)
			}
		})
	}
}

// oneNode is a Sentinel and its master at one address: a write is acknowledged, there is no
// value. leaves: its master is gone after the write.
func oneNode(t *testing.T, leaves bool) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	host, port, _ := net.SplitHostPort(l.Addr().String())
	master := resp.AppendCommand(nil, host, port)
	var gone atomic.Bool
	serve := func(conn net.Conn) {
		defer conn.Close()
		stop := context.AfterFunc(t.Context(), func() { conn.Close() })
		defer stop()
		in := resp.NewReader(bufio.NewReader(conn), resp.Limits{Bulk: 1 << 10, Elems: 16, Depth: 1, Total: 16})
		for {
			v, err := in.Read()
			if err != nil || len(v.Elems) == 0 {
				return
			}
			answer := "-ERR unknown command\r\n"
			switch word := strings.ToUpper(string(v.Elems[0].Text)); {
			case word == "SENTINEL" && gone.Load():
				answer = "*-1\r\n"
			case word == "SENTINEL" && strings.EqualFold(string(v.Elems[1].Text), "get-master-addr-by-name"):
				answer = string(master)
			case word == "SENTINEL":
				answer = "*0\r\n"
			case word == "SET":
				answer = "+OK\r\n"
				gone.Store(leaves)
			case word == "GET" && leaves:
				return
			case word == "GET":
				answer = "$-1\r\n"
			}
			if _, err := fmt.Fprint(conn, answer); err != nil {
				return
			}
		}
	}
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go serve(conn)
		}
	}()
	return l.Addr().String()
}
