# Turnpike. `make` alone lists what can be done.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
MAKEFLAGS += --no-builtin-rules
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

ifeq ($(VERSION),)
VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || cat VERSION 2>/dev/null || echo dev)
endif

# Recordings and real clients live beside the repository; what needs them is skipped where they are absent.
TURNPIKE_SHARED ?= ../shared
override TURNPIKE_SHARED := $(abspath $(TURNPIKE_SHARED))
TURNPIKE_CORPUS ?= $(TURNPIKE_SHARED)/fixtures
override TURNPIKE_CORPUS := $(abspath $(TURNPIKE_CORPUS))
export TURNPIKE_SHARED TURNPIKE_CORPUS

FUZZTIME ?= 60s
FUZZ_JOBS ?= 1
GOLANGCI := go tool -modfile=$(CURDIR)/tools/go.mod golangci-lint

.PHONY: help
help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# --- Everyday

.PHONY: run
run: build ## build everything and start the gateway on 127.0.0.1:8080 (ARGS="--config x.yaml")
	bin/turnpike serve $(ARGS)

.PHONY: build
build: console ## build bin/turnpike: one static binary, the console inside
	CGO_ENABLED=0 go build -trimpath -buildvcs=false -ldflags '-s -w -X main.version=$(VERSION)' -o bin/turnpike ./cmd/turnpike

.PHONY: test
test: console ## install what the tests need and run all of them, with the race detector
	scripts/test.sh

.PHONY: check
check: lint ## before a commit: format, linters, vet and the fast tests
	go vet ./...
	go test -short ./...

.PHONY: lint
lint: ## secret scan, shellcheck, Go linters and format check
	scripts/lint.sh

.PHONY: fmt
fmt: ## format all Go code
	for module in $$(scripts/modules.sh); do (cd "$$module" && $(GOLANGCI) fmt); done

# --- Deeper

.PHONY: race
race: ## only the Go tests of the main module, with the race detector
	go test -race ./...

.PHONY: fuzz
fuzz: ## every fuzz target for FUZZTIME (60s) each, FUZZ_JOBS (1) at a time; FUZZ=regexp picks some, FUZZ_PART=2/6 a part
	FUZZTIME=$(FUZZTIME) FUZZ_JOBS=$(FUZZ_JOBS) FUZZ='$(FUZZ)' FUZZ_PART='$(FUZZ_PART)' scripts/fuzz.sh

.PHONY: bench
bench: build ## measure against nginx and a plain reverse proxy
	bench/run.sh

.PHONY: money
money: ## three gateways on one budget, then a gateway killed under load and the ledger compared (MONEY_KILLS=200)
	scripts/money.sh

.PHONY: chaos
chaos: ## load on three providers, one failing half of the time, one dead (CHAOS_ROUNDS=3)
	scripts/chaos.sh

.PHONY: conformance
conformance: ## run the tests that carry conformance case ids and count the cases
	scripts/conformance.sh

.PHONY: judge
judge: build ## play recorded traffic behind the gateway and judge both ends
	.ci/judge

.PHONY: clients
clients: build ## real clients (Claude Code, SDKs) against the gateway; ARGS=--quick for a few
	.ci/clients $(ARGS)

.PHONY: clients-all
clients-all: build ## real clients: every scenario, fault and upstream (about an hour)
	.ci/clients-all $(ARGS)

.PHONY: dex
dex: ## sign in at a real Dex, built for it by the Go module proxy
	scripts/dex.sh go test -count=1 -v -run '^TestDex$$' ./internal/signon

.PHONY: console-test
console-test: build ## drive the console in Chromium against the gateway, every page checked by axe
	scripts/console.sh e2e

.PHONY: screens
screens: build ## pictures of every page of the console into bin/screens
	scripts/console.sh screens
include deploy/deploy.mk

# --- Housekeeping

.PHONY: setup-hooks
setup-hooks: ## check format, lint, build, tests and secrets before every commit
	git config core.hooksPath .githooks

.PHONY: clean
clean: ## remove what was built
	rm -rf bin dist .cache bench/out
	if [ -d console/dist ]; then find console/dist -mindepth 1 -not -name .keep -delete; fi

# The console is built when its sources changed. Without Node the binary embeds the placeholder in console/dist.
.PHONY: console
console_sources := $(shell find console -type f -not -path '*/node_modules/*' -not -path 'console/dist/*' -not -name '*.go' 2>/dev/null)
ifeq ($(wildcard console/package.json),)
console:
else ifeq ($(shell command -v npm),)
console:
	@echo 'Node is not installed: building without the web console.'
else
console: console/dist/index.html ## build the web console (needs Node)

console/dist/index.html: console/node_modules/.installed $(console_sources)
	cd console && npm run build
	touch console/dist/.keep $@

console/node_modules/.installed: console/package.json console/package-lock.json
	cd console && npm ci --no-audit --no-fund
	mkdir -p $(@D) && touch $@
endif
