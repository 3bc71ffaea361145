// Command bench measures Regent beside redis-server on one machine and prints
// ratios. Absolute figures of a shared machine mean little from one second to
// the next; a ratio of what is measured at once does. So both servers stay up,
// and a cell is measured in many short slices of one and the other in turn, in
// the order ABBA. Each pair of adjacent slices gives a ratio of throughput and
// of p99: what counts is the median of these, and their quartiles stand beside
// it. CPU per request is that of all slices together, and p99.9 of all their
// requests, because what happens once in a second is in few slices.
//
//	make bench                                        what must hold, in some minutes
//	go run ./integration/bench -quick                 less of it, in a few minutes
//	go run ./integration/bench -full                  every family, size and depth
//	go run ./integration/bench -write BENCHMARKS.md   and docs/throughput.svg
//
// How long each takes is bounded (plan.go): a slice lasts as long, however fast
// a server is; where it can't, there are fewer of them; and a run that exceeds
// its budget fails.
//
// The reference is redis-server with io-threads 1 and with 2, whichever has
// the better throughput in a cell. All servers listen on loopback, run
// at the same time and have the same persistence; only one is under load, and
// what it still does when its clients have gone is over before the next one's
// slice begins (rest.go). Measured without that, redis-server had 0.87 of itself
// in slices of 50 clients, SET, P=1, that came after one of io-threads 2, and 1.06
// in the others.
//
// The sections, each a file, and what they have in common:
//
//	slices.go       how servers are compared
//	rest.go         how a slice ends
//	throughput.go   requests per second, CPU per request, p99, p99.9
//	cycles.go       XADD, XREADGROUP and XACK on entries; RESTORE
//	programs.go     scripts, functions, transactions, PUBLISH, INCR beside clients that track
//	limit_linux.go  P=1 beside a loop that only reads, parses and answers
//	memory.go       bytes per key, bytes per idle connection
//	tls.go          the same by TLS, new connections, idle ones; a user with 50 patterns
//	values.go       bytes per element of lists, sets, hashes and sorted sets
//	load.go         time to load a log
//	rewrite.go      BGREWRITEAOF under writers: longest pause, memory
//	nodes.go        three nodes against a redis-server with two replicas
//	stalls.go       what others notice of FLUSHALL, of a million keys that expire at once, of what is done to
//	                a collection of a million
//	copies.go       the same of a full copy: the other part of that section
//	pauses.go       the collector's stops, a dictionary's longest steps
//
// What it does not do: judge. Bars are for people; a test never fails by a
// time.
package main
