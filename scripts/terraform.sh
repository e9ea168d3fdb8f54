#!/usr/bin/env bash
# Formats, validates and tests the Terraform modules without AWS: `terraform test` with a mocked provider, then a plan by
# the real provider with keys of nobody, which never leaves the machine. The AWS provider is taken from TF_PLUGINS (a
# mirror on the disk) where there is one, else from Terraform's registry. The last line has the figures.
set -euo pipefail
cd "$(dirname "$0")/.."
if ! command -v terraform >/dev/null; then
	echo "There is no terraform here: https://developer.hashicorp.com/terraform/install" >&2
	[ "${CI:-}" != true ] || exit 1
	exit 0
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
unset TF_CLI_CONFIG_FILE
mirror=${TF_PLUGINS:-/opt/tf-plugins}
if [ -d "$mirror" ]; then
	printf 'disable_checkpoint = true\nprovider_installation {\n  filesystem_mirror { path = "%s" }\n}\n' "$mirror" >"$work/rc"
	export TF_CLI_CONFIG_FILE=$work/rc
fi
export CHECKPOINT_DISABLE=1 TF_IN_AUTOMATION=1
root=deploy/terraform

terraform fmt -check -recursive "$root"
# A copy: a lock file and a state have no place in the tree.
cp -r "$root" "$work/tf"
cd "$work/tf"
terraform init -input=false -no-color >"$work/init" || {
	cat "$work/init" >&2
	exit 1
}
terraform validate -no-color
passed=0
for module in . modules/waf; do
	(
		cd "$module"
		[ "$module" = . ] || terraform init -input=false -no-color >/dev/null
		terraform test -no-color
	) | tee "$work/test"
	passed=$((passed + $(grep -c '^  run .*pass$' "$work/test")))
done

# No data source can be asked without AWS: what they would say is put in their place, for this plan alone.
cat >plan_override.tf <<'HCL'
provider "aws" {
  region                      = "eu-central-1"
  access_key                  = "nobody"
  secret_key                  = "nobody"
  skip_credentials_validation = true
  skip_requesting_account_id  = true
  skip_metadata_api_check     = true
  skip_region_validation      = true
}
HCL
planned=
for module in waf cognito; do
	mkdir -p "$work/plan-$module"
	{
		cat versions.tf plan_override.tf
		printf 'module "it" {\n  source = "%s"\n' "$work/tf/modules/$module"
		case $module in
		waf) printf '  name = "t"\n  keep = 14\n  limits = { auth = 20, inference = 300, all = 2000 }\n' ;;
		cognito) printf '  name = "t"\n  domain = "ai.example.com"\n  protect = true\n  kms_key_arn = "arn:aws:kms:eu-central-1:123456789012:key/made"\n' ;;
		esac
		echo '}'
	} >"$work/plan-$module/main.tf"
	cd "$work/plan-$module"
	terraform init -input=false -no-color >/dev/null
	terraform plan -refresh=false -input=false -lock=false -no-color >"$work/plan" || {
		tail -n 30 "$work/plan" >&2
		exit 1
	}
	planned+=", $module $(grep -oE 'Plan: [0-9]+ to add' "$work/plan")"
	cd "$work/tf"
done
echo "terraform: valid, $passed runs of tests passed$planned (by the real provider, with keys of nobody)"
