package sim

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"regent/aof/disk/disktest"
)

// What an operator does.

// operator is where the operator's commands come from.
const operator = "198.51.100.98"

// limitOf is how long an operator waits for an answer.
func (w *world) limitOf() time.Duration { return 40*time.Second + 4*w.plan.timeout }

// atLeader says something at the leader, wherever that is.
func (w *world) atLeader(args ...any) (string, error) {
	h := w.net.host(operator)
	var known []*node // a node that is to join lists itself, too
	for _, nd := range w.nodes {
		if nd.up() && nd.wanted && !nd.joins {
			known = append(known, nd)
		}
	}
	if len(known) == 0 {
		return "", errUnsent
	}
	t := &target{callers: map[string]*caller{}, at: known[w.rnd.IntN(len(known))].addr()}
	defer t.close()
	for tries := 0; ; tries++ {
		reply, err := t.do(h, w.limitOf(), args...)
		if err == nil || tries > 2 || !t.moved(err) {
			return reply, err
		}
	}
}

// maxNodes bounds how many there are at one time.
const maxNodes = 6

// addNode starts a node and takes it in. What becomes of that is settled at the end of
// the round.
func addNode(w *world) (func(), bool) {
	if len(w.nodes) >= maxNodes {
		return nil, false
	}
	w.lastID++
	witness := w.plan.witness != 0 && !slices.ContainsFunc(w.nodes, func(nd *node) bool { return nd.blank }) && w.rnd.IntN(2) == 0
	nd := w.newNode(w.lastID, witness)
	w.setNodes(append(slices.Clone(w.nodes), nd))
	nd.joins, nd.wanted = true, true
	w.meet(nd)
	w.tell("node %d is made, witness: %t", nd.id, nd.blank)
	nd.restart()
	reply, err := w.atLeader("REGENT", "NODE", "ADD", fmt.Sprintf("%d@%s", nd.id, nd.addr()))
	w.tell("REGENT NODE ADD %d: %s %v", nd.id, reply, err)
	return nil, err == nil
}

// minNodes is how many are left at least.
const minNodes = 3

func removeNode(w *world) (func(), bool) {
	if len(w.nodes) <= minNodes {
		return nil, false
	}
	nd := w.nodes[w.rnd.IntN(len(w.nodes))]
	nd.wanted = false
	reply, err := w.atLeader("REGENT", "NODE", "REMOVE", nd.id)
	w.tell("REGENT NODE REMOVE %d: %s %v", nd.id, reply, err)
	return nil, err == nil
}

var memberLine = regexp.MustCompile(`\bid (\d+) address `)

// meet writes into a new node's configuration which nodes there are.
func (w *world) meet(nd *node) {
	for _, other := range w.nodes {
		if !other.joins || other == nd { // another may never become a member
			nd.peers = append(nd.peers, fmt.Sprintf("%d@%s", other.id, other.addr()))
		}
	}
}

func (w *world) setNodes(nodes []*node) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.nodes = nodes
}

// settleMembers has the cluster consist of the nodes that are wanted, and ends the others.
func (w *world) settleMembers() {
	if w.failed() {
		return
	}
	w.eventually("the wanted members", func() error {
		at := slices.IndexFunc(w.nodes, func(nd *node) bool { return nd.up() && nd.leads() })
		if at < 0 {
			return errUnsent // others may have an older list
		}
		list, err := w.ask(w.net.host(operator), w.nodes[at], "REGENT", "NODE", "LIST")
		if err != nil {
			return fmt.Errorf("REGENT NODE LIST: %w", err)
		}
		var ids []int
		for _, m := range memberLine.FindAllStringSubmatch(list, -1) {
			id, _ := strconv.Atoi(m[1])
			ids = append(ids, id)
		}
		if len(ids) == 0 {
			return fmt.Errorf("no members in %q", list)
		}
		for _, nd := range w.nodes {
			is := slices.Contains(ids, nd.id)
			if is == nd.wanted {
				continue
			}
			args := []any{"REGENT", "NODE", "REMOVE", nd.id}
			if nd.wanted {
				args = []any{"REGENT", "NODE", "ADD", fmt.Sprintf("%d@%s", nd.id, nd.addr())}
			} else if nd.leads() {
				nd.wanted = true // it has been elected meanwhile
				continue
			}
			reply, err := w.atLeader(args...)
			w.tell("%v: %s %v", args, reply, err)
			return fmt.Errorf("node %d: %s %w", nd.id, reply, err)
		}
		if strings.Contains(list, "learner") {
			return fmt.Errorf("a node still learns: %s", list)
		}
		return nil
	})
	w.setNodes(slices.DeleteFunc(slices.Clone(w.nodes), func(nd *node) bool {
		if nd.wanted {
			nd.joins = false
			return false
		}
		w.tell("node %d is taken away", nd.id)
		nd.kill()
		return true
	}))
}

// forceLeader: a machine of three is gone for long and another one's disk is new, so that
// the third, which has led and holds everything, waits for both; an operator has it go on.
func forceLeader(w *world) (func(), bool) {
	if len(w.nodes) != 3 || slices.ContainsFunc(w.nodes, func(nd *node) bool { return !nd.up() || nd.h.off }) || !w.mayLose() {
		return nil, false
	}
	w.mendAll()
	w.recovered("nothing: before a leader is forced")
	at := slices.IndexFunc(w.nodes, (*node).leads)
	if at < 0 || w.failed() {
		return nil, false
	}
	keeps, away, empty := w.nodes[at], w.nodes[(at+1)%3], w.nodes[(at+2)%3]
	w.tell("node %d is killed for long, node %d gets a new disk, node %d holds everything", away.id, empty.id, keeps.id)
	away.kill()
	empty.kill()
	time.Sleep(4 * w.plan.timeout) // node keeps has given up the lead
	empty.fs = disktest.New()
	empty.restart()
	w.eventually("a forced leader", func() error {
		reply, err := w.ask(w.net.host(operator), keeps, "REGENT", "FORCE-LEADER")
		w.tell("REGENT FORCE-LEADER at node %d: %s %v", keeps.id, reply, err)
		if err != nil && keeps.leads() {
			return nil
		}
		return err
	})
	w.eventually("writes at a forced leader", func() error { return w.writes(w.net.host(operator), keeps.addr()) })
	return away.restart, true
}
