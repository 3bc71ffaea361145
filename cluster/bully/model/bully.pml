/*
 * The election of package bully for a model checker: three nodes whose
 * messages may be lost, late, doubled or overtaken, and which may restart.
 * README.md says what is modelled, how to run it, and what came out.
 *
 * Each branch of the loop at the end is one step of one node, and any may come
 * next. Messages are not queued: a step looks at what another node has said,
 * or at what a leader once wrote, whenever it likes. To look late, twice or
 * never stands for all the ways of the network.
 *
 * -DEPOCHS=n -DLOG=n   how far epochs and logs go
 * -DRESTARTS=n         how many restarts there are
 * -DLEASE              time, heartbeats, leases, promises
 * -DHANDOVER           tokens (needs LEASE)
 * -DLOSSES=1           a node's log is shortened, or its state file is lost
 * Each of these takes one rule out, and must fail:
 * NO_MAJORITY NO_FRESHNESS OLD_COMMIT VOLATILE_VOTE NO_PROMISE NO_WARINESS
 * LEASE_ON_ARRIVAL LEASE_KEPT RESUME_AT_ONCE TOKEN_FOREVER
 * SHORT_VOTES STATE_VOTES FORGOT_ACKS LEADER_SAYS VOTE_AGAIN
 */
#define N 3

#ifndef EPOCHS
#define EPOCHS 3
#endif
#ifndef LOG
#define LOG 2
#endif
#ifndef RESTARTS
#define RESTARTS 0
#endif

#define T 2	/* ticks that a promise lasts; the lease lasts no longer */

#define AT(a, i, j) a[(i) * LOG + (j)]	/* record j of log i */
#define BIT(n) (1 << (n))
#define MAJORITY(set) ((set) == 3 || (set) == 5 || (set) == 6 || (set) == 7)
#define LAST(n) (size[n] == 0 -> 0 : AT(log, n, size[n] - 1))
#define MAX2(a, b) ((a) > (b) -> (a) : (b))
#define TOP MAX2(prom[0], MAX2(prom[1], prom[2]))

/* What survives a restart. A record is the epoch it was made in. */
byte prom[N];		/* promised epoch */
byte vote[N];		/* in it, node + 1 */
byte size[N];
byte log[N * LOG];

/* What does not: a candidate or leader is one of epoch prom. */
bit cand[N];
bit lead[N];
byte grants[N];		/* voters of a candidate */
byte held[N * N];	/* what followers acknowledged to a leader */
byte begun[N];		/* where a leader's own record ends, 0: not begun */
bit ruled[N];		/* it is committed */
byte restarts;

/* What each epoch's leader wrote: its streams may come at any time. */
byte leader[EPOCHS + 1];	/* node + 1 */
byte gLog[(EPOCHS + 1) * LOG];
byte gLen[EPOCHS + 1];

/* The longest prefix that anybody counted as committed, and in which epoch. */
byte truth[LOG];
byte truthIn[LOG];
byte truthLen;

#ifdef LEASE
byte quiet[N];		/* ticks left of the promise */
byte quietTo[N];	/* its leader's epoch, 0: none */
byte wary[N];		/* ticks left since the start */
byte lease[N];		/* ticks left */
byte beatAge[EPOCHS + 1];	/* of an epoch's newest heartbeat; T + 1: none, or too old */
byte beatAcks[EPOCHS + 1];
#endif

#ifdef HANDOVER
byte given[N];		/* a leader has given a token away, to node given - 1 */
bit revoked[N];
bit taken[N];		/* it takes it back */
bit beatTaken[EPOCHS + 1];	/* so says the newest heartbeat */
bit heardTaken[N];	/* so this node has heard in epoch quietTo */
byte token[EPOCHS + 1];	/* as given, for ever: the target + 1 */
bit shows[N];		/* a candidate shows the token of epoch prom - 1 */
#endif

#ifdef LOSSES
byte losses;
bit weak[N];		/* it may have lost something: on disk */
bit forgot[N];		/* and does not know what it has promised: on disk */
byte soft[N];		/* those of a candidate's grants that are of such nodes */
byte goal[N];		/* where the leader of epoch prom ended when asked, + 1 */
bit joined[N];		/* the log is a prefix of what that leader wrote */
/* One node forgets in a run: who has told it an epoch, and the highest. */
byte said;
byte saidTop;
#endif

byte i, j, k, e, s;	/* scratch, zero between steps */

/* Nodes differ in nothing that is modelled: let 0 be the first to do something,
 * and 1 the second. */
