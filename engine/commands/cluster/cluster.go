package cluster

import (
	"slices"

	"regent/engine"
	"regent/engine/spec"
	"regent/resp"
)

// What cluster clients ask. One group of nodes is one shard that owns all
// slots: the leader is the master of 0-16383, the followers are its replicas.
//
//	client ─► CLUSTER SLOTS | SHARDS | NODES at any node ─► the leader's address
//	       ─► a write at a follower ─► MOVED slot leader  ─► the same
//
// A lone server is a standalone Redis and says that cluster support is disabled,
// here as in HELLO and INFO: tools that take a server for a cluster leave out all
// databases but the first. With cluster-enabled yes it answers as a cluster of one,
// for programs written against three nodes.
//
// cluster_view.go: SLOTS, SHARDS, NODES and their kin, all from View.

// Flags of CLUSTER's subcommands that administer.
const clusterAdmin = spec.Admin | spec.Stale

// Room is what this package brings to an engine.
func Room() engine.Room {
	return engine.Room{
		Group:    spec.GroupCluster,
		Commands: slices.Concat(clusterCommands(), failoverCommands(), regentCommands()),
	}
}

func clusterCommands() []engine.Command {
	all := clusterLiterals()
	for i := range all {
		faced(&all[i])
	}
	return append(all, readerCommands()...)
}

// readerCommands are said by clients that want to read at a follower: also at the plain face
// where there are followers, as to Valkey.
func readerCommands() []engine.Command {
	set := func(on bool) engine.Handler {
		return func(c *engine.Ctx) {
			if c.Face() == engine.FacePlain && c.View().Clustered || hasFace(c) {
				c.SetReadonly(on)
				c.W.OK()
			}
		}
	}
	return []engine.Command{
		{Do: set(true), Command: spec.Command{
			Name: "readonly", Arity: 1, Flags: spec.Loading | spec.Stale | spec.Fast, Cats: spec.CatConnection, Since: "3.0.0", Complex: "O(1)",
			Summary: "Lets a follower answer the connection's reads.",
		}},
		{Do: set(false), Command: spec.Command{
			Name: "readwrite", Arity: 1, Flags: spec.Loading | spec.Stale | spec.Fast, Cats: spec.CatConnection, Since: "3.0.0", Complex: "O(1)",
			Summary: "Takes READONLY back.",
		}},
	}
}

// faced has a command and its subcommands refused where clients see no cluster.
func faced(cmd *engine.Command) {
	for i := range cmd.Subs {
		faced(&cmd.Subs[i])
	}
	if do := cmd.Do; do != nil {
		cmd.Do = func(c *engine.Ctx) {
			if hasFace(c) {
				do(c)
			}
		}
	}
	if do := cmd.Administer; do != nil {
		cmd.Administer = func(c *engine.Ctx, a engine.Administration) {
			if hasFace(c) {
				do(c, a)
			}
		}
	}
}

// hasFace reports whether clients see a cluster here; false: the error was written.
func hasFace(c *engine.Ctx) bool {
	if !c.ClusterFace() {
		c.Err(resp.ErrNoCluster)
		return false
	}
	return true
}

func clusterLiterals() []engine.Command {
	return append([]engine.Command{
		{Do: func(c *engine.Ctx) { c.W.OK() }, Command: spec.Command{
			// No slot ever migrates: there is nothing to ask for.
			Name: "asking", Arity: 1, Flags: spec.Fast, Cats: spec.CatConnection, Since: "3.0.0", Complex: "O(1)",
			Summary: "Is accepted for clients that follow ASK redirections, which Regent never sends.",
		}},
	}, engine.Command{Help: resp.HelpCluster, Command: spec.Command{
		Name: "cluster", Arity: -2, Since: "3.0.0", Complex: "See the subcommands.",
		Summary: "Tells which node leads, and where the others are.",
	}, Subs: slices.Concat(clusterNodeCommands(), clusterSlotCommands(), fixedNodeCommands(), fixedSlotCommands())})
}

