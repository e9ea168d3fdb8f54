#!/usr/bin/env bash
# image.sh VERSION [ARCH]   makes the image of a release without a daemon, from a binary that is built here, and writes it
#                           to dist/turnpike-VERSION-ARCH.oci.tar (skopeo copy oci-archive:… docker://… publishes it)
# It is the image of the Dockerfile: both take the same files and say the same.
set -euo pipefail
cd "$(dirname "$0")/.."
version=${1:?usage: image.sh VERSION [ARCH]}
arch=${2:-$(go env GOARCH)}
name=turnpike:$version
scripts/ensure.sh buildah:buildah

root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
mkdir -p "$root"/{etc/ssl/certs,etc/turnpike,data,tmp} dist
CGO_ENABLED=0 GOOS=linux GOARCH=$arch go build -trimpath -buildvcs=false -ldflags "-s -w -X main.version=$version" -o "$root/turnpike" ./cmd/turnpike
cp /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/"
cp "$(go env GOROOT)/lib/time/zoneinfo.zip" "$root/etc/zoneinfo.zip"
cp deploy/container/passwd deploy/container/group "$root/etc/"
chmod 1777 "$root/tmp"
chmod 700 "$root/data"

buildah() { command buildah --storage-driver "${IMAGE_STORAGE:-vfs}" "$@"; }
from=$(buildah from --arch "$arch" scratch)
trap 'buildah rm "$from" >/dev/null; rm -rf "$root"' EXIT
# By a tar, which says whose each file is, whoever runs this. The data folder is the gateway's own.
when=$(git log -1 --format=%ct)
tar=(tar -C "$root" --format=gnu --sort=name --mtime="@$when" --numeric-owner)
"${tar[@]}" --owner=0 --group=0 --exclude=./data -cf "$root.tar" .
"${tar[@]}" --owner=65532 --group=65532 -rf "$root.tar" ./data
buildah add -q "$from" "$root.tar" / >/dev/null
rm -f "$root.tar"
buildah config --arch "$arch" --user 65532:65532 --workingdir /etc/turnpike --volume /data --port 8080 --stop-signal SIGTERM \
	--env SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt --env ZONEINFO=/etc/zoneinfo.zip --env PATH=/ \
	--env TURNPIKE_SERVER_HOST=0.0.0.0 --env TURNPIKE_DATA_DIR=/data \
	--entrypoint '["/turnpike"]' --cmd serve \
	--label org.opencontainers.image.title=turnpike --label "org.opencontainers.image.version=$version" --label org.opencontainers.image.licenses=MIT "$from"
buildah commit -q --timestamp "$when" "$from" "$name" >/dev/null
archive=dist/turnpike-$version-$arch.oci.tar
rm -f "$archive"
buildah push -q "$name" "oci-archive:$archive:$name"
size=$(stat -c %s "$archive")
echo "image: $name, $arch, $(du -sb "$root" | cut -f1) bytes of files, $size bytes packed ($archive)"
[ "$size" -lt 40000000 ] || {
	echo "The image is larger than 40 MB." >&2
	exit 1
}
