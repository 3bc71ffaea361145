package cluster

import (
	"bytes"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"regent/aof/disk"
	"regent/cluster/bully"
	"regent/engine/config"
)

// The state file holds what a node must know again after its end whatever
// happens to it: what it has promised. It is a few lines of text,
//
//	regent-cluster-state 1
//	node 7001
//	cluster 5f0c…
//	epoch 12
//	vote 7002
//	lost no
//	forgot no
//	voters 7001 7002 7003
//	voters-version 1
//	voters-epoch 0
//	learners
//	voters-before 3 1 7001 7002 7003
//	addresses 7001@10.0.0.1:7001,…
//	witnesses 7003
//	reached 12 48213
//	fsynced no
//	clean no
//	boot 3c9a5e0e-…
//	checksum 1c291ca3
//
// where addresses is there only once the nodes were changed: see bully's
// Configuration; witnesses where there are some; and voters-before if this node was removed: HardState's Before. reached is an epoch and an offset that the log had come to when
// the file was written (reached.go); fsynced says that nothing was acknowledged
// since the start that an fsync had not covered. The file is written aside, synced, renamed over the old one,
// and the directory synced: after a crash at any moment there is the old state
// or the new one.

// stateFileName is the file's name in the data directory.
const stateFileName = "cluster.state"

// maxStateFile bounds it in bytes.
const maxStateFile = 64 << 10

const stateMagic = "regent-cluster-state 1"

// durable is what the file holds.
type durable struct {
	node    int64
	cluster clusterID
	hard    bully.HardState
	voters  []int64        // as configured; hard.Members, if there are any, were changed since
	clean   bool           // the node ended in order
	reached bully.Position // the log had come so far
	// witnesses are those of the other nodes that said so last: none is shown to clients
	// before it is heard again.
	witnesses []int64
	marked    bool   // that is known, and a mark was made beside it
	loose     bool   // something was acknowledged without an fsync
	boot      string // the machine's boot ID when it was written; "" where there is none
}

var errStateDamaged = errors.New("the cluster state file is damaged")

func (d *durable) encode() []byte {
	var b bytes.Buffer
	yesNo := map[bool]string{true: "yes", false: "no"}
	fmt.Fprintf(&b, "%s\nnode %d\ncluster %s\nepoch %d\nvote %d\nlost %s\nforgot %s\n",
		stateMagic, d.node, d.cluster, d.hard.Epoch, d.hard.VoteFor, yesNo[d.hard.MayHaveLost], yesNo[d.hard.Forgot])
	m := d.hard.Members
	if len(m.Voters) == 0 {
		m = bully.Configuration{Version: 1, Voters: d.voters}
	}
	b.WriteString("voters")
	for _, v := range m.Voters {
		fmt.Fprintf(&b, " %d", v)
	}
	fmt.Fprintf(&b, "\nvoters-version %d\nvoters-epoch %d\nlearners", m.Version, m.Epoch)
	for _, v := range m.Learners {
		fmt.Fprintf(&b, " %d", v)
	}
	if before := d.hard.Before; len(before.Voters) > 0 {
		fmt.Fprintf(&b, "\nvoters-before %d %d", before.Epoch, before.Version)
		for _, v := range before.Voters {
			fmt.Fprintf(&b, " %d", v)
		}
	}
	if m.Addrs != "" {
		fmt.Fprintf(&b, "\naddresses %s", m.Addrs)
	}
	if len(d.witnesses) > 0 {
		b.WriteString("\nwitnesses")
		for _, id := range d.witnesses {
			fmt.Fprintf(&b, " %d", id)
		}
	}
	if d.marked {
		fmt.Fprintf(&b, "\nreached %d %d\nfsynced %s", d.reached.Epoch, d.reached.Offset, yesNo[!d.loose])
	}
	fmt.Fprintf(&b, "\nclean %s\nboot %s\n", yesNo[d.clean], d.boot)
	fmt.Fprintf(&b, "checksum %08x\n", checksum(b.Bytes()))
	return b.Bytes()
}

