#!/usr/bin/env bash
# Installs the packages of FOLDER/package-lock.json into FOLDER/node_modules. They
# are kept in a cache outside the work tree, one folder for each version of the lock
# file, and node_modules is a link to it: a fresh clone on the same machine downloads
# nothing, and going back to an older lock file is free.
# Usage: npm.sh CACHE_DIR FOLDER WHAT, where WHAT describes what is fetched
set -euo pipefail
tools=$(cd "$(dirname "$0")" && pwd)
cd "$tools/../../$2"

sha256() { if command -v sha256sum >/dev/null; then sha256sum; else shasum -a 256; fi; }

cache=$1/npm/$(cat package.json package-lock.json .npmrc | sha256 | cut -c1-16)
if [ ! -d "$cache/node_modules" ]; then
	"$tools/require.sh" node npm
	mkdir -p "$1/npm"
	fresh=$(mktemp -d "$1/npm/fresh.XXXXXX")
	trap 'rm -rf "$fresh"' EXIT
	cp package.json package-lock.json .npmrc "$fresh/"
	echo "npm: fetching $3"
	(cd "$fresh" && npm ci --ignore-scripts --loglevel=error)
	mv "$fresh" "$cache" 2>/dev/null || [ -d "$cache/node_modules" ] # another make may have been faster
fi
if [ "$(readlink node_modules || true)" != "$cache/node_modules" ]; then
	rm -rf node_modules
	ln -s "$cache/node_modules" node_modules
fi
