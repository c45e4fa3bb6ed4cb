#!/usr/bin/env bash
# Takes the screenshot of the Usage page for the README. Usage: screenshot.sh LINK,
# where LINK is the link to the demo account's page that make run prints.
set -euo pipefail
cd "$(dirname "$0")/../.."

chromium=$(infra/tools/chromium.sh)
"$chromium" --headless --no-sandbox --disable-gpu --no-first-run --disable-background-networking \
	--disable-component-update --disable-sync --hide-scrollbars --lang=en-US \
	--window-size=1280,1065 --virtual-time-budget=10000 --screenshot=functions/page/usage.png "$1"
