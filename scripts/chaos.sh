#!/usr/bin/env bash
# Puts a gateway with three providers under load while one fails half of its requests and one is dead. The last line has
# the figures; it ends with 1 where they are not what they must be. CHAOS_ROUNDS is how many rounds of each kind (3).
# TURNPIKE_BINARY is a gateway that is already built.
set -euo pipefail
cd "$(dirname "$0")/.."
binary=${TURNPIKE_BINARY:-}
if [ -z "$binary" ]; then
	binary=$PWD/bin/turnpike
	CGO_ENABLED=0 go build -o "$binary" ./cmd/turnpike
fi
exec go run ./bench/cmd/chaos -binary "$binary" -rounds "${CHAOS_ROUNDS:-3}" "$@"
