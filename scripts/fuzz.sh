#!/usr/bin/env bash
# Runs every fuzz target of the project, one after the other, for FUZZTIME each (60s).
# FUZZ=regexp picks targets by "folder:Name".
set -euo pipefail
cd "$(dirname "$0")/.."
time=${FUZZTIME:-60s}
pick=${FUZZ:-.}

run=0
modules=$(scripts/modules.sh)
for module in $modules; do
	cd "$module"
	packages=$(go list -f '{{.Dir}}' ./...)
	for dir in $packages; do
		targets=$(grep -hoE '^func Fuzz[A-Za-z0-9_]*' "$dir"/*_test.go 2>/dev/null | sed 's/^func //' | sort) || continue
		for target in $targets; do
			grep -qE "$pick" <<<"${dir#"$PWD"/}:$target" || continue
			echo "== ${dir#"$PWD"/} $target, $time"
			go test -run '^$' -fuzz "^$target\$" -fuzztime "$time" -fuzzminimizetime 1s "$dir"
			run=$((run + 1))
		done
	done
	cd - >/dev/null
done
echo "$run fuzz targets ran for $time each."
[ "$run" -gt 0 ]
