#!/usr/bin/env bash
# Runs every fuzz target of the project for the time given, one after another.
set -eu
time="${1:-20s}"
cd "$(dirname "$0")/.."
grep -rl --include='*_test.go' '^func Fuzz' . | xargs -n1 dirname | sort -u | while read -r dir; do
	for target in $(grep -rh --include='*_test.go' -o '^func Fuzz[A-Za-z0-9_]*' "$dir"/*_test.go | awk '{print $2}' | sort -u); do
		echo "== $dir $target"
		# An input that is new is not made smaller for a minute each: that would be all the time.
		go test -run '^$' -fuzz "^${target}\$" -fuzztime "$time" -fuzzminimizetime 20x "$dir"
	done
done