#define AWAKE(n) (n == 0 || prom[(n + N - 1) % N] > 0)

#ifdef LEASE
#ifdef NO_PROMISE
#define PROMISED(n) false
#else
#define PROMISED(n) (quiet[n] > 0)
#endif
#ifdef NO_WARINESS
#define WARY(n) false
#else
#define WARY(n) (wary[n] > 0)
#endif
#define LEASED(n) (lead[n] && lease[n] > 0)
#else
#define PROMISED(n) false
#define WARY(n) false
#define LEASED(n) false
#endif

#ifdef HANDOVER
#define REVOKED(n) revoked[n]
#ifdef TOKEN_FOREVER
#define VOID(n) false
#else
#define VOID(n) heardTaken[n]
#endif
/* Candidate c's token ends node n's promise, or is the one that n gave. */
#define FREED(n, c) (shows[c] && prom[n] + 1 == prom[c] && !WARY(n) && \
	(lead[n] -> given[n] == c + 1 && !taken[n] : quietTo[n] == prom[n] && !VOID(n)))
#else
#define REVOKED(n) false
#define FREED(n, c) false
#endif

#ifdef LOSSES
#ifdef FORGOT_ACKS
#define VOUCHES(n) true
#else
#define VOUCHES(n) !forgot[n]
#endif
#ifdef LEADER_SAYS
#define REMEMBERS(n) true
#else
#define REMEMBERS(n) (said == 7 - BIT(n) && saidTop <= prom[n])
#endif
#define ELECTED(c) (MAJORITY(grants[c] & ~soft[c]) || grants[c] == 7)
/* Who has forgotten needs all grants, so all have answered its pre-round. */
#define KNOWS(n, ep) (!forgot[n] || (said == 7 - BIT(n) && ep > saidTop))
#else
#define KNOWS(n, ep) true
#define VOUCHES(n) true
#define ELECTED(c) MAJORITY(grants[c])
#endif

#define SERVES(n) (LEASED(n) && ruled[n] && !REVOKED(n))

/* Nobody answers while another may. */
inline onlyOneServes() { assert(SERVES(0) + SERVES(1) + SERVES(2) <= 1) }

inline endCandidacy(n)
{
	cand[n] = 0; grants[n] = 0;
#ifdef LOSSES
	soft[n] = 0;
#endif
#ifdef HANDOVER
	shows[n] = 0
#endif
}

inline endLeading(n)
{
	lead[n] = 0; begun[n] = 0; ruled[n] = 0;
	held[n * N] = 0; held[n * N + 1] = 0; held[n * N + 2] = 0;
#ifdef LEASE
	lease[n] = 0;
#endif
#ifdef HANDOVER
	revoked[n] = 0; given[n] = 0; taken[n] = 0;
#endif
}

/* Node n takes epoch ep over. What an epoch's leader wrote is forgotten when
 * all nodes are past it: nobody takes it any more. */
inline adopt(n, ep)
{
	if
	:: prom[n] < ep ->
		if :: cand[n] -> endCandidacy(n) :: else fi;
		if :: lead[n] -> endLeading(n) :: else fi;
		prom[n] = ep; vote[n] = 0;
#ifdef LOSSES
		goal[n] = 0; joined[n] = 0;
#endif
		e = 1;
		do
		:: e < prom[0] && e < prom[1] && e < prom[2] ->
			leader[e] = 0; gLen[e] = 0;
			j = 0; do :: j < LOG -> AT(gLog, e, j) = 0; j++ :: else -> break od; j = 0;
#ifdef LEASE
			beatAge[e] = T + 1; beatAcks[e] = 0;
#endif
#ifdef HANDOVER
			token[e] = 0; beatTaken[e] = 0;
#endif
			e++
		:: else -> break
		od;
		e = 0
	:: else
	fi
}

inline stand(n, ep)
{
	adopt(n, ep);
	vote[n] = n + 1;
	cand[n] = 1;
#ifdef LOSSES
	soft[n] = (weak[n] -> BIT(n) : 0);
#endif
	grants[n] = BIT(n)
}

