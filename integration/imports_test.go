package integration

import (
	"maps"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// root is the composition root's package, which is a floor of its own and not
// the parent of the others.
const root = "regent"

// floors says for each floor of the house, the packages below it in the tree
// included unless they have a line of their own, which other floors it may
// import, leaves apart. Arrows run downward; siblings do not know each other.
var floors = map[string][]string{
	"regent/resp":            {},
	"regent/cluster/bully":   {},
	"regent/engine/dict":     {},
	"regent/engine/config":   {"regent/resp"},
	"regent/engine/acl":      {"regent/resp"},
	"regent/engine/rdb":      {"regent/resp"},
	"regent/engine/list":     {"regent/engine/listpack"},
	"regent/engine/set":      {"regent/engine/hashtable", "regent/engine/listpack"},
	"regent/engine/hash":     {"regent/engine/hashtable", "regent/engine/listpack"},
	"regent/engine/zset":     {"regent/engine/listpack"},
	"regent/engine/stream":   {"regent/engine/listpack"},
	"regent/engine/lua/libs": {},
	"regent/engine":          {"regent/engine/acl", "regent/engine/dict", "regent/engine/config", "regent/engine/rdb", "regent/resp"},

	// The rooms: each stands on the engine and its own value, none on another.
	"regent/engine/commands":               {"regent/engine", rooms},
	"regent/engine/commands/strings":       ground(),
	"regent/engine/commands/keys":          ground(),
	"regent/engine/commands/bitmaps":       ground(),
	"regent/engine/commands/hyperlogs":     ground(),
	"regent/engine/commands/lists":         ground("regent/engine/list", "regent/engine/listpack"),
	"regent/engine/commands/sets":          ground("regent/engine/set", "regent/engine/listpack"),
	"regent/engine/commands/hashes":        ground("regent/engine/hash", "regent/engine/listpack"),
	"regent/engine/commands/zsets":         ground("regent/engine/zset", "regent/engine/listpack"),
	"regent/engine/commands/streams":       ground("regent/engine/stream", "regent/engine/listpack"),
	"regent/engine/commands/cluster":       ground(),
	"regent/engine/commands/introspection": ground(),
	"regent/engine/commands/sentinel":      ground(),
	"regent/engine/commands/functions":     ground("regent/engine/lua"),
	"regent/engine/commands/scripting":     ground("regent/engine/lua"),
	"regent/engine/lua":                    {"regent/engine/lua/libs", "regent/resp"},
	"regent/engine/commands/acl":           ground("regent/engine/acl"),
	"regent/engine/enginetest":             {"regent/engine", "regent/engine/commands", "regent/engine/config", "regent/engine/rdb", "regent/resp"},

	"regent/aof":           {"regent/engine", "regent/engine/config", "regent/engine/rdb", "regent/resp"},
	"regent/cluster":       {"regent/cluster/bully", "regent/engine", "regent/engine/config", "regent/resp"},
	"regent/resp/server":   {"regent/engine", "regent/engine/config", "regent/resp"},
	"regent/node/address":  {"regent/engine/config"},
	"regent/node/backlog":  {"regent/engine", "regent/resp"},
	"regent/node/barrier":  {"regent/engine"},
	"regent/node/certs":    {"regent/engine", "regent/engine/config", "regent/node/machine"},
	"regent/node/delivery": {},
	"regent/node/machine":  {"regent/engine", "regent/engine/config"},
	"regent/node/persist":  {"regent/aof", "regent/engine", "regent/engine/config", "regent/engine/rdb", "regent/node/backlog", "regent/node/delivery", "regent/resp"},
	"regent/node/status":   {"regent/engine"},
	"regent/node/replicas": {"regent/aof", "regent/engine", "regent/engine/config", "regent/node/delivery", "regent/resp"},
	root: {
		"regent/node/address", "regent/node/barrier", "regent/node/certs", "regent/node/machine", "regent/node/persist", "regent/node/replicas", "regent/node/status",
		"regent/aof", "regent/cluster", "regent/resp/server", "regent/engine", "regent/engine/commands", "regent/engine/config", "regent/engine/rdb", "regent/resp",
	},
	"regent/cmd":         {root, "regent/aof", "regent/engine", "regent/engine/commands", "regent/engine/config", "regent/engine/rdb", "regent/resp"},
	"regent/integration": {"regent/engine", "regent/engine/dict", "regent/resp"},
	// failbench runs nodes in its own process, with disks that it makes slow.
	"regent/integration/failbench": {"regent/integration", root, "regent/engine", "regent/engine/config", "regent/resp"},
}

// rooms stands for every package below regent/engine/commands.
const rooms = "regent/engine/commands/"

// ground is what a room stands on, with its value.
func ground(value ...string) []string {
	return append(value, "regent/engine", "regent/engine/config", "regent/engine/dict", "regent/engine/rdb", "regent/resp")
}

// leaves may be imported by everybody. They import nothing but the standard library
// and one another.
var leaves = []string{"regent/aof/disk", "regent/engine/slots", "regent/engine/listpack", "regent/engine/hashtable", "regent/engine/units", "regent/engine/decimal", "regent/engine/geo", "regent/engine/glob", "regent/engine/hll", "regent/engine/large", "regent/engine/latency", "regent/engine/lua/syntax", "regent/engine/prefetch", "regent/engine/pubsub", "regent/engine/sentinel", "regent/engine/tracking", "regent/engine/spec", "regent/resp/secure"}

// pure floors import nothing but the standard library, themselves and leaves.
var pure = append([]string{"regent/cluster/bully"}, leaves...)

// outside is what the engine does not do by itself: sockets, files, processes.
var outside = []string{"net", "os", "os/exec", "syscall"}

// imports lists every package of the module with what it imports directly.
func imports(t *testing.T) map[string][]string {
	t.Helper()
	out, err := exec.Command("go", "list", "-f", `{{.ImportPath}} {{join .Imports " "}}`, "regent/...").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	found := map[string][]string{}
	for line := range strings.Lines(string(out)) {
		words := strings.Fields(line)
		found[words[0]] = words[1:]
	}
	return found
}

// floorOf is the most specific floor that pkg stands on, "" for none.
func floorOf(pkg string) string {
	best := ""
	for _, f := range slices.Concat(slices.Collect(maps.Keys(floors)), leaves) {
		if (pkg == f || f != root && strings.HasPrefix(pkg, f+"/")) && len(f) > len(best) {
			best = f
		}
	}
	return best
}

func TestImportsRunDownward(t *testing.T) {
	for pkg, used := range imports(t) {
		floor := floorOf(pkg)
		if floor == "" || strings.HasPrefix(pkg, rooms) && floor != pkg {
			t.Errorf("%s stands on no floor: say in this test what it may import", pkg)
			continue
		}
		for _, dep := range used {
			if dep != root && !strings.HasPrefix(dep, root+"/") {
				continue
			}
			if below := floorOf(dep); below != floor && !slices.Contains(leaves, below) && !slices.Contains(floors[floor], below) &&
				!(slices.Contains(floors[floor], rooms) && strings.HasPrefix(below, rooms)) {
				t.Errorf("%s imports %s, which is not below it", pkg, dep)
			}
		}
	}
}

func TestPurePackages(t *testing.T) {
	for pkg, used := range imports(t) {
		floor := floorOf(pkg)
		for _, dep := range used {
			first, _, _ := strings.Cut(dep, "/")
			standard := first != root && !strings.Contains(first, ".")
			if slices.Contains(pure, floor) && !standard && floorOf(dep) != floor && !slices.Contains(leaves, floorOf(dep)) {
				t.Errorf("%s imports %s: the standard library alone is allowed there", pkg, dep)
			}
			if pkg == "regent/engine" && slices.Contains(outside, dep) {
				t.Errorf("%s imports %s: it is handed what it needs from outside", pkg, dep)
			}
		}
	}
}
