#!/usr/bin/env bash
# idp.sh COMMAND [ARGUMENT...]  Runs a command with OpenID providers at hand, which TURNPIKE_TEST_IDP names: the folder of
# scripts/idp, with what they need installed. Tests start them. Where there is no Node, TURNPIKE_TEST_IDP is empty.
set -euo pipefail

dir=$(cd "$(dirname "$0")" && pwd)/idp
if ! command -v npm >/dev/null; then
	echo "No npm: the tests that sign in at real identity providers are skipped." >&2
	TURNPIKE_TEST_IDP='' exec "$@"
fi
if ! cmp -s "$dir/package-lock.json" "$dir/node_modules/.installed"; then
	npm --prefix "$dir" ci --no-progress >&2
	cp "$dir/package-lock.json" "$dir/node_modules/.installed"
fi
TURNPIKE_TEST_IDP=$dir exec "$@"
