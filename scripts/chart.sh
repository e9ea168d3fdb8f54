#!/usr/bin/env bash
# Lints the charts, renders them with every file of deploy/helm/values, and holds the outcome to the schemas of Kubernetes
# and of the custom resources. The gateway checks each configuration that comes of it, and that of compose.yaml. Then tries
# values that must be refused. TURNPIKE_BINARY is a gateway that is already built. The last line has the figures.
set -euo pipefail
cd "$(dirname "$0")/.."
scripts/kube-tools.sh chart
export PATH=$PWD/.cache/kube/bin:$PATH HELM_CACHE_HOME=$PWD/.cache/helm HELM_CONFIG_HOME=$PWD/.cache/helm HELM_DATA_HOME=$PWD/.cache/helm
kubernetes=1.33.0 chart=deploy/helm/turnpike nodes=deploy/helm/turnpike-nodes
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
conform() { kubeconform -strict -summary -schema-location "$PWD/.cache/kube/schemas/{{.ResourceKind}}{{.KindSuffix}}.json" "$@"; }

rendered=0 objects=0
for values in deploy/helm/values/*.yaml; do
	name=$(basename "$values" .yaml)
	helm lint --strict --quiet --kube-version "$kubernetes" "$chart" -f "$values"
	helm template --kube-version "$kubernetes" trial "$chart" -n ai -f "$values" >"$out/$name.yaml"
	rendered=$((rendered + 1))
done
for mode in karpenter auto; do
	helm template --kube-version "$kubernetes" nodes "$nodes" --set "mode=$mode" --set nodeRole=nodes --set clusterName=ai >"$out/nodes-$mode.yaml"
	rendered=$((rendered + 1))
done
helm lint --strict --quiet --kube-version "$kubernetes" "$nodes" --set nodeRole=nodes --set clusterName=ai
conform "$out"/*.yaml
objects=$(cat "$out"/*.yaml | grep -c '^kind: ')

# Every pod keeps the restricted profile, wherever it stands.
for file in "$out"/*.yaml; do
	pods=$(grep -c '^ *containers:$' "$file" || true)
	for rule in 'readOnlyRootFilesystem: true' 'runAsNonRoot: true' 'allowPrivilegeEscalation: false' 'automountServiceAccountToken: false'; do
		if [ "$pods" -gt "$(grep -c "$rule" "$file" || true)" ]; then
			echo "$file: a pod without $rule" >&2
			exit 1
		fi
	done
done

binary=${TURNPIKE_BINARY:-}
if [ -z "$binary" ]; then
	binary=$PWD/bin/turnpike
	CGO_ENABLED=0 go build -o "$binary" ./cmd/turnpike
fi
# What Terraform lays over aws.yaml, as its own tests hold it to.
helm template --kube-version "$kubernetes" trial "$chart" -n ai -f deploy/helm/values/aws.yaml -f deploy/terraform/tests/values.yaml >"$out/aws-all.yaml"
conform "$out/aws-all.yaml" >/dev/null
grep -q 'user_pool: eu-central-1_Abc123def' "$out/aws-all.yaml" || {
	echo "sign-in by Cognito does not reach the gateways" >&2
	exit 1
}
checked=$(go run ./deploy/kube/configs -binary "$binary" -compose compose.yaml "$out"/*.yaml)

refused=0
refuse() { # WORDS ARGUMENTS...: what must be in the refusal
	local words=$1
	shift
	if helm template --kube-version "$kubernetes" trial "$chart" "$@" >"$out/refused" 2>&1; then
		echo "taken, and must not be: $*" >&2
		exit 1
	fi
	grep -qF -e "$words" "$out/refused" || {
		cat "$out/refused" >&2
		exit 1
	}
	refused=$((refused + 1))
}
refuse 'SQLite is one gateway' --set database.external=false
refuse 'autoscaling.min is greater' --set autoscaling.min=5 --set autoscaling.max=2
refuse 'persistence is for SQLite' --set persistence.enabled=true
refuse 'remoteKeys is missing' --set externalSecret.enabled=true
refuse 'parentRefs is missing' --set httpRoute.enabled=true
refuse 'keep one' --set externalSecret.enabled=true --set 'externalSecret.remoteKeys={a}' --set secret.existing=b
refuse 'replica' --set replica=2
refuse 'digest' --set image.digest=latest
refuse 'drainSeconds' --set shutdown.drainSeconds=0
refuse 'admin_key' --set config.auth.admin_key=x
refuse 'api_key' --set config.auth.api_key=x
refuse 'client_secret' --set 'config.auth.oidc[0].name=a,config.auth.oidc[0].client_id=b,config.auth.oidc[0].client_secret=plain'
refuse 'needs config.server.public_url' --set 'config.auth.oidc[0].name=a,config.auth.oidc[0].client_id=b'
refuse 'public_url' --set config.server.public_url=http://ai.example.com
refuse 'key' --set config.vault.key=file
refuse 'vaultKey' --set vaultKey=file
refuse 'token' --set config.telemetry.metrics.token=x
refuse 'url' --set config.database.url=postgres://x
refuse 'url' --set config.redis.url=redis://x
refuse 'cpu' --set autoscaling.cpu=0
echo "chart: $rendered renderings, $objects objects, all of them as Kubernetes describes them; the gateway takes $checked; $refused wrong values refused"
