package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strings"

	"github.com/redis/go-redis/v9"
)

// shipped are the units of what Regent has; the others come with their types
// and commands. In units that are in neither (auth, info, limits, maxmemory,
// networking, obuf-limits) every test starts servers of its own: the external mode
// leaves them out.
var shipped = []string{
	"unit/type/string", "unit/type/incr", "unit/type/list", "unit/type/list-2", "unit/type/list-3", "unit/type/set",
	"unit/type/hash", "unit/type/zset", "unit/keyspace", "unit/scan", "unit/expire", "unit/protocol", "unit/quit", "unit/info-command",
	"unit/introspection", "unit/introspection-2", "unit/slowlog", "unit/querybuf", "unit/multi", "unit/pubsub", "unit/pause",
	"unit/type/stream", "unit/type/stream-cgroups", "unit/hyperloglog", "unit/bitops", "unit/bitfield",
	"unit/lazyfree", "unit/other", "unit/geo", "unit/latency-monitor", "unit/replybufsize", "unit/scripting", "unit/functions",
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintf(os.Stderr, "compat: %v\n", err)
		os.Exit(1)
	}
}

func run() error {
	regent := flag.String("regent", "./bin/regent", "the binary to test")
	reference := flag.String("redis", "redis-server", "the reference")
	dir := flag.String("suite", "", "the suite's directory: scripts/compat-suite.sh prints it")
	units := flag.String("units", "", "units to run, separated by commas; the ones of what Regent has by default, \"all\" for every one")
	file := flag.String("write", "", "a document to write")
	flag.Parse()
	if *dir == "" {
		return errors.New("-suite is missing")
	}
	redis.SetLogger(quiet{}) // servers that are not up yet are no news
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	s := suite{dir: *dir, tested: *regent}
	known, err := s.units()
	if err != nil {
		return err
	}
	names := shipped
	switch {
	case *units == "all":
		names = known
	case *units != "":
		names = strings.Split(*units, ",")
	}
	for _, name := range names {
		if !slices.Contains(known, name) {
			return fmt.Errorf("the suite has no unit %s", name)
		}
	}
	var rows []row
	for _, name := range names {
		theirs, err := s.run(ctx, name, *reference, "--save", "", "--enable-debug-command", "yes")
		if err != nil {
			return err
		}
		ours, err := s.run(ctx, name, *regent, "--appendonly", "yes", "--save", "", "--enable-debug-command", "yes", "--enable-protected-configs", "yes")
		if err != nil {
			return err
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		rows = append(rows, compare(name, theirs, ours))
		fmt.Println(rows[len(rows)-1])
	}
	if *file == "" {
		return nil
	}
	return os.WriteFile(*file, []byte(document(rows)), 0o644)
}

// quiet is a logger of the client library that says nothing.
type quiet struct{}

func (quiet) Printf(context.Context, string, ...any) {}
