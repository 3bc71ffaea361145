#!/usr/bin/env bash
# Looks for known vulnerabilities in what is called of Go and the modules (govulncheck). It
# needs https://vuln.go.dev, or a copy of that database: GOVULNDB=file:///path. Where
# neither can be reached, REGENT_NO_VULNS=1 leaves it out, and says so.
set -eu
cd "$(dirname "$0")/.."
tool=golang.org/x/vuln/cmd/govulncheck@v1.9.0
if [ "${REGENT_NO_VULNS:-}" = 1 ]; then
	echo "vulns: NOT CHECKED (REGENT_NO_VULNS=1)" >&2
	exit 0
fi
db="${GOVULNDB:-https://vuln.go.dev}"
status=0
out=$("${GO:-go}" run "$tool" -db "$db" ./... 2>&1) || status=$?
printf '%s\n' "$out"
if [ "$status" != 0 ] && printf '%s' "$out" | grep -qE 'dial tcp|no such host|connection refused|fetching|timeout'; then
	echo "vulns: the database $db cannot be reached: set GOVULNDB to a copy of it, or REGENT_NO_VULNS=1 to go without" >&2
fi
exit "$status"
