// Package server is the listener: it accepts connections, finds commands in
// what they send, has the engine carry them out, and sends the replies once
// the barrier lets them.
//
// # One client code, two models
//
// A client (client.go, batch.go, input.go, guard.go) is a state machine
// without I/O. What moves its bytes is a link, of which there are two:
//
//   - slot (slot_linux.go): a place in an event loop, for TCP, with TLS or
//     without, and unix sockets on Linux;
//   - netLink (goroutine.go): a goroutine per connection, for other systems,
//     and for io-model goroutine.
//
// Every test runs over both, and a third time over loops that hand their
// clients to and fro all the while; and all of that again by TLS.
//
// # A loop's turn
//
//	wait ──► inbox ──► again ──► sockets ──► hear ───► release ──► settle ──► govern
//	epoll    wakes,    had more  read 64 KB, the few   one seal    watch,     the first
//	         arrivals, than a    run whole   that this of the log, again,     loop, once
//	         orders    turn      commands    has woken one write   farewell   per window
//	                                                   per client
//
// The commands of all clients that are ready run before the first reply
// leaves; the first of them that asks the barrier hands the log what all have
// written. Their replies lie one behind the other in the loop's arena. Before the inbox
// the first loop has taken what followers of this node say (watch_linux.go): whom
// that concerns is in the inbox then.
//
// A client that listens to another of the same loop, tracks what it changes or waits for its key hears of
// that in the same turn (hear). Measured with PUBLISH by 50 clients to one, on a busy machine, twice in turns: 1.1 to
// 1.2 waits for each write to the listener and not 1.7 to 1.9, redis-server 1.0 to 1.1; 26,700 and 33,400 a
// second and not 20,200 and 23,200, redis-server 25,100 and 29,200.
//
// What holds, and why:
//
//   - A slot belongs to one loop, and only that loop's goroutine touches it
//     but for at, queued and the client's atomics. So nothing on the way of a
//     command locks.
//   - A client at rest owns no buffer: input is read into the loop's memory,
//     and only a part of a command is kept; replies stand in the arena, and
//     only what the socket does not take, or what waits for the barrier, is
//     kept. What was kept goes back to the loop.
//   - Nor does it own what commands need while they run: that is the loop's too
//     (engine.Desk). What few clients need is behind a pointer, and tests hold
//     the size of a slot and of a session to a bound: there may be many thousands.
//   - What the disk has to do for a turn's replies is done by the loop itself
//     where that is quickest, before they are released, so that nobody has to wait at
//     the barrier and be woken; replies that need no disk leave before. But no client
//     waits for a disk that stalls: another goroutine takes the loop over
//     (handoff_linux.go).
//   - A turn is bounded for each client (one read, maxBatch commands,
//     maxBatchReply bytes of replies) and for new connections (maxAccepts).
//     A client that has more to do gets another turn after all others had theirs.
//   - Wake may come from anywhere at any time, also for a client that moves or
//     is gone. It puts the slot into a loop's inbox at most once, and nudges
//     the loop at most once, if it sleeps.
//   - Sockets are watched level-triggered. Interest in input is dropped only
//     when input comes that is not wanted: most clients send nothing while
//     they wait, and changing what is watched is a system call. A socket whose
//     peer has hung up would be reported for ever, so it is not watched at all
//     until its client wants something of it.
//   - A descriptor is closed by its loop alone.
//
// # Large values
//
// A command of 32 KB and more is read into a span of its own (engine/large), up to its end and
// no further, and a value that fills it stays there: the dictionary takes the span (offer),
// and that of the value before takes the next command. Replies of large values are
// written to spans, too. Up to 64 MB of spans that are not in use keep their pages, and whatever
// sizes came before, a span takes what comes next: larger ones are split, and the oldest leave
// for those that come back. What is not needed for 5 to 10 seconds goes back to the system, or all of
// it when MEMORY PURGE asks. Spans above 2 MB are given back in steps behind the command that needs them no
// more, since 200 MB would be some tens of milliseconds of its shard and its loop, and serve the next of their size until then.
// Measured on a busy machine of two cores beside redis-server 7.0, 50 clients, P=1, µs of the
// processor per command, copied before, adopted, redis-server:
//
//	SET of 64 KB     31     25     25
//	SET of 256 KB    91     70     70
//	SET of 1 MB     753    244    267
//	GET of 1 MB     639    425    364
//
// A value of 64 KB and more that is all of GET's reply, to a client without TLS, is sent from where
// the dictionary has it, in one write with its header; what the socket does not take at once is copied. In
// three runs beside redis-server GET of 1 MB then cost 267-320 µs and not 468-483, p99 18-21 ms and not 43-46; GET
// of 64 KB 21-22 µs and not 22-25, redis-server 24-27.
//
// # How many loops
//
// Clients begin on the first loop. While the load asks for it others are put
// to work and get a share of the clients, by the work these have done lately;
// when it has gone the clients come back and the others sleep: governor.go
// says by what rule. A client is moved between two turns, when its batch is
// released: its state goes along, its socket is watched by another poller,
// wakes that arrive meanwhile follow it. Whether a core lies idle for one more
// is asked of the time for which the load has been there (idle_linux.go): after
// a pause of a second half of the machine was idle in the mean, whatever the
// load does, and bursts would each begin with one loop too many.
//
// Measured with redis-benchmark on a machine of two cores, which the
// benchmark needs one of: in commands of 64 bytes without pipelining a loop
// spends 7 to 20 percent of its time outside system calls, with 16 commands at
// a time 35 to 60 percent, with 64 more than 80 percent.
//
// # Why an epoll of our own
//
// gnet v2.9.7 was read for this and not taken:
//
//   - its loops read whenever there is something to read, into a buffer without
//     bound; a client that does not take its replies, or waits for the barrier,
//     must not be read on;
//   - it has no place after the last and before the next wait of a loop, so the
//     log could be sealed per client only, not once for all;
//   - a connection cannot leave its loop but by being closed and enrolled
//     anew, by another goroutine, under another identity.
//
// Waiting is a raw system call while the loop finds work and while its waits are
// short (keepProcessor), and one that tells the scheduler when it may last. A wait
// of 50 µs of which the scheduler is told costs more than its system call: the
// runtime's monitor wakes, looks every 20 µs whether anybody needs the processor,
// and gives it away. The alternative, to hang the loop's epoll
// into that of Go's runtime and let the goroutine park, was measured against it
// in turns: nothing between them with 50 clients and with 10, and 32 µs of the
// processor per request instead of 28 with one, which sleeps after each. The
// price is that a loop that is busy keeps its processor, so the program gives
// the scheduler some more than it has loops (cmd/regent/processors.go).
//
// Measured with SET of 64 bytes, P=1, on two busy cores: 0.31 waits, 0.08 looks
// and one read and write for a command with 10 clients; what is not a system
// call is a fifth of the processor's time. The client has the fuller core, and
// what it does for a command does not become less when the loop finds work at
// once: looks for 2 µs before each wait changed nothing, for 6 µs they took 6
// percent of the throughput and gave the loop a tenth more to do. No look before
// a wait, and a look before each, were no better than the rule of wait.
//
// # What reads a command
//
// redcon does, behind the guard that has found the command's end: what is long, or
// has come in pieces. A short one that has come whole the guard reads by itself, in the
// pass in which it looks for the end (guard.quick). The two passes were a fifth of a GET
// at P=64: 0.79 µs before and 0.56 after, in turns with redis-server at 1.47.
//
// # TLS
//
// A slot with TLS has a crypto/tls connection over a socket that never waits
// (wire_linux.go): crypto/tls can be asked again after a read that found
// nothing, and no write of it fails for want of room. So a client at rest has
// no goroutine, and clients without TLS pay one comparison per read and write.
// A handshake cannot be asked again in its middle: the loop computes it in a
// coroutine that stands still while nothing has come, or while a slow key is used
// elsewhere (shake_linux.go). A goroutine
// for each, which did the computing beside the loop, was measured against it: 11
// context switches for a handshake instead of 6, and a fifth more of the processor.
//
// Measured beside redis-server 7.0 by TLS, on two busy cores, with mutual
// ECDSA certificates: 16 KB of memory per idle connection, redis-server 31;
// 1.1 ms of the processor per handshake, redis-server 2.4; per command, with
// 50 clients, 8 to 10 µs without pipelining and redis-server 12, 1.0 to 1.6 µs
// with 16 at a time and redis-server 1.4 to 2.4. A goroutine per connection in
// its place would cost its stack and its buffer for as long as the connection
// lasts. TLS in the kernel was not tried: crypto/tls gives its keys to nobody.
//
// # What it does not do
//
// It does not know commands, and asks nothing about a command but where it
// ends. It keeps no time of its own: Host has the clock; the loops' own
// measuring, which is no part of what clients see, uses Go's.
package server
