#!/usr/bin/env bash
# Synthesizes the stack for this machine into OUT, unless its inputs are unchanged:
# the CDK app (its binary contains the stack, the table schema and the routes), its
# settings and the functions' binaries.
# Usage: assembly.sh OUT ASSETS ARCH
set -euo pipefail
cd "$(dirname "$0")/../.."

out=$1 assets=$2 arch=$3
if ! compgen -G "$assets/*/bootstrap" >/dev/null; then
	echo "assembly.sh: no compiled function under $assets" >&2
	exit 1
fi

sha256() { if command -v sha256sum >/dev/null; then sha256sum; else shasum -a 256; fi; }

stamp=$({ echo "$arch"; cat .build/bin/cdkapp cdk.json infra/package-lock.json; cat "$assets"/*/bootstrap; } | sha256)
if [ "$(cat "$out.stamp" 2>/dev/null || true)" = "$stamp" ] && [ -f "$out/manifest.json" ]; then
	exit 0
fi
rm -rf "$out" "$out.stamp"
echo "cdk: synthesizing the local platform"
if ! log=$(infra/node_modules/.bin/cdk synth --quiet --app .build/bin/cdkapp --output "$out" \
	--context stage=dev --context "arch=$arch" --context "assets=$assets" 2>&1); then
	echo "$log" >&2
	exit 1
fi
echo "$stamp" >"$out.stamp"
