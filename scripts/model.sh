#!/usr/bin/env bash
# Checks the model of the election in cluster/bully/model with spin: the
# protocol must hold in every state, and with one rule out it must fail. With
# "deep" as argument the larger bounds are searched as well.
set -eu

cd "$(dirname "$0")/../cluster/bully/model"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

for tool in spin gcc; do
	command -v "$tool" >/dev/null 2>&1 && continue
	command -v apt-get >/dev/null 2>&1 || { echo "model: $tool is missing" >&2; exit 1; }
	sudo=""
	[ "$(id -u)" = 0 ] || sudo="sudo"
	$sudo apt-get update -qq
	DEBIAN_FRONTEND=noninteractive $sudo apt-get install -y -qq --no-install-recommends "$tool" >/dev/null
done

# search FLAGS: an exhaustive search in $work.
search() {
	rm -rf "$work"/*
	cp "$model" "$work"
	(
		cd "$work"
		spin -a "$@" "$model" >spin.log || { cat spin.log; exit 1; }
		gcc -O2 -w -DSAFETY -DCOLLAPSE -DMEMLIM=6000 -o pan pan.c
		./pan -E -m3000000 >pan.log 2>&1 || true
		# A search that was cut short proves nothing.
		if grep -q "out of memory\|max search depth too small\|error: " pan.log; then
			cat pan.log
			exit 1
		fi
	)
	states=$(sed -n 's/^ *\([0-9.e+]*\) states, stored.*/\1/p' "$work/pan.log")
	errors=$(sed -n 's/.*errors: \([0-9]*\)$/\1/p' "$work/pan.log")
	broken=$(sed -n 's/^pan:1: assertion violated.*/assertion/p' "$work/pan.log")
}

holds() { # holds NAME FLAGS
	local name=$1
	shift
	search "$@"
	if [ "$errors" != 0 ]; then
		cat "$work/pan.log"
		echo "model: $name fails" >&2
		exit 1
	fi
	printf '%-44s holds in all %s states\n' "$name" "$states"
}

fails() { # fails NAME FLAGS
	local name=$1
	shift
	search "$@"
	if [ "$errors" = 0 ] || [ -z "$broken" ]; then
		cat "$work/pan.log"
		echo "model: it does not notice: $name" >&2
		exit 1
	fi
	printf '%-44s fails after %s states\n' "$name" "$states"
}

model=bully.pml
lease="-DLEASE -DEPOCHS=2 -DLOG=2"
hand="$lease -DHANDOVER"
lost="-DEPOCHS=2 -DLOG=2 -DLOSSES=1"

holds "epochs and logs" -DEPOCHS=4 -DLOG=3
holds "with two restarts" -DEPOCHS=3 -DLOG=2 -DRESTARTS=2
holds "leases, with a restart" $lease -DRESTARTS=1
holds "handover" $hand
holds "a log shortened, or a state file lost" -DEPOCHS=3 -DLOG=2 -DLOSSES=1
fails "one grant wins" -DNO_MAJORITY
fails "votes ignore positions" -DNO_FRESHNESS
fails "records of earlier epochs count" -DEPOCHS=4 -DLOG=3 -DOLD_COMMIT
fails "the vote is not on disk" -DRESTARTS=1 -DVOLATILE_VOTE
fails "voters forget the leader they hear" $lease -DNO_PROMISE
fails "voters vote right after their start" $lease -DRESTARTS=1 -DNO_WARINESS
fails "the lease counts from the acknowledgement" $lease -DLEASE_ON_ARRIVAL
fails "the token is passed without a fence" $hand -DLEASE_KEPT
fails "the lease from before the handover counts" $hand -DRESUME_AT_ONCE
fails "a token that was taken back counts" $hand -DTOKEN_FOREVER
fails "a voter whose log was shortened votes" $lost -DSHORT_VOTES
fails "a voter that lost its state file votes" $lost -DSTATE_VOTES
fails "a node that has forgotten acknowledges" $lost -DFORGOT_ACKS
fails "a node that has forgotten believes any leader" $lost -DLEADER_SAYS
fails "a node that has forgotten votes again" $lost -DVOTE_AGAIN
model=members.pml
whole="-DWHOLE -DEPOCHS=3 -DLOG=2"
holds "members change, vote by vote" -DEPOCHS=2 -DLOG=2 -DCHANGES=2 -DVOTERS=7
holds "members change" $whole -DCHANGES=2 -DVOTERS=15
holds "members change, down to one" -DWHOLE -DEPOCHS=2 -DLOG=2 -DCHANGES=3 -DVOTERS=7
fails "voters change before the last change is known" -DWHOLE -DEPOCHS=2 -DLOG=2 -DCHANGES=3 -DVOTERS=7 -DCHANGE_AT_ONCE
fails "a candidate with old members is granted" -DWHOLE -DEPOCHS=2 -DLOG=2 -DCHANGES=3 -DVOTERS=7 -DOLD_MEMBERS_RUN
fails "a change goes on from an earlier leader's" $whole -DCHANGES=2 -DVOTERS=15 -DOTHERS_CHANGE
fails "two voters change at once" $whole -DCHANGES=2 -DVOTERS=7 -DTWO_AT_ONCE
fails "what is committed is left with those who leave" $whole -DCHANGES=3 -DVOTERS=7 -DFORGET_HELD
model=bully.pml
if [ "${1:-}" = deep ]; then
	holds "epochs and logs, with a restart" -DEPOCHS=4 -DLOG=3 -DRESTARTS=1
	holds "handover, with a restart" $hand -DRESTARTS=1
fi
