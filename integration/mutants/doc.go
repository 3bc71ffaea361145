// Mutants plants faults, one at a time, where the engine, the log, the election,
// the barrier and the sockets meet, and tells which of them no test notices.
//
// For: proof that the tests look at what they seem to look at. A line that can be
// made wrong with every test still passing is a line without a test, however often
// it is run.
//
// Not for: coverage, and not for random mutation. Each fault in mutants.txt is one
// that somebody could make, and that would cost a client data or a wrong answer.
//
// How it works: the compiler is handed the changed file in place of the real one
// (go test -overlay), so the tree is never touched and several may run side by side.
// The tests that a line names run first, in seconds; what they let live may still be
// caught by the tests of the file's own package, and what those let live by the
// simulator (integration/sim), which runs the whole cluster. What all let live
// survives, and the program ends with status 1.
//
//	mutants.txt ─► changed copy ─► go test -overlay -run TestNamed ./a/package ─► caught
//	                                  │ passes
//	                                  ├─► go test -overlay ./its/package ─► caught
//	                                  │ passes
//	                                  └─► go test -overlay ./integration/sim ─► caught
//	                                                │ passes
//	                                                └─► survives
//
// With -quick the tests that a line names must notice it by themselves: minutes in place of
// hours, for the time while a table or its tests are written.
//
// A line of the table is the file's path, what is replaced, which must stand there
// once, and by what, the two in Go's quotes; then, if that is known, a package and which of
// its tests notice it (TestA|TestB). The comment above it says what goes
// wrong. TestTable sees to it that the table fits the code as it is, and that these tests
// are there.
//
// A mutant that does not compile proves nothing and is an error. One that hangs the
// tests is caught: they have a time limit.
package main
