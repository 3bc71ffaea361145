#!/usr/bin/env bash
# Installs what the tests need beside Go: redis-server, redis-cli and
# redis-benchmark 7.0, ip for hosts of their own and iptables for their
# firewalls, haproxy, openssl, redis-py for Debian's Python, and docker-compose where a docker daemon runs. Fails with one
# clear line when it cannot.
set -eu

install() { # install WHAT PACKAGE
	if ! command -v apt-get >/dev/null 2>&1; then
		echo "tools: $1 is missing: install the package $2 by your system's means" >&2
		exit 1
	fi
	local sudo=""
	[ "$(id -u)" = 0 ] || sudo="sudo"
	if [ -z "${updated:-}" ]; then
		$sudo apt-get update -qq
		updated=yes
	fi
	# The package's own service is not wanted, only its programs.
	DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 $sudo apt-get install -y -qq --no-install-recommends "$2" >/dev/null
}

need() { # need COMMAND PACKAGE
	command -v "$1" >/dev/null 2>&1 && return 0
	install "$1" "$2"
	command -v "$1" >/dev/null 2>&1 || { echo "tools: $1 is still missing after installing $2" >&2; exit 1; }
}

need redis-server redis-server
need redis-cli redis-tools
need redis-benchmark redis-tools
need ip iproute2
need iptables iptables
need haproxy haproxy
need openssl openssl
/usr/bin/python3 -c 'import redis' 2>/dev/null || install redis-py python3-redis

case "$(redis-server --version)" in
*v=7.0.*) ;;
*) echo "tools: redis-server 7.0 is the reference, found: $(redis-server --version)" >&2; exit 1 ;;
esac

if command -v docker >/dev/null 2>&1 && docker info >/dev/null 2>&1; then
	docker compose version >/dev/null 2>&1 || need docker-compose docker-compose
fi
