#!/usr/bin/env bash
# Runs the tests whose names begin with a conformance case ("MSG-04 tool messages before the user's text") and prints
# every case of internal/conformance/cases.txt with its verdict. A case passes when every test named after it passes.
set -euo pipefail
cd "$(dirname "$0")/.."
root=$PWD
cases=$root/internal/conformance/cases.txt

out=$(mktemp)
trap 'rm -f "$out"' EXIT
broken=0
# The end-to-end tests in test/ are left to make test.
packages=$(go list -f '{{.Dir}}' ./...)
for dir in $packages; do
	grep -qsE '"([A-Z]+-[0-9]{2} )*[A-Z]+-[0-9]{2}[ "]' "$dir"/*_test.go || continue
	echo "== ${dir#"$root"/}" >&2
	go test -count=1 -v "$dir" >>"$out" 2>&1 || broken=1
done

# Verdict lines look like "    --- PASS: TestTurns/MSG-04_messages→openai:_tool_messages_before_the_user's_text (0.00s)":
# the ids stand at the beginning of a part of the name.
awk -v broken="$broken" '
	NR == FNR {
		if (/^[A-Z]+-[0-9][0-9] /) {
			id = $1; order[++n] = id; state[id] = $2; sub(/:$/, "", state[id])
			say[id] = $0; if (!sub(/^[^:]*: /, "", say[id])) say[id] = ""
		}
		next
	}
	/^ *--- (PASS|FAIL|SKIP): / {
		parts = split($3, part, "/")
		for (i = 2; i <= parts; i++) {
			words = split(part[i], word, "_")
			for (k = 1; k <= words && word[k] in state; k++) count[word[k], $2]++
		}
	}
	END {
		for (i = 1; i <= n; i++) {
			id = order[i]
			if (state[id] != "test") verdict = state[id] ": " say[id]
			else if (count[id, "FAIL:"]) verdict = "FAIL"
			else if (count[id, "PASS:"]) verdict = "pass" (say[id] == "" ? "" : "; later: " say[id])
			else verdict = "FAIL: no test of it has passed"
			kind = state[id] != "test" ? state[id] : verdict ~ /^FAIL/ ? "fail" : "pass"
			total[kind]++
			printf "%-9s %s\n", id, verdict
		}
		printf "%d cases: %d pass, %d fail, %d later, %d n/a\n", n, total["pass"], total["fail"], total["later"], total["n/a"]
		exit (total["fail"] > 0 || broken)
	}' "$cases" "$out" || {
	if [ "$broken" -ne 0 ]; then echo "Tests failed in these packages:" >&2; fi
	grep -E '^ *--- FAIL|^FAIL|^panic' "$out" | head -n 40 >&2
	exit 1
}
