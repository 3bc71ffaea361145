// Command compat runs redis-server 7.0's own Tcl test suite against Regent, and
// against redis-server itself in the same way, and writes down what only
// redis-server passes and why.
//
//	make compat
//	go run ./integration/compat -regent ./bin/regent -suite DIR -units unit/type/set -write docs/compatibility.md
//
// The suite comes from Debian's source package (scripts/compat-suite.sh). It runs
// in its external mode, a unit at a time on a fresh server of each kind: tests
// that start servers of their own are left out by the suite, on both sides. A
// test counts when redis-server passes it; the share is how many of those Regent
// passes, too. What Regent does not pass stands in the table of reasons
// (reasons.go), or is shown as unexplained.
//
// It is no test: its result is a document. It ends what it started.
package main
