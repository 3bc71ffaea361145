/*
 * Who votes, and how that changes, for a model checker: rule 13 of package
 * bully on top of its epochs, votes, positions and streams, for four nodes whose
 * messages may be lost, late, doubled or overtaken. README.md says how to run
 * it, and what came out. bully.pml beside it has restarts, leases and handovers,
 * and voters that never change; the two share the words.
 *
 * A configuration is a set of voters with the epoch of the leader that wrote it
 * and a version, and compared by these. It is not in the log: leaders tell it,
 * and each node uses the newest that it has heard of by the rules.
 *
 * -DEPOCHS=n -DLOG=n   how far epochs and logs go
 * -DCHANGES=n          how many times a configuration is written
 * -DVOTERS=set         who votes at first, as bits: 15 all four, 7 three of them
 * -DWHOLE              an election is one step: fewer states, so further bounds
 * Each of these takes one rule out, and must fail:
 * CHANGE_AT_ONCE  a leader changes voters whatever has become of the last change
 * OTHERS_CHANGE   it goes on from a configuration that an earlier leader wrote
 * OLD_MEMBERS_RUN a voter grants to a candidate with an older configuration
 * TWO_AT_ONCE     two voters change in one step
 * FORGET_HELD     voters change though what is committed is not held by a majority of them
 */
#define N 4

#ifndef EPOCHS
#define EPOCHS 3
#endif
#ifndef LOG
#define LOG 2
#endif
#ifndef CHANGES
#define CHANGES 2
#endif
#ifndef VOTERS
#define VOTERS 15
#endif

#define AT(a, i, j) a[(i) * LOG + (j)]	/* record j of log i */
#define BIT(n) (1 << (n))
#define COUNT(set) (((set) & 1) + (((set) >> 1) & 1) + (((set) >> 2) & 1) + (((set) >> 3) & 1))
#define MAJORITY(set, of) (2 * COUNT((set) & (of)) > COUNT(of))
#define LAST(n) (size[n] == 0 -> 0 : AT(log, n, size[n] - 1))
#define MAX2(a, b) ((a) > (b) -> (a) : (b))
#define TOP MAX2(MAX2(prom[0], prom[1]), MAX2(prom[2], prom[3]))

/* A configuration is one number: the epoch of its writer, its version, its
 * voters. What is compared is all but the voters. */
#define CONF(ep, ver, set) (((ep) << 7) | ((ver) << 4) | (set))
#define NUMBER(c) ((c) >> 4)
#define WRITER(c) ((c) >> 7)
#define SET(c) ((c) & 15)
#define FIRST CONF(0, 1, VOTERS)

/* A record is the epoch it was made in. */
byte prom[N];		/* promised epoch */
byte vote[N];		/* in it, node + 1 */
byte size[N];
byte log[N * LOG];
short conf[N];

/* A candidate or leader is one of epoch prom. */
bit cand[N];
bit lead[N];
byte grants[N];		/* to a candidate */
byte held[N * N];	/* what followers acknowledged to a leader */
byte begun[N];		/* where a leader's own record ends, 0: not begun */
byte com[N];		/* what a leader counts as committed */
byte has[N];		/* who is known to a leader to have its configuration */
byte changes;

/* What each epoch's leader wrote and told: it may come at any time. */
byte leader[EPOCHS + 1];	/* node + 1 */
byte gLog[(EPOCHS + 1) * LOG];
byte gLen[EPOCHS + 1];
#define TOLD (CHANGES + 1)
short gConf[(EPOCHS + 1) * TOLD];
byte gConfs[EPOCHS + 1];

/* The longest prefix that anybody counted as committed, and in which epoch. */
byte truth[LOG];
byte truthIn[LOG];
byte truthLen;

byte i, j, k, e;	/* scratch, zero between steps */
short c;

/* Voters differ in nothing: let 0 be the first of them to do something, and the
 * next one the second. A node that does not vote at first is another. */
#define MOVED(n) (prom[n] > 0 || conf[n] != FIRST)
#define AWAKE(n) (n == 0 || !(VOTERS & BIT(n)) || MOVED((n + N - 1) % N))

