#!/usr/bin/env bash
# deploy-to-existing.sh COMMAND [OPTIONS]   the gateway into a cluster you have: no AWS, no Terraform, one Helm release.
#
#   up        looks whether the cluster has what is needed, shows what would change, asks, installs or upgrades, tests
#   plan      the first two
#   rollback  the release before this one
#   status    what stands
#   destroy   takes the release away; the secret it made stays
#
#   --values FILE        values of the chart: deploy/helm/values/existing.yaml is an example
#   --image REPO@DIGEST  the gateway's image
#   --context NAME       of kubectl (default: the current one)
#   --namespace NAME     default turnpike
#   --dry-run            print every command and run none
#   --yes                ask nothing
#
# Needs kubectl and helm 3.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=deploy/lib.sh
. "$here/lib.sh"
usage() { sed -n '2,/^set /s/^# \{0,1\}//p' "$0" | sed '$d'; }

command=${1:-}
[ $# -eq 0 ] || shift
values='' image='' context='' namespace=turnpike
while [ $# -gt 0 ]; do
	case $1 in
	--values | --image | --context | --namespace)
		[ $# -ge 2 ] || die "$1 needs a value"
		case $1 in
		--values) values=$2 ;;
		--image) image=$2 ;;
		--context) context=$2 ;;
		--namespace) namespace=$2 ;;
		esac
		shift 2
		;;
	--dry-run) dry=1 && shift ;;
	--yes) yes=1 && shift ;;
	*) die "unknown option $1" ;;
	esac
done
case $command in up | plan | rollback | status | destroy) ;; *)
	usage
	exit 2
	;;
esac
[ -z "$values" ] || [ -f "$values" ] || die "$values is not there"
need kubectl helm
[ -n "$context" ] || context=$(ask '<current context>' kubectl config current-context)

kube() { kubectl --context "$context" "$@"; }
release=(--kube-context "$context" --namespace "$namespace")
arguments=("$here/helm/turnpike")
[ -z "$values" ] || arguments+=(-f "$values")
case $image in
'') ;;
*@sha256:*) arguments+=(--set "image.repository=${image%@*}" --set "image.digest=${image#*@}") ;;
*) die "--image $image names no digest: REPOSITORY@sha256:…" ;;
esac

# look: what is missing is said before anything is done.
look() {
	local kind lacks='' rendered
	say "the cluster $context"
	[ -z "$dry" ] || return 0
	kube version >/dev/null || die "the cluster does not answer"
	for kind in deployments.apps services secrets configmaps jobs.batch horizontalpodautoscalers.autoscaling poddisruptionbudgets.policy networkpolicies.networking.k8s.io; do
		kube auth can-i create "$kind" -n "$namespace" >/dev/null 2>&1 || {
			echo "  you may not create $kind in $namespace" >&2
			lacks=1
		}
	done
	rendered=$(helm template turnpike "${arguments[@]}" "${release[@]}") || die "the values are not good"
	while read -r _ kind; do
		kube api-versions | grep -qxF "$kind" || {
			echo "  the cluster does not know $kind: install what brings it, or switch it off in the values" >&2
			lacks=1
		}
	done < <(grep -oE '^apiVersion: [a-z0-9.-]+\.(io|com)/v[0-9a-z]+' <<<"$rendered" | sort -u)
	[ -z "$lacks" ] || die "nothing was done"
	kube get apiservice v1beta1.metrics.k8s.io >/dev/null 2>&1 || echo "  there is no metrics-server: the autoscaler will not scale" >&2
}

plan() {
	look
	say "what would change"
	if [ -n "$dry" ]; then
		run helm upgrade --install turnpike "${arguments[@]}" "${release[@]}" --dry-run=server
		return
	fi
	# The API server judges it: schemas of custom resources, admission, quotas.
	helm upgrade --install turnpike "${arguments[@]}" "${release[@]}" --create-namespace --dry-run=server --hide-secret >/dev/null
	helm template turnpike "${arguments[@]}" "${release[@]}" --no-hooks | kube diff --server-side --force-conflicts --field-manager helm -n "$namespace" -f - | grep -vE '^[-+] +[A-Z_]+: ' || true
}

case $command in
plan) plan ;;
up)
	plan
	agree "Do this in $context?"
	# Streams of the old gateways may take as long as their grace.
	run helm upgrade --install turnpike "${arguments[@]}" "${release[@]}" --create-namespace --wait --timeout 30m
	run helm test turnpike "${release[@]}"
	;;
rollback)
	run helm history turnpike "${release[@]}"
	agree "Go back to the release before in $context?"
	run helm rollback turnpike "${release[@]}" --wait --timeout 30m
	;;
status)
	run helm status turnpike "${release[@]}"
	run kube -n "$namespace" get deployment,hpa,pdb,pods -l app.kubernetes.io/instance=turnpike
	;;
destroy)
	agree "Take the gateway out of $context?"
	run helm uninstall turnpike "${release[@]}" --ignore-not-found --wait --timeout 30m
	;;
esac