inline answer(n, c)
{
	k = FREED(n, c);
	adopt(n, prom[c]);
	if
	:: vote[n] == 0 || vote[n] == c + 1 ->
		if
#ifdef NO_FRESHNESS
		:: true ->
#else
		:: LAST(c) > LAST(n) || (LAST(c) == LAST(n) && size[c] >= size[n]) ->
#endif
			vote[n] = c + 1;
#ifdef HANDOVER
			if :: k -> quiet[n] = 0; quietTo[n] = 0; heardTaken[n] = 0 :: else fi;
#endif
#ifdef LOSSES
			if :: weak[n] -> soft[c] = soft[c] | BIT(n) :: else fi;
#endif
			grants[c] = grants[c] | BIT(n)
#ifndef NO_FRESHNESS
		:: else
#endif
		fi
	:: else
	fi;
	k = 0
}

/* Whoever leads has all that was committed in earlier epochs. */
inline complete(ep)
{
	j = 0;
	do
	:: j < truthLen -> assert(truthIn[j] >= ep || (j < gLen[ep] && AT(gLog, ep, j) == truth[j])); j++
	:: else -> break
	od;
	j = 0
}

inline write(n)
{
	AT(log, n, size[n]) = prom[n]; size[n]++;
	AT(gLog, prom[n], gLen[prom[n]]) = prom[n]; gLen[prom[n]]++
}

inline win(n)
{
	assert(leader[prom[n]] == 0);	/* one leader per epoch */
	leader[prom[n]] = n + 1;
	endCandidacy(n);
	lead[n] = 1;
#ifdef LOSSES
	weak[n] = 0; forgot[n] = 0;
#endif
	j = 0;
	do
	:: j < size[n] -> AT(gLog, prom[n], j) = AT(log, n, j); j++
	:: else -> break
	od;
	j = 0;
	gLen[prom[n]] = size[n];
#ifdef LEASE
	quiet[n] = 0; quietTo[n] = 0; wary[n] = 0;
#endif
#ifdef HANDOVER
	heardTaken[n] = 0;
#endif
	complete(prom[n]);
	if
	:: size[n] < LOG -> write(n); begun[n] = size[n]
	:: else
	fi
}

/* A follower takes what leader of epoch ep wrote: it cuts its log to where they
 * part, and appends the next record if there is one. A log that ends in this
 * very epoch is a prefix, however old the news. */
inline follow(n, ep)
{
	adopt(n, ep);
	if :: cand[n] -> endCandidacy(n) :: else fi;
	j = 0;
	do
	:: j < size[n] && j < gLen[ep] && AT(log, n, j) == AT(gLog, ep, j) -> j++
	:: else -> break
	od;
	if
	:: LAST(n) == ep
	:: else -> do :: size[n] > j -> size[n]--; AT(log, n, size[n]) = 0 :: else -> break od
	fi;
	j = 0;
	if
	:: size[n] < gLen[ep] -> AT(log, n, size[n]) = AT(gLog, ep, size[n]); size[n]++
	:: else
	fi;
	if
	:: leader[ep] > 0 && lead[leader[ep] - 1] && prom[leader[ep] - 1] == ep && VOUCHES(n) ->
		k = leader[ep] - 1;
		held[k * N + n] = MAX2(held[k * N + n], size[n]);
		k = 0
	:: else
	fi
#ifdef LOSSES
	; joined[n] = 1
#endif
}

/* k: what a majority holds, the leader among it. */
#define COMMON(n) MAX2(held[n * N], MAX2(held[n * N + 1], held[n * N + 2]))

inline commit(n)
{
	k = COMMON(n);
	j = 0;
	do
	:: j < k ->
		if
		:: j < truthLen ->
			assert(truth[j] == AT(log, n, j));
			if :: prom[n] < truthIn[j] -> truthIn[j] = prom[n] :: else fi
		:: else -> truth[j] = AT(log, n, j); truthIn[j] = prom[n]; truthLen = j + 1
		fi;
		j++
	:: else -> break
	od;
	j = 0;
	if :: begun[n] > 0 && k >= begun[n] -> ruled[n] = 1 :: else fi;
	k = 0;
	/* a later leader may have been elected already */
	e = prom[n] + 1;
	do
	:: e <= EPOCHS -> if :: leader[e] != 0 -> complete(e) :: else fi; e++
	:: else -> break
	od;
	e = 0;
	onlyOneServes()
}

inline restart(n)
{
	if :: lead[n] -> endLeading(n) :: else fi;
	if :: cand[n] -> endCandidacy(n) :: else fi;
#ifdef VOLATILE_VOTE
	vote[n] = 0;
#endif
#ifdef LOSSES
	goal[n] = 0; joined[n] = 0;
	if :: forgot[n] -> said = 0; saidTop = 0 :: else fi;
#endif
#ifdef LEASE
	quiet[n] = 0; quietTo[n] = 0;
	if :: prom[n] > 0 -> wary[n] = T :: else fi;
#endif
#ifdef HANDOVER
	heardTaken[n] = 0
#endif
}