inline endLeading(n)
{
	lead[n] = 0; begun[n] = 0; com[n] = 0; has[n] = 0;
	held[n * N] = 0; held[n * N + 1] = 0; held[n * N + 2] = 0; held[n * N + 3] = 0
}

/* Node n takes epoch ep over. What an epoch's leader wrote is forgotten when
 * all nodes are past it. */
inline adopt(n, ep)
{
	if
	:: prom[n] < ep ->
		cand[n] = 0; grants[n] = 0;
		if :: lead[n] -> endLeading(n) :: else fi;
		prom[n] = ep; vote[n] = 0;
		e = 1;
		do
		:: e < prom[0] && e < prom[1] && e < prom[2] && e < prom[3] ->
			leader[e] = 0; gLen[e] = 0; gConfs[e] = 0;
			j = 0; do :: j < LOG -> AT(gLog, e, j) = 0; j++ :: else -> break od;
			j = 0; do :: j < TOLD -> gConf[e * TOLD + j] = 0; j++ :: else -> break od;
			j = 0;
			e++
		:: else -> break
		od;
		e = 0
	:: else
	fi
}

/* Node n uses another configuration from now on. */
inline use(n, cf)
{
	conf[n] = cf;
	if :: cand[n] && !(SET(cf) & BIT(n)) -> cand[n] = 0; grants[n] = 0 :: else fi
}

inline stand(n, ep)
{
	adopt(n, ep);
	vote[n] = n + 1;
	cand[n] = 1;
	grants[n] = BIT(n)
}

/* Voter n answers candidate m. It takes over a newer configuration first: it may
 * be a voter by that one alone. */
inline answer(n, m)
{
	if
	:: !lead[n] && NUMBER(conf[n]) < NUMBER(conf[m]) -> use(n, conf[m])
	:: else
	fi;
	adopt(n, prom[m]);
	if
	:: (vote[n] == 0 || vote[n] == m + 1) &&
#ifndef OLD_MEMBERS_RUN
	   NUMBER(conf[m]) >= NUMBER(conf[n]) &&
#endif
	   (LAST(m) > LAST(n) || (LAST(m) == LAST(n) && size[m] >= size[n])) ->
		vote[n] = m + 1;
		cand[n] = 0; grants[n] = 0;
		grants[m] = grants[m] | BIT(n)
	:: else
	fi
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
	AT(gLog, prom[n], gLen[prom[n]]) = prom[n]; gLen[prom[n]]++;
	held[n * N + n] = size[n]
}

/* What a leader tells from now on, within its epoch. */
inline tell(n)
{
	gConf[prom[n] * TOLD + gConfs[prom[n]]] = conf[n]; gConfs[prom[n]]++;
	has[n] = BIT(n)
}

inline win(n)
{
	assert(leader[prom[n]] == 0);	/* one leader per epoch */
	leader[prom[n]] = n + 1;
	cand[n] = 0; grants[n] = 0;
	lead[n] = 1;
	j = 0;
	do
	:: j < size[n] -> AT(gLog, prom[n], j) = AT(log, n, j); j++
	:: else -> break
	od;
	j = 0;
	gLen[prom[n]] = size[n];
	held[n * N + n] = size[n];
	tell(n);
	complete(prom[n]);
	if
	:: size[n] < LOG -> write(n); begun[n] = size[n]
	:: else
	fi
}

/* A follower takes what the leader of epoch ep wrote: it cuts its log to where
 * they part, and appends the next record if there is one. */
inline follow(n, ep)
{
	adopt(n, ep);
	cand[n] = 0; grants[n] = 0;
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
	k = leader[ep] - 1;
	if
	:: lead[k] && prom[k] == ep -> held[k * N + n] = MAX2(held[k * N + n], size[n])
	:: else
	fi;
	k = 0
}

/* A follower hears configuration w of those that the leader of epoch ep told.
 * Within the leader's own epoch the newest counts; what is from before it is the
 * leader's to say. */
inline hear(n, ep, w)
{
	adopt(n, ep);
	cand[n] = 0; grants[n] = 0;
	c = gConf[ep * TOLD + w];
	if
	:: NUMBER(c) != NUMBER(conf[n]) && (WRITER(conf[n]) < ep || NUMBER(conf[n]) < NUMBER(c)) -> use(n, c)
	:: else
	fi;
	k = leader[ep] - 1;
	if
	:: lead[k] && prom[k] == ep && NUMBER(conf[n]) == NUMBER(conf[k]) -> has[k] = has[k] | BIT(n)
	:: else
	fi;
	k = 0; c = 0
}

