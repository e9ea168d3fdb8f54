#!/usr/bin/env bash
# Runs every fuzz target of the project for FUZZTIME each (60s), FUZZ_JOBS of them (1) at the same time.
# FUZZ=regexp picks targets by "folder:Name"; FUZZ_PART=2/6 takes the second of six parts of them.
set -euo pipefail
self=$(realpath "$0")
cd "$(dirname "$self")/.."

# fuzz.sh --one FOLDER NAME [OPTION...]: what is said of a target comes in one piece.
if [ "${1:-}" = --one ]; then
	cd "$2"
	out=$(mktemp)
	trap 'rm -f "$out"' EXIT
	failed=0
	go test -run '^$' -fuzz "^$3\$" -fuzztime "${FUZZTIME:-60s}" -fuzzminimizetime 1s "${@:4}" . >"$out" 2>&1 || failed=$?
	# Where the time is up in the middle of a run, go test may take that for a failure. There is no input to it.
	if [ "$failed" -ne 0 ] && grep -qa '^    context deadline exceeded$' "$out" && ! grep -qaE 'Failing input|panic|^    --- FAIL' "$out"; then failed=0; fi
	if [ "$failed" -eq 0 ]; then
		echo "ok   $2 $3: $(grep -aE '^fuzz: elapsed' "$out" | tail -n 1)"
	else
		echo "FAIL $2 $3"
		tail -n 60 "$out"
	fi
	exit "$failed"
fi

jobs=${FUZZ_JOBS:-1}
pick=${FUZZ:-.}
options=()
# Targets that share the machine get one worker each.
[ "$jobs" -eq 1 ] || options=(-parallel 1)

targets=()
modules=$(scripts/modules.sh)
for module in $modules; do
	packages=$(cd "$module" && go list -f '{{.Dir}}' ./...)
	for dir in $packages; do
		names=$(grep -hoE '^func Fuzz[A-Za-z0-9_]*' "$dir"/*_test.go 2>/dev/null | sed 's/^func //' | sort) || continue
		for name in $names; do
			grep -qE "$pick" <<<"${dir#"$PWD"/}:$name" || continue
			targets+=("${dir#"$PWD"/}" "$name")
		done
	done
done
if [ -n "${FUZZ_PART:-}" ]; then
	part=${FUZZ_PART%/*} parts=${FUZZ_PART#*/}
	chosen=()
	for ((i = 0; i < ${#targets[@]} / 2; i++)); do
		[ $((i % parts + 1)) -ne "$part" ] || chosen+=("${targets[@]:2*i:2}")
	done
	echo "Part $part of $parts of $((${#targets[@]} / 2)) fuzz targets."
	targets=("${chosen[@]}")
fi
count=$((${#targets[@]} / 2))
if [ "$count" -eq 0 ]; then
	echo "No fuzz target matches $pick${FUZZ_PART:+ in part $FUZZ_PART}." >&2
	exit 1
fi
echo "$count fuzz targets, ${FUZZTIME:-60s} each, $jobs at a time."

export FUZZTIME=${FUZZTIME:-60s}
# xargs puts folder and name in the place of the two words behind --one.
# shellcheck disable=SC2016 # the inner shell's words
printf '%s\n' "${targets[@]}" | xargs -P "$jobs" -n 2 bash -c 'exec "$0" --one "${@: -2}" "${@:1:$#-2}"' "$self" "${options[@]}"
echo "$count fuzz targets ran for $FUZZTIME each."
