#!/usr/bin/env bash
# Installs the charts on a real Kubernetes: kube-apiserver, controllers and scheduler, built from Go modules, with nodes and
# pods that kwok lets seem to run (no containers, no probes, no network: those are tried by make image and make fleet). Tried
# are: what the API server says of every object, custom resources included; install, upgrade, rollback; the autoscaler from
# 1 to 10 and back; an eviction that the disruption budget refuses; the restricted Pod Security profile. The last line has
# the figures.
set -euo pipefail
cd "$(dirname "$0")/.."
scripts/kube-tools.sh chart
scripts/kube-tools.sh cluster
scripts/ensure.sh openssl:openssl curl:curl
tools=$PWD/.cache/kube
export PATH=$tools/bin:$PATH HELM_CACHE_HOME=$PWD/.cache/helm HELM_CONFIG_HOME=$PWD/.cache/helm HELM_DATA_HOME=$PWD/.cache/helm
go build -o "$tools/bin/fake-metrics" ./deploy/kube/metrics
dir=$(mktemp -d)
pids=()
# shellcheck disable=SC2317 # the trap runs it
stop() {
	local i
	# Nothing of it is kept: an API server without its etcd would take a minute to end in order.
	for ((i = ${#pids[@]} - 1; i >= 0; i--)); do kill -KILL "${pids[i]}" 2>/dev/null || true; done
	for ((i = ${#pids[@]} - 1; i >= 0; i--)); do wait "${pids[i]}" 2>/dev/null || true; done
	rm -rf "$dir"
}
trap stop EXIT
base=$(shuf -i 20000-28000 -n 1)
api=$base etcd=$((base + 1)) peer=$((base + 2)) manager=$((base + 3)) scheduler=$((base + 4)) kwok=$((base + 5)) metrics=$((base + 6))
export KUBECONFIG=$dir/kubeconfig

begin() { # NAME COMMAND...
	local name=$1
	shift
	"$@" >"$dir/$name.log" 2>&1 &
	pids+=($!)
}
wrong() {
	echo "kube: $*" >&2
	kubectl -n ai get all,events >&2 || true
	tail -n 5 "$dir"/{api,manager,scheduler}.log >&2 || true
	exit 1
}
await() { # SECONDS WHAT COMMAND...: looks four times a second until it is true
	local limit=$((SECONDS + $1)) what=$2
	shift 2
	until "$@" >/dev/null 2>&1; do
		[ "$SECONDS" -lt "$limit" ] || wrong "not in time: $what"
		sleep 0.25
	done
}

certificate() { # NAME SUBJECT
	openssl req -newkey rsa:2048 -nodes -keyout "$dir/$1.key" -out "$dir/$1.csr" -subj "$2" 2>/dev/null
	openssl x509 -req -in "$dir/$1.csr" -CA "$dir/ca.crt" -CAkey "$dir/ca.key" -CAcreateserial -days 2 -out "$dir/$1.crt" \
		-extfile <(echo 'subjectAltName=IP:127.0.0.1,IP:10.0.0.1,DNS:localhost') 2>/dev/null
}
openssl genrsa -out "$dir/sa.key" 2048 2>/dev/null
openssl req -x509 -newkey rsa:2048 -nodes -keyout "$dir/ca.key" -out "$dir/ca.crt" -days 2 -subj /CN=ca 2>/dev/null
certificate admin /O=system:masters/CN=admin
certificate api /CN=kube-apiserver
cat >"$KUBECONFIG" <<-CONFIG
	apiVersion: v1
	kind: Config
	clusters: [{ name: c, cluster: { server: "https://127.0.0.1:$api", certificate-authority: $dir/ca.crt } }]
	users: [{ name: u, user: { client-certificate: $dir/admin.crt, client-key: $dir/admin.key } }]
	contexts: [{ name: x, context: { cluster: c, user: u } }]
	current-context: x
CONFIG

begin etcd etcd --data-dir "$dir/etcd" --listen-client-urls "http://127.0.0.1:$etcd" --advertise-client-urls "http://127.0.0.1:$etcd" \
	--listen-peer-urls "http://127.0.0.1:$peer" --initial-advertise-peer-urls "http://127.0.0.1:$peer" --initial-cluster "default=http://127.0.0.1:$peer" --unsafe-no-fsync
begin api kube-apiserver --etcd-servers="http://127.0.0.1:$etcd" --bind-address=127.0.0.1 --advertise-address=127.0.0.1 --secure-port="$api" \
	--client-ca-file="$dir/ca.crt" --tls-cert-file="$dir/api.crt" --tls-private-key-file="$dir/api.key" --service-account-key-file="$dir/sa.key" \
	--service-account-signing-key-file="$dir/sa.key" --service-account-issuer="https://127.0.0.1:$api" --service-cluster-ip-range=10.0.0.0/24 \
	--authorization-mode=RBAC --endpoint-reconciler-type=none --allow-privileged
await 120 "the API server is ready" kubectl get --raw /readyz
kubectl apply --server-side -f "$tools/crds" >/dev/null
begin manager kube-controller-manager --kubeconfig="$KUBECONFIG" --authentication-kubeconfig="$KUBECONFIG" --authorization-kubeconfig="$KUBECONFIG" \
	--service-account-private-key-file="$dir/sa.key" --root-ca-file="$dir/ca.crt" --bind-address=127.0.0.1 --secure-port="$manager" --leader-elect=false \
	--use-service-account-credentials --horizontal-pod-autoscaler-sync-period=2s --horizontal-pod-autoscaler-initial-readiness-delay=1s \
	--horizontal-pod-autoscaler-cpu-initialization-period=1s --node-monitor-grace-period=10m # heartbeats are late on a busy machine
begin scheduler kube-scheduler --kubeconfig="$KUBECONFIG" --authentication-kubeconfig="$KUBECONFIG" --authorization-kubeconfig="$KUBECONFIG" \
	--bind-address=127.0.0.1 --secure-port="$scheduler" --leader-elect=false
begin kwok kwok --kubeconfig="$KUBECONFIG" --manage-all-nodes=true --config="$tools/stages.yaml" --node-ip=127.0.0.1 --cidr=10.244.0.0/16 --server-address="127.0.0.1:$kwok"
echo 50 >"$dir/load"
begin metrics fake-metrics -port "$metrics" -cert "$dir/api.crt" -key "$dir/api.key" -load "$dir/load"
{
	for zone in a b c; do
		cat <<-NODE
			apiVersion: v1
			kind: Node
			metadata:
			  name: node-$zone
			  labels: { kubernetes.io/os: linux, kubernetes.io/arch: arm64, kubernetes.io/hostname: node-$zone, topology.kubernetes.io/zone: zone-$zone }
			  annotations: { kwok.x-k8s.io/node: fake }
			status: { allocatable: { cpu: "16", memory: 64Gi, pods: "110" }, capacity: { cpu: "16", memory: 64Gi, pods: "110" } }
			---
		NODE
	done
	cat <<-API
		apiVersion: v1
		kind: Service
		metadata: { name: fake-metrics, namespace: kube-system }
		spec: { type: ExternalName, externalName: localhost, ports: [{ port: $metrics }] }
		---
		apiVersion: apiregistration.k8s.io/v1
		kind: APIService
		metadata: { name: v1beta1.metrics.k8s.io }
		spec: { group: metrics.k8s.io, version: v1beta1, insecureSkipTLSVerify: true, groupPriorityMinimum: 100, versionPriority: 100, service: { name: fake-metrics, namespace: kube-system, port: $metrics } }
		---
		apiVersion: v1
		kind: Namespace
		metadata: { name: ai, labels: { pod-security.kubernetes.io/enforce: restricted, pod-security.kubernetes.io/warn: restricted } }
	API
} | kubectl apply -f - >/dev/null
await 60 "three nodes are ready" kubectl wait node --all --for=condition=Ready --timeout=1s

# What the API server says of every rendering: schemas of custom resources, rules between members, admission.
chart=deploy/helm/turnpike judged=0
for values in deploy/helm/values/*.yaml; do
	helm template trial "$chart" -n ai -f "$values" --kube-version 1.33.0 | kubectl apply --server-side --dry-run=server -n ai -f - >"$dir/said" 2>&1 || {
		cat "$dir/said" >&2
		wrong "$values is refused"
	}
	if grep -i warning "$dir/said" >&2; then wrong "$values is warned of"; fi
	judged=$((judged + $(grep -c 'serverside-applied' "$dir/said")))
done
helm template nodes deploy/helm/turnpike-nodes --set nodeRole=nodes --set clusterName=ai --kube-version 1.33.0 | kubectl apply --server-side --dry-run=server -f - >"$dir/said" ||
	wrong "the nodes' chart is refused"
judged=$((judged + $(grep -c 'serverside-applied' "$dir/said")))

# Install, with what a company has: a secret of its own, so that the schema is brought up to date before.
kubectl -n ai create secret generic turnpike-env --from-literal=TURNPIKE_DATABASE_URL=postgres://db/turnpike --from-literal=TURNPIKE_AUTH_API_KEY=sk-x >/dev/null
release=(turnpike "$chart" -n ai --set secret.existing=turnpike-env --set image.tag=v1 --set autoscaling.scaleDownSeconds=1)
helm install "${release[@]}" --wait --timeout 3m >/dev/null || wrong "the installation fails"
replicas() { [ "$(kubectl -n ai get deployment turnpike -o jsonpath='{.status.readyReplicas}')" = "$1" ]; }
await 30 "one gateway" replicas 1
grace=$(kubectl -n ai get deployment turnpike -o jsonpath='{.spec.template.spec.terminationGracePeriodSeconds}')

# The autoscaler: 10 pods at a load of 10 CPUs, one again without. Its own pace down is a pod a minute.
kubectl -n ai patch hpa turnpike --type=json -p '[{"op":"replace","path":"/spec/behavior/scaleDown/policies/0/periodSeconds","value":1}]' >/dev/null
echo 10000 >"$dir/load"
from=$SECONDS
await 150 "ten gateways" replicas 10
up=$((SECONDS - from))
zones=$(kubectl -n ai get pods -l app.kubernetes.io/component=gateway -o jsonpath='{range .items[*]}{.spec.nodeName}{"\n"}{end}' | sort | uniq -c | awk '{ print $1 }' | sort -n | paste -sd/)

# Six evictions at once: one is granted, and no other before its successor is there.
mapfile -t pods < <(kubectl -n ai get pods -l app.kubernetes.io/component=gateway -o name | sed 's#^pod/##')
evict() {
	kubectl create --raw "/api/v1/namespaces/ai/pods/$1/eviction" -f - >"$dir/evicted.$1" 2>&1 <<-BODY && echo granted >>"$dir/evicted.$1"
		{ "apiVersion": "policy/v1", "kind": "Eviction", "metadata": { "name": "$1", "namespace": "ai" } }
	BODY
}
evictions=()
for pod in "${pods[@]:0:6}"; do
	evict "$pod" &
	evictions+=($!)
done
for pid in "${evictions[@]}"; do wait "$pid" || true; done
granted=$(grep -lx granted "$dir"/evicted.* | wc -l)
refused=$(grep -l 'disruption budget' "$dir"/evicted.* | wc -l)
if [ "$granted" -lt 1 ] || [ "$refused" -lt 1 ]; then
	cat "$dir"/evicted.* >&2
	wrong "evictions: $granted granted, $refused refused"
fi

echo 10 >"$dir/load"
from=$SECONDS
await 180 "one gateway again" replicas 1
down=$((SECONDS - from))

# An upgrade: the schema first, by a Job; then the gateways; and back.
helm upgrade "${release[@]}" --set image.tag=v2 --wait --timeout 3m >/dev/null || wrong "the upgrade fails"
[ "$(kubectl -n ai get deployment turnpike -o jsonpath='{.spec.template.spec.containers[0].image}')" = turnpike:v2 ] || wrong "the upgrade changed nothing"
helm rollback turnpike -n ai --timeout 3m >/dev/null || wrong "the rollback fails"
await 180 "the rollback is rolled out" kubectl -n ai rollout status deployment/turnpike --timeout=1s
[ "$(kubectl -n ai get deployment turnpike -o jsonpath='{.spec.template.spec.containers[0].image}')" = turnpike:v1 ] || wrong "the rollback went nowhere"
if helm upgrade "${release[@]}" --set autoscaling.min=5 --set autoscaling.max=2 >/dev/null 2>&1; then wrong "an upgrade that makes no sense is taken"; fi
helm uninstall turnpike -n ai --wait >/dev/null
echo "kube: Kubernetes $(kubectl version -o json | grep -o '"gitVersion": "[^"]*' | tail -n 1 | cut -d'"' -f4) took $judged objects under the restricted profile; 1 to 10 gateways in $up s over zones $zones, back to 1 in $down s; of 6 evictions at once $granted granted, $refused refused; upgraded and rolled back; a pod has $grace s to end"
