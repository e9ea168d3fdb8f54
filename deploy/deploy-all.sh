#!/usr/bin/env bash
# deploy-all.sh COMMAND [OPTIONS]   everything on AWS, from nothing: network, cluster, database, cache, secrets, WAF, gateway.
#
#   up        shows the plan, asks, and does it; a run that was interrupted goes on where it stopped, and one more changes
#             only what is to be changed
#   plan      shows what Terraform would do, and does nothing
#   rotate    new secrets for database, cache, operators and Prometheus; gateways restart one by one, streams end first
#   status    what stands
#   destroy   takes all of it away, data too; asks for the name
#
#   --var-file FILE      variables of deploy/terraform (region and domain are needed): deploy/example.tfvars
#   --image REPO@DIGEST  the gateway's image; your registry, or that of a release
#   --values FILE        values of the chart, on top of deploy/helm/values/aws.yaml
#   --state-bucket NAME  S3 bucket of Terraform's state (locked there, encrypted); else deploy/state, on this machine
#   --dry-run            print every command and run none
#   --yes                ask nothing
#
# Needs terraform 1.11, aws 2, kubectl and helm 3, and credentials of AWS.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=deploy/lib.sh
. "$here/lib.sh"

karpenter=1.8.1 load_balancers=1.14.1 external_secrets=1.3.2
usage() { sed -n '2,/^set /s/^# \{0,1\}//p' "$0" | sed '$d'; }

command=${1:-}
[ $# -eq 0 ] || shift
var_file='' image='' values='' bucket=''
while [ $# -gt 0 ]; do
	case $1 in
	--var-file | --image | --values | --state-bucket)
		[ $# -ge 2 ] || die "$1 needs a value"
		case $1 in
		--var-file) var_file=$2 ;;
		--image) image=$2 ;;
		--values) values=$2 ;;
		--state-bucket) bucket=$2 ;;
		esac
		shift 2
		;;
	--dry-run) dry=1 && shift ;;
	--yes) yes=1 && shift ;;
	*) die "unknown option $1" ;;
	esac
done
case $command in up | plan | rotate | status | destroy) ;; *)
	usage
	exit 2
	;;
esac
[ -n "$var_file" ] || die "--var-file is missing: cp deploy/example.tfvars my.tfvars, and fill it in"
[ -f "$var_file" ] || die "$var_file is not there"
var_file=$(realpath "$var_file")
[ -z "$values" ] || values=$(realpath "$values")

# variable NAME DEFAULT: what the file says of a plain variable.
variable() {
	local found
	found=$(sed -nE "s/^[[:space:]]*$1[[:space:]]*=[[:space:]]*\"?([^\"#]*[^\"#[:space:]])\"?.*/\1/p" "$var_file" | tail -n 1)
	echo "${found:-$2}"
}
name=$(variable name turnpike) region=$(variable region '') nodes=$(variable nodes auto) namespace=$(variable namespace turnpike)
[ -n "$region" ] || die "$var_file names no region"
state=$here/state/$name
export KUBECONFIG=$state/kubeconfig AWS_REGION=$region TF_DATA_DIR=$state/terraform TF_IN_AUTOMATION=1

# New secrets are made for every run, and written where rotation says so: they pass from here to Terraform by memory alone.
fresh() { openssl rand -hex 24; }
# shellcheck disable=SC2089,SC2090 # the quotes are JSON's
printf -v TF_VAR_generated '{"database":"%s","admin":"%s","metrics":"%s"}' "$(fresh)" "$(fresh)" "$(fresh)"
# shellcheck disable=SC2090
export TF_VAR_generated

tf() { terraform -chdir="$here/terraform" "$@"; }
variables=(-input=false -var-file="$var_file")
if [ -f "$state/rotation" ]; then variables+=(-var "rotation=$(cat "$state/rotation")"); fi
if [ -f "$state/load-balancer" ]; then variables+=(-var "load_balancer_arn=$(cat "$state/load-balancer")"); fi
output() { ask "<$1>" tf output -raw "$1"; }

prepare() {
	need terraform aws kubectl helm openssl
	run mkdir -p "$state"
	[ -n "$dry" ] || chmod 700 "$state"
	if [ -n "$bucket" ]; then
		[ -n "$dry" ] || printf 'terraform {\n  backend "s3" {}\n}\n' >"$here/terraform/backend_override.tf"
		run tf init -input=false -reconfigure -backend-config="bucket=$bucket" -backend-config="key=turnpike/$name.tfstate" \
			-backend-config="region=$region" -backend-config=encrypt=true -backend-config=use_lockfile=true
	else
		[ -n "$dry" ] || rm -f "$here/terraform/backend_override.tf"
		run tf init -input=false -reconfigure -backend-config="path=$state/terraform.tfstate"
	fi
}

# apply QUESTION [ARGUMENTS...]: the plan is shown, and what was shown is what is done.
apply() {
	local question=$1
	shift
	run tf plan "${variables[@]}" "$@" -out="$state/plan"
	agree "$question"
	run tf apply -input=false "$state/plan"
	run rm -f "$state/plan"
}

connect() { run aws eks update-kubeconfig --region "$region" --name "$(output cluster_name)" --kubeconfig "$KUBECONFIG" --alias "$name"; }

chart() { run helm upgrade --install --wait --timeout 15m "$@"; }

