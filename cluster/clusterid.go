package cluster

import (
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"regent/cluster/peer"
)

// A cluster ID is made by the first leader and learned by everyone else, so
// that two clusters that meet by mistake refuse each other. Two first leaders,
// one of which never got anywhere, must not leave two IDs behind. So an ID is
// tentative, with the epoch of the leader that stands for it, until that
// leader serves:
//
//   - a node that becomes leader without an ID makes one; with one, it takes it into
//     its own epoch. Both are on disk before it tells of the ID, and before its epoch
//     begins.
//   - a tentative ID gives way to one of a later epoch, and to a confirmed one.
//     A follower has it on disk before it acknowledges a byte.
//   - a leader that serves has its epoch's record at a majority, so each later
//     leader has heard this ID of the latest epoch among its voters: it is
//     confirmed, and never changes again.

// idDigits is the length of a cluster ID in hex digits.
const idDigits = 40

// A clusterID is what a node knows of its cluster's ID. The zero value is
// nothing.
type clusterID struct {
	hex       string
	epoch     int64 // of the leader that stands for it
	confirmed bool
}

// errForeignCluster says that a message comes from another cluster.
var errForeignCluster = errors.New("the node belongs to another cluster")

// merge takes what another node knows.
func (c clusterID) merge(o clusterID) (clusterID, error) {
	switch {
	case o.hex == "":
		return c, nil
	case c.confirmed && o.confirmed && c.hex != o.hex:
		return c, errForeignCluster
	case c.confirmed:
		return c, nil
	case o.confirmed, o.epoch > c.epoch, c.hex == "":
		return o, nil
	}
	return c, nil
}

// lead is the ID of a node that becomes leader in epoch.
func (c clusterID) lead(epoch int64, random func() uint64) clusterID {
	if c.hex == "" {
		var b []byte
		for len(b) < idDigits/2 {
			n := random()
			for i := range 8 {
				b = append(b, byte(n>>(8*i)))
			}
		}
		c.hex = hex.EncodeToString(b[:idDigits/2])
	}
	if !c.confirmed {
		c.epoch = epoch
	}
	return c
}

// String is the ID as it stands in a frame: "-", "hex@epoch" or "hex".
func (c clusterID) String() string {
	switch {
	case c.hex == "":
		return peer.Unknown
	case c.confirmed:
		return c.hex
	}
	return c.hex + "@" + strconv.FormatInt(c.epoch, 10)
}

// sure is the ID for a handshake: only what cannot change.
func (c clusterID) sure() string {
	if c.confirmed {
		return c.hex
	}
	return peer.Unknown
}

func parseClusterID(s string) (c clusterID, err error) {
	if s == peer.Unknown {
		return c, nil
	}
	var epoch string
	var tentative bool
	c.hex, epoch, tentative = strings.Cut(s, "@")
	c.confirmed = !tentative
	if tentative {
		if c.epoch, err = strconv.ParseInt(epoch, 10, 64); err != nil || c.epoch < 1 {
			return clusterID{}, fmt.Errorf("cluster ID %.64q", s)
		}
	}
	if b, err := hex.DecodeString(c.hex); err != nil || len(b) != idDigits/2 {
		return clusterID{}, fmt.Errorf("cluster ID %.64q", s)
	}
	return c, nil
}