func checksum(b []byte) uint32 { return crc32.Checksum(b, crc32.MakeTable(crc32.Castagnoli)) }

func decodeState(b []byte) (d durable, err error) {
	at := bytes.LastIndex(b, []byte("\nchecksum ")) + 1
	if at == 0 || string(b[at:]) != fmt.Sprintf("checksum %08x\n", checksum(b[:at])) {
		return d, errStateDamaged
	}
	lines := strings.Split(strings.TrimSuffix(string(b[:at]), "\n"), "\n")
	if lines[0] != stateMagic {
		return d, fmt.Errorf("%w: it begins with %.40q", errStateDamaged, lines[0])
	}
	for _, line := range lines[1:] {
		name, value, _ := strings.Cut(line, " ")
		if err := d.set(name, value); err != nil {
			return d, fmt.Errorf("%w: %q: %w", errStateDamaged, line, err)
		}
	}
	if m := d.hard.Members; m.Epoch == 0 && m.Version <= 1 {
		// As configured then; what is configured now counts.
		d.hard.Members = bully.Configuration{}
	}
	return d, nil
}

func (d *durable) set(name, value string) (err error) {
	switch name {
	case "node":
		d.node, err = strconv.ParseInt(value, 10, 64)
	case "cluster":
		d.cluster, err = parseClusterID(value)
	case "epoch":
		d.hard.Epoch, err = strconv.ParseInt(value, 10, 64)
	case "vote":
		d.hard.VoteFor, err = strconv.ParseInt(value, 10, 64)
	case "lost":
		d.hard.MayHaveLost = value == "yes"
	case "forgot":
		d.hard.Forgot = value == "yes"
	case "voters":
		d.hard.Members.Voters, err = parseIDs(value)
	case "learners":
		d.hard.Members.Learners, err = parseIDs(value)
	case "voters-before":
		var ids []int64
		if ids, err = parseIDs(value); err == nil && len(ids) < 3 {
			err = errors.New("it is too short")
		}
		if err == nil {
			d.hard.Before = bully.Configuration{Epoch: ids[0], Version: ids[1], Voters: ids[2:]}
		}
	case "addresses":
		d.hard.Members.Addrs = value
		_, err = config.ParsePeers(value)
	case "witnesses":
		d.witnesses, err = parseIDs(value)
	case "voters-version":
		d.hard.Members.Version, err = strconv.ParseInt(value, 10, 64)
	case "voters-epoch":
		d.hard.Members.Epoch, err = strconv.ParseInt(value, 10, 64)
	case "reached":
		d.marked = true
		_, err = fmt.Sscanf(value, "%d %d", &d.reached.Epoch, &d.reached.Offset)
	case "fsynced":
		d.loose = value != "yes"
	case "clean":
		d.clean = value == "yes"
	case "boot":
		d.boot = value
	default:
		err = errors.New("no such line is known")
	}
	return err
}

func parseIDs(value string) (ids []int64, err error) {
	for w := range strings.FieldsSeq(value) {
		v, err := strconv.ParseInt(w, 10, 64)
		if err != nil {
			return nil, err
		}
		ids = append(ids, v)
	}
	return ids, nil
}

// loadState reads the file; found is false when there is none yet.
func loadState(fsys disk.FS, dir string) (d durable, found bool, err error) {
	path := filepath.Join(dir, stateFileName)
	b, err := disk.Read(fsys, path, maxStateFile)
	if errors.Is(err, fs.ErrNotExist) {
		return d, false, nil
	}
	if err == nil {
		d, err = decodeState(b)
	}
	if err != nil {
		return d, false, fmt.Errorf("%s: %w", path, err)
	}
	return d, true, nil
}

// saveOn makes d durable.
func (d *durable) saveOn(fsys disk.FS, dir string) error {
	return disk.ReplaceBytes(fsys, filepath.Join(dir, stateFileName), d.encode())
}

// bootID tells one start of the machine from another, "" where the system
// does not say.
func bootID() string {
	b, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(b))
}
