// Command compat runs redis-server 7.0's own Tcl test suite against Regent, and
// against redis-server itself in the same way, and writes down what only
// redis-server passes and why.
//
//	make compat
//	go run ./integration/compat -regent ./bin/regent -suite DIR -units unit/type/set -write docs/compatibility.md
//
// The suite comes from Debian's source package (scripts/compat-suite.sh). It runs a
// unit at a time, in three modes (modes.go): the external one, against a fresh server of each
// kind, where the suite leaves out the tests that start servers of their own; the
// suite's own mode, with Regent in the place of src/redis-server (home.go); and that by
// TLS. A test counts when redis-server passes it; the share is how many of those
// Regent passes, too. What Regent does not pass stands in the table of reasons
// (reasons.go), or is shown as unexplained. With -mode and -units only these are run:
// what the page says of others stays.
//
// It is no test: its result is a document. It ends what it started.
package main
