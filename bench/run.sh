#!/usr/bin/env bash
# Builds the gateway and the harness, sees to nginx, and runs the benchmark: bench/run.sh [-short] [-list] [-targets direct,nginx,proxy] …
# TURNPIKE=path measures that binary instead of building one. bench/README.md says more.
set -euo pipefail
cd "$(dirname "$0")/.."

targets=direct,nginx,proxy,turnpike
previous=
for arg in "$@"; do
	case $previous in -targets | --targets) targets=$arg ;; esac
	case $arg in -targets=* | --targets=*) targets=${arg#*=} ;; esac
	previous=$arg
done

mkdir -p bench/out/bin
gateway=
case $targets in
*turnpike*) [ -n "${TURNPIKE:-}" ] || gateway=./cmd/turnpike ;;
esac
go build -o bench/out/bin/ ./bench/cmd/...
# As it is shipped (Makefile).
[ -z "$gateway" ] || CGO_ENABLED=0 go build -trimpath -buildvcs=false -ldflags '-s -w' -o bench/out/bin/ "$gateway"
# The same without the journal, to see what accounting costs.
case $targets in
*turnpike*) CGO_ENABLED=0 go build -tags unaccounted -trimpath -buildvcs=false -ldflags '-s -w' -o bench/out/bin/turnpike-bare ./cmd/turnpike ;;
esac

case $targets in
*nginx*)
	PATH=$PATH:/usr/sbin:/usr/local/sbin
	if ! command -v nginx >/dev/null && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
		echo "bench: installing nginx-light" >&2
		{ apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends nginx-light; } >bench/out/apt.log 2>&1 ||
			tail -5 bench/out/apt.log >&2
	fi
	if ! command -v nginx >/dev/null; then
		echo "bench: nginx is missing: install it, or leave it out with -targets direct,proxy,turnpike" >&2
		exit 1
	fi
	;;
esac

# 1,000 held streams are 2,000 open files in a gateway.
ulimit -n "$(ulimit -Hn)" 2>/dev/null || echo "bench: could not raise the limit of open files from $(ulimit -n)" >&2

# The last word goes to compare itself: it ends all that it started, also on a signal.
exec bench/out/bin/compare -turnpike "${TURNPIKE:-bench/out/bin/turnpike}" "$@"
