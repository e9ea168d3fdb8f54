# --- Packaging and deployment

.PHONY: dist
dist: console ## build archives for six systems, checksums and a bill of materials into dist/
	scripts/dist.sh "$(VERSION)"

.PHONY: dist-check
dist-check: console ## the same twice, from two folders, and compared
	scripts/dist.sh "$(VERSION)" --check

.PHONY: image
image: console ## build the image without a daemon (buildah), run it read-only in 64 MB (podman)
	scripts/image.sh "$(VERSION)"
	scripts/image-run.sh "$(VERSION)"

.PHONY: chart
chart: ## lint and render the Helm charts with every values file, check them against Kubernetes' schemas
	scripts/chart.sh

.PHONY: kube
kube: ## install the chart on a real kube-apiserver with simulated nodes (builds Kubernetes: half an hour)
	scripts/kube.sh

.PHONY: terraform
terraform: ## format, validate, test with a mocked provider and plan the Terraform modules
	scripts/terraform.sh

.PHONY: waf
waf: ## why no rule of the web firewall reads prompts, shown with the Core Rule Set
	scripts/waf.sh

.PHONY: deploy-check
deploy-check: ## the deployment scripts: shellcheck, dry runs, broken off and resumed; release, Dockerfile, compose and unit linted
	scripts/deploy-check.sh
	scripts/deploy-lint.sh

.PHONY: observability
observability: ## promtool on alert rules, their tests and every query of the dashboards
	scripts/observability.sh

.PHONY: docs
docs: ## check every link of the manual and run its shell blocks
	scripts/docs.sh

.PHONY: fleet
fleet: ## three gateways on one PostgreSQL and one Redis behind nginx, and everything that happens to them
	scripts/fleet.sh
