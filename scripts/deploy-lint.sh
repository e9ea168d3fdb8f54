#!/usr/bin/env bash
# Lints what packages the gateway: the release workflow (actionlint), the Dockerfile (a test of our own), compose.yaml (the
# schema of the Compose Specification) and the systemd unit (systemd-analyze, where there is one). The last line has the
# figures.
set -euo pipefail
cd "$(dirname "$0")/.."
root=$PWD work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
actionlint=v1.7.7 compose=v2.4.7
linted=()

go run "github.com/rhysd/actionlint/cmd/actionlint@$actionlint"
workflows=(.github/workflows/*.yaml)
linted+=("${#workflows[@]} workflow")

go test -count=1 ./deploy
linted+=("Dockerfile")

if command -v npm >/dev/null; then
	ajv=$root/.cache/ajv
	[ -x "$ajv/node_modules/.bin/ajv" ] || npm install --prefix "$ajv" --no-audit --no-fund --silent ajv-cli@5.0.0 ajv-formats@3.0.1
	schema=$(cd "$work" && go mod download -json "github.com/compose-spec/compose-go/v2@$compose" | awk -F'"' '$2 == "Dir" { print $4 }')/schema/compose-spec.json
	# "id" is what older drafts call it, and names are schemas there; it is of no use here.
	sed -E '/"id": "[^"]*",/d' "$schema" >"$work/schema.json"
	judge() { (cd "$ajv" && node_modules/.bin/ajv validate --spec=draft2019 --strict=false -c ajv-formats -s "$work/schema.json" -d "$1") >"$work/said" 2>&1; }
	judge "$root/compose.yaml" || {
		cat "$work/said" >&2
		exit 1
	}
	# A judge that takes everything is none.
	sed 's/read_only:/readonly:/' compose.yaml >"$work/wrong.yaml"
	if judge "$work/wrong.yaml"; then
		echo "deploy-lint: a misspelt compose file was taken" >&2
		exit 1
	fi
	linted+=("compose.yaml")
else
	echo "There is no npm: compose.yaml is not held to its schema." >&2
	[ "${CI:-}" != true ] || exit 1
fi

if command -v systemd-analyze >/dev/null; then
	sed 's#^ExecStart=/usr/local/bin/turnpike#ExecStart=/bin/true#' deploy/systemd/turnpike.service >"$work/turnpike.service"
	systemd-analyze verify --man=no "$work/turnpike.service"
	exposure=$(systemd-analyze security --offline=true --no-pager --threshold=20 "$work/turnpike.service" | grep -oE 'level for turnpike.service: [0-9.]+' | grep -oE '[0-9.]+$')
	linted+=("systemd unit, exposed by $exposure of 10")
else
	echo "There is no systemd-analyze: the unit is not verified." >&2
fi
printf -v all ', %s' "${linted[@]}"
echo "deploy-lint: ${all:2}"
