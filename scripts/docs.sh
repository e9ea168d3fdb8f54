#!/usr/bin/env bash
# Checks every link of the manual and runs its shell blocks that are marked runnable, beside a gateway. TURNPIKE_BINARY is
# one that is already built. Pages made from code are compared with it.
set -euo pipefail
cd "$(dirname "$0")/.."
scripts/ensure.sh curl:curl
if [ -z "${TURNPIKE_BINARY:-}" ]; then
	CGO_ENABLED=0 go build -o bin/turnpike ./cmd/turnpike
	export TURNPIKE_BINARY=$PWD/bin/turnpike
fi
go test -count=1 -v ./docs | grep -E '^(ok|FAIL|---|    ---|    manual_test)' || exit 1
go test -count=1 ./internal/config -run TestReference
go test -count=1 ./internal/conformance -run "TestTranslationPage|TestErrorsPage|TestErrorCodes"
go test -count=1 ./internal/telemetry -run TestPage
go test -count=1 ./internal/admin -run Document
