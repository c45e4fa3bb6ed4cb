#!/usr/bin/env bash
# Makes infra/node_modules what infra/package-lock.json says. The packages live in
# a cache outside the work tree, one folder for each content of the lock file, and
# infra/node_modules is a link to it: a fresh clone on the same machine downloads
# nothing, and going back to an older lock file is free.
# Usage: npm.sh CACHE_DIR HASH
set -euo pipefail
cd "$(dirname "$0")/.."

cache=$1/npm/$2
if [ ! -d "$cache/node_modules" ]; then
	mkdir -p "$1/npm"
	fresh=$(mktemp -d "$1/npm/fresh.XXXXXX")
	trap 'rm -rf "$fresh"' EXIT
	cp package.json package-lock.json .npmrc "$fresh/"
	echo "npm: fetching the CDK command line and DynamoDB Local"
	(cd "$fresh" && npm ci --ignore-scripts --loglevel=error)
	mv "$fresh" "$cache" 2>/dev/null || [ -d "$cache/node_modules" ] # another make may have been quicker
fi
if [ "$(readlink node_modules || true)" != "$cache/node_modules" ]; then
	rm -rf node_modules
	ln -s "$cache/node_modules" node_modules
fi
