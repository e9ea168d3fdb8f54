#!/usr/bin/env bash
# dist.sh VERSION           builds archives, checksums and the bill of materials into dist/
# dist.sh VERSION --check   and once more from a copy of the commit in another folder, and compares them
# DIST_ONLY=linux/amd64,… builds for these systems only. DIST_COLD=1 compiles everything anew the second time.
set -euo pipefail
cd "$(dirname "$0")/.."
version=${1:?usage: dist.sh VERSION [--check]}
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct)}
export SOURCE_DATE_EPOCH

rm -rf dist
go run ./deploy/dist -out dist -version "$version" -only "${DIST_ONLY:-}"
(cd dist && sha256sum --quiet -c SHA256SUMS)
[ "${2:-}" = --check ] || exit 0

copy=$(mktemp -d)
trap 'chmod -R u+w "$copy" && rm -rf "$copy"' EXIT
# What git has of the commit, and the console that was built: it is not in git.
git ls-files -z | xargs -0 cp -P --parents -t "$copy"
cp -r console/dist/. "$copy/console/dist/"
if [ "${DIST_COLD:-}" = 1 ]; then export GOCACHE=$copy/cache; fi
(cd "$copy" && go run ./deploy/dist -out dist -version "$version" -only "${DIST_ONLY:-}" >/dev/null)
cmp dist/SHA256SUMS "$copy/dist/SHA256SUMS"
echo "dist: $(wc -l <dist/SHA256SUMS) files, the same bytes from $PWD and from a copy elsewhere."
