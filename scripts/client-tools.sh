#!/usr/bin/env bash
# Installs the client libraries that `make clients` tries, from Debian's packages. One that
# cannot be had is left out there, and said to be.
set -u

command -v apt-get >/dev/null 2>&1 || { echo "client-tools: no apt-get: what is installed is tried" >&2; exit 0; }
sudo=""
[ "$(id -u)" = 0 ] || sudo="sudo"
missing=""
for package in python3-redis libhiredis-dev gcc libc6-dev ruby-redis php-cli php-redis php-predis libredis-perl lua5.1 lua-redis nodejs node-redis; do
	dpkg -s "$package" >/dev/null 2>&1 || missing="$missing $package"
done
[ -n "$missing" ] || exit 0
$sudo apt-get update -qq
for package in $missing; do
	DEBIAN_FRONTEND=noninteractive $sudo apt-get install -y -qq --no-install-recommends "$package" >/dev/null ||
		echo "client-tools: $package cannot be installed" >&2
done
