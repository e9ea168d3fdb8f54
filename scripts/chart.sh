#!/usr/bin/env bash
# Lints the charts, renders them with every file of deploy/helm/values, and holds the outcome to the schemas of Kubernetes
# and of the custom resources. Then tries values that must be refused. The last line has the figures.
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
refuse 'config' --set config.auth.admin_key=x
refuse 'config' --set config.database.url=postgres://x
refuse 'cpu' --set autoscaling.cpu=0
echo "chart: $rendered renderings, $objects objects, all of them as Kubernetes describes them; $refused wrong values refused"
