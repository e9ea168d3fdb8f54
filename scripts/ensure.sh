#!/usr/bin/env bash
# ensure.sh COMMAND:PACKAGE...  Installs the Debian package of each command that is absent.
# Where that is not possible it says what to install and fails.
set -euo pipefail

missing=()
for pair in "$@"; do
	command -v "${pair%%:*}" >/dev/null || missing+=("${pair#*:}")
done
[ ${#missing[@]} -gt 0 ] || exit 0

if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null; then
	echo "Please install: ${missing[*]}" >&2
	exit 1
fi
echo "Installing ${missing[*]}"
export DEBIAN_FRONTEND=noninteractive
log=$(mktemp)
trap 'rm -f "$log"' EXIT
install() { apt-get install -y --no-install-recommends "${missing[@]}" >"$log" 2>&1 </dev/null; }
# Package lists may be absent or stale: fetch them only when the first try fails.
install || { apt-get update >"$log" 2>&1 && install; } || {
	tail -n 5 "$log" >&2
	echo "Could not install: ${missing[*]}" >&2
	exit 1
}
