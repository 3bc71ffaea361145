package cluster

import (
	"errors"
	"time"

	"regent/engine"
	"regent/engine/config"
)

// A lone server leads from the first moment to the last.
type lone struct{ view engine.View }

// Lone is the cluster of a server without peers, reached by clients at host and
// port, and at the ports of its other faces.
func Lone(id int64, host string, port int, cfg *config.Config) engine.Cluster {
	faces := facePorts(cfg)
	name := nodeName("", id)
	self := engine.NodeView{ID: id, Name: name, Host: host, Port: port, Myself: true, Leader: true, Up: true}
	show(&self, faces)
	return &lone{engine.View{
		Leading: true, Serves: true, NodeID: id, LeaderID: id, Leader: config.Spell(host, self.Port), LinkUp: true,
		Nodes: []engine.NodeView{self},
	}}
}

func (l *lone) View() *engine.View           { return &l.view }
func (l *lone) MustHold() bool               { return false }
func (l *lone) LeaseOver() bool              { return false }
func (l *lone) LeaderSilent() bool           { return false }
func (l *lone) Publish(bool, []byte, []byte) {}
func (l *lone) AckedBy(int64) int            { return 0 }
func (l *lone) SyncedBy(int64) int           { return 0 }
func (l *lone) Links() []engine.LinkView     { return nil }

func (l *lone) Handover(int64, time.Duration) error { return engine.ErrNoTarget }
func (l *lone) AbortHandover() bool                 { return false }
func (l *lone) AskHandover() error                  { return engine.ErrNoLeader }
func (l *lone) ForceLeader() error                  { return errLeads }

func (l *lone) AddNode(config.Peer, time.Duration) error { return engine.ErrAlone }
func (l *lone) RemoveNode(int64, time.Duration) error    { return engine.ErrAlone }

var errLeads = errors.New("this node leads already")
