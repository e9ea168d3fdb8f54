# The image of a release: one static binary, the authorities' certificates, time zones, nobody's user, nothing else.
#   docker build -t turnpike --build-arg VERSION=$(git describe --tags --always) .
# Without a daemon: make image.
ARG GO=golang:1.26-bookworm
ARG NODE=node:20-bookworm-slim
ARG BUILDPLATFORM=linux/amd64

FROM --platform=$BUILDPLATFORM $NODE AS console
WORKDIR /src/console
COPY console/package.json console/package-lock.json ./
RUN npm ci --no-audit --no-fund
COPY console/ ./
RUN npm run build

FROM --platform=$BUILDPLATFORM $GO AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
COPY --from=console /src/console/dist/ console/dist/
ARG TARGETOS=linux
ARG TARGETARCH=amd64
ARG VERSION=dev
RUN CGO_ENABLED=0 GOOS=$TARGETOS GOARCH=$TARGETARCH go build -trimpath -buildvcs=false -ldflags "-s -w -X main.version=$VERSION" -o /image/turnpike ./cmd/turnpike \
	&& mkdir -p /image/etc/ssl/certs /image/etc/turnpike /image/data /image/tmp \
	&& cp /etc/ssl/certs/ca-certificates.crt /image/etc/ssl/certs/ \
	&& cp "$(go env GOROOT)/lib/time/zoneinfo.zip" /image/etc/zoneinfo.zip \
	&& cp deploy/container/passwd deploy/container/group /image/etc/ \
	&& chmod 1777 /image/tmp && chown 65532:65532 /image/data && chmod 700 /image/data

FROM scratch
COPY --from=build /image/ /
ENV SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt ZONEINFO=/etc/zoneinfo.zip PATH=/ \
	TURNPIKE_SERVER_HOST=0.0.0.0 TURNPIKE_DATA_DIR=/data
USER 65532:65532
WORKDIR /etc/turnpike
VOLUME /data
EXPOSE 8080
# Streams end before the container does: give it longer than server.drain_timeout.
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=4s --start-period=40s --retries=3 CMD ["/turnpike", "health"]
ENTRYPOINT ["/turnpike"]
CMD ["serve"]
