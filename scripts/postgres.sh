#!/usr/bin/env bash
# postgres.sh COMMAND...  Starts a private PostgreSQL on loopback, runs the command with TURNPIKE_TEST_POSTGRES set to its
# address, and stops it. Everything is in a temporary folder. Without PostgreSQL the command runs without it. Where there
# is a pgbouncer, one stands before it in transaction mode: TURNPIKE_TEST_PGBOUNCER is its host and port.
set -euo pipefail

# Debian keeps the programs out of the path, one folder for each version.
bin=$(find /usr/lib/postgresql -path '*/bin/initdb' 2>/dev/null | sort -V | tail -n 1)
bin=$(dirname "${bin:-$(command -v initdb || true)}")
if [ ! -x "$bin/initdb" ]; then
	echo "No PostgreSQL: the tests that need it are skipped." >&2
	exec "$@"
fi

# PostgreSQL refuses to run as root.
as=()
if [ "$(id -u)" -eq 0 ]; then as=(runuser -u postgres --); fi
dir=$("${as[@]}" mktemp -d /tmp/turnpike-postgres.XXXXXX)
log=$dir/log
pooler=
# shellcheck disable=SC2317 # the trap runs it
stop() {
	if [ -n "$pooler" ]; then kill "$pooler" 2>/dev/null || true; fi
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
	port=$((10000 + RANDOM % 10000))
	if "${as[@]}" "$bin/pg_ctl" -D "$dir/data" -l "$log" -w -t 60 start -o "-p $port -h 127.0.0.1 -k $dir -c fsync=off \
		-c synchronous_commit=off -c full_page_writes=off -c max_connections=300 -c shared_buffers=64MB" >/dev/null; then break; fi
	if [ "$try" -eq 5 ]; then
		cat "$log" >&2
		exit 1
	fi
done
if bouncer=$(command -v pgbouncer || ls /usr/sbin/pgbouncer 2>/dev/null); then
	echo '"turnpike" ""' >"$dir/users"
	pooled=$((port + 10000))
	cat >"$dir/pgbouncer.ini" <<-EOF
		[databases]
		* = host=127.0.0.1 port=$port
		[pgbouncer]
		listen_addr = 127.0.0.1
		listen_port = $pooled
		unix_socket_dir =
		auth_type = trust
		auth_file = $dir/users
		pool_mode = transaction
		default_pool_size = 5
		max_client_conn = 500
	EOF
	chmod 644 "$dir/users" "$dir/pgbouncer.ini"
	"${as[@]}" "$bouncer" -q "$dir/pgbouncer.ini" >"$dir/pgbouncer.log" 2>&1 &
	pooler=$!
	for _ in $(seq 100); do
		if "$bin/pg_isready" -q -h 127.0.0.1 -p "$pooled"; then
			export TURNPIKE_TEST_PGBOUNCER=127.0.0.1:$pooled
			break
		fi
		sleep 0.1
	done
	if [ -z "${TURNPIKE_TEST_PGBOUNCER:-}" ]; then
		cat "$dir/pgbouncer.log" >&2
		exit 1
	fi
fi
cd "$OLDPWD"
export TURNPIKE_TEST_POSTGRES="postgres://turnpike@127.0.0.1:$port/postgres?sslmode=disable"
status=0
"$@" || status=$?
exit "$status"