#ifdef LOSSES
inline shorten(n, to)
{
	losses++;
	do :: size[n] > to -> size[n]--; AT(log, n, size[n]) = 0 :: else -> break od;
#ifndef SHORT_VOTES
	weak[n] = 1;
#endif
	restart(n)
}

/* The state file is gone: what the log tells is all that is left of it. */
inline forget(n)
{
	losses++;
	restart(n);
	prom[n] = LAST(n); vote[n] = n + 1;
#ifndef STATE_VOTES
	weak[n] = 1; forgot[n] = 1
#endif
}

inline askLeader(n)
{
	goal[n] = size[leader[prom[n]] - 1] + 1
}

inline askOther(n, q)
{
	said = said | BIT(q);
	saidTop = MAX2(saidTop, prom[q])
}

inline regain(n)
{
#ifndef VOTE_AGAIN
	/* It may have elected this leader. */
	if :: forgot[n] && vote[n] == 0 -> vote[n] = leader[prom[n]] :: else fi;
#endif
	weak[n] = 0; forgot[n] = 0; goal[n] = 0; said = 0; saidTop = 0
}
#endif

#ifdef LEASE
inline less(x) { if :: x > 0 -> x-- :: else fi }

inline tick()
{
	i = 0;
	do :: i < N -> less(quiet[i]); less(wary[i]); less(lease[i]); i++ :: else -> break od;
	i = 0;
	e = 1;
	do
	:: e <= EPOCHS ->
		if :: beatAge[e] <= T -> beatAge[e]++ :: else fi;
		if :: beatAge[e] > T -> beatAcks[e] = 0 :: else fi;
		e++
	:: else -> break
	od;
	e = 0
}

inline beat(n)
{
	beatAge[prom[n]] = 0;
	beatAcks[prom[n]] = BIT(n);
#ifdef HANDOVER
	beatTaken[prom[n]] = taken[n]
#endif
}

inline hear(n, ep)
{
	adopt(n, ep);
	if :: cand[n] -> endCandidacy(n) :: else fi;
#ifdef HANDOVER
	heardTaken[n] = (quietTo[n] == ep && heardTaken[n]) || beatTaken[ep];
#endif
	quiet[n] = T;
	quietTo[n] = ep;
	if :: VOUCHES(n) -> beatAcks[ep] = beatAcks[ep] | BIT(n) :: else fi
}

inline renew(n)
{
#ifdef LEASE_ON_ARRIVAL
	lease[n] = T;
#else
	lease[n] = MAX2(lease[n], T - beatAge[prom[n]]);
#endif
#ifdef HANDOVER
	/* a handover that was in vain ends */
	if :: revoked[n] && taken[n] && beatTaken[prom[n]] -> revoked[n] = 0 :: else fi;
#endif
	onlyOneServes()
}
#endif

#ifdef HANDOVER
inline pass(n, c)
{
#ifndef LEASE_KEPT
	revoked[n] = 1;
#endif
	given[n] = c + 1;
	token[prom[n]] = c + 1
}

inline takeOver(n)
{
	quiet[n] = 0; quietTo[n] = 0; heardTaken[n] = 0;
	k = prom[n] + 1;
	stand(n, k);
	shows[n] = 1;
	k = 0
}

inline takeBack(n)
{
	taken[n] = 1;
#ifdef RESUME_AT_ONCE
	revoked[n] = 0; onlyOneServes();
#else
	lease[n] = 0;
#endif
	beat(n)
}
#endif

/* The steps. */
#define RUN(n, ep) :: d_step { AWAKE(n) && ep > prom[n] && ep <= TOP + 1 && KNOWS(n, ep) && !PROMISED(n) && !WARY(n) && !LEASED(n) -> stand(n, ep) }
#define ANSWER(n, c) :: d_step { AWAKE(n) && cand[c] && prom[c] >= prom[n] && !(grants[c] & BIT(n)) && !WARY(n) && \
	((!PROMISED(n) && !LEASED(n)) || FREED(n, c)) -> answer(n, c) }
