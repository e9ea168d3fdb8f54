#!/usr/bin/env bash
# kube-tools.sh chart|cluster   builds what the tests of the charts need into .cache/kube, from Go modules alone:
#   chart     helm, kubeconform, the schemas of Kubernetes and of the custom resources the charts make
#   cluster   kube-apiserver, kube-controller-manager, kube-scheduler, kubectl, etcd, kwok (half an hour on two cores)
# What is there already is not built again.
set -euo pipefail
cd "$(dirname "$0")/.."
root=$PWD/.cache/kube
bin=$root/bin
mkdir -p "$bin" "$root/src"
export CGO_ENABLED=0 GOFLAGS=-trimpath

kubernetes=1.36.3
helm=helm.sh/helm/v3/cmd/helm@v3.22.0
kubeconform=github.com/yannh/kubeconform/cmd/kubeconform@v0.8.0
kwok=0.8.0
etcd=3.7.3
crds=(
	"github.com/prometheus-operator/prometheus-operator@v0.85.0 example/prometheus-operator-crd/*servicemonitors.yaml"
	"github.com/prometheus-operator/prometheus-operator@v0.85.0 example/prometheus-operator-crd/*prometheusrules.yaml"
	"github.com/external-secrets/external-secrets@v1.3.2 config/crds/bases/external-secrets.io_*stores.yaml"
	"github.com/external-secrets/external-secrets@v1.3.2 config/crds/bases/external-secrets.io_*secrets.yaml"
	"sigs.k8s.io/karpenter@v1.15.0 pkg/apis/crds/*.yaml"
	"github.com/aws/karpenter-provider-aws@v1.15.1 pkg/apis/crds/karpenter.k8s.aws_*.yaml"
	"sigs.k8s.io/gateway-api@v1.4.1 config/crd/standard/gateway.networking.k8s.io_httproutes.yaml"
)

# Modules are asked for outside of ours: their versions are none of its dependencies.
module() { (cd "$root" && go mod download -json "$1" | awk -F'"' -v key="$2" '$2 == key { print $4 }'); }
install() { [ -x "$bin/$1" ] || (cd "$root" && echo "building $1" && GOBIN=$bin go install -ldflags='-s -w' "$2"); }

chart() {
	install helm "$helm"
	install kubeconform "$kubeconform"
	command -v unzip >/dev/null || scripts/ensure.sh unzip:unzip
	mkdir -p "$root/crds"
	for entry in "${crds[@]}"; do
		read -r what files <<<"$entry"
		unzip -qqjo "$(module "$what" Zip)" "$what/$files" -d "$root/crds"
	done
	[ -e "$root/schemas/deployment-apps-v1.json" ] ||
		go run ./deploy/kube/schemas -swagger "$(module "k8s.io/kubernetes@v$kubernetes" Dir)/api/openapi-spec/swagger.json" -crds "$root/crds" -out "$root/schemas"
}

# wrap NAME MODULE VERSION: a module of our own with the requirements of another, which cannot be installed as it has
# replacements. sed expressions change its go.mod.
kube() {
	local dir stage command
	stage=v0.${kubernetes#1.}
	mkdir -p "$root/src/kube"
	dir=$(module "k8s.io/kubernetes@v$kubernetes" Dir)
	sed -e 's#^module .*#module kube#' -e "s#=> \./staging/src/\(k8s.io/[a-z0-9-]*\)#=> \1 $stage#" \
		-e "0,/^require (/s##require (\n\tk8s.io/kubernetes v$kubernetes#" "$dir/go.mod" >"$root/src/kube/go.mod"
	cp "$dir/go.sum" "$root/src/kube/go.sum"
	chmod u+w "$root/src/kube/go.sum"
	{
		printf '//go:build tools\n\npackage tools\n\n'
		for command in "$@"; do echo "import _ \"k8s.io/kubernetes/cmd/$command\""; done
	} >"$root/src/kube/tools.go"
	local stamp="-X k8s.io/component-base/version.gitVersion=v$kubernetes -X k8s.io/component-base/version.gitMajor=1 -X k8s.io/component-base/version.gitMinor=${kubernetes:2:2} -X k8s.io/client-go/pkg/version.gitVersion=v$kubernetes"
	for command in "$@"; do
		[ -x "$bin/$command" ] || (cd "$root/src/kube" && echo "building $command" && go build -mod=mod -ldflags "-s -w $stamp" -o "$bin/$command" "k8s.io/kubernetes/cmd/$command")
	done
}

etcd() {
	[ ! -x "$bin/etcd" ] || return 0
	mkdir -p "$root/src/etcd"
	printf 'module etcd\n\ngo 1.26.0\n' >"$root/src/etcd/go.mod"
	printf 'package main\n\nimport (\n\t"os"\n\n\t"go.etcd.io/etcd/server/v3/etcdmain"\n)\n\nfunc main() { etcdmain.Main(os.Args) }\n' >"$root/src/etcd/main.go"
	(
		cd "$root/src/etcd"
		echo "building etcd"
		for part in server api client pkg client/pkg; do
			case $part in client) path=client/v3 ;; client/pkg) path=client/pkg/v3 ;; *) path=$part/v3 ;; esac
			go mod edit -require="go.etcd.io/etcd/$path@v$etcd"
		done
		go mod tidy >/dev/null 2>&1
		go build -ldflags '-s -w' -o "$bin/etcd" .
	)
}

cluster() {
	kube kube-apiserver kube-controller-manager kube-scheduler kubectl
	etcd
	install kwok "sigs.k8s.io/kwok/cmd/kwok@v$kwok"
	local stages
	stages=$(module "sigs.k8s.io/kwok@v$kwok" Dir)/kustomize/stage
	awk 'FNR == 1 && NR > 1 { print "---" } { print }' "$stages"/node/fast/node-initialize.yaml "$stages"/node/heartbeat-with-lease/*lease.yaml "$stages"/pod/fast/pod-*.yaml >"$root/stages.yaml"
}

case ${1:-} in
chart) chart ;;
cluster) cluster ;;
*)
	echo "usage: kube-tools.sh chart|cluster" >&2
	exit 2
	;;
esac
