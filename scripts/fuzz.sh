#!/usr/bin/env bash
# Runs every fuzz target of the project for the time given, one after another; with a
# second argument those alone whose "folder name" matches it.
set -eu
time="${1:-20s}"
only="${2:-.}"
cd "$(dirname "$0")/.."
out="$(mktemp)"
trap 'rm -f "$out"' EXIT

# An input that is new is not made smaller for a minute each: that would be all the time.
fuzz() { go test -run '^$' -fuzz "^$2\$" -fuzztime "$time" -fuzzminimizetime 20x "$1" 2>&1 | tee "$out"; }

# over reports whether go itself was cut off at the end of the time: it then fails with that
# alone, although no input does.
over() { grep -q '^    context deadline exceeded$' "$out" && ! grep -q 'Failing input\|panic\|_test\.go' "$out"; }

set -o pipefail
grep -rl --include='*_test.go' '^func Fuzz' . | xargs -n1 dirname | sort -u | while read -r dir; do
	for target in $(grep -rh --include='*_test.go' -o '^func Fuzz[A-Za-z0-9_]*' "$dir"/*_test.go | awk '{print $2}' | sort -u); do
		echo "$dir $target" | grep -q "$only" || continue
		echo "== $dir $target"
		fuzz "$dir" "$target" </dev/null || { over && fuzz "$dir" "$target" </dev/null; }
	done
done
