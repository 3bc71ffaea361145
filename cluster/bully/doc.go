// Package bully decides which node leads: a bully election by epochs, as a pure state
// machine. It is the specification of the protocol as well; the code beside it
// holds to these words, the traces in testdata tell them as stories, the
// simulator (sim_*_test.go) tries to break them, and model/ is the same
// protocol for a model checker.
//
// # What it is for, and what not
//
// A Node is one voter's part. It takes messages, the time, news of its log and
// of its peers, and returns what is to be done: persist this, revoke the lease, send
// those. It says which node leads, whether this node may answer as the leader at this
// moment (the lease), and which part of the log is committed.
//
// It does no I/O, has no clock, goroutine, lock or address, and does not carry
// the log: streams copy it (package repl), and tell the node how far it is.
// Its driver (package cluster) owes it what types.go lists; the safety
// argument rests on that list as much as on the rules here.
//
// It withstands crashes, restarts, stopped processes, lost, doubled, late and
// reordered messages, links cut in one or both directions, firewalls and proxies
// that refuse connections in a node's name, and clocks whose
// rates differ by at most a fifth. It does not withstand liars, a state file
// put back from a backup, two processes with one ID, new disks at a majority
// while the others are down: that is a new cluster, or a new disk right after
// members changed that most of the others have not heard of.
//
// # The bully
//
// Garcia-Molina's bully (1982) elects the highest ID: a node that misses the
// leader asks the nodes above it; one that lives answers and runs itself, and a
// node that gets no answer declares itself and is obeyed. It assumes that silence within T
// means death. Where that fails, and it does with one stopped process, two
// nodes lead, and with the wrong data.
//
// The words and the outcome are kept: ELECTION, OK, COORDINATOR, HEARTBEAT, a
// higher node stands the lower one down and runs itself, and in the end the
// highest ID leads. What makes it safe is added around them: epochs and votes
// on disk, a majority, freshness before ID, a lease, a pre-round that disturbs
// nobody, evidence of death that saves the wait, and a planned handover. So the
// ID is a preference among equals, never a reason to refuse: else a high node
// that no majority can reach would block all others for ever.
//
// # Messages
//
// All carry sender, addressee, the sender's epoch, a sequence number, the
// sender's log position, and which configuration it has. A position is (epoch of the last record, offset) and
// compared in this order. A message from no voter, to another node, or with
// numbers that cannot be is dropped.
//
//	ELECTION     candidate → all     phase pre or real, perhaps a token. "May I lead?"
//	OK           voter → candidate   GRANT, STANDDOWN, REFUSE with a reason, known leader and its address
//	COORDINATOR  leader → all        "I lead", client address, commit; once
//	HEARTBEAT    leader → all        the same each interval, send time; it heals a lost COORDINATOR
//	ACK          follower → leader   echo of sequence and send time, durable offset, how long its promise lasts
//	RESIGN       leader → all        "I have no lease now": disk, lease lost, orderly end
//	HANDOVER     follower → leader   "hand over to me", by an operator's wish
//	TAKEOVER     leader → target     "I have no lease now, for you": token, last offset
//
// The first heartbeats of a bully ran from follower to leader. Here the leader
// speaks first, since its lease must count from a moment on its own clock; the
// ACK keeps the old meaning.
//
// # What is on disk before what leaves
//
// The epoch, which node got this node's vote in it, the two marks of rule 12, and the
// configuration (HardState). Output.Persist
// comes before all messages of that output: a vote is on disk before OK leaves,
// the candidate's own vote before ELECTION real, a higher epoch before anything
// is said in it. While it cannot be written the node says nothing at all. Until the
// driver says that it is (Saved), time passes and messages are taken, for the disk may take
// longer than T; the node neither suspects nor runs, and a candidate's phase begins with Saved,
// when its question leaves.
// Nothing else is kept: promises to leaders are forgotten by a crash, and
// rule 9 makes up for that.
//
// A log whose last record is of a later epoch than the state file knows proves
// that the file was lost: that epoch's vote is then taken as spent, and the node
// has forgotten (rule 12).
//
// The other way round, a position that the log has reached is kept beside the
// state file, since a log that was shortened, removed or put back from an older
// copy looks like one that was never longer. It costs no sync and is never behind
// what was acknowledged: the end of the process, which leaves what was written,
// leaves it too. So on a machine that stayed up no byte is lost unnoticed. After
// a power loss it may be as old as the last state file, which is synced with each
// epoch and vote; but then a node that does not sync each write may have lost
// something anyway, and with one that does it says no more than was synced. What
// goes unnoticed is a log that was shortened and is still longer than that file
// says, in the same outage in which the power failed; and log and state file put
// back together from one copy.
//
// # Rules
//
// Two lengths rule them. T, Config.Timeout, is how long a leader must be silent
// before it is suspected: nothing but peace rests on it. P is how long a voter's
// promise to a leader lasts, a quarter more than Config.Lease: what a leader may
// answer rests on it. P is at most T, and as a rule much shorter: several
// heartbeats, a few times what a message may take.
//
//  1. Suspicion. A follower that heard nothing from its leader for T waits for
//     its turn, T/10 for each reachable peer that should go first, by position
//     and then by ID, and a random T/20. The best does not wait. So it runs first,
//     mostly alone, and where two think so of themselves the pre-round, which changes
//     nothing, tells them apart.
//  2. Pre-round. ELECTION pre asks how others would vote, and changes nothing
//     anywhere. A voter refuses while it hears a leader (for T from a heartbeat,
//     but see 8), while its promise to one lasts (7), within T of its own
//     start, and a candidate whose position is behind its
//     own (10). Of equal position and higher ID, and seeing a majority itself, it
//     answers STANDDOWN and runs at once. A question that it refuses as stale
//     wakes it to its turn. Neither while it backs off: one question wakes
//     several nodes together. Else GRANT.
//  3. Standing down. After STANDDOWN a node waits 2T. If no COORDINATOR comes
//     it runs again, and that node's STANDDOWN counts as GRANT until somebody
//     leads.
//  4. Real round. With a majority of grants the candidate takes epoch + 1, one
//     more than any it heard of, votes for itself, and asks again. A voter
//     refuses under the same promises; a lower epoch; an epoch in which it
//     voted for another; a position behind its own. Else it grants, and holds
//     still for T. IDs do not matter here. No majority within T: the candidate
//     backs off by T·2^k, k at most 3, ± half, and by what its disk takes in place of
//     T if that is longer. It stands in the same epoch again unless another is known to
//     lead it or to have got a vote in it: votes whose disks took longer than T are there by
//     then, and one that says so late wakes the candidate.
//  5. Leading. With a majority of votes it is leader of that epoch, says so,
//     and the driver appends a record of the epoch to the log. It serves when
//     that record is committed.
//  6. Commit. An offset is committed when a majority holds it durably and it is
//     not before the end of the record of the leader's own epoch. What counts
//     as held is what the epoch's own stream acknowledged, or what an ACK says
//     of a log whose last record is of this epoch: any other log may have a
//     tail that this leader never saw, whose length says nothing. Followers
//     learn the commit offset, and believe it as far as their log is known to
//     be the leader's.
//  7. Promise and lease. With each heartbeat a voter promises its sender to
//     help nobody else, itself included, for P from the receipt, and says in ACK
//     how long its P is: nodes may have been told different ones. The leader may
//     answer until 0.8·P after it sent the newest heartbeat that a majority
//     acknowledged, each with its own P. Past that the lease has run out:
//     the leader answers nothing, and what it was about to answer waits. That is
//     no election yet. If a newer heartbeat is acknowledged, the lease holds
//     again, all that waited goes on, and nobody has noticed more than
//     a moment's delay; a busy machine and a lost packet cost no more. Where the
//     answers take longer than the lease it never holds: Status.LeaseLate tells
//     the driver to prove each answer by asking a majority after it. T after
//     the newest one that was acknowledged the leader resigns. The
//     lease is asked for when a command is taken and again just before its
//     reply leaves: a process that was stopped in between has the reply in its
//     hand when it wakes.
//  8. Evidence. A refused dial at the peer's own address says that its process
//     is gone, if the dial began after its last word. How much that is worth
//     depends on what can have said it. On this machine, where the kernel that
//     answers is the one that ran the process, it is Proof, as RESIGN is: it ends
//     the promise to that leader at once, and nobody waits. From another machine
//     it is a Sign: a firewall, a proxy, NAT gives the same answer in the name
//     of a node that lives. It saves the suspicion, T, and not the promise: a
//     voter stops counting that leader as heard when its promise to it is over,
//     unless it is heard again. So a false sign costs nothing while heartbeats
//     come, and a true one from another machine costs P instead of T
//     (Config.NoCrashEvidence takes no notice of either).
//  9. Start. Within T of its own start, which is as long as any promise, a node
//     keeps the one that it may
//     have forgotten: it neither votes nor runs. A leader of its epoch or a
//     later one ends this early, for the promise to that one takes its place.
//     A node that has never seen an epoch has promised nothing.
//  10. Disk. A node that cannot write its log neither leads nor runs; a leader
//     resigns. It follows on, so that readers are served. It votes, for its vote is
//     in the state file, and asks of a candidate what it has acknowledged: what is in
//     its memory alone nobody was told of. So of two nodes the other can lead, and this one
//     gets a full copy from it. A node that cannot write its state file says nothing.
//  11. Higher epochs. A node that hears of a higher epoch takes it over, and stops
//     leading or running. A node that hears a leader of a lower one tells it.
//  12. Power loss. A node that does not sync each write and whose power failed
//     (another boot ID, no mark of an orderly end) may lack what it had
//     acknowledged. Its grant is weak: a candidate needs a majority of others',
//     or the grants of all voters, and then its log is at least the greatest
//     that is left anywhere. It is a full voter again once it has all that a
//     leader had at some moment after its start, which it asks that leader. The
//     same holds, whatever the reason, for a node whose log ends before a position
//     that it had reached, or which cannot tell since that position is lost, or whose
//     log failed and was replaced by a full copy (Doubt). Or
//     an operator (ForceLeader) gives up what only the missing voters hold;
//     majority and freshness are needed then too. A killed process has lost
//     nothing: the system still writes what it was given. A node that starts
//     with a log of no epoch, and finds that others have one before it has voted,
//     came without its disk, and one whose log is of a later epoch than its state
//     file came without that: it has forgotten what it promised as well, so rule 9 and
//     this one hold for it. Besides it vouches for nothing: what it acknowledges
//     counts for no lease, commit, round or configuration, until so many others
//     have said in which epoch they are that it knows of any in which it can
//     have voted or acknowledged, and it follows a leader of none before that
//     (recover.go). Else an old leader that has not heard of its successor would
//     find a majority in it. The vote of the epoch in which it remembers is that
//     epoch's leader's: it may be one of those that elected it. (This needs connections that end with the process,
//     so that no question to the node it was reaches the one it is.)
//  13. Members. Voters change by one at a time, learners follow and do not
//     count; which nodes vote is a configuration with a version, told by the leader and
//     not in the log. A voter refuses a candidate with an older one. A leader
//     changes it only when a majority has the one before, written in its own
//     epoch, and holds all that is committed (members.go). A new node joins as
//     nothing (Config.Joining), learns, and votes when it has caught up; the
//     leader leaves after it handed over. A node that was away when it was removed asks
//     in vain until one of the nodes that it dials tells it (Told), or refuses it with
//     the newer configuration. A node that was removed may vote for one that has the very
//     configuration before, or a removal that only it and the dead know of would cost the
//     leader (voter.go). Where the
//     members are goes with the configuration, and means nothing here.
//  14. Handover: see below.
//
// # Handover
//
// The leader holds new writes (the driver keeps them in their sessions, for at
// most Config.HandoverPause), waits until nothing runs and the target has the
// last offset, revokes its lease, and only then sends TAKEOVER with a token, its
// epoch and a number. The target runs the real round with it at once. A voter
// that has promised this leader takes the token as the end of the promise, for
// this candidate in this round; all else of rule 4 holds, majority and
// freshness included. COORDINATOR tells the old leader where to send what it
// held: none of that has run.
//
// Did the target not lead in time, the old leader may go on, unless it voted
// itself or heard of a higher epoch. The token is still out there, so it takes
// it back first: it says in its heartbeats up to which number its tokens are
// void, forgets every acknowledgement from before, and is leader again when a
// majority has acknowledged such a heartbeat. A voter that has heard it takes
// the token no more, nor does any voter within T of its own start.
//
// With Config.Takeover a leader does all this by itself for a higher ID whose
// log has kept up with its own for TakeoverAfter. Each fall of that peer (death
// or silence) doubles the wait, at most 2^5 times, so that a flapping node does
// not cost a change of leader each time; a handover that failed is not tried
// again before a likewise doubled wait, to 2^11 times: each costs writes a pause, and where the
// way is too slow for HandoverPause the next one fails as well. A target whose process has ended
// since is tried as if it had not failed. A node that was put into the lead by command
// keeps it against every peer that has not fallen since; evidence from before,
// which came late, is of an earlier fall. A leader that stops hands over as well (Retire);
// the next leader keeps the lead against that one alone until it has fallen: a higher ID that
// lacked too much at that moment takes over once it has caught up.
//
// # Witness
//
// A witness (Config.Witness) is a voter that has the log and no data: with two nodes that
// have data it makes a majority of three on which any one may die. It promises,
// votes and acknowledges as all voters do, and says in each message what it is. Since it
// acknowledges, it may be the only one that is left with the end of the log:
// A and the witness acknowledged, B was behind, A died. Then B must have that end
// before it serves.
//
// So a witness may be elected, by the rules above and for the same reason as any voter: its
// log is the longest. It leads to pass on what it holds, and does nothing else: it never
// serves (Status.Serving, LeaseValid), its followers are told so (Status.ByWitness), and as
// soon as a voter with data lacks little it hands over to that one as in Handover, without
// being asked and whatever Config.Takeover says. Nothing runs at a witness, so nothing is held;
// after a handover that came to nothing it tries again after a heartbeat, and another
// node if there is one.
//
// It is a candidate of last resort. Between equal logs a node with data goes first and
// stands a witness down, whatever their IDs; a witness never takes a token, and no leader
// hands over to one.
//
// Why so, and not a candidate with data that is elected first and then fetches what it lacks
// from the witness: that one would be elected with a log that is behind a voter's, which
// rule 4 forbids and invariant 3 rests on. The votes would have to be conditional, a
// second kind of stream would lead from a node that does not lead, and what it brings would be
// appended, in the new epoch or in the old one, by a node that cannot prove where its own log parts
// from it. With the witness as a leader all of that is what leaders do anyway: its epoch's record
// commits what it holds (rule 6), its stream cuts the other's log where it parts and
// appends the rest, and Handover waits until the other has all. None of rules 1 to 14 knows
// of witnesses, so the invariants hold as they are; what is new is a preference
// (yieldsTo), which no invariant rests on, and a leader that answers nobody, which
// invariants 6 and 10 allow at any time. It costs one election more, some round trips, and
// only where the witness was ahead.
//
// What a witness lacks of the log from before its beginning it counts as held all the same.
// That is safe: nobody is elected over it without having that. It may cost the leader: if
// all that is left is that witness, and a node that has not come as far as where the
// witness' log begins, neither can lead clients. So a leader tells a witness up to where all
// voters with data hold the log (Message.Held), and the driver keeps it from there on; see package
// cluster for what bounds that.
//
// # Invariants, and why they hold
//
//  1. One leader per epoch. Two majorities share a voter, and it votes once per
//     epoch, on disk. A candidate takes an epoch only with its own vote. Majorities
//     of two configurations share one as well, as long as at most one step lies
//     between those that can elect: that is what rule 13 waits for.
//  2. Only the leader of the highest epoch that a majority promised commits. A
//     follower acknowledges bytes of an epoch only while it has promised no
//     higher one (Follows); so each majority that acknowledges after a majority
//     has voted contains a voter that does not.
//  3. A committed write is in every later leader's log. The majority that holds
//     it shares a voter with the majority that elects, and that voter held it
//     before it voted, by 2. It grants only positions at least its own. A later
//     epoch at the end of a log that lacks the write: such a log was written by
//     a leader that was elected over the write, and the first of those cannot
//     exist. This needs that the write's own epoch is the leader's, or that a
//     record of the leader's epoch after it is committed with it (rule 6): the
//     copy of an old record can still be outvoted by a log that ends in an epoch
//     between. Votes of voters that may have lost such a write count only where
//     they do not matter, or with all others (12).
//  4. Equal (epoch, offset), equal log up to there. Only the epoch's one leader
//     makes records of it, at its log's end, and streams cut before they append.
//  5. What is committed is never cut: from 3 and 4. Appended panics otherwise.
//  6. No two nodes answer as leader at one time. A lease rests on promises of a
//     majority, each at least P from a moment not before the heartbeat left;
//     0.8·P on a clock a fifth too slow is no more than P on one that is right.
//     Another can be elected only when one of that majority votes: after its P, or
//     on proof that the leader is dead or without a lease (8, Handover), or after its own
//     restart and T (9), which covers any P that it can have had before. No
//     answer that a network gives in a node's name has a part in this.
//     Lease and serving need rule 5 as well: a new leader
//     answers nothing before a majority has taken its record.
//  7. A token that was taken back elects nobody against its giver. The lease
//     after the handover rests on a majority that knows the token is void; a
//     majority that votes by the token shares a voter with it, which did one of
//     the two first. Voted first, it is in the higher epoch and acknowledges
//     nothing; acknowledged first, it refuses. One that restarted in between
//     refuses for T, in which the acknowledgement it forgot runs out. For so
//     long its ACKs say just-started, and no token is given away, and nothing
//     held, that it would have to take.
//  8. Somebody leads soon while a majority is connected and has working disks,
//     and in the end the highest ID among those that keep up. Turns and back-off
//     part rivals; STANDDOWN costs its receiver at most 2T, once.
//  9. The epoch does not grow while a healthy leader exists, handovers aside. A
//     node that cannot hear it stays in pre-rounds, which its peers refuse, and
//     learns the leader's address from the refusal. One that the leader cannot
//     hear changes nothing.
//  10. No reply leaves after the lease's end: rule 7, asked at the last moment.
//
// # Sizes
//
// One node leads at once and needs nobody. Two need both: either may die
// without loss, and then nobody serves; a majority of two is two, and a witness is the
// third. Even numbers
// work and withstand as much as the odd number below. A node that starts with
// nothing while others have a log has no full vote until it has caught up: with
// one node of three on a new disk the other two must be there, or an operator
// forces it.
//
// # Rejected
//
//   - The highest ID leads at once, whatever it holds: it loses acknowledged
//     writes whenever it was away. Freshness comes first, the ID leads later, by
//     handover.
//   - STANDDOWN in the real round: a high node without a majority blocks all.
//   - A new epoch with each attempt, without a pre-round: a node behind a bad
//     link deposes healthy leaders again and again.
//   - Promises on disk, instead of rule 9: a sync per heartbeat and node, for
//     the sake of T after a restart.
//   - The lease counted from an ACK's arrival: the voter's promise may have
//     begun a long way before.
//   - One length for promise and suspicion: short, and a busy machine changes
//     leaders; long, and either a death on another machine costs as much, or a
//     firewall's answer counts as proof and an old leader reads on.
//   - A leader that steps down when its lease has run out: an election for each
//     stutter. Or that refuses commands then: errors for a moment's delay.
//   - Followers that forget a leader at a sign of its death: with a one-way
//     proxy before it they would lose its stream at each dial.
//   - Leases without a bound on clock rates, by a round trip per read: it is the
//     driver's to offer; nothing here depends on it.
//   - A handover by resigning in favour of the target: all voters are free then,
//     and if the target dies nobody leads for T. A token frees them for one.
//   - A node back from a power loss leads or votes after a while: no while is
//     long enough. Or never again without a full copy: a rack that lost its power
//     would need an operator each time.
//   - A token with a time of validity: the voter's clock does not know when it
//     began, and a stopped target wakes at any time.
//   - A witness without the log, that keeps an epoch and a position: with one of the two
//     other nodes down nothing can be acknowledged that survives the next failure.
//   - A node with data that is elected behind a witness' log, and fetches the rest: see Witness.
//   - Pushing the token to the voters, rather than letting the target carry it:
//     one message more, and one more to lose.
//   - The configuration as a record of the log: the log belongs to the engine,
//     and a node would have to look for it there before it knows whether it may
//     run. Two configurations at a time (joint consensus): more to get wrong, for
//     changes that nobody makes.
//   - Epochs from a clock, or IDs in the low bits of an epoch: neither says which node
//     was promised what.
package bully
