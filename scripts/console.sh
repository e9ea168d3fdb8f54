#!/usr/bin/env bash
# console.sh e2e|screens [ARG...]  Drives the console in Debian's Chromium against bin/turnpike, or takes pictures of its pages.
# Where there is no Chromium to be had it says so and leaves it; in continuous integration that is a failure.
set -euo pipefail
cd "$(dirname "$0")/.."

what=${1:?e2e or screens}
shift
fonts() { ls /usr/share/fonts/opentype/noto/NotoSansCJK* >/dev/null 2>&1; }
if ! scripts/ensure.sh chromium:chromium; then
	echo "The console was not driven: there is no Chromium." >&2
	[ "${CI:-}" != true ] && exit 0
	exit 1
fi
# Pictures of Chinese need its letters; without them they are boxes, and nothing else is wrong.
fonts || scripts/ensure.sh no-such-command:fonts-noto-cjk || true
exec scripts/idp.sh npm --prefix console run "$what" -- "$@"
