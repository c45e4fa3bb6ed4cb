#!/usr/bin/env bash
# Builds the Usage page into functions/page/dist, unless it is up to date.
# Usage: page.sh STAMP_FILE
set -euo pipefail
cd "$(dirname "$0")/../.."

stamp=$1 page=functions/page

sha256() { if command -v sha256sum >/dev/null; then sha256sum; else shasum -a 256; fi; }

# state hashes the sources, including the tools' versions, and the build output.
state() {
	find "$page/web" "$page/dist" -name node_modules -prune -o -type f -print | LC_ALL=C sort |
		while IFS= read -r file; do
			echo "$file"
			sha256 <"$file"
		done | sha256
}

if [ -f "$page/dist/usage.html" ] && [ "$(cat "$stamp" 2>/dev/null || true)" = "$(state)" ]; then
	exit 0
fi
infra/tools/require.sh node
node "$page/web/build.mjs"
mkdir -p "$(dirname "$stamp")"
state >"$stamp"
