// Command clients runs small programs, each with another client library, against a
// cluster of three nodes, and has the leader fail meanwhile:
//
//	go run ./integration/clients -regent bin/regent -write docs/clients.md
//
// Each program counts: it writes 1, 2, 3, … under a key, and reads back after each. It
// says at its end how many writes were acknowledged, how many errors it saw, for how long it
// had to wait between two that were, and how often it read less than what it had been
// told is written. What is found at the leader afterwards tells whether anything was
// lost.
//
//	program ── port ───────────► cluster face      its client knows clusters
//	        ── sentinel-port ──► Sentinel face     it asks where the master is
//	        ── plain-port ─────► plain face        it has one address, of a node that lives
//	        ── HAProxy ────────► plain faces       it has HAProxy's (haproxy.go)
//
// Where the leader is to be cut off from the others, each node is on a host of its own
// (hosts_linux.go), and the programs run where all of them can be reached. What ten plain
// clients behind HAProxy see is measured apart (ten.go), and so is what a tunnel costs (cost.go).
//
// The programs are in their clients' languages (programs/, more/), and those of go-redis in
// this one. A program whose language is not installed is left out, and said to be.
//
// What a program does about an error is its client's doing, but for those that know
// nothing else than to be made anew (phpredis, Redis.pm, hiredis).
package main
