#!/usr/bin/env bash
# Installs what the tests need and this machine lacks. Tests start their own servers; this only brings the programs.
# Add a COMMAND:PACKAGE pair here when a test begins to need a program.
set -euo pipefail
cd "$(dirname "$0")/.."

# The race detector needs a C compiler (scripts/test.sh goes on without it).
scripts/ensure.sh cc:gcc cc:libc6-dev || true
# Limits are tested on a real Redis (scripts/with-redis.sh goes on without it).
scripts/ensure.sh redis-server:redis-server || true

# A client made of the admin API's document calls a gateway (cmd/turnpike goes on without it).
if command -v npm >/dev/null && [ ! -d test/client/node_modules ]; then npm ci --prefix test/client || true; fi

# Debian keeps PostgreSQL's programs out of the path.
ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || scripts/ensure.sh initdb:postgresql || true
[ -x /usr/sbin/pgbouncer ] || scripts/ensure.sh pgbouncer:pgbouncer || true
