#!/usr/bin/env bash
# Three gateways on one PostgreSQL and one Redis behind nginx, and what happens to fleets; also with Redis Sentinel, Redis
# Cluster, pgbouncer and slow names (-beds plain,sentinel,cluster,pgbouncer,names). The last line has the figures;
# it ends with 1 where clients noticed something. TURNPIKE_BINARY is a gateway that is already built, TURNPIKE_SKEWED one
# of scripts/skewed.sh.
set -euo pipefail
cd "$(dirname "$0")/.."
scripts/test-deps.sh
[ -x /usr/sbin/nginx ] || scripts/ensure.sh nginx:nginx
scripts/ensure.sh redis-cli:redis-tools
mkdir -p bin
binary=${TURNPIKE_BINARY:-}
if [ -z "$binary" ]; then
	binary=$PWD/bin/turnpike
	CGO_ENABLED=0 go build -o "$binary" ./cmd/turnpike
fi
skewed=${TURNPIKE_SKEWED:-}
if [ -z "$skewed" ]; then
	skewed=$PWD/bin/turnpike-skewed
	scripts/skewed.sh "$skewed"
fi
cd test
exec go run ./fleet -binary "$binary" -skewed "$skewed" "$@"
