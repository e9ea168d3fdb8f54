#!/usr/bin/env bash
# Tries deploy-all.sh and deploy-to-existing.sh without a cloud: by shellcheck, dry (nothing may be called), and against
# stand-ins for terraform, aws, kubectl and helm that write down what they are asked. One of them breaks off in the middle:
# the next run has to go on, and a third one may change nothing more. The last line has the figures.
set -euo pipefail
cd "$(dirname "$0")/.."
scripts/ensure.sh shellcheck:shellcheck
shellcheck -x deploy/*.sh
work=$(mktemp -d)
trap 'rm -rf "$work" deploy/state/check' EXIT
rm -rf deploy/state/check
printf 'name = "check"\nregion = "eu-central-1"\ndomain = "ai.example.com"\n' >"$work/vars.tfvars"

# A stand-in writes down its arguments and says what the script has to read.
mkdir "$work/bin"
for tool in terraform aws kubectl helm; do
	cat >"$work/bin/$tool" <<-'STUB'
		#!/usr/bin/env bash
		tool=$(basename "$0")
		echo "$tool $*" >>"$CALLS"
		if [ -n "${BREAK:-}" ] && [[ "$tool $*" == $BREAK ]]; then echo "broken off" >&2; exit 1; fi
		case "$tool $*" in
		*'output -raw web_acl_arn') echo arn:aws:wafv2:x ;;
		*'output -raw '*) echo "value-of-${*: -1}" ;;
		*'plan '*-out=*) for a in "$@"; do case $a in -out=*) touch "${a#-out=}" ;; esac; done ;;
		*'get ingress turnpike'*) echo lb.example.com ;;
		*describe-load-balancers*) echo arn:aws:elasticloadbalancing:x:loadbalancer/app/t/1 ;;
		*'config current-context') echo here ;;
		*'auth can-i'*) echo yes ;;
		*api-versions*) printf 'apps/v1\nnetworking.k8s.io/v1\nautoscaling/v2\n' ;;
		esac
	STUB
	chmod +x "$work/bin/$tool"
done
all() { PATH=$work/bin:$PATH CALLS=$work/calls deploy/deploy-all.sh "$@" --var-file "$work/vars.tfvars"; }
existing() { PATH=$work/bin:$PATH CALLS=$work/calls deploy/deploy-to-existing.sh "$@"; }
wrong() {
	echo "deploy-check: $*" >&2
	[ ! -f "$work/calls" ] || tail -n 30 "$work/calls" >&2
	exit 1
}
digest=registry.example.com/turnpike@sha256:0000000000000000000000000000000000000000000000000000000000000000

# Dry: every step is shown and no program is called.
: >"$work/calls"
dry=0
for command in up plan rotate status destroy; do
	all "$command" --dry-run --image "$digest" >"$work/dry-$command" || wrong "$command --dry-run fails"
	dry=$((dry + $(grep -c '^  \$ ' "$work/dry-$command")))
done
for command in up plan rollback status destroy; do
	existing "$command" --dry-run --values deploy/helm/values/existing.yaml >"$work/dry" || wrong "existing $command --dry-run fails"
	dry=$((dry + $(grep -c '^  \$ ' "$work/dry")))
done
[ ! -s "$work/calls" ] || wrong "a dry run called something"
[ ! -d deploy/state/check ] || wrong "a dry run left a state behind"
grep -q 'terraform.*plan.*-out=' "$work/dry-up" || grep -q 'tf plan.*-out=' "$work/dry-up" || wrong "no plan is shown"

# Without a terminal nothing is done that was not agreed to.
: >"$work/calls"
if all up </dev/null >"$work/out" 2>&1; then wrong "it went on without being allowed to"; fi
grep -q 'terraform.* apply ' "$work/calls" && wrong "it applied what nobody had agreed to"

# Broken off while the gateway is installed; then resumed; then once more.
: >"$work/calls"
if BREAK='helm upgrade --install*turnpike *' all up --yes --image "$digest" >"$work/out" 2>&1; then wrong "a failed step was taken for done"; fi
grep -q 'elbv2' "$work/calls" && wrong "it went on behind a failed step"
: >"$work/calls"
all up --yes --image "$digest" >"$work/out" 2>&1 || wrong "it does not go on"
grep -q 'load_balancer_arn=arn:aws:elasticloadbalancing' "$work/calls" || wrong "the front door is not made"
grep -q 'helm upgrade --install.*turnpike .*aws.yaml -f [^ ]*/state/check/values.yaml' "$work/calls" || wrong "the chart does not get what Terraform knows"
resumed=$(wc -l <"$work/calls")
: >"$work/calls"
all up --yes --image "$digest" >"$work/out" 2>&1 || wrong "a second run fails"
[ "$(grep -c ' apply ' "$work/calls")" -eq 1 ] || wrong "a run that has nothing to do applies more than once"
again=$(wc -l <"$work/calls")

# Secrets: none is an argument, in the log of calls or in the state.
: >"$work/calls"
all rotate --yes >"$work/out" 2>&1 || wrong "rotate fails"
grep -q 'rotation=2' "$work/calls" || wrong "nothing was rotated"
grep -q 'rollout restart' "$work/calls" || wrong "gateways keep the old secrets"
all rotate --yes >"$work/out" 2>&1
grep -q 'rotation=3' "$work/calls" || wrong "the second rotation is not remembered"
grep -rqE '[0-9a-f]{48}' "$work/calls" "$work/out" deploy/state/check && wrong "a secret is shown"

# Taken away: the ingress (and with it the load balancer) before the network it stands in.
: >"$work/calls"
all destroy --yes >"$work/out" 2>&1 || wrong "destroy fails"
[ "$(grep -n 'helm uninstall turnpike ' "$work/calls" | cut -d: -f1)" -lt "$(grep -n ' destroy ' "$work/calls" | cut -d: -f1)" ] || wrong "the wrong order of destruction"

# Values that are missing or wrong.
refused=0
refuse() {
	local words=$1
	shift
	if "$@" >"$work/out" 2>&1; then wrong "taken: $*"; fi
	grep -qF -e "$words" "$work/out" || wrong "no word of $words: $(cat "$work/out")"
	refused=$((refused + 1))
}
refuse 'names no digest' all up --dry-run --image turnpike:latest
refuse 'is not there' deploy/deploy-all.sh up --var-file "$work/none"
refuse 'is missing' deploy/deploy-all.sh up
refuse 'unknown option' all up --force
refuse 'names no digest' existing up --dry-run --image turnpike:latest
refuse 'is not there' existing up --values "$work/none"
echo "deploy-check: $dry commands shown dry and none called; broken off and resumed ($resumed calls), once more ($again calls, nothing applied twice); rotated twice without a secret in sight; $refused wrong calls refused"
