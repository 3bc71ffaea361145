// Package repl carries the log from the leader to one follower over one
// stream connection, and the follower's acknowledgements back.
//
//	leader (Sender)                                   follower (Receiver)
//	   │ OPEN  end commit start history                  │
//	   ├────────────────────────────────────────────────►│ follows this epoch? cut to the
//	   │           READY offset [held crc] (or COPY)     │ last common point
//	   │◄────────────────────────────────────────────────┤
//	   │ DATA  offset commit bytes                       │
//	   ├────────────────────────────────────────────────►│ append whole records
//	   │                  HELD received durable applied  │
//	   │◄────────────────────────────────────────────────┤
//	   │ COMMIT commit (when there is no data to ride on)│
//	   ├────────────────────────────────────────────────►│ apply up to commit
//	   │ ASK   round                                     │
//	   ├────────────────────────────────────────────────►│ follows this epoch still?
//	   │                            ANSWER round synced  │
//	   │◄────────────────────────────────────────────────┤
//	   │ AWAIT offset                                    │
//	   ├────────────────────────────────────────────────►│ until that is applied
//	   │                                APPLIED offset   │
//	   │◄────────────────────────────────────────────────┤
//
// The last common point. Equal (epoch, offset) on two logs means equal bytes
// up to there, since an epoch has one leader, which writes one sequence. So two
// logs agree up to the earlier end of the latest epoch that both have. The
// leader sends where each of its epochs began; the follower compares with its
// own and cuts what lies beyond. This takes one exchange where asking back
// epoch by epoch takes one per epoch.
//
// Rules:
//
//   - A log that holds data but no epoch, a lone server's, is neither cut nor
//     replaced: see errOwn.
//   - Within its epoch a leader's log only grows. A stream or a full copy of the epoch that
//     the follower's log ends in, and that knows of less than the follower has, was begun
//     before another one and is looked at late: it is refused, for to cut what was
//     acknowledged since would lose writes.
//   - The follower writes whole records only (a transaction is one), so that
//     its log never ends inside one: it may be elected at any moment, and what
//     it then appends must be readable. A chunk's tail waits in memory, and outlives
//     the stream: the next one of the epoch goes on behind it (Part).
//   - No fixed time ends a stream, for a value of 200 MB takes what it takes. A side
//     gives the other up when it takes nothing and says nothing for the election
//     timeout, while there is something to send. A follower that appends for long
//     says HELD again, up to maxWork. Heartbeats have a connection of their own and
//     are never behind a record.
//   - It asks whether it still follows the epoch before each append, and again
//     after the election was told of the new position and before it
//     acknowledges: bytes acknowledged behind the election's back could be
//     missing in the leader it helps to elect.
//   - It applies only what the leader said is committed, in order, one goroutine
//     at a time (Applier), reading its own log: the one that has received it, if it is
//     little and nothing holds it up, and one that is there for the rest. Its readers never see what may
//     be taken back, and a burst is no memory.
//   - The commit offset rides on data. When there is none it is sent by itself
//     a moment after it has moved: soon enough for readers at followers, and
//     not once per acknowledgement.
//   - DATA says in its Seq whether anybody waits for its acknowledgement: with write-acks
//     leader nobody does, as a rule, and one HELD in ackDelay does for many frames, and one
//     frame in gather for what several turns have written. AWAIT follows what was put off,
//     and has it told at once.
//   - What the follower says is taken by the event loop whose clients wait for it, first in
//     its turn (intake.go): their replies leave in the same. A timer looks as well, since a
//     loop may be long in a turn.
//   - What may wait a moment, a commit offset without data and what is gathered, is sent by
//     a loop at the end of a turn, or before it rests (Sender.tend), and what a follower puts
//     off by its receiver, which waits for that long itself (Receiver.awaitMore). A timer of
//     2 ms each woke two threads some hundred times a second: of write-acks leader they were
//     half of all changes of threads and two thirds of all futex calls.
//     Measured together with what cluster/peer says of a follower's socket, with three nodes,
//     50 clients that send one SET at a time and two busy cores, in turns: the processor time
//     of all nodes per write went from 18.3 to 14.7 µs (write-acks leader) and from 25.8 to
//     20.9 (quorum), changes of threads per write at the leader from 0.26 to 0.18, at a
//     follower from 0.17 to 0.07 (both quorum).
//   - With write-acks quorum a follower beyond the majority that clients wait for is sent what
//     is gathered, as with write-acks leader, but says at once that it has it
//     (SenderConfig.Spare): cluster.spare chooses it. Where one of the others stands
//     still, what was gathered leaves when the loop rests, a millisecond later, and the
//     one that has it is among the first from then on.
//   - Frames that have come together are appended together: one write to the log, one word
//     to the election and one acknowledgement (Receiver.join). With quorum a follower found 1.7
//     of them when it woke.
//   - Records are parsed some ahead of their turn, and what their keys need is fetched
//     (walker.look, engine/foresee.go): a follower's search for its keys was a quarter of its time.
//     These three together, measured as above: a follower's processor time as part of the leader's, which does not
//     change with the machine, went from 0.28 to 0.24 with one SET at a time (quorum), and
//     from 0.74 to 0.57 with 16; writes to the log per record from 0.045 to 0.028.
//   - HELD says what was applied when it was sent, and nothing follows it when
//     more has been: writes that nobody waits for (WAIT) pay for no more. Who
//     waits has the leader say AWAIT: the commit offset is then sent as soon as
//     it moves, and each slice that is applied is told, until the offset is.
//
// A full copy. When no common point is left on disk, or the follower has never
// had one, the leader streams its keyspace at one moment over a connection of
// its own, and the log goes on from that moment's offset:
//
//	leader (CopySender)                               follower (CopyReceiver)
//	   │ BASE  offset database total history             │
//	   ├────────────────────────────────────────────────►│ follows this epoch?
//	   │ PART  at crc bytes …                            │
//	   ├────────────────────────────────────────────────►│ writes a base file aside
//	   │                          PING every second      │
//	   │◄────────────────────────────────────────────────┤
//	   │ DONE  total crc                                 │
//	   ├────────────────────────────────────────────────►│ still follows? log and
//	   │                                  READY offset   │ keyspace are replaced
//	   │◄────────────────────────────────────────────────┤
//
// Where it was cut is known before its first byte, so it stands at the
// beginning. Checksums (CRC-32C) are of each piece and of the whole. Until DONE
// the follower changes nothing, and its readers see what they saw; from then on
// they get -LOADING. Either side gives up the other after copyPatience of
// silence. What the copy holds may not be committed yet: its readers wait.
//
// What the sender has not seen acknowledged is bounded (Window): a follower
// that stands still costs the leader no memory, only its place in the log.
//
// The package does not know which node leads, dials no node, and takes no lock of the
// engine's but through Applier.
package repl