/* Who of the nodes holds leader n's log up to z. */
#define HOLD(n, z) ((held[n * N] >= (z)) | ((held[n * N + 1] >= (z)) << 1) | ((held[n * N + 2] >= (z)) << 2) | ((held[n * N + 3] >= (z)) << 3))

inline commit(n, z)
{
	j = 0;
	do
	:: j < z ->
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
	com[n] = z;
	/* a later leader may have been elected already */
	e = prom[n] + 1;
	do
	:: e <= EPOCHS -> if :: leader[e] != 0 -> complete(e) :: else fi; e++
	:: else -> break
	od;
	e = 0
}

#define RULES(n) (lead[n] && com[n] > 0)
#ifdef FORGET_HELD
#define KEEPS(n) true
#else
#define KEEPS(n) MAJORITY(HOLD(n, com[n]), SET(conf[n]))
#endif
#ifdef OTHERS_CHANGE
#define OWN(n) true
#else
#define OWN(n) (WRITER(conf[n]) == prom[n])
#endif
#ifdef CHANGE_AT_ONCE
#define INSTALLED(n) true
#else
#define INSTALLED(n) (OWN(n) && MAJORITY(has[n], SET(conf[n])))
#endif
#ifdef TWO_AT_ONCE
#define STEP(n, m) ((BIT(m) | BIT((m + 1) % N)) & ~BIT(n))
#else
#define STEP(n, m) BIT(m)
#endif

/* Node n is elected in epoch ep by the nodes of a set, who all agree, one after
 * the other: what may come between two votes is bully.pml's. */
#define WAKES(m, set) (AWAKE(m) || ((set) & BIT((m + N - 1) % N)))
#define MAY(n, m, ep) (prom[m] < ep && OLDER(n, m) && (LAST(n) > LAST(m) || (LAST(n) == LAST(m) && size[n] >= size[m])))
#ifdef OLD_MEMBERS_RUN
#define OLDER(n, m) true
#else
#define OLDER(n, m) (NUMBER(conf[n]) >= NUMBER(conf[m]))
#endif
#define AGREE(n, m, ep, set) (!((set) & BIT(m)) || (WAKES(m, set) && (m == n || MAY(n, m, ep))))
#define ELECTS(n, ep, set) ((SET(conf[n]) & BIT(n)) && ep > prom[n] && ep <= TOP + 1 && MAJORITY(set, SET(conf[n])) && \
	AGREE(n, 0, ep, set) && AGREE(n, 1, ep, set) && AGREE(n, 2, ep, set) && AGREE(n, 3, ep, set))

inline elect(n, ep, set)
{
	adopt(n, ep);
	vote[n] = n + 1;
	i = 0;
	do
	:: i < N ->
		if
		:: (set & BIT(i)) && i != n ->
			if :: !lead[i] && NUMBER(conf[i]) < NUMBER(conf[n]) -> use(i, conf[n]) :: else fi;
			adopt(i, ep);
			vote[i] = n + 1
		:: else
		fi;
		i++
	:: else -> break
	od;
	i = 0;
	cand[n] = 1;
	win(n)
}

/* The leader writes the present configuration anew, in its own epoch, or the
 * next one, with one voter more or less; it stays one itself. */
inline rewrite(n)
{
	conf[n] = CONF(prom[n], NUMBER(conf[n]) & 7, SET(conf[n]));
	changes++;
	tell(n)
}

inline change(n, m)
{
	conf[n] = CONF(prom[n], (NUMBER(conf[n]) & 7) + 1, SET(conf[n]) ^ STEP(n, m));
	changes++;
	tell(n)
}

