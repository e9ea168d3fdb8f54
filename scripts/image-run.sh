#!/usr/bin/env bash
# image-run.sh VERSION   runs the image that image.sh made, without a daemon, as it should be run: read-only root, no
# capabilities, 64 MB, a user without rights. Asks it for an answer, stops it in the middle of a stream and looks whether
# the stream came to its end.
set -euo pipefail
cd "$(dirname "$0")/.."
version=${1:?usage: image-run.sh VERSION}
name=localhost/turnpike:$version
scripts/ensure.sh podman:podman runc:runc curl:curl
container=turnpike-$$
dir=$(mktemp -d)
podman() { command podman --storage-driver "${IMAGE_STORAGE:-vfs}" --runtime runc --cgroup-manager cgroupfs "$@"; }
# shellcheck disable=SC2317 # the trap runs it
stop() {
	podman rm -f -v "$container" >/dev/null 2>&1 || true
	rm -rf "$dir"
}
trap stop EXIT

port=$(shuf -i 20000-30000 -n 1)
podman run -d --name "$container" --network host --read-only --cap-drop all --security-opt no-new-privileges --memory 64m \
	--ulimit nofile=1024:4096 --ulimit nproc=1024:4096 \
	--env TURNPIKE_SERVER_HOST=127.0.0.1 --env "TURNPIKE_SERVER_PORT=$port" --env TURNPIKE_AUTH_API_KEY=sk-image --env TURNPIKE_AUTH_ADMIN_KEY=adm-image \
	"$name" >/dev/null
for _ in $(seq 100); do
	if podman exec "$container" /turnpike health >"$dir/health" 2>&1; then break; fi
	sleep 0.2
done
cat "$dir/health"
ask() { curl -sSf --max-time 20 "http://127.0.0.1:$port/v1/chat/completions" -H 'Authorization: Bearer sk-image' -H 'Content-Type: application/json' -d "$1"; }
ask '{"model":"sandbox","messages":[{"role":"user","content":"Hello!"}]}' | grep -q '"finish_reason":"stop"'
ask '{"model":"sandbox","stream":true,"messages":[{"role":"user","content":"[[sandbox n=40 delay=50ms]] Hello!"}]}' >"$dir/stream" &
client=$!
until [ -s "$dir/stream" ]; do sleep 0.05; done
podman top "$container" user >"$dir/user" 2>/dev/null || true
memory=$(podman stats --no-stream --format '{{.MemUsage}}' "$container" 2>/dev/null || echo unknown)
begun=$(date +%s%N)
podman stop -t 30 "$container" >/dev/null
wait "$client"
grep -q 'data: \[DONE\]' "$dir/stream"
echo "image-run: served read-only, without capabilities, in 64 MB ($memory used); stopped in $((($(date +%s%N) - begun) / 1000000)) ms with a stream under way, which came to its end"
