package sentinel

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"
	"pgregory.net/rapid"
)

// seen is a view of three nodes by node 1, changed by words:
//
//	leader=N epoch=N now=N names=a,b down=N,N copying=N moved=N left=N joined=N failover
func seen(d *datadriven.TestData, last int64) *View {
	v := &View{Names: []string{"mymaster"}, Self: 1, Epoch: 7, DownAfter: 1000, Now: 100_000, Set: Defaults()}
	ids := []int64{1, 2, 3}
	has := func(key string, id int64) bool {
		for _, a := range d.CmdArgs {
			if a.Key == key && slices.Contains(a.Vals, fmt.Sprint(id)) {
				return true
			}
		}
		return false
	}
	for _, a := range d.CmdArgs {
		switch a.Key {
		case "leader":
			fmt.Sscan(a.Vals[0], &v.Leader)
		case "epoch":
			fmt.Sscan(a.Vals[0], &v.Epoch)
		case "now":
			fmt.Sscan(a.Vals[0], &v.Now)
		case "names":
			v.Names = a.Vals
		case "joined":
			ids = append(ids, 4)
		case "failover":
			v.Failover = true
		}
	}
	v.Last = last
	if v.Leader != 0 {
		v.Last = v.Leader
	}
	for _, id := range ids {
		if has("left", id) {
			continue
		}
		n := Node{
			ID: id, Name: strings.Repeat(fmt.Sprint(id), 40), Host: fmt.Sprintf("10.0.0.%d", id), Port: 6379, SentinelPort: 26379,
			Up: !has("down", id), Copying: has("copying", id), Heard: v.Now - 100*id, Offset: 1000 + id, Priority: 100,
		}
		if !n.Up {
			n.Heard = v.Now - 5000
		}
		if has("moved", id) {
			n.Host = "10.0.1.1"
		}
		v.Nodes = append(v.Nodes, n)
	}
	return v
}

// TestMessages are what a node publishes, step by step, and what it lists.
func TestMessages(t *testing.T) {
	datadriven.Walk(t, "testdata", func(t *testing.T, path string) {
		var s State
		last := int64(1)
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			v := seen(d, last)
			last = v.Last
			var b strings.Builder
			switch d.Cmd {
			case "see":
				var out []Message
				s, out = Step(s, v)
				for _, m := range out {
					fmt.Fprintf(&b, "%s %s\n", m.Channel, m.Payload)
				}
			case "reset":
				for _, m := range v.Renewed(v.Names[0]) {
					fmt.Fprintf(&b, "%s %s\n", m.Channel, m.Payload)
				}
			case "master":
				write(&b, v.Master(v.Names[0]))
			case "replicas":
				for _, l := range v.Replicas() {
					write(&b, l)
				}
			case "sentinels":
				for _, l := range v.Sentinels() {
					write(&b, l)
				}
			case "ask":
				host, port, ok := v.Address()
				quorum, majority := v.Reachable()
				fmt.Fprintf(&b, "address %s %d %v; usable %d, quorum %v, majority %v; %v\n", host, port, ok, v.Usable(), quorum, majority, v.InfoLines())
			default:
				t.Fatalf("%s: no such command", d.Cmd)
			}
			return b.String()
		})
	})
}

func write(b *strings.Builder, l []Field) {
	for i, f := range l {
		if i > 0 {
			b.WriteByte(' ')
		}
		fmt.Fprintf(b, "%s=%s", f.Name, f.Value)
	}
	b.WriteByte('\n')
}

// TestStepsAgreeWithViews: whatever order a node sees things in, what it has published
// says what it sees. A client that starts with an address and follows +switch-master
// is at the leader whenever there is one, and one that counts +sdown and -sdown of
// replicas knows which are lost.
func TestStepsAgreeWithViews(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var s State
		at := ""
		lost := map[string]bool{}
		begun := false
		v := &View{Names: []string{"m"}, Self: 1, DownAfter: 1000, Set: Defaults()}
		for range rapid.IntRange(1, 30).Draw(t, "steps") {
			v.Now += rapid.Int64Range(0, 6000).Draw(t, "passes")
			v.Nodes = nil
			for id := int64(1); id <= 3; id++ {
				v.Nodes = append(v.Nodes, Node{ID: id, Name: fmt.Sprint(id), Host: "h", Port: int(id), SentinelPort: int(id) + 100, Up: id == 1 || rapid.Bool().Draw(t, "up")})
			}
			v.Leader = rapid.Int64Range(0, 3).Draw(t, "leader")
			if n := v.node(v.Leader); n != nil && !n.Up {
				v.Leader = 0
			}
			if v.Leader != 0 && v.Leader != v.Last {
				v.Epoch++
				v.Last = v.Leader
			}
			var out []Message
			s, out = Step(s, v)
			if !begun {
				begun = true
				if host, port, ok := v.Address(); ok {
					at = fmt.Sprintf("%s %d", host, port)
				}
				for _, n := range v.replicas() {
					lost[n.Addr()] = !n.Up && n.ID != 1
				}
				continue
			}
			for _, m := range out {
				w := strings.Fields(m.Payload)
				switch {
				case m.Channel == "+switch-master":
					at = w[3] + " " + w[4]
				case m.Channel == "+slave":
					lost[w[1]] = false
				case strings.HasSuffix(m.Channel, "sdown") && w[0] == "slave":
					lost[w[1]] = m.Channel[0] == '+'
				}
			}
			if host, port, ok := v.Address(); ok && at != fmt.Sprintf("%s %d", host, port) {
				t.Fatalf("the leader is at %s %d, and a client at %q", host, port, at)
			}
			for _, n := range v.replicas() {
				if want := !n.Up && n.ID != 1; v.Leader != 0 && lost[n.Addr()] != want {
					t.Fatalf("%s is lost: %v, and a client takes it for %v", n.Addr(), want, lost[n.Addr()])
				}
			}
		}
	})
}