/* The steps. */
#define RUN(n, ep) :: d_step { AWAKE(n) && !lead[n] && (SET(conf[n]) & BIT(n)) && ep > prom[n] && ep <= TOP + 1 -> stand(n, ep) }
#define ANSWER(n, m) :: d_step { AWAKE(n) && cand[m] && prom[m] >= prom[n] && !(grants[m] & BIT(n)) && !(lead[n] && prom[n] == prom[m]) -> answer(n, m) }
#define ELECT(n, ep) ELECT1(n, ep, 3) ELECT1(n, ep, 5) ELECT1(n, ep, 9) ELECT1(n, ep, 6) ELECT1(n, ep, 10) ELECT1(n, ep, 12) \
	ELECT1(n, ep, 7) ELECT1(n, ep, 11) ELECT1(n, ep, 13) ELECT1(n, ep, 14) ELECT1(n, ep, 15)
#define ELECT1(n, ep, set) :: d_step { (set & BIT(n)) && ELECTS(n, ep, set) -> elect(n, ep, set) }
#define WIN(n) :: d_step { cand[n] && MAJORITY(grants[n], SET(conf[n])) -> win(n) }
#define WRITE(n) :: d_step { lead[n] && begun[n] > 0 && size[n] < LOG -> write(n) }
#define FOLLOW(n, ep) :: d_step { AWAKE(n) && leader[ep] != 0 && leader[ep] != n + 1 && ep >= prom[n] && !(lead[n] && prom[n] == ep) -> follow(n, ep) }
#define HEAR(n, ep) :: d_step { AWAKE(n) && gConfs[ep] > 0 && leader[ep] != n + 1 && ep >= prom[n] && !(lead[n] && prom[n] == ep) -> hear(n, ep, 0) } \
	:: d_step { AWAKE(n) && gConfs[ep] > 1 && leader[ep] != n + 1 && ep >= prom[n] && !(lead[n] && prom[n] == ep) -> hear(n, ep, gConfs[ep] - 1) }
#define COMMIT(n, z) :: d_step { lead[n] && begun[n] > 0 && z >= begun[n] && z > com[n] && z <= size[n] && MAJORITY(HOLD(n, z), SET(conf[n])) -> commit(n, z) }
#define REWRITE(n) :: d_step { changes < CHANGES && RULES(n) && WRITER(conf[n]) < prom[n] -> rewrite(n) }
#define CHANGE(n, m) :: d_step { changes < CHANGES && RULES(n) && INSTALLED(n) && KEEPS(n) && (SET(conf[n]) ^ STEP(n, m)) != 0 -> change(n, m) }
/* A node that asks one which does not know it learns who the members are. */
#define LEARN(n, m) :: d_step { AWAKE(n) && !lead[n] && SET(conf[m]) != 0 && !(SET(conf[m]) & BIT(n)) && NUMBER(conf[n]) < NUMBER(conf[m]) -> use(n, conf[m]) }

#define EACH(S) S(0) S(1) S(2) S(3)
#define PAIRS(S) S(0, 1) S(0, 2) S(0, 3) S(1, 0) S(1, 2) S(1, 3) S(2, 0) S(2, 1) S(2, 3) S(3, 0) S(3, 1) S(3, 2)
#define IN(S, ep) S(0, ep) S(1, ep) S(2, ep) S(3, ep)
#if EPOCHS == 2
#define EPOCHWISE(S) IN(S, 1) IN(S, 2)
#elif EPOCHS == 3
#define EPOCHWISE(S) IN(S, 1) IN(S, 2) IN(S, 3)
#else
#define EPOCHWISE(S) IN(S, 1) IN(S, 2) IN(S, 3) IN(S, 4)
#endif
#if LOG == 1
#define LOGWISE(S) IN(S, 1)
#else
#define LOGWISE(S) IN(S, 1) IN(S, 2)
#endif

init {
	d_step {
		do :: i < N -> if :: VOTERS & BIT(i) -> conf[i] = FIRST :: else fi; i++ :: else -> break od;
		i = 0
	};
	do
#ifdef WHOLE
	EPOCHWISE(ELECT)
#else
	EPOCHWISE(RUN)
	PAIRS(ANSWER)
	EACH(WIN)
#endif
	EACH(WRITE)
	EPOCHWISE(FOLLOW)
	EPOCHWISE(HEAR)
	LOGWISE(COMMIT)
	EACH(REWRITE)
	PAIRS(CHANGE)
	PAIRS(LEARN)
	od
}
