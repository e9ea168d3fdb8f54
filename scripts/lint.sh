#!/usr/bin/env bash
# lint.sh            looks for secrets and lints everything: shell scripts, the console, Go (format included)
# lint.sh FILE...    only the Go packages of these files (what a commit touches)
set -euo pipefail
cd "$(dirname "$0")/.."
root=$PWD
# No C compiler needed, and dependencies are compiled the way the binary needs them anyway.
export CGO_ENABLED=0

golangci() { # golangci MODULE [PACKAGE...]: the first run builds the linter, which takes minutes
	local module=$1
	shift
	(cd "$module" && go tool -modfile="$root/tools/go.mod" golangci-lint run --config "$root/.golangci.yml" "$@")
}

module_of() { # the nearest folder up that has a go.mod
	local dir=$1
	while [ "$dir" != . ] && [ ! -f "$dir/go.mod" ]; do dir=$(dirname "$dir"); done
	echo "$dir"
}

if [ $# -gt 0 ]; then
	declare -A packages=()
	for file in "$@"; do
		# Where the go command does not look either.
		case /$file in */.* | */testdata/*) continue ;; esac
		dir=$(dirname "$file")
		module=$(module_of "$dir")
		package=./$(realpath --relative-to="$module" "$dir")
		[[ " ${packages[$module]:-} " == *" $package "* ]] || packages[$module]+=" $package"
	done
	for module in "${!packages[@]}"; do
		# shellcheck disable=SC2086 # a list of folders
		golangci "$module" ${packages[$module]}
	done
	exit 0
fi

echo "== secrets"
scripts/secret-scan.sh

echo "== shellcheck"
if scripts/ensure.sh shellcheck:shellcheck; then
	mapfile -t files < <(git ls-files -co --exclude-standard)
	scripts=()
	for file in "${files[@]}"; do
		if [ -f "$file" ] && head -c 64 "$file" | grep -qaE '^#!.*\b(ba)?sh$'; then scripts+=("$file"); fi
	done
	shellcheck -x "${scripts[@]}"
elif [ "${CI:-}" = true ]; then
	exit 1
else
	echo "Shell scripts were not checked." >&2
fi

if [ -d console/node_modules ] && command -v npm >/dev/null; then
	echo "== console"
	npm --prefix console run --if-present lint
fi

modules=$(scripts/modules.sh)
for module in $modules; do
	echo "== golangci-lint in $module"
	golangci "$module"
done
