#!/usr/bin/env bash
# Reports which of the named tools are missing or too old, and fails if any is.
# Usage: require.sh go java node npm
set -euo pipefail

missing=0

complain() {
	echo "drawdown needs $1: $2" >&2
	missing=1
}

# require NAME MINIMUM FOUND: FOUND is a version that starts with a number, or empty.
require() {
	local name=$1 minimum=$2 found=$3
	if [ -z "$found" ]; then
		complain "$name $minimum or later" "$name is not on the PATH"
	elif [ "$(printf '%s\n%s\n' "$minimum" "$found" | sort -t. -k1,1n -k2,2n | head -n 1)" != "$minimum" ]; then
		complain "$name $minimum or later" "found $name $found"
	fi
}

version_of() {
	command -v "$1" >/dev/null 2>&1 || return 0
	case $1 in
	go) go env GOVERSION 2>/dev/null | sed 's/^go//; s/[^0-9.].*//' ;;
	java) java -version 2>&1 | sed -n 's/.*version "\([0-9.]*\).*/\1/p' | head -n 1 ;;
	node) node --version | sed 's/^v//' ;;
	npm) npm --version ;;
	esac || true
}

for tool in "$@"; do
	case $tool in
	go) require go 1.26 "$(version_of go)" ;;
	java) require java 17 "$(version_of java)" ;;
	node) require node 20 "$(version_of node)" ;;
	npm) require npm 9 "$(version_of npm)" ;;
	*) complain "$tool" "require.sh does not know this tool" ;;
	esac
done
exit "$missing"