cluster_charts() {
	if [ "$nodes" = karpenter ]; then
		chart karpenter oci://public.ecr.aws/karpenter/karpenter --version "$karpenter" --namespace kube-system \
			--set "settings.clusterName=$(output cluster_name)" --set "settings.interruptionQueue=$(output interruption_queue)"
		chart aws-load-balancer-controller aws-load-balancer-controller --repo https://aws.github.io/eks-charts --version "$load_balancers" \
			--namespace kube-system --set "clusterName=$(output cluster_name)" --set "region=$region" --set "vpcId=$(output vpc_id)"
	fi
	chart external-secrets external-secrets --repo https://charts.external-secrets.io --version "$external_secrets" \
		--namespace external-secrets --create-namespace --set installCRDs=true
	chart turnpike-nodes "$here/helm/turnpike-nodes" --namespace kube-system --set "mode=$nodes" --set "nodeRole=$(output node_role)" \
		--set "clusterName=$(output cluster_name)" --set "secretStore.region=$region"
}

gateway() {
	local arguments=("$here/helm/turnpike" --namespace "$namespace" --create-namespace -f "$here/helm/values/aws.yaml" -f "$state/values.yaml")
	# What only Terraform knows: host, certificate, web ACL, secrets, master key, proxies, sign-in. Yours come after it.
	printf '  $ %s\n' "terraform output -raw values >$(printf %q "$state/values.yaml")"
	[ -n "$dry" ] || output values >"$state/values.yaml"
	[ -z "$values" ] || arguments+=(-f "$values")
	if [ -n "$image" ]; then
		case $image in
		*@sha256:*) arguments+=(--set "image.repository=${image%@*}" --set "image.digest=${image#*@}") ;;
		*) die "--image $image names no digest: REPOSITORY@sha256:…" ;;
		esac
	fi
	run kubectl create namespace "$namespace" --dry-run=client -o name
	chart turnpike "${arguments[@]}"
	run helm test turnpike --namespace "$namespace"
}

# The ingress makes the load balancer; what stands before it (name, accelerator, alarms) comes after.
front_door() {
	local host arn
	[ -n "$dry" ] || kubectl -n "$namespace" wait ingress/turnpike --for=jsonpath='{.status.loadBalancer.ingress[0].hostname}' --timeout=10m
	host=$(ask "<load balancer>" kubectl -n "$namespace" get ingress turnpike -o jsonpath='{.status.loadBalancer.ingress[0].hostname}')
	arn=$(ask "<load balancer's arn>" aws elbv2 describe-load-balancers --region "$region" --query "LoadBalancers[?DNSName=='$host'].LoadBalancerArn" --output text)
	[ -n "$arn" ] || die "AWS knows no load balancer $host yet: run it again in a minute"
	if [ "$arn" != "$(cat "$state/load-balancer" 2>/dev/null || true)" ]; then
		[ -n "$dry" ] || echo "$arn" >"$state/load-balancer"
		variables+=(-var "load_balancer_arn=$arn")
		apply "Do this for the front door?"
	fi
	say "The gateway is https://$(output domain), the load balancer $host"
	echo "Where no zone was given: point the name there, and add the records of"
	echo "  terraform -chdir=deploy/terraform output certificate_validation"
	echo "Signing in:         https://$(output domain)/ui/; groups of the user pool become roles: docs/sign-in.md"
	echo "Keys of upstreams:  aws secretsmanager put-secret-value --secret-id $name/upstreams --secret-string '{\"ANTHROPIC_API_KEY\": \"…\"}'"
	echo "The first key:      kubectl -n $namespace exec deploy/turnpike -- /turnpike keys create alice"
}

restart() {
	run kubectl -n "$namespace" annotate externalsecret turnpike --overwrite "force-sync=$(ask '<now>' date +%s)"
	run kubectl -n "$namespace" wait externalsecret/turnpike --for=condition=Ready --timeout=2m
	run kubectl -n "$namespace" rollout restart deployment/turnpike
	run kubectl -n "$namespace" rollout status deployment/turnpike --timeout=60m
}

case $command in
up)
	say "1/5 tools and state" && prepare
	say "2/5 AWS: the plan" && apply "Do this?"
	say "3/5 the cluster's own charts" && connect && cluster_charts
	say "4/5 the gateway" && gateway
	say "5/5 the front door" && front_door
	;;
plan)
	prepare && run tf plan "${variables[@]}"
	;;
rotate)
	prepare && connect
	next=$(($(cat "$state/rotation" 2>/dev/null || echo 1) + 1))
	apply "Give everything new secrets (number $next)?" -var "rotation=$next"
	[ -n "$dry" ] || echo "$next" >"$state/rotation"
	restart
	;;
status)
	prepare && connect
	run tf output
	run kubectl -n "$namespace" get deployment,hpa,pdb,ingress,externalsecret
	;;
destroy)
	prepare
	if [ -z "$dry$yes" ]; then
		read -r -p "This deletes $name in $region with its database. Type its name: " typed
		[ "$typed" = "$name" ] || die "nothing was done"
	fi
	connect
	say "1/3 what stands in the cluster (the load balancer goes with its ingress)"
	run helm uninstall turnpike --namespace "$namespace" --ignore-not-found --wait --timeout 30m
	run kubectl -n "$namespace" delete ingress --all --wait --timeout=10m
	run helm uninstall turnpike-nodes --namespace kube-system --ignore-not-found --wait --timeout 30m
	say "2/3 protection" && run rm -f "$state/load-balancer"
	run tf apply "${variables[@]}" -auto-approve -var protect=false -var load_balancer_arn=
	say "3/3 everything else" && run tf destroy "${variables[@]}" -auto-approve -var protect=false -var load_balancer_arn=
	run rm -f "$state/rotation" "$state/values.yaml"
	echo "The last snapshot and the logs are AWS's to keep; secrets can be brought back for some days."
	;;
esac
