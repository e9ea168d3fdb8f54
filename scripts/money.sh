#!/usr/bin/env bash
# Lets three gateways spend a budget together MONEY_ROUNDS times (3), one of them killed again and again, on SQLite and,
# where there is one, on PostgreSQL. Then kills a gateway under load MONEY_KILLS times (200) and compares the ledger with
# what its clients were told. The last line has the figures. MONEY_FSYNC is the journal's policy. TURNPIKE_BINARY is a gateway that is already built.
set -euo pipefail
cd "$(dirname "$0")/.."
binary=${TURNPIKE_BINARY:-}
if [ -z "$binary" ]; then
	binary=$PWD/bin/turnpike
	CGO_ENABLED=0 go build -o "$binary" ./cmd/turnpike
fi
postgres=$PWD/scripts/postgres.sh
cd test
exec "$postgres" go run ./money -binary "$binary" -kills "${MONEY_KILLS:-200}" -rounds "${MONEY_ROUNDS:-3}" -fsync "${MONEY_FSYNC:-interval}"