#ifdef NO_MAJORITY
#define WIN(n) :: d_step { cand[n] -> win(n) }
#else
#define WIN(n) :: d_step { cand[n] && ELECTED(n) -> win(n) }
#endif
#define WRITE(n) :: d_step { lead[n] && begun[n] > 0 && size[n] < LOG && !REVOKED(n) -> write(n) }
#define FOLLOW(n, ep) :: d_step { AWAKE(n) && leader[ep] != 0 && leader[ep] != n + 1 && ep >= prom[n] && !(lead[n] && prom[n] == ep) -> follow(n, ep) }
#ifdef OLD_COMMIT
#define COMMIT(n) :: d_step { lead[n] && COMMON(n) > 0 -> commit(n) }
#else
#define COMMIT(n) :: d_step { lead[n] && begun[n] > 0 && COMMON(n) >= begun[n] -> commit(n) }
#endif
#define RESTART(n) :: d_step { restarts < RESTARTS && prom[n] > 0 -> restarts++; restart(n) }
#define BEAT(n) :: d_step { lead[n] && !(beatAge[prom[n]] == 0 && beatAcks[prom[n]] == BIT(n)) -> beat(n) }
#define HEAR(n, ep) :: d_step { AWAKE(n) && beatAge[ep] <= T && leader[ep] != n + 1 && ep >= prom[n] -> hear(n, ep) }
#define RENEW(n) :: d_step { lead[n] && beatAge[prom[n]] < T && MAJORITY(beatAcks[prom[n]]) -> renew(n) }
#define PASS(n, c) :: d_step { lead[n] && ruled[n] && given[n] == 0 && held[n * N + c] == size[n] -> pass(n, c) }
#define TAKE_OVER(n) :: d_step { !lead[n] && !cand[n] && prom[n] < EPOCHS && token[prom[n]] == n + 1 && vote[n] != n + 1 && \
	quietTo[n] == prom[n] && !VOID(n) && !WARY(n) -> takeOver(n) }
#define TAKE_BACK(n) :: d_step { lead[n] && given[n] > 0 && !taken[n] -> takeBack(n) }

#define SHORTEN(n, to) :: d_step { losses < LOSSES && size[n] > to -> shorten(n, to) }
#define FORGET(n) :: d_step { losses < LOSSES && LAST(n) > 0 -> forget(n) }
#define LED(n) (prom[n] > 0 && leader[prom[n]] != 0 && leader[prom[n]] != n + 1 && \
	lead[leader[prom[n]] - 1] && prom[leader[prom[n]] - 1] == prom[n])
#define ASK_LEADER(n) :: d_step { weak[n] && goal[n] == 0 && LED(n) -> askLeader(n) }
#define ASK_OTHER(n, q) :: d_step { forgot[n] && !(said & BIT(q)) -> askOther(n, q) }
#define REGAIN(n) :: d_step { weak[n] && !lead[n] && goal[n] > 0 && joined[n] && size[n] + 1 >= goal[n] && \
	(!forgot[n] || REMEMBERS(n)) -> regain(n) }

#define EACH(S) S(0) S(1) S(2)
#define PAIRS(S) S(0, 1) S(0, 2) S(1, 0) S(1, 2) S(2, 0) S(2, 1)
#define IN(S, ep) S(0, ep) S(1, ep) S(2, ep)
#if LOG == 2
#define UPTO(S) IN(S, 0) IN(S, 1)
#else
#define UPTO(S) IN(S, 0) IN(S, 1) IN(S, 2)
#endif
#if EPOCHS == 2
#define EPOCHWISE(S) IN(S, 1) IN(S, 2)
#elif EPOCHS == 3
#define EPOCHWISE(S) IN(S, 1) IN(S, 2) IN(S, 3)
#else
#define EPOCHWISE(S) IN(S, 1) IN(S, 2) IN(S, 3) IN(S, 4)
#endif

init {
#ifdef LEASE
	d_step {
		e = 1;
		do :: e <= EPOCHS -> beatAge[e] = T + 1; e++ :: else -> break od;
		e = 0
	};
#endif
	do
	EPOCHWISE(RUN)
	PAIRS(ANSWER)
	EACH(WIN)
	EACH(WRITE)
	EPOCHWISE(FOLLOW)
	EACH(COMMIT)
	EACH(RESTART)
#ifdef LOSSES
	UPTO(SHORTEN)
	EACH(FORGET)
	EACH(ASK_LEADER)
	PAIRS(ASK_OTHER)
	EACH(REGAIN)
#endif
#ifdef LEASE
	:: d_step { tick() }
	EACH(BEAT)
	EPOCHWISE(HEAR)
	EACH(RENEW)
#endif
#ifdef HANDOVER
	PAIRS(PASS)
	EACH(TAKE_OVER)
	EACH(TAKE_BACK)
#endif
	od
}
