#!/usr/bin/env bash
# Brings redis-server 7.0's own Tcl test suite into .tools/redis-suite: it comes
# with Debian's source package of redis, which is unpacked and not built. Installs what
# the suite is run by where it is missing: Tcl, and TLS for Tcl. Prints the suite's
# directory.
set -eu
cd "$(dirname "$0")/.."
dir=$PWD/.tools/redis-suite
needs_apt() {
	command -v apt-get >/dev/null 2>&1 || { echo "compat: Debian's packages tcl, tcl-tls and redis are needed, and there is no apt-get" >&2; exit 1; }
}
if [ "$(echo 'puts [catch {package require tls}]' | tclsh 2>/dev/null)" != 0 ]; then
	needs_apt
	sudo=""
	[ "$(id -u)" = 0 ] || sudo="sudo"
	$sudo apt-get update -qq >&2
	DEBIAN_FRONTEND=noninteractive $sudo apt-get install -y -qq --no-install-recommends tcl tcl-tls >&2
fi
if [ ! -e "$dir/ready" ]; then
	needs_apt
	rm -rf "$dir"
	mkdir -p "$dir/lists/partial" "$dir/parts" "$dir/unpack"
	# The system's own sources, asked for source packages; its lists stay as they are.
	for f in /etc/apt/sources.list.d/debian.sources; do
		sed 's/^Types: deb$/Types: deb-src/' "$f" >"$dir/parts/src.sources"
	done
	apt="apt-get -qq -o Dir::Etc::SourceList=/dev/null -o Dir::Etc::SourceParts=$dir/parts -o Dir::State::Lists=$dir/lists"
	apt="$apt -o APT::Sandbox::User=root"
	$apt update >&2
	(cd "$dir/unpack" && $apt source --download-only redis >&2 && tar xzf redis_7.0.*.orig.tar.gz --strip-components=1)
	touch "$dir/ready"
fi
echo "$dir/unpack"