func clusterNodeCommands() []engine.Command {
	unsteady := []string{"nondeterministic_output"}
	node := spec.Args{spec.String("node-id")}
	return []engine.Command{
		{Do: doClusterInfo, Command: spec.Command{
			Name: "info", Arity: 2, Flags: spec.Stale, Since: "3.0.0", Complex: "O(1)", Tips: unsteady,
			Summary: "Returns the state of the cluster.",
		}},
		{Do: func(c *engine.Ctx) { c.W.BulkString(topologyOf(c).me.Name) }, Command: spec.Command{
			Name: "myid", Arity: 2, Flags: spec.Stale, Since: "3.0.0", Complex: "O(1)",
			Summary: "Returns the node's name.",
		}},
		{Do: doClusterSlots, Command: spec.Command{
			Name: "slots", Arity: 2, Flags: spec.Stale, Since: "3.0.0", Complex: "O(N) in the number of nodes", Tips: unsteady,
			Summary:         "Returns which nodes serve the slots.",
			DeprecatedSince: "7.0.0", ReplacedBy: "`CLUSTER SHARDS`",
		}},
		{Do: doClusterShards, Command: spec.Command{
			Name: "shards", Arity: 2, Flags: spec.Stale, Since: "7.0.0", Complex: "O(N) in the number of nodes", Tips: unsteady,
			Summary: "Returns the nodes with their roles, health and offsets.",
		}},
		{Do: doClusterNodes, Command: spec.Command{
			Name: "nodes", Arity: 2, Flags: spec.Stale, Since: "3.0.0", Complex: "O(N) in the number of nodes", Tips: unsteady,
			Summary: "Returns a line for each node.",
		}},
		{Do: doClusterLinks, Command: spec.Command{
			Name: "links", Arity: 2, Flags: spec.Stale, Since: "7.0.0", Complex: "O(N) in the number of nodes", Tips: unsteady,
			Summary: "Returns the connections to the other nodes.",
		}},
		{Do: doClusterReplicas, Command: spec.Command{
			Name: "replicas", Arity: 3, Flags: clusterAdmin, Since: "5.0.0", Complex: "O(N) in the number of nodes", Tips: unsteady,
			Summary: "Returns a line for each replica of a master.",
			Args:    node,
		}},
		{Do: doClusterReplicas, Command: spec.Command{
			Name: "slaves", Arity: 3, Flags: clusterAdmin, Since: "3.0.0", Complex: "O(N) in the number of nodes", Tips: unsteady,
			Summary:         "Returns a line for each replica of a master.",
			DeprecatedSince: "5.0.0", ReplacedBy: "`CLUSTER REPLICAS`",
			Args: node,
		}},
		{Do: doClusterFailureReports, Command: spec.Command{
			Name: "count-failure-reports", Arity: 3, Flags: clusterAdmin, Since: "3.0.0", Complex: "O(N) in the number of nodes", Tips: unsteady,
			Summary: "Returns 1 for a node that this one does not hear, 0 for others.",
			Args:    node,
		}},
		clusterFailover(),
		engine.HelpCommand(spec.Loading|spec.Stale, "5.0.0"),
	}
}

func clusterSlotCommands() []engine.Command {
	return []engine.Command{
		{Do: doClusterKeyslot, Command: spec.Command{
			Name: "keyslot", Arity: 3, Flags: spec.Stale, Since: "3.0.0", Complex: "O(N) in the length of the key",
			Summary: "Returns the hash slot of a key.",
			Args:    spec.Args{spec.String("key")},
		}},
		{Do: doClusterCountkeysinslot, Locks: engine.LockSlot, Command: spec.Command{
			Name: "countkeysinslot", Arity: 3, Flags: spec.Stale, Since: "3.0.0", Complex: "O(N) in the number of keys of a shard",
			Summary: "Returns the number of keys in a slot of the connection's database.",
			Args:    spec.Args{spec.Integer("slot")},
		}},
		{Do: doClusterGetkeysinslot, Locks: engine.LockSlot, Command: spec.Command{
			Name: "getkeysinslot", Arity: 4, Flags: spec.Stale, Since: "3.0.0", Complex: "O(N) in the number of keys of a shard",
			Summary: "Returns keys in a slot of the connection's database.",
			Tips:    []string{"nondeterministic_output"},
			Args:    spec.Args{spec.Integer("slot"), spec.Integer("count")},
		}},
	}
}
