#!/usr/bin/env bash
# Prints the folders of the Go modules that hold the project's own code, the main one first.
# tools/ only pins the tools' versions and is left out.
set -euo pipefail
cd "$(dirname "$0")/.."

echo .
find . -mindepth 2 -maxdepth 2 -name go.mod -not -path './.*' -not -path './tools/*' -printf '%h\n' | sort
