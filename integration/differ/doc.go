// Command differ compares Regent with redis-server 7.0 over random commands of all data
// types, and shrinks what differs to a short script.
//
//	go run ./integration/differ -regent ./bin/regent -seeds 20 -commands 50000
//	go run ./integration/differ -regent ./bin/regent -nodes 3
//
// Both are real processes. What is drawn comes from redis-server's own COMMAND DOCS, so
// that every command and option is reached, and from what that does not tell
// (domain.go): keys and values so few that things collide, with edges and nonsense among
// them. Each run says which commands and options have done something.
//
//	COMMAND DOCS ──► generator ──► steps ──┬──► Regent ───────► replies ──┐
//	                (gen, domain)          └──► redis-server ─► replies ──┴─► judge (rules.go)
//	                                            ▲ mirrored: what is random, or the clock's
//
// # Rounds
//
// A round begins with an empty keyspace and some thresholds, and has some hundred steps:
// commands on three connections, pipelined where nothing else is said; transactions with
// others in between; commands that block, with what may wake them; thresholds changed;
// databases; RESP2 and RESP3. After every 150 steps the whole keyspaces are compared:
// keys, types, encodings, DUMP, times to live and digests. At the end of some rounds
// Regent is killed, loads its log and is compared again, and goes on for a while. With
// three nodes the followers' digests must become the leader's.
//
// # What is not compared to the byte
//
// The list is rules.go, a reason each. What cannot be compared by a reply is arranged so
// that it can (special.go): SPOP's choice is looked up and then taken away at
// redis-server, too; an ID that Regent's clock has given is told to redis-server; SCAN's
// walks are compared as wholes; STOREDIST's scores are compared and removed.
//
// # Time
//
// No outcome depends on it. Times to live are hours apart from each other, or a few
// milliseconds, over which both servers are left alone. A blocked client is waited for
// until the server says that it is blocked.
//
// # What it does not do
//
// Scripts, functions, access lists, pub/sub, eviction, files and MIGRATE: they have
// tests of their own. It says nothing of speed.
package main
