#!/usr/bin/env bash
# dex.sh COMMAND [ARGUMENT...]  Runs a command with Dex at hand, which TURNPIKE_TEST_DEX names: the program of scripts/dex, built
# from the Go module proxy. Tests start it.
set -euo pipefail

root=$(cd "$(dirname "$0")/.." && pwd)
(cd "$root/scripts/dex" && CGO_ENABLED=0 go build -trimpath -o "$root/bin/dex" .) >&2
TURNPIKE_TEST_DEX=$root/bin/dex exec "$@"
