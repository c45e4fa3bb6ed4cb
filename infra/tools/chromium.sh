#!/usr/bin/env bash
# Prints the path of a Chromium for the browser tests: CHROMIUM if it is set, else
# one on the PATH, else Debian's, installed by apt if that is allowed. If there is
# none, it prints what to install, and fails.
set -euo pipefail

find_chromium() {
	for name in "${CHROMIUM:-}" chromium chromium-browser google-chrome google-chrome-stable; do
		if [ -n "$name" ] && command -v "$name" 2>/dev/null; then
			return 0
		fi
	done
	return 1
}

install_chromium() {
	local run=()
	command -v apt-get >/dev/null 2>&1 || return 1
	if [ "$(id -u)" -ne 0 ]; then
		sudo -n true 2>/dev/null || return 1
		run=(sudo -n)
	fi
	echo "installing Debian's chromium for the browser tests" >&2
	{ "${run[@]}" apt-get update -qq && "${run[@]}" apt-get install -y -qq --no-install-recommends chromium; } >&2
}

if ! find_chromium; then
	if ! install_chromium || ! find_chromium; then
		echo "drawdown's browser tests need Chromium: install the package chromium (Debian: apt-get install chromium), or set CHROMIUM=... to its path" >&2
		exit 1
	fi
fi
