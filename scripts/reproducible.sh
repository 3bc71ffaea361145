#!/usr/bin/env bash
# Builds the last commit twice, in two folders of different names with a build cache of
# their own each, and compares the binaries byte for byte.
set -eu
cd "$(dirname "$0")/.."
source=$PWD
work=$(mktemp -d)
trap 'chmod -R u+w "$work"; rm -rf "$work"' EXIT
for place in a another/place; do
	mkdir -p "$work/$place"
	git clone -q "$source" "$work/$place/src"
	(cd "$work/$place/src" && GOCACHE="$work/$place/cache" GOFLAGS= make -s build)
	sha256sum "$work/$place/src/bin/regent" | sed "s#$work/##"
done
cmp "$work/a/src/bin/regent" "$work/another/place/src/bin/regent"
echo "reproducible: both builds are equal to the byte"
