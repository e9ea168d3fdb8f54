#!/usr/bin/env bash
# Runs the tests whose names carry a conformance case ("MSG-04 tool messages before user text") and counts the cases.
# A case passes when every test that names it passes.
set -euo pipefail
cd "$(dirname "$0")/.."
root=$PWD

out=$(mktemp)
trap 'rm -f "$out"' EXIT
failed=0
modules=$(scripts/modules.sh)
for module in $modules; do
	cd "$root/$module"
	packages=$(go list -f '{{.Dir}}' ./...)
	for dir in $packages; do
		grep -qsE '[A-Z]{2,}-[0-9]{2}[^0-9]' "$dir"/*_test.go || continue
		echo "== ${dir#"$root"/}"
		go test -count=1 -v "$dir" >>"$out" 2>&1 || failed=1
	done
done

# Verdict lines look like "    --- PASS: TestRequests/MSG-04_tool_messages_before_user_text (0.00s)".
awk '
	/^ *--- (PASS|FAIL|SKIP): / {
		n = split($3, word, /[^A-Z0-9-]/)
		for (i = 1; i <= n; i++) if (word[i] ~ /^[A-Z][A-Z]+-[0-9][0-9]$/) { count[word[i], $2]++; seen[word[i]] = 1 }
	}
	END {
		for (id in seen) {
			chapter = id; sub(/-.*/, "", chapter); cases[chapter]++; all++
			if (!count[id, "FAIL:"] && count[id, "PASS:"]) { passed[chapter]++; good++ }
			else print "  " (count[id, "FAIL:"] ? "failed " : "skipped ") id
		}
		for (chapter in cases) printf "  %-6s %d of %d\n", chapter, passed[chapter], cases[chapter] | "sort"
		close("sort")
		printf "%d of %d conformance cases pass.\n", good, all
	}' "$out"

if [ "$failed" -ne 0 ]; then
	grep -E '^ *--- FAIL|^FAIL|\.go:[0-9]+:' "$out" | head -n 40
	exit 1
fi
