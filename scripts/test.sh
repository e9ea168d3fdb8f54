#!/usr/bin/env bash
# Runs every test: all Go modules with the race detector, then the console's.
set -euo pipefail
cd "$(dirname "$0")/.."

scripts/test-deps.sh
# A second time with a Redis, unless there is one already, or none to be had.
[ -n "${TURNPIKE_TEST_REDIS+set}" ] || exec scripts/with-redis.sh "scripts/$(basename "$0")" "$@"

# A third time with identity providers.
[ -n "${TURNPIKE_TEST_IDP+set}" ] || exec scripts/idp.sh "scripts/$(basename "$0")" "$@"

race=(-race)
if ! command -v cc >/dev/null; then
	echo "No C compiler: the tests run without the race detector." >&2
	race=()
fi
if [ ! -d "${TURNPIKE_CORPUS:-}" ]; then
	echo "No recordings at ${TURNPIKE_CORPUS:-TURNPIKE_CORPUS}: the tests that replay them are skipped." >&2
fi

# What tests print, those that pass too, holds none of the secrets that tests plant (test/printed).
printed=$(mktemp -d)/printed
trap 'rm -rf "$(dirname "$printed")"' EXIT
go -C test build -o "$printed" ./printed

postgres=$PWD/scripts/postgres.sh
modules=$(scripts/modules.sh)
for module in $modules; do
	echo "== go test ${race[*]} in $module"
	(cd "$module" && "$postgres" go test -json "${race[@]}" -timeout 15m ./...) 2>&1 | "$printed"
done

if [ -d console/node_modules ] && command -v npm >/dev/null; then
	echo "== console tests"
	npm --prefix console run --if-present test 2>&1 | "$printed"
fi
