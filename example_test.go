package regent_test

import (
	"context"
	"fmt"
	"io"
	"log"
	"log/slog"
	"os"

	"github.com/redis/go-redis/v9"

	"regent"
	"regent/engine/config"
)

// Two servers inside one program: each has a directory and a port of its own, and
// a logger that the program hands in. Close ends one as a signal would.
func Example() {
	ctx := context.Background()
	var servers []*regent.Server
	for range 2 {
		dir, err := os.MkdirTemp("", "regent-example-")
		if err != nil {
			log.Fatal(err)
		}
		defer os.RemoveAll(dir)
		cfg := config.New()
		text := "dir " + dir + "\nbind 127.0.0.1\nport 0\nunixsocket socket\nappendonly no" // in redis.conf's syntax
		if err := config.Parse(cfg, text, "example"); err != nil {
			log.Fatal(err)
		}
		ready := make(chan struct{})
		srv, err := regent.New(regent.Options{
			Config: cfg, Logger: slog.New(slog.NewTextHandler(io.Discard, nil)), Ready: func() { close(ready) },
		})
		if err != nil {
			log.Fatal(err)
		}
		go func() {
			if err := srv.Run(ctx); err != nil {
				log.Fatal(err)
			}
		}()
		<-ready // the data is loaded
		servers = append(servers, srv)
	}
	for i, srv := range servers {
		c := redis.NewClient(&redis.Options{Network: "unix", Addr: srv.Addrs()[0].String()})
		if err := c.Set(ctx, "name", fmt.Sprint("server ", i), 0).Err(); err != nil {
			log.Fatal(err)
		}
		fmt.Println(c.Get(ctx, "name").Val())
		_ = c.Close()
	}
	for _, srv := range servers {
		if err := srv.Close(); err != nil { // saves: there is no log, so there are save points
			log.Fatal(err)
		}
	}
	// Output:
	// server 0
	// server 1
}
