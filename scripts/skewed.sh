#!/usr/bin/env bash
# skewed.sh OUT   builds a gateway whose clock is wrong by TURNPIKE_TEST_SKEW (seconds): for tests, by an overlay over Go's
# package time, so nothing of the gateway itself is another. What measures spans of time is left alone, as with a real
# clock that is wrong.
set -euo pipefail
cd "$(dirname "$0")/.."
out=$(realpath "${1:?usage: skewed.sh OUT}")
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
source=$(go env GOROOT)/src/time/time.go
awk '
	/^func Now\(\) Time {$/ { inside = 1 }
	{ print }
	inside && /sec, nsec, mono := runtimeNow\(\)/ { print "\tsec += skew"; inside = 0; found = 1 }
	END { if (!found) exit 1 }
' "$source" >"$dir/time.go" || {
	echo "skewed.sh: Go's package time is not what it was" >&2
	exit 1
}
cat >>"$dir/time.go" <<'GO'

var skew = skewOf()

func skewOf() (n int64) {
	text, _ := syscall.Getenv("TURNPIKE_TEST_SKEW")
	sign := int64(1)
	for _, c := range text {
		switch {
		case c == '-':
			sign = -1
		case c >= '0' && c <= '9':
			n = n*10 + int64(c-'0')
		}
	}
	return sign * n
}
GO
sed -i '0,/^import (/s//import (\n\t"syscall"/' "$dir/time.go"
printf '{"Replace":{"%s":"%s/time.go"}}' "$source" "$dir" >"$dir/overlay.json"
CGO_ENABLED=0 go build -overlay "$dir/overlay.json" -trimpath -buildvcs=false -ldflags '-s -w -X main.version=skewed' -o "$out" ./cmd/turnpike
