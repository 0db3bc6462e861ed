# Parley's house. What each target does stands beside it: make help.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

MODULES := proto bus clients/go testkit roomsvc roomsvc/tests gateway gateway/tests services e2e bench
BIN := $(CURDIR)/bin
TOOLS := $(BIN)/tools
GOTEST := go test -race

# Most tests spend most of their time waiting, so more of them run at once than there are processors.
WAITING := -parallel 8

.PHONY: help run check test test-unit test-go test-js test-deploy build lint lint-go deps fmt vuln bench chaos mutants fuzz cover setup release release-test clean

help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/\1\t\2/' | expand -t 18

run: ## everything in one process on http://localhost:8080, with a page that makes a video call between tabs
	@mkdir -p $(BIN)
	@go build -o $(BIN)/parley ./services/parley # as 'go run' does, so that neither compiles what the other has
	@exec $(BIN)/parley # not 'go run', which ends with an error after Ctrl-C

build: ## binaries into bin/
	@mkdir -p $(BIN)
	go build -trimpath -o $(BIN)/parley ./services/parley
	go build -trimpath -o $(BIN)/parley-gateway ./services/gateway
	go build -trimpath -o $(BIN)/parley-roomsvc ./services/roomsvc

check: fmt lint-go deps test-unit test-js ## a minute's look at a change: format, linters, unit and simulation tests

test-unit: ## what `make check` tests: everything in Go that starts no program, without the race detector
	@go test $(WAITING) $(patsubst %,./%/...,$(filter-out e2e bench,$(MODULES))) ./bench/internal/... ./e2e/linear ./e2e/sim ./e2e/views

test: setup test-go test-js test-deploy ## every test, having installed what they need

test-go: ## the Go modules' tests, with the race detector but for those that start programs
	@$(GOTEST) $(WAITING) $(patsubst %,./%/...,$(filter-out e2e,$(MODULES)))
	@go test -parallel 6 -timeout 15m ./e2e/...

test-js: ## the tests of parley.js
	@echo "== clients/js"; cd clients/js && node --test test/*.test.mjs package.test.mjs

test-deploy: ## the tests of what is in deploy/
	@echo "== deploy"; cd deploy && GOWORK=off $(GOTEST) ./...
	@echo "== deploy/tools"; cd deploy/tools && GOWORK=off go test ./...

setup: ## installs what the tests need and is missing: Chromium, npm packages
	@scripts/setup

lint: fmt lint-go deps vuln ## formatting, linters, known vulnerabilities, modules that build alone
	@for m in $(MODULES); do echo "== alone $$m"; (cd $$m && GOWORK=off go vet ./...); done

lint-go: $(TOOLS)/golangci-lint ## the linters alone
	@for m in $(MODULES); do echo "== lint $$m"; (cd $$m && $(TOOLS)/golangci-lint run --config $(CURDIR)/.golangci.yml ./...); done
	@echo "== lint examples"; cd examples/go-peer && GOWORK=off $(TOOLS)/golangci-lint run --config $(CURDIR)/.golangci.yml ./...

deps: ## fails when the room service's program links a gateway or its sockets, or a library brings the NATS server along
	@if go list -deps ./services/roomsvc | grep -E 'parley/gateway|coder/websocket'; then \
		echo "parley-roomsvc links these: what it shares with the gateway's program must not need them"; exit 1; fi
	@for m in proto bus clients/go roomsvc gateway; do \
		all=$$(cd $$m && GOWORK=off go list -m all); \
		if grep -E 'nats-server|parley/testkit' <<< "$$all"; then \
			echo "whoever imports $$m gets these modules: tests that need them belong in $$m/tests"; exit 1; fi; done

fmt: $(TOOLS)/golangci-lint ## fails where gofumpt would change something
	@out=$$($(TOOLS)/gofumpt -l $(MODULES) deploy examples); if [ -n "$$out" ]; then \
		echo "gofumpt would change these files; run bin/tools/gofumpt -w on them:"; echo "$$out"; exit 1; fi

vuln: $(TOOLS)/golangci-lint ## fails when a known vulnerability is reached; says so when the database cannot be
	@scripts/vuln $(TOOLS)/govulncheck services testkit e2e

$(TOOLS)/golangci-lint: tools/go.mod tools/go.sum
	@echo "building the linters into bin/tools: some minutes, once"
	@cd tools && GOWORK=off GOBIN=$(TOOLS) go install tool && touch $(TOOLS)/golangci-lint

bench: ## costs of a signal, a join, an event, a connection, beside a bare relay: a table, and bench.json
	go run ./bench/run --json bench.json

CHAOS ?= 10m
chaos: setup ## faults under load, checked for linearizability, for as long as CHAOS says (10m)
	cd e2e && PARLEY_CHAOS=$(CHAOS) go test -race -count 1 -timeout 0 -v -run TestChaos .

mutants: ## breaks each mechanism of e2e/mutants in a copy and demands that its tests notice; one alone with ONLY=name
	@e2e/mutants/run $(ONLY)

FUZZTIME ?= 5s
fuzz: ## every fuzz target for FUZZTIME (5s)
	@for m in proto gateway roomsvc; do \
		(cd $$m && for p in $$(grep -rl --include='*_test.go' '^func Fuzz' . | xargs -rn1 dirname | sort -u); do \
			for f in $$(grep -ho '^func Fuzz[A-Za-z0-9_]*' $$p/*_test.go | sed 's/func //'); do \
				echo "== $$m/$$p $$f"; go test -run '^$$' -fuzz "^$$f\$$" -fuzztime $(FUZZTIME) $$p; done; done); done

cover: ## how much of each module its own tests reach
	@mkdir -p $(BIN)
	@for m in proto bus testkit roomsvc gateway services; do \
		(cd $$m && go test -coverprofile $(BIN)/$$m.out $$([ ! -d tests ] || echo -coverpkg ./... ./tests/...) ./... > /dev/null && \
			echo "$$m $$(go tool cover -func $(BIN)/$$m.out | tail -1 | grep -o '[0-9.]*%')"); done

release: ## archives for six platforms, npm package, chart and images in dist/VERSION: make release VERSION=0.2.0
	@scripts/release "$(VERSION)"

release-test: ## the release for all platforms, with images, looked at: minutes; make test looks at this machine's alone
	cd e2e && PARLEY_RELEASE=all go test -count 1 -timeout 20m -v -run 'TestTheRelease' .

clean: ## removes bin/ and dist/
	rm -rf $(BIN) dist

-include deploy/deploy.mk
