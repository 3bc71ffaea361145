package enginetest

import (
	"fmt"

	"regent/engine"
)

// NodeName is a node's 40 digits in ThreeNodes.
func NodeName(id int) string { return fmt.Sprintf("%040x", id) }

// ThreeNodes is the view of node me, of three; none leads if leader is 0.
func ThreeNodes(me, leader int) engine.View {
	v := engine.View{Clustered: true, Leading: me == leader, NodeID: int64(me), LeaderID: int64(leader), Serves: leader != 0, Epoch: 7}
	if leader != 0 {
		v.Leader = fmt.Sprintf("10.0.0.%d:7000", leader)
	}
	for id := 1; id <= 3; id++ {
		v.Nodes = append(v.Nodes, engine.NodeView{
			ID: int64(id), Name: NodeName(id), Host: fmt.Sprintf("10.0.0.%d", id), Port: 7000,
			Myself: id == me, Leader: id == leader, Up: true, Offset: 100, Lag: 1, PongAt: Start,
		})
	}
	return v
}
