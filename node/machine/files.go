package machine

import (
	"errors"
	"fmt"

	"regent/engine"
	"regent/engine/config"
)

// Descriptors. What the system allows is for clients less what the node itself needs:
// without that reserve a client too many would keep the log, a save or a
// returning follower from getting on. As in Redis (server.c, adjustOpenFilesLimit) the
// limit is raised to what maxclients needs, and maxclients lowered to what there is.

// What a node needs beside its clients, in descriptors.
const (
	// ownFiles are Redis's CONFIG_MIN_RESERVED_FDS: listening sockets, the log and what
	// is written beside it, standard input and output.
	ownFiles = 32
	// loopFiles are an event loop's, whose number is at most that of the cores.
	loopFiles = 2
	// peerFiles are the channels with one other node: control and stream both ways, a
	// full copy, and those that are just being made.
	peerFiles = 4
	// carriedFiles are those of a plain client that is carried to the leader: its own
	// connection, and one to there.
	carriedFiles = 2
	// guestFiles are connections that may become such channels.
	guestFiles = 8
)

// errFewFiles says that not one client could be served.
var errFewFiles = errors.New("not enough open files")

// ReservedFiles is what a node with so many others needs beside its clients, and so many
// connections by HTTP.
func ReservedFiles(cfg *config.Config, others, http int) int64 {
	n := int64(http + ownFiles + loopFiles*max(Cores(), int(cfg.IOThreads.Get())))
	if others > 0 {
		n += guestFiles + peerFiles*int64(others)
	}
	return n
}

// filesEach is what a client may take: at a plain port of a node with others each may be
// carried.
func filesEach(cfg *config.Config, others int) int64 {
	if others > 0 && (cfg.PlainPort.Get() != 0 || cfg.TLSPlainPort.Get() != 0) {
		return carriedFiles
	}
	return 1
}

// FitClients raises the limit on open files to what maxclients needs, as far as
// the system lets it, and lowers maxclients to what is there. It says so.
//
// others is how many other nodes there are, http how many connections there may be by HTTP.
func FitClients(cfg *config.Config, host engine.Host, others, http int) error {
	reserve, each, want := ReservedFiles(cfg, others, http), filesEach(cfg, others), cfg.MaxClients.Get()
	was, files, err := raiseFiles(want*each + reserve)
	switch fits := (files - reserve) / each; {
	case errors.Is(err, errNoFileLimit):
		return nil // nothing is known: it is tried
	case fits < 1:
		return fmt.Errorf("your current 'ulimit -n' of %d is not enough for the server to start. Please increase your open file limit to at least %d: %w", files, reserve+each, errFewFiles)
	case fits < want:
		cfg.MaxClients.Set(fits)
		host.Logf(engine.LevelWarning, "You requested maxclients of %d requiring at least %d max file descriptors.", want, want*each+reserve)
		host.Logf(engine.LevelWarning, "Server can't set maximum open files to %d because of OS error: %v.", want*each+reserve, err)
		host.Logf(engine.LevelWarning, "Current maximum open files is %d. maxclients has been reduced to %d to compensate for low ulimit. If you need higher maxclients increase 'ulimit -n'.", files, fits)
	case files > was:
		host.Logf(engine.LevelNotice, "Increased maximum number of open files to %d (it was originally set to %d).", files, was)
	}
	// CONFIG SET maxclients asks, too.
	cfg.FitMaxClients(func(n int64) (most int64) {
		_, files, err := raiseFiles(n*each + reserve)
		if errors.Is(err, errNoFileLimit) {
			return n
		}
		return min(n, (files-reserve)/each)
	})
	return nil
}
