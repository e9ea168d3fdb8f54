#!/usr/bin/env bash
# Has Prometheus' own judge look at the alert rules, runs their tests, and puts every query of the dashboards into a rule
# file of its own for it. Then looks whether each metric that is asked for is one that the gateway has. The last line has
# the figures.
set -euo pipefail
cd "$(dirname "$0")/.."
command -v promtool >/dev/null || scripts/ensure.sh promtool:prometheus
scripts/ensure.sh jq:jq
folder=deploy/observability
promtool check rules "$folder/rules.yml"
(cd "$folder" && promtool test rules rules_test.yml)

out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
# Grafana puts values in the place of its variables before it asks.
# shellcheck disable=SC2016 # they are Grafana's
jq -r '.panels[].targets[].expr' "$folder"/dashboards/*.json | sed 's/\$provider/.*/g; s/\$__rate_interval/5m/g' >"$out/queries"
{
	echo 'groups: [{ name: queries, rules: ['
	n=0
	while IFS= read -r query; do
		n=$((n + 1))
		printf '  { record: "query_%d", expr: %s },\n' "$n" "$(jq -Rn --arg q "$query" '$q')"
	done <"$out/queries"
	echo ']}]'
} >"$out/queries.yml"
promtool check rules "$out/queries.yml" >/dev/null
for file in "$folder"/dashboards/*.json; do
	jq -e '[.panels[].id] as $ids | ($ids | unique | length) == ($ids | length) and (.uid | length > 0) and all(.panels[]; .title != "" and (.targets | length > 0))' "$file" >/dev/null || {
		echo "$file: a panel without a title or a query, or two of one id" >&2
		exit 1
	}
done

# docs/metrics.md is made from the table of families.
known=$(grep -oE '^\| `turnpike_[a-z0-9_]+' docs/metrics.md | tr -d '|` ')
cat "$folder/rules.yml" "$out/queries" | grep -oE '\bturnpike_[a-z0-9_]+' | sort -u >"$out/asked"
bad=0
while IFS= read -r metric; do
	base=${metric%_bucket}
	grep -qxF -e "$metric" -e "$base" <<<"$known" || {
		echo "$metric is asked for, and no metric of the gateway" >&2
		bad=1
	}
done <"$out/asked"
[ "$bad" -eq 0 ]
echo "observability: $(grep -c -- '- alert:' "$folder/rules.yml") alerts, $(wc -l <"$out/queries") queries of $(find "$folder/dashboards/" -name '*.json' | wc -l) dashboards, $(wc -l <"$out/asked") metrics asked for and known"
