#!/usr/bin/env bash
# postgres.sh COMMAND...  Starts a private PostgreSQL on loopback, runs the command with TURNPIKE_TEST_POSTGRES set to its
# address, and stops it. Everything is in a temporary folder. Without PostgreSQL the command runs without it.
set -euo pipefail

bin=$(for d in /usr/lib/postgresql/*/bin "$(dirname "$(command -v initdb || echo /nowhere/initdb)")"; do
	if [ -x "$d/initdb" ]; then echo "$d"; fi
done | sort -V | tail -n 1)
if [ -z "$bin" ]; then
	echo "No PostgreSQL: the tests that need it are skipped." >&2
	exec "$@"
fi

# PostgreSQL refuses to run as root.
as=()
if [ "$(id -u)" -eq 0 ]; then as=(runuser -u postgres --); fi
dir=$("${as[@]}" mktemp -d /tmp/turnpike-postgres.XXXXXX)
log=$dir/log
stop() {
	"${as[@]}" "$bin/pg_ctl" -D "$dir/data" -m immediate -w stop >/dev/null 2>&1 || true
	rm -rf "$dir"
}
trap stop EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

cd "$dir"
"${as[@]}" "$bin/initdb" -D "$dir/data" -U turnpike -A trust -E UTF8 --no-locale --no-sync >"$log.initdb" || {
	cat "$log.initdb" >&2
	exit 1
}
# A port that was free may be taken before the server has it: then another one is tried.
for try in 1 2 3 4 5; do
	port=$((20000 + RANDOM % 20000))
	if "${as[@]}" "$bin/pg_ctl" -D "$dir/data" -l "$log" -w -t 60 start -o "-p $port -h 127.0.0.1 -k $dir -c fsync=off \
		-c synchronous_commit=off -c full_page_writes=off -c max_connections=300 -c shared_buffers=64MB" >/dev/null; then break; fi
	if [ "$try" -eq 5 ]; then
		cat "$log" >&2
		exit 1
	fi
done
cd "$OLDPWD"
export TURNPIKE_TEST_POSTGRES="postgres://turnpike@127.0.0.1:$port/postgres?sslmode=disable"
status=0
"$@" || status=$?
exit "$status"
