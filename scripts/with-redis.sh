#!/usr/bin/env bash
# with-redis.sh COMMAND [ARGUMENT...]  Runs a command with a Redis of its own, which TURNPIKE_TEST_REDIS names, and ends
# it afterwards. Nothing is written to the disk. Where there is no redis-server, TURNPIKE_TEST_REDIS is empty.
set -euo pipefail

if ! command -v redis-server >/dev/null; then
	echo "No redis-server: the tests that need one are skipped." >&2
	TURNPIKE_TEST_REDIS='' exec "$@"
fi

dir=$(mktemp -d)
server=
stop() {
	[ -z "$server" ] || kill "$server" 2>/dev/null || true
	[ -z "$server" ] || wait "$server" 2>/dev/null || true
	rm -rf "$dir"
}
trap stop EXIT

# A port that is taken ends the server at once; then the next one is tried.
for port in $(shuf -i 20000-32000 -n 20); do
	redis-server --bind 127.0.0.1 --port "$port" --save '' --appendonly no --dir "$dir" --databases 16 >"$dir/log" 2>&1 &
	server=$!
	for _ in $(seq 50); do
		if redis-cli -p "$port" ping >/dev/null 2>&1 && kill -0 "$server" 2>/dev/null; then break 2; fi
		kill -0 "$server" 2>/dev/null || break
		sleep 0.1
	done
	kill "$server" 2>/dev/null || true
	server=
done
if [ -z "$server" ]; then
	echo "redis-server does not start:" >&2
	tail -n 5 "$dir/log" >&2
	exit 1
fi
TURNPIKE_TEST_REDIS=redis://127.0.0.1:$port "$@"
